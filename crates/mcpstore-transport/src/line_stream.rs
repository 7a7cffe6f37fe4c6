//! Conversations over a pair of byte streams, for adapters: whoever can reach a server so has a session for free.

use std::sync::Arc;

use async_trait::async_trait;
use mcpstore_types::ExitStatus;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::handshake::{EraMemory, Handshake};
use crate::wire::{self, Hub};
use crate::{BoxFuture, Endpoint, HandshakeFuture, LaunchRequest};

/// Opens a conversation with a server that writes one JSON-RPC message a line to `input` and reads them from `output`.
///
/// `memory` is what the adapter knows of this server ([`EraCache::of`](crate::EraCache::of)). `exit`, where there is
/// one, resolves when the server's process has ended: the error of a failed handshake says how then. Tell the
/// connection of that end too ([`Connection::server_is_gone`]).
///
/// Needs a tokio runtime: two tasks carry the messages until the conversation ends.
pub fn open_lines<R, W>(
    request: &LaunchRequest,
    memory: EraMemory,
    input: R,
    output: W,
    exit: Option<BoxFuture<ExitStatus>>,
) -> (Connection, HandshakeFuture)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (hub, wire) = wire::open(input, output, Arc::clone(&request.logs), request.client.clone());
    let handshake = Handshake::new(request, &hub, wire, memory, exit);
    (Connection { hub }, Box::pin(handshake.run()))
}

/// Our end of a conversation over byte streams. As an [`Endpoint`] it is a server without a process of ours: it ends
/// when either side closes it. An adapter with a process wraps it in an endpoint of its own.
pub struct Connection {
    hub: Arc<Hub>,
}

impl Connection {
    /// Says that the server has ended: what it wrote before is read for 100 ms more at most, then the conversation is
    /// over. A grandchild may hold its output open for ever.
    pub fn server_is_gone(&self) {
        self.hub.doom();
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("in_flight", &self.hub.in_flight()).finish_non_exhaustive()
    }
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
