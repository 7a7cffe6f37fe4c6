//! The manager's side of the control socket.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mcpstore::gateway::GatewayReport;
use mcpstore::{Gateway, McpStore, Observer};
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::bind::{Bound, bind};
use super::connection::{converse, turn_away};
use crate::door::Door;
use crate::reload::Reloader;

/// The most conversations at one time; further ones are turned away with a word.
pub(super) const MAX_CONNECTIONS: usize = 256;

/// How long clients may take to hear the last of what happened, when the manager ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Somebody asked the manager to stop everything and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShutdownRequest {
    /// Kill instead of asking politely.
    pub(crate) force: bool,
}

/// A control socket that is served. Dropping it cuts every conversation and removes the socket; [`ControlServer::close`]
/// lets those that follow hear the end first.
#[derive(Debug)]
pub(crate) struct ControlServer {
    accept: JoinHandle<()>,
    closing: watch::Sender<bool>,
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

impl ControlServer {
    /// Removes the socket, lets followers hear what is left to tell (at most a second), and ends every conversation.
    ///
    /// Whoever asked for a shutdown takes this for the end: call it last.
    pub(crate) async fn close(mut self) {
        self.closing.send_replace(true);
        // It ends by itself, and an abort from elsewhere is an end too.
        let _ = (&mut self.accept).await;
    }
}

/// What every conversation needs.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) store: McpStore,
    pub(super) observer: Observer,
    pub(super) gateway: Gateway,
    pub(super) door: Door,
    pub(super) shutdown: mpsc::Sender<ShutdownRequest>,
    /// True once the manager ends.
    pub(super) closing: watch::Receiver<bool>,
    pub(super) reloader: Reloader,
}

impl Context {
    /// Resolves when the manager ends.
    pub(super) async fn closed(&self) {
        // A sender that is gone is an end too.
        let _ = self.closing.clone().wait_for(|closing| *closing).await;
    }
}

/// What a manager has to offer.
#[derive(Debug)]
pub(crate) struct Served {
    /// Its services.
    pub(crate) store: McpStore,
    /// Their alerts and history.
    pub(crate) observer: Observer,
    /// All of them as one, for clients that speak MCP.
    pub(crate) gateway: Gateway,
    /// How that is reached over HTTP.
    pub(crate) door: Door,
}

/// How the gateway of a manager is reached over HTTP.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ReachDoc {
    /// Its address (`http://127.0.0.1:8420/mcp`); `None`: it is not.
    pub(crate) url: Option<String>,
    /// It wants the token of the state folder.
    pub(crate) token: bool,
}

/// The gateway of a manager: how it is reached, and what it offers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct GatewayDoc {
    #[serde(flatten)]
    pub(crate) reach: ReachDoc,
    #[serde(flatten)]
    pub(crate) report: GatewayReport,
}

/// Serves a manager on this socket, as a task of the current runtime. Requests to shut down go to `shutdown`.
///
/// # Errors
/// [`crate::exit::Failure`]: another manager runs on the socket, or it cannot be bound.
pub(crate) fn serve(
    served: Served,
    reloader: Reloader,
    socket: &Path,
    shutdown: mpsc::Sender<ShutdownRequest>,
) -> anyhow::Result<ControlServer> {
    let bound = bind(socket)?;
    let (closing, receiver) = watch::channel(false);
    let Served { store, observer, gateway, door } = served;
    let context = Context { store, observer, gateway, door, shutdown, closing: receiver, reloader };
    Ok(ControlServer { accept: tokio::spawn(accept(bound, context)), closing })
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
            () = context.closed() => break,
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
    // Nobody new; those who are here hear the end.
    drop(bound);
    let all_told = async { while conversations.join_next().await.is_some() {} };
    let _ = timeout(LAST_WORDS, all_told).await;
}
