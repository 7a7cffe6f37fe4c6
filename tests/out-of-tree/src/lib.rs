//! An adapter in a crate of its own: servers that listen on a TCP port and speak MCP line by line.
//!
//! It depends on the public traits of `mcpstore-transport` and the words of `mcpstore-types`, and on nothing else of
//! mcpstore. A manager takes it with `AdapterSet::builtin().with(Arc::new(TcpLines::new()))`; a config reaches it with
//! `{ "type": "tcp_lines", "settings": { "address": "127.0.0.1:7000" } }`.

use std::sync::Arc;

use async_trait::async_trait;
use mcpstore_transport::{Adapter, Connection, Endpoint, EraCache, LaunchError, LaunchRequest, Launched, open_lines};
use mcpstore_types::{ExitStatus, TransportSpec};
use tokio::net::TcpStream;

/// The adapter of kind `tcp_lines`.
#[derive(Clone, Debug, Default)]
pub struct TcpLines {
    eras: EraCache,
}

impl TcpLines {
    /// The kind it serves.
    pub const KIND: &'static str = "tcp_lines";

    /// The adapter.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Adapter for TcpLines {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn launch(&self, request: LaunchRequest) -> Result<Launched, LaunchError> {
        let spec = match &request.spec.transport {
            TransportSpec::Other(spec) if spec.kind == Self::KIND => spec,
            other => {
                let kind = other.kind().to_owned();
                return Err(LaunchError::NoAdapter { kind, known: vec![Self::KIND.to_owned()] });
            }
        };
        let Some(address) = spec.setting("address") else {
            return Err(LaunchError::BadAddress { what: "the setting `address` is missing".to_owned() });
        };
        let unreachable = |error: std::io::Error| LaunchError::Unreachable {
            address: address.to_owned(),
            message: error.to_string(),
        };
        let stream = TcpStream::connect(address).await.map_err(unreachable)?;
        // A request is a small write that waits for its answer.
        stream.set_nodelay(true).map_err(unreachable)?;
        let (input, output) = stream.into_split();
        let memory = self.eras.of(address);
        let (connection, handshake) = open_lines(&request, memory, input, output, None);
        Ok(Launched { endpoint: Arc::new(Reached(connection)), handshake })
    }
}

/// A server that was reached. It adds nothing to the connection; an adapter with a process of its own says here how that
/// is signalled and how its exit is seen.
#[derive(Debug)]
struct Reached(Connection);

#[async_trait]
impl Endpoint for Reached {
    fn pid(&self) -> Option<u32> {
        self.0.pid()
    }

    async fn exited(&self) -> ExitStatus {
        self.0.exited().await
    }

    async fn group_empty(&self) {
        self.0.group_empty().await;
    }

    fn close_input(&self) {
        self.0.close_input();
    }

    fn terminate(&self) {
        self.0.terminate();
    }

    fn kill(&self) {
        self.0.kill();
    }
}
