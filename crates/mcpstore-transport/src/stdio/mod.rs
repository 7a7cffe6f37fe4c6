//! Servers that are child processes of ours and speak MCP over stdin and stdout.

mod endpoint;
mod env;
mod group;
mod program;
mod spawn;
mod stderr;

use std::sync::Arc;

use async_trait::async_trait;
use mcpstore_types::TransportSpec;

use crate::handshake::{EraCache, Handshake};
use crate::wire;
use crate::{Adapter, LaunchError, LaunchRequest, Launched};
use endpoint::{ChildEndpoint, Life};

/// The adapter of kind `stdio`: a child process in a group of its own, MCP over its stdin and stdout.
///
/// The child gets a small environment ([`Stdio::ENV`], plus what the spec adds), never the manager's whole; its stderr
/// goes to the log ring. Two variables mark it: `MCPSTORE_SERVICE` and `MCPSTORE_INCARNATION`.
#[derive(Clone, Debug, Default)]
pub struct Stdio {
    eras: EraCache,
}

impl Stdio {
    /// The kind it serves.
    pub const KIND: &'static str = "stdio";

    /// What of our own environment a child gets; a `*` at the end stands for any end.
    ///
    /// What by its name or value carries credentials is left out of the patterns for package installers.
    pub const ENV: &'static [&'static str] = env::PASSED_ON;

    /// The adapter.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Adapter for Stdio {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn launch(&self, request: LaunchRequest) -> Result<Launched, LaunchError> {
        let TransportSpec::Stdio(spec) = &request.spec.transport else {
            return Err(LaunchError::NoAdapter {
                kind: request.spec.transport.kind().to_owned(),
                known: vec![Self::KIND.to_owned()],
            });
        };
        let (stdio, name, incarnation) = (spec.clone(), request.spec.name.clone(), request.incarnation);
        // Looking a program up reads the disk, which may hang: not on a thread that others need.
        let preparing = tokio::task::spawn_blocking(move || spawn::prepare(&stdio, &name, incarnation));
        let prepared = match preparing.await {
            Ok(prepared) => prepared?,
            Err(error) => {
                let source = Arc::new(std::io::Error::other(error));
                return Err(LaunchError::Spawn { program: spec.command.clone(), source });
            }
        };
        let prepared_key = prepared.identity().to_owned();
        let (process, pipes) = prepared.spawn().await?;
        let memory = self.eras.of(prepared_key);
        let (hub, wire) = wire::open(pipes.stdout, pipes.stdin, Arc::clone(&request.logs), request.client.clone());
        let life = Life::begin(process, pipes.stderr, Arc::clone(&hub), Arc::clone(&request.logs));
        let exited = Arc::clone(&life);
        let exit = Box::pin(async move { exited.exited().await });
        let handshake = Handshake::new(&request, &hub, wire, memory, Some(exit));
        Ok(Launched { endpoint: Arc::new(ChildEndpoint::new(life, hub)), handshake: Box::pin(handshake.run()) })
    }
}
