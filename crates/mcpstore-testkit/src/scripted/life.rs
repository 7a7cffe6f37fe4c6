//! One life of a scripted service: its end, however it comes, and its handshake.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use mcpstore_transport::{Endpoint, HandshakeError, Launched, Session};
use mcpstore_types::{ExitStatus, Incarnation, ServiceName};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::adapter::{Happened, World};
use super::script::{Life, pause};
use super::session::ScriptedSession;

/// One life of a scripted service.
pub(super) struct Running {
    pub(super) life: Life,
    service: ServiceName,
    incarnation: Incarnation,
    world: Arc<World>,
    born: Instant,
    /// The end that is on its way: the earliest one asked for.
    end: watch::Sender<Option<(Instant, ExitStatus)>>,
    exit: watch::Sender<Option<ExitStatus>>,
    killed: CancellationToken,
    empty: CancellationToken,
    pub(super) changes: watch::Sender<u64>,
    pub(super) in_flight: AtomicUsize,
    /// Held by the one thing that is done, where one is done at a time.
    pub(super) at_work: tokio::sync::Mutex<()>,
}

impl Running {
    pub(super) fn new(life: Life, service: ServiceName, incarnation: Incarnation, world: Arc<World>) -> Arc<Self> {
        let running = Arc::new(Self {
            life,
            service,
            incarnation,
            world,
            born: Instant::now(),
            end: watch::Sender::new(None),
            exit: watch::Sender::new(None),
            killed: CancellationToken::new(),
            empty: CancellationToken::new(),
            changes: watch::Sender::new(0),
            in_flight: AtomicUsize::new(0),
            at_work: tokio::sync::Mutex::new(()),
        });
        if let Some((after, status)) = running.life.exit {
            running.end_after(after, status);
        }
        tokio::spawn(Arc::clone(&running).live());
        running
    }

    /// Lives until an end comes, then lingers as a group.
    async fn live(self: Arc<Self>) {
        let mut ends = self.end.subscribe();
        let status = loop {
            let end = *ends.borrow_and_update();
            let due = async {
                match end {
                    Some((at, _)) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                // An earlier end may have been asked for meanwhile. The sender is in `self`, so this never fails.
                changed = ends.changed() => if changed.is_err() { return },
                () = due => break end.map_or(ExitStatus::Unknown, |(_, status)| status),
            }
        };
        self.record(Happened::Exited(status));
        self.exit.send_replace(Some(status));
        let killed = async {
            self.killed.cancelled().await;
            pause(self.life.on_kill.unwrap_or(Duration::MAX)).await;
        };
        tokio::select! {
            () = pause(self.life.linger) => {}
            () = killed => {}
        }
        self.record(Happened::GroupEmpty);
        self.empty.cancel();
    }

    pub(super) fn record(&self, what: Happened) {
        self.world.record(&self.service, self.incarnation, what);
    }

    fn end_after(&self, after: Duration, status: ExitStatus) {
        if after == Duration::MAX {
            return;
        }
        let at = Instant::now() + after;
        self.end.send_if_modified(|end| {
            let earlier = end.is_none_or(|(before, _)| at < before);
            if earlier {
                *end = Some((at, status));
            }
            earlier
        });
    }

    /// Ends it now; false when it has ended.
    pub(super) fn crash(&self, status: ExitStatus) -> bool {
        let alive = self.exit.borrow().is_none();
        self.end_after(Duration::ZERO, status);
        alive
    }

    pub(super) fn tools_changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Resolves once it answers.
    pub(super) async fn thawed(&self) {
        if let Some((after, long)) = self.life.frozen {
            let age = self.born.elapsed();
            if age >= after {
                pause(if long == Duration::MAX { long } else { (after + long).saturating_sub(age) }).await;
            }
        }
    }

    /// True while what it is asked is lost.
    pub(super) fn is_deaf(&self) -> bool {
        let age = self.born.elapsed();
        self.life.deaf.iter().any(|(from, until)| age >= *from && age < *until)
    }

    /// Resolves when it has closed its output by itself.
    pub(super) async fn output_closed(&self) {
        pause(self.life.closes_output.map_or(Duration::MAX, |after| after.saturating_sub(self.born.elapsed()))).await;
    }

    pub(super) async fn exited(&self) -> ExitStatus {
        let mut exit = self.exit.subscribe();
        exit.wait_for(Option::is_some).await.ok().and_then(|status| *status).unwrap_or(ExitStatus::Unknown)
    }

    /// A number that no other life has, in the range of process ids.
    fn pid(&self) -> u32 {
        let name = self.service.as_str().bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31) ^ u32::from(byte));
        1_000_000 + name % 1_000_000 + u32::try_from(self.incarnation.0 % 1_000).unwrap_or(0)
    }
}

/// The endpoint and the handshake of a life.
pub(super) fn launched(running: Arc<Running>, timeout: Duration) -> Launched {
    let endpoint = Arc::new(ScriptedEndpoint { running: Arc::clone(&running) });
    Launched { endpoint, handshake: Box::pin(handshake(running, timeout)) }
}

async fn handshake(running: Arc<Running>, timeout: Duration) -> Result<Arc<dyn Session>, HandshakeError> {
    tokio::select! {
        biased;
        status = running.exited() => match running.life.handshake_error.clone() {
            Some(error @ HandshakeError::ExitedAtProbe { .. }) => {
                // Known a moment after the exit, as from a real server.
                pause(Duration::from_millis(10)).await;
                Err(error)
            }
            _ => Err(HandshakeError::Exited { status, stderr: vec!["scripted".to_owned()] }),
        },
        () = pause(running.life.handshake) => match running.life.handshake_error.clone() {
            Some(error) => Err(error),
            None => {
                running.record(Happened::Initialised);
                let session: Arc<dyn Session> = Arc::new(ScriptedSession::new(Arc::clone(&running), running.service.as_str()));
                Ok(session)
            }
        },
        () = pause(timeout) => Err(HandshakeError::TimedOut { after: timeout }),
    }
}

struct ScriptedEndpoint {
    running: Arc<Running>,
}

impl ScriptedEndpoint {
    /// Plays the reaction to something, unless the whole group is gone.
    fn react(&self, what: Happened, reaction: Option<Duration>, status: ExitStatus) {
        if self.running.empty.is_cancelled() {
            return;
        }
        self.running.record(what);
        if let Some(after) = reaction {
            self.running.end_after(after, status);
        }
    }
}

#[async_trait]
impl Endpoint for ScriptedEndpoint {
    fn pid(&self) -> Option<u32> {
        Some(self.running.pid())
    }

    async fn exited(&self) -> ExitStatus {
        self.running.exited().await
    }

    async fn group_empty(&self) {
        self.running.empty.cancelled().await;
    }

    fn close_input(&self) {
        self.react(Happened::InputClosed, self.running.life.on_close, ExitStatus::Code(0));
    }

    fn terminate(&self) {
        self.react(Happened::Terminated, self.running.life.on_term, ExitStatus::Signal(15));
    }

    fn kill(&self) {
        self.react(Happened::Killed, self.running.life.on_kill, ExitStatus::Signal(9));
        self.running.killed.cancel();
    }
}

impl Drop for ScriptedEndpoint {
    fn drop(&mut self) {
        if self.running.exit.borrow().is_none() {
            self.kill();
        }
    }
}

/// One more request under way, for as long as it is kept.
pub(super) struct UnderWay<'a>(&'a Running);

impl<'a> UnderWay<'a> {
    pub(super) fn enter(running: &'a Running) -> Self {
        running.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(running)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
