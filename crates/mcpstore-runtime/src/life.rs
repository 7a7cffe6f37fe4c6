//! One life of a service: its process, its session, and the helper tasks that watch them.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_core::Report;
use mcpstore_transport::{
    Adapter, Endpoint, HandshakeFuture, LaunchError, LaunchRequest, Launched, ServerInfo, Session,
};
use mcpstore_types::{ExitStatus, Incarnation};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::msg::{News, Reporter};

/// How long a process may outlive its closed output before it is taken for hung.
const EXIT_AFTER_CLOSE: Duration = Duration::from_millis(500);
/// How often a drain looks whether calls are still in flight.
const DRAIN_POLL: Duration = Duration::from_millis(5);

/// One life, as the owner keeps it.
pub(crate) struct Life {
    pub(crate) incarnation: Incarnation,
    /// Ends the handshake and the probes of this life.
    pub(crate) cancel: CancellationToken,
    /// Gives up a launch under way.
    pub(crate) abort: CancellationToken,
    pub(crate) endpoint: Option<Arc<dyn Endpoint>>,
    pub(crate) handshake: Option<HandshakeFuture>,
    pub(crate) session: Option<Arc<dyn Session>>,
    pub(crate) server: Option<ServerInfo>,
    pub(crate) exit: Option<ExitStatus>,
}

impl Life {
    pub(crate) fn new(incarnation: Incarnation) -> Self {
        Self {
            incarnation,
            cancel: CancellationToken::new(),
            abort: CancellationToken::new(),
            endpoint: None,
            handshake: None,
            session: None,
            server: None,
            exit: None,
        }
    }

    /// Its main process, while it lives.
    pub(crate) fn pid(&self) -> Option<u32> {
        if self.exit.is_some() { None } else { self.endpoint.as_ref().and_then(|e| e.pid()) }
    }

    /// Ends its conversation and everything that asks it something.
    pub(crate) fn end_session(&mut self) {
        self.cancel.cancel();
        self.handshake = None;
        if let Some(session) = self.session.take() {
            session.close();
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.abort.cancel();
        self.end_session();
    }
}

/// Launches, and says how it went. Asked to abort, it gives up and says so; either way it speaks once.
pub(crate) async fn launch(
    adapter: Result<Arc<dyn Adapter>, LaunchError>,
    request: LaunchRequest,
    abort: CancellationToken,
    reporter: Reporter,
) {
    let launched = async {
        let adapter = adapter?;
        adapter.launch(request).await
    };
    let outcome: Option<Result<Launched, LaunchError>> = abort.run_until_cancelled(launched).await;
    reporter.send(News::Launched(outcome)).await;
}

/// Waits for the end of the main process, then of its group, and reports both. Nothing cancels it.
pub(crate) async fn watch_exit(endpoint: Arc<dyn Endpoint>, reporter: Reporter) {
    let status = endpoint.exited().await;
    reporter.send(News::Report(Report::Exit(status))).await;
    endpoint.group_empty().await;
    reporter.send(News::Report(Report::GroupEmpty)).await;
}

/// Shakes hands, unless cancelled.
pub(crate) async fn shake_hands(handshake: HandshakeFuture, cancel: CancellationToken, reporter: Reporter) {
    if let Some(result) = cancel.run_until_cancelled(handshake).await {
        reporter.send(News::Handshake(result)).await;
    }
}

/// Waits for the conversation to close while the process lives on: such a server can never be reached again.
pub(crate) async fn watch_session(
    session: Arc<dyn Session>,
    endpoint: Arc<dyn Endpoint>,
    cancel: CancellationToken,
    reporter: Reporter,
) {
    let closed = async {
        session.closed().await;
        timeout(EXIT_AFTER_CLOSE, endpoint.exited()).await.is_err()
    };
    if cancel.run_until_cancelled(closed).await == Some(true) {
        reporter.send(News::Report(Report::LivenessFail)).await;
    }
}

/// Waits until no call is in flight. The core's drain deadline bounds it: by then the session is closed.
pub(crate) async fn drain(session: Option<Arc<dyn Session>>, reporter: Reporter) {
    if let Some(session) = session {
        while session.in_flight() > 0 {
            sleep(DRAIN_POLL).await;
        }
    }
    reporter.send(News::Report(Report::Drained)).await;
}
