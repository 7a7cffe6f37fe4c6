//! From a pair of byte streams to a session: the MCP handshake, led by rmcp, and why it failed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mcpstore_types::ExitStatus;
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation, ProtocolVersion, ServerPeerInfo};
use rmcp::service::{ClientInitializeError, RunningService, serve_client};
use rmcp::{ClientHandler, RoleClient};
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::clip::clip;
use crate::wire::{Hub, Wire};
use crate::{BoxFuture, CallError, CallLimits, HandshakeError, LogRing, LogStream, ServerInfo, Session, WireCounters};

/// How long the exit of a server that closed its output is waited for, to say how it ended.
const EXIT_GRACE: Duration = Duration::from_millis(250);
/// Lines of stderr that travel with an error.
const STDERR_LINES: usize = 20;
/// Characters of a line of noise that travel with an error.
const NOISE_CHARS: usize = 200;

/// Our side of the handshake.
pub(crate) struct Handshake {
    pub(crate) hub: Arc<Hub>,
    pub(crate) wire: Wire,
    pub(crate) logs: Arc<LogRing>,
    /// Counted from the launch.
    pub(crate) deadline: Instant,
    pub(crate) timeout: Duration,
    /// Resolves when the process has ended; `None` where there is no process.
    pub(crate) exit: Option<BoxFuture<ExitStatus>>,
    /// Made before the first poll: a handshake that is never polled is given up too.
    pub(crate) open: CloseOnDrop,
}

impl Handshake {
    /// Leads the handshake. Dropped half-way, it closes the conversation.
    pub(crate) async fn run(mut self) -> Result<Arc<dyn Session>, HandshakeError> {
        let wire = self.wire;
        // Not `Auto`: probing the stateless era first waits ten seconds on a server that keeps silent.
        let outcome = timeout_at(self.deadline, Box::pin(serve_client(Client, wire))).await;
        let error = match outcome {
            Ok(Ok(running)) => match server_info(running.peer().peer_info().as_deref()) {
                Ok(server) => {
                    self.open.disarm();
                    return Ok(Arc::new(McpSession { server, hub: self.hub, _rmcp: running }));
                }
                Err(error) => error,
            },
            Ok(Err(ClientInitializeError::JsonRpcError(error))) => {
                HandshakeError::Rejected { code: error.code.0.into(), message: clip(&error.message) }
            }
            Ok(Err(ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. })) => {
                match (self.hub.spoiled(), self.exit.take()) {
                    (Some(what), _) => HandshakeError::Malformed { what },
                    (None, exit) => over(exit, &self.hub, &self.logs).await,
                }
            }
            Ok(Err(other)) => HandshakeError::Malformed { what: clip(&other.to_string()) },
            Err(_) => only_noise(&self.hub, &self.logs).unwrap_or(HandshakeError::TimedOut { after: self.timeout }),
        };
        Err(error)
    }
}

/// The output closed: with the process, or without.
async fn over(exit: Option<BoxFuture<ExitStatus>>, hub: &Hub, logs: &LogRing) -> HandshakeError {
    if let Some(exited) = exit
        && let Ok(status) = tokio::time::timeout(EXIT_GRACE, exited).await
    {
        let mut stderr = logs.stderr_tail(STDERR_LINES);
        if stderr.is_empty() {
            // Some complain on stdout.
            stderr = logs.tail(STDERR_LINES).into_iter().map(|line| line.text).collect();
        }
        return HandshakeError::Exited { status, stderr };
    }
    only_noise(hub, logs).unwrap_or(HandshakeError::Closed)
}

/// The error for a server that wrote text, and not one message.
fn only_noise(hub: &Hub, logs: &LogRing) -> Option<HandshakeError> {
    let counters = hub.counters();
    if counters.received > 0 || counters.noise == 0 {
        return None;
    }
    let first = logs.since(0).into_iter().find(|line| line.stream == LogStream::Noise)?;
    Some(HandshakeError::NoJson { line: first.text.chars().take(NOISE_CHARS).collect() })
}

/// What the server said of itself, when it speaks a version with a handshake that we know.
fn server_info(peer: Option<&ServerPeerInfo>) -> Result<ServerInfo, HandshakeError> {
    let peer = peer.ok_or_else(|| HandshakeError::Malformed { what: "it says nothing of itself".into() })?;
    let mut known = ProtocolVersion::KNOWN_VERSIONS.iter().filter(|version| version.has_initialize());
    if !known.clone().any(|version| *version == peer.protocol_version) {
        return Err(HandshakeError::UnsupportedVersion {
            version: clip(peer.protocol_version.as_str()),
            known: known.by_ref().map(ToString::to_string).collect(),
        });
    }
    let (name, version) =
        peer.server_info.as_ref().map_or_else(Default::default, |server| (server.name.clone(), server.version.clone()));
    Ok(ServerInfo {
        name,
        version,
        protocol_version: peer.protocol_version.to_string(),
        instructions: peer.instructions.clone(),
        has_tools: peer.capabilities.tools.is_some(),
        has_resources: peer.capabilities.resources.is_some(),
        has_prompts: peer.capabilities.prompts.is_some(),
    })
}

/// What we are towards a server: a client that can do nothing for it.
struct Client;

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(ClientCapabilities::default(), Implementation::new("mcpstore", env!("CARGO_PKG_VERSION")))
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }
}

/// Closes the conversation when the handshake is given up.
pub(crate) struct CloseOnDrop(Option<Arc<Hub>>);

impl CloseOnDrop {
    pub(crate) fn new(hub: &Arc<Hub>) -> Self {
        Self(Some(Arc::clone(hub)))
    }

    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(hub) = &self.0 {
            hub.close();
        }
    }
}

/// A session over a wire.
struct McpSession {
    server: ServerInfo,
    hub: Arc<Hub>,
    /// Dropped, it closes the wire.
    _rmcp: RunningService<RoleClient, Client>,
}

#[async_trait]
impl Session for McpSession {
    fn server(&self) -> &ServerInfo {
        &self.server
    }

    async fn request(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
        limits: CallLimits,
    ) -> Result<Box<RawValue>, CallError> {
        self.hub.request(method, params.as_deref(), limits).await
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.hub.changes()
    }

    fn in_flight(&self) -> usize {
        self.hub.in_flight()
    }

    async fn closed(&self) {
        self.hub.closed().await;
    }

    fn close(&self) {
        self.hub.close();
    }

    fn counters(&self) -> WireCounters {
        self.hub.counters()
    }
}

impl Drop for McpSession {
    fn drop(&mut self) {
        self.hub.close();
    }
}
