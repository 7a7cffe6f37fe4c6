//! An initialised MCP conversation with a server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mcpstore_types::{Era, Timeouts};
use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::{CallError, NoticeFeed, NoticeSink, ServerRequests};

/// An initialised MCP conversation. Requests of many callers run side by side.
///
/// Ends when the server closes its output, when its process exits, at [`Session::close`], or when the last handle is
/// dropped; also when the server reads no more and every request it had read is answered or given up.
#[async_trait]
pub trait Session: Send + Sync {
    /// Who the server said it is.
    fn server(&self) -> &ServerInfo;

    /// Sends a request and returns the `result` of its answer, byte for byte as the server wrote it.
    ///
    /// To `tools/call` a progress token is added when `params` has none, so that progress keeps the call alive. The
    /// caller's own is replaced when another call under way carries the same, or when it begins with `mcpstore-`.
    ///
    /// # Errors
    /// [`CallError`]: the session is or gets closed, a limit passed, the server answered with an error, the
    /// request is too large, or too many are under way already.
    ///
    /// `options` says where what comes before the answer goes. Each request gets exactly one answer, after every notice
    /// that the server wrote before it.
    ///
    /// # Cancel safety
    /// Dropping the future gives the request up; the server is told so (`notifications/cancelled`, or the end of its
    /// response stream).
    async fn request_with(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
        limits: CallLimits,
        options: RequestOptions,
    ) -> Result<Box<RawValue>, CallError>;

    /// The same without options: notices of the request are dropped, and what the server asks meanwhile goes to the
    /// handler of the session.
    ///
    /// # Errors
    /// As [`Session::request_with`].
    ///
    /// # Cancel safety
    /// As [`Session::request_with`].
    async fn request(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
        limits: CallLimits,
    ) -> Result<Box<RawValue>, CallError> {
        self.request_with(method, params, limits, RequestOptions::default()).await
    }

    /// Sends a notification. Resolves when it is on its way, which says nothing of its arrival.
    ///
    /// # Errors
    /// [`CallError::Closed`] when the session is over, [`CallError::TooLarge`] when nothing so large is sent, and
    /// [`CallError::Overloaded`] when the server does not read what waits for it already.
    ///
    /// # Cancel safety
    /// Safe: dropped, it was sent or it was not.
    async fn notify(&self, method: &str, params: Option<Box<RawValue>>) -> Result<(), CallError>;

    /// The server's notifications that belong to no request, from now on.
    fn notices(&self) -> NoticeFeed;

    /// Counts the server's `notifications/tools/list_changed`; starts at 0.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Requests sent and not answered yet, but for `subscriptions/listen`, which is open for as long as somebody listens.
    fn in_flight(&self) -> usize;

    /// Resolves when the conversation is over, whoever ended it; at once when asked later.
    ///
    /// # Cancel safety
    /// Safe.
    async fn closed(&self);

    /// Ends the conversation: requests under way fail with [`CallError::Closed`]. A process lives on; where the
    /// conversation is all there is, as with a server inside this process, its end is the endpoint's exit too.
    fn close(&self);

    /// Why a tool with this input schema cannot be called over this transport; `None` when it can.
    ///
    /// Over HTTP a schema may want arguments in headers, and must keep to rules about that (spec: MCP 2026-07-28, tools).
    fn unusable(&self, input_schema: &RawValue) -> Option<String> {
        let _ = input_schema;
        None
    }

    /// What was counted on the wire; all zero where a transport counts nothing.
    fn counters(&self) -> WireCounters {
        WireCounters::default()
    }
}

/// What goes with one request.
#[derive(Clone, Default)]
pub struct RequestOptions {
    /// Where the notices of this request go: its progress, and whatever else the transport can tie to it.
    pub notices: Option<NoticeSink>,
    /// Who answers what the server asks because of this request, where the transport can tell (HTTP can, a pipe
    /// cannot); default: the handler of the session.
    pub client: Option<Arc<dyn ServerRequests>>,
    /// Its progress may go on after its answer, which says that it became a task (spec: MCP 2025-11-25, tasks): it goes where
    /// the notices go, for as long as they are read. Default false.
    pub lingers: bool,
}

impl fmt::Debug for RequestOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = self.client.is_some();
        f.debug_struct("RequestOptions").field("notices", &self.notices).field("client", &client).finish()
    }
}

/// Who a server said it is, in its handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerInfo {
    /// Its name; empty when it gave none.
    pub name: String,
    /// Its version; empty when it gave none.
    pub version: String,
    /// The agreed protocol version (`2025-11-25`).
    pub protocol_version: String,
    /// The era of that version.
    pub era: Era,
    /// Its capabilities: a JSON object, byte for byte where it came so; empty when unknown.
    pub capabilities: String,
    /// Its words on how to use it.
    pub instructions: Option<String>,
    /// It offers tools.
    pub has_tools: bool,
    /// It offers resources.
    pub has_resources: bool,
    /// It offers prompts.
    pub has_prompts: bool,
}

/// How long a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// The longest time without a sign of life for this request: its progress starts it anew, and it stands still while
    /// the server waits for us to answer something.
    pub idle: Duration,
    /// The longest time in all, progress or not, the wait for a free slot included.
    pub total: Duration,
}

impl CallLimits {
    /// These two limits.
    #[must_use]
    pub const fn new(idle: Duration, total: Duration) -> Self {
        Self { idle, total }
    }

    /// One limit for both.
    #[must_use]
    pub const fn within(total: Duration) -> Self {
        Self { idle: total, total }
    }

    /// What a service's timeouts allow a call.
    #[must_use]
    pub const fn for_call(timeouts: &Timeouts) -> Self {
        Self { idle: timeouts.call, total: timeouts.call_total }
    }

    /// What a service's timeouts allow a list, all its pages together.
    #[must_use]
    pub const fn for_list(timeouts: &Timeouts) -> Self {
        Self::within(timeouts.list)
    }
}

/// What a session counted on its wire. All totals since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireCounters {
    /// Bytes received; more of them mean that the server is alive.
    pub bytes: u64,
    /// Messages received.
    pub received: u64,
    /// Lines, or parts of a batch, that are no JSON-RPC message.
    pub noise: u64,
    /// Lines over the bound, skipped.
    pub oversized: u64,
    /// Answers to no request of ours: unknown, given up, or answered before.
    pub stray: u64,
    /// Requests refused because too many, or too large ones, were under way.
    pub overloaded: u64,
    /// Requests of the server that we refused, or had no room to answer.
    pub refused: u64,
    /// Notifications too large for the readers of a feed.
    pub dropped: u64,
}
