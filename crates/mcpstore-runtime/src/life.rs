//! One life of a service: its process, its session, and the helper tasks that watch them.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_core::Report;
use mcpstore_transport::{
    Adapter, Endpoint, HandshakeFuture, LaunchError, LaunchRequest, Launched, ServerInfo, Session,
};
use mcpstore_types::{ExitStatus, Incarnation};
use tokio::task::JoinError;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::msg::{News, Reporter};

/// How long a process may outlive its closed output before it is taken for hung.
const EXIT_AFTER_CLOSE: Duration = Duration::from_millis(500);
/// How long the exit of a process is held back for what its handshake has to say of it.
const HANDSHAKE_LAST_WORDS: Duration = Duration::from_millis(500);
/// How often a drain looks whether calls are still in flight.
const DRAIN_POLL: Duration = Duration::from_millis(5);

/// How long a launch that is given up may still come to its end: what it made is then ended in good order, rather than
/// dropped in mid-air.
const ABORT_GRACE: Duration = Duration::from_millis(250);

/// One life, as the owner keeps it.
pub(crate) struct Life {
    /// Which one of all lives of all services.
    pub(crate) id: u64,
    pub(crate) incarnation: Incarnation,
    /// Ends the handshake and whatever else asks the server something.
    pub(crate) cancel: CancellationToken,
    /// Ends the probes alone.
    pub(crate) probes: CancellationToken,
    /// Gives up a launch under way.
    pub(crate) abort: CancellationToken,
    /// Its handshake has said what it has to say, or was given up.
    pub(crate) settled: CancellationToken,
    pub(crate) endpoint: Option<Arc<dyn Endpoint>>,
    pub(crate) handshake: Option<HandshakeFuture>,
    pub(crate) session: Option<Arc<dyn Session>>,
    pub(crate) server: Option<ServerInfo>,
    /// It was asked for all of its lists once.
    pub(crate) listed: bool,
    pub(crate) exit: Option<ExitStatus>,
    /// Nothing of its group is left.
    pub(crate) gone: bool,
}

impl Life {
    pub(crate) fn new(id: u64, incarnation: Incarnation) -> Self {
        let cancel = CancellationToken::new();
        Self {
            id,
            incarnation,
            probes: cancel.child_token(),
            settled: cancel.child_token(),
            cancel,
            abort: CancellationToken::new(),
            endpoint: None,
            handshake: None,
            session: None,
            server: None,
            listed: false,
            exit: None,
            gone: false,
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
        // The task that waits for its exit holds the endpoint too, so that dropping ours does not kill it.
        if let Some(endpoint) = self.endpoint.take().filter(|_| !self.gone) {
            endpoint.kill();
        }
    }
}

/// Launches, and says how it went. Asked to abort, it gives up and says so; either way it speaks once, even when the
/// adapter panics.
pub(crate) async fn launch(
    adapter: Result<Arc<dyn Adapter>, LaunchError>,
    request: LaunchRequest,
    abort: CancellationToken,
    reporter: Reporter,
) {
    let outcome = match adapter {
        Err(error) => Some(Err(error)),
        Ok(adapter) => launch_with(adapter, request, abort).await,
    };
    reporter.send(News::Launched(outcome)).await;
}

async fn launch_with(
    adapter: Arc<dyn Adapter>,
    request: LaunchRequest,
    abort: CancellationToken,
) -> Option<Result<Launched, LaunchError>> {
    let program = request.spec.name.to_string();
    let mut launching = tokio::spawn(async move { adapter.launch(request).await });
    let done = match abort.run_until_cancelled(&mut launching).await {
        Some(done) => done,
        None => match timeout(ABORT_GRACE, &mut launching).await {
            Ok(done) => done,
            Err(_) => {
                launching.abort();
                launching.await
            }
        },
    };
    match done {
        Ok(outcome) => Some(outcome),
        Err(end) if end.is_panic() => Some(Err(panicked(program, end))),
        Err(_) => None,
    }
}

fn panicked(program: String, end: JoinError) -> LaunchError {
    LaunchError::Spawn { program, source: Arc::new(std::io::Error::other(end)) }
}

/// Waits for the end of the main process, then of its group, and reports both. Nothing cancels it.
///
/// A handshake that ends with the process is heard first: it may know that the exit means nothing.
pub(crate) async fn watch_exit(endpoint: Arc<dyn Endpoint>, settled: CancellationToken, reporter: Reporter) {
    let status = endpoint.exited().await;
    let _ = timeout(HANDSHAKE_LAST_WORDS, settled.cancelled()).await;
    reporter.send(News::Report(Report::Exit(status))).await;
    endpoint.group_empty().await;
    reporter.send(News::Report(Report::GroupEmpty)).await;
}

/// Shakes hands, unless cancelled.
pub(crate) async fn shake_hands(
    handshake: HandshakeFuture,
    cancel: CancellationToken,
    settled: CancellationToken,
    reporter: Reporter,
) {
    let _settled = settled.drop_guard();
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
