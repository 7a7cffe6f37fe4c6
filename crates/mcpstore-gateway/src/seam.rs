//! Between the fronts, which speak HTTP or lines, and the core, which speaks MCP.
//!
//! A front checks who calls, reads messages, and writes what comes back. What a message means is the core's alone.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mcpstore_transport::RpcError;
use serde_json::value::RawValue;

use crate::client::Client;
use crate::guard::Trail;
use crate::guard::rate::TooMany;
use crate::outlet::Outlet;

/// Who calls, as far as a front can tell. Two clients with one principal may see each other's work, others never.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    /// Whose credentials came with the request: `token`, `local` (a unix socket, stdin) or `anyone`.
    pub(crate) principal: Arc<str>,
    /// The view it asked for (`/mcp/NAME`); `None`: everything.
    pub(crate) view: Option<Arc<str>>,
}

/// One request of a client.
pub(crate) struct Call {
    /// Who asks.
    pub(crate) peer: Peer,
    /// Its session, in the era that has one. `initialize` comes with the client that it makes.
    pub(crate) client: Option<Arc<Client>>,
    /// Its id, byte for byte.
    pub(crate) id: Box<RawValue>,
    /// Its method.
    pub(crate) method: Arc<str>,
    /// Its params, byte for byte.
    pub(crate) params: Option<Box<RawValue>>,
    /// Headers that say what the arguments of a tool say too (`Mcp-Param-*`), by lower-case name; `None` where a transport
    /// has no headers.
    pub(crate) headers: Option<Vec<(String, String)>>,
    /// Where what belongs to this request goes before its answer: notices, and what a server asks meanwhile.
    pub(crate) outlet: Outlet,
    /// Where it went, for who notes it; fresh.
    pub(crate) trail: Trail,
}

/// What a front gives its messages to.
///
/// A request that arrives without a session and is not `initialize` is of the stateless era (spec: MCP 2026-07-28, basic),
/// or of nobody: the core tells.
#[async_trait]
pub(crate) trait Core: Send + Sync + 'static {
    /// Answers one request with the JSON text of its result, byte for byte as its server wrote it wherever it can be.
    /// `initialize` with `client` set makes the conversation of that client.
    ///
    /// # Errors
    /// What the client hears instead.
    ///
    /// # Cancel safety
    /// Dropping the future gives the request up: its server is told at once.
    async fn request(self: Arc<Self>, call: Call) -> Result<Bytes, RpcError>;

    /// Takes a notification of a client with a session. Never waits.
    fn notification(&self, client: &Arc<Client>, method: &str, params: Option<&RawValue>);

    /// Takes the answer of a client to a request that was put into one of its outlets. Never waits.
    fn answer(&self, client: &Arc<Client>, id: &RawValue, outcome: Result<Box<RawValue>, RpcError>);

    /// Takes one request of this peer's, or one message of it. Asked before it is read.
    ///
    /// # Errors
    /// [`TooMany`]: it asks too often.
    fn admit(&self, peer: &Peer) -> Result<(), TooMany>;

    /// True when there is such a view.
    fn has_view(&self, view: &str) -> bool;
}
