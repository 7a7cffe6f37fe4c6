//! The manager's side of the control socket.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mcpstore::McpStore;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};

use super::bind::{Bound, bind};
use super::connection::{converse, turn_away};

/// The most conversations at one time; further ones are turned away with a word.
pub(super) const MAX_CONNECTIONS: usize = 64;

/// Somebody asked the manager to stop everything and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShutdownRequest {
    /// Kill instead of asking politely.
    pub(crate) force: bool,
}

/// A control socket that is served. Dropping it ends every conversation and removes the socket: whoever asked for a
/// shutdown takes that for the end, so drop it last.
#[derive(Debug)]
pub(crate) struct ControlServer {
    accept: JoinHandle<()>,
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

impl ControlServer {
    /// Ends every conversation and removes the socket, and returns when that is done.
    pub(crate) async fn close(mut self) {
        self.accept.abort();
        let _ = (&mut self.accept).await;
    }
}

/// What every conversation needs.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) store: McpStore,
    pub(super) shutdown: mpsc::Sender<ShutdownRequest>,
}

/// Serves the store on this socket, as a task of the current runtime. Requests to shut down go to `shutdown`.
///
/// # Errors
/// [`crate::exit::Failure`]: another manager runs on the socket, or it cannot be bound.
pub(crate) fn serve(
    store: McpStore,
    socket: &Path,
    shutdown: mpsc::Sender<ShutdownRequest>,
) -> anyhow::Result<ControlServer> {
    let bound = bind(socket)?;
    let accept = tokio::spawn(accept(bound, Context { store, shutdown }));
    Ok(ControlServer { accept })
}

async fn accept(bound: Bound, context: Context) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut conversations = JoinSet::new();
    loop {
        let stream: UnixStream = tokio::select! {
            accepted = bound.listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most often: some will come free.
                    tracing::warn!(%error, "cannot accept on the control socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            Some(_) = conversations.join_next(), if !conversations.is_empty() => continue,
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let context = context.clone();
                conversations.spawn(async move {
                    converse(stream, &context).await;
                    drop(place);
                });
            }
            Err(_) => turn_away(&stream),
        }
    }
}
