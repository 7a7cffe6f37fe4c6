//! Servers that live inside this process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mcpstore_types::TransportSpec;
use tokio::io::DuplexStream;

use crate::{Adapter, EraCache, LaunchError, LaunchRequest, Launched, open_lines};

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
        let (connection, handshake) = open_lines(&request, self.eras.of(spec.factory.clone()), input, output, None);
        Ok(Launched { endpoint: Arc::new(connection), handshake })
    }
}
