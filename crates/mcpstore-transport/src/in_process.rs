//! Servers that live inside this process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mcpstore_types::{ExitStatus, TransportSpec};
use tokio::io::DuplexStream;

use crate::handshake::{EraCache, Handshake};
use crate::wire::{self, Hub};
use crate::{Adapter, Endpoint, LaunchError, LaunchRequest, Launched};

/// Makes an in-process server: spawns its task and returns our side of the stream.
pub type Factory = Arc<dyn Fn() -> DuplexStream + Send + Sync>;

/// The adapter of kind `in_process`: servers that live inside this process, each made by a named factory.
#[derive(Clone, Default)]
pub struct InProcess {
    factories: BTreeMap<String, Factory>,
    eras: EraCache,
}

impl InProcess {
    /// The kind it serves.
    pub const KIND: &'static str = "in_process";

    /// Without any server.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more server; it replaces an earlier one of the same name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, factory: Factory) -> Self {
        self.factories.insert(name.into(), factory);
        self
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").field("factories", &self.factories.keys()).finish()
    }
}

#[async_trait]
impl Adapter for InProcess {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn launch(&self, request: LaunchRequest) -> Result<Launched, LaunchError> {
        let TransportSpec::InProcess(spec) = &request.spec.transport else {
            return Err(LaunchError::NoAdapter {
                kind: request.spec.transport.kind().to_owned(),
                known: vec![Self::KIND.to_owned()],
            });
        };
        let factory = self.factories.get(&spec.factory).ok_or_else(|| LaunchError::NoFactory {
            name: spec.factory.clone(),
            known: self.factories.keys().cloned().collect(),
        })?;
        let (input, output) = tokio::io::split(factory());
        let (hub, wire) = wire::open(input, output, Arc::clone(&request.logs), request.client.clone());
        let handshake = Handshake::new(&request, &hub, wire, self.eras.of(spec.factory.clone()), None);
        Ok(Launched { endpoint: Arc::new(Connection { hub }), handshake: Box::pin(handshake.run()) })
    }
}

/// The connection to an in-process server. It ends when either side closes it; then the server is gone for us.
struct Connection {
    hub: Arc<Hub>,
}

#[async_trait]
impl Endpoint for Connection {
    fn pid(&self) -> Option<u32> {
        None
    }

    async fn exited(&self) -> ExitStatus {
        self.hub.closed().await;
        ExitStatus::Closed
    }

    async fn group_empty(&self) {
        self.hub.closed().await;
    }

    fn close_input(&self) {
        self.hub.close_input();
    }

    fn terminate(&self) {
        self.hub.close();
    }

    fn kill(&self) {
        self.hub.close();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.hub.close();
    }
}
