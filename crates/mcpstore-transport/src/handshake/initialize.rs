//! The era with a handshake: `initialize`, led by rmcp.

use mcpstore_types::Era;
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation, ProtocolVersion, ServerPeerInfo};
use rmcp::service::{ClientInitializeError, RunningService, serve_client};
use rmcp::{ClientHandler, RoleClient};

use super::{CLIENT_NAME, CLIENT_VERSION, Failed};
use crate::clip::clip;
use crate::wire::{Hub, Wire};
use crate::{ClientSide, HandshakeError, ServerInfo};

/// Keeps rmcp's side of a conversation; dropped, it closes the wire.
pub(super) type Running = RunningService<RoleClient, Client>;

/// Leads the handshake over this wire.
pub(super) async fn initialize(client: &ClientSide, hub: &Hub, wire: Wire) -> Result<(ServerInfo, Running), Failed> {
    let capabilities = serde_json::from_str(client.capabilities()).map_err(|error| {
        let what = clip(&format!("our own capabilities cannot be read: {error}"));
        Failed::Said(HandshakeError::Malformed { what })
    })?;
    // Not `Auto` of rmcp: it waits ten seconds on a server that keeps silent.
    let running = Box::pin(serve_client(Client { capabilities }, wire)).await.map_err(|error| match error {
        ClientInitializeError::JsonRpcError(error) => {
            Failed::Said(HandshakeError::Rejected { code: error.code.0.into(), message: clip(&error.message) })
        }
        ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. } => Failed::Closed,
        other => Failed::Said(HandshakeError::Malformed { what: clip(&other.to_string()) }),
    })?;
    let mut server = server_info(running.peer().peer_info().as_deref()).map_err(Failed::Said)?;
    if let Some(offered) = hub.offered() {
        offered.clone_into(&mut server.capabilities);
    }
    Ok((server, running))
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
        era: Era::Handshake,
        capabilities: serde_json::to_string(&peer.capabilities).unwrap_or_default(),
        instructions: peer.instructions.clone(),
        has_tools: peer.capabilities.tools.is_some(),
        has_resources: peer.capabilities.resources.is_some(),
        has_prompts: peer.capabilities.prompts.is_some(),
    })
}

/// What we are towards a server, for rmcp. What the server asks never gets here: the wire answers it.
pub(super) struct Client {
    capabilities: ClientCapabilities,
}

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(self.capabilities.clone(), Implementation::new(CLIENT_NAME, CLIENT_VERSION))
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }
}
