//! The probes of one life: first until one passes, then at an interval until its end.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_core::Report;
use mcpstore_monitor::{ProbeOutcome, ProbeVerdict};
use mcpstore_transport::{CallError, CallLimits, Session, TimeoutKind, list_tools, ping};
use mcpstore_types::{Clock, Health, HealthSpec, ProbeKind, ServiceSpec};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::lister::Lister;
use crate::monitor::ServiceMonitor;
use crate::msg::{News, Reporter};

/// How long a service that is ready is held back for its first list of tools, so that whoever waited for it finds them.
/// A list that hangs shall not keep it from running.
const FIRST_LIST: Duration = Duration::from_secs(2);

/// What a prober works with.
pub(crate) struct Prober {
    pub(crate) session: Arc<dyn Session>,
    /// Its spec, and every later one that takes effect in the same life.
    pub(crate) specs: watch::Receiver<Arc<ServiceSpec>>,
    pub(crate) monitor: Arc<ServiceMonitor>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) reporter: Reporter,
}

/// What one probe found, and the words for it when it failed.
pub(crate) struct Probed {
    pub(crate) outcome: ProbeOutcome,
    pub(crate) error: Option<String>,
    /// The conversation is over: there is nothing left to probe.
    pub(crate) closed: bool,
    /// Nothing came back, and somebody's call was under way.
    pub(crate) busy: bool,
}

impl Prober {
    /// Probes, and keeps the list of tools, until cancelled.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let lister = Lister {
            session: Arc::clone(&self.session),
            specs: self.specs.clone(),
            monitor: Arc::clone(&self.monitor),
            reporter: self.reporter.clone(),
        };
        let (start, started) = oneshot::channel();
        let (listed_once, first_list) = oneshot::channel();
        let both = async { tokio::join!(self.probe_for_ever(start, first_list), lister.run(started, listed_once)) };
        cancel.run_until_cancelled(both).await;
    }

    async fn probe_for_ever(mut self, start_list: oneshot::Sender<()>, first_list: oneshot::Receiver<()>) {
        let mut verdict = ProbeVerdict::new(&self.specs.borrow().policy.health);
        let mut first = Some((start_list, first_list));
        let mut silent_since = Instant::now();
        let mut signs = self.monitor.signs_of_life(self.session.as_ref());
        loop {
            let spec = Arc::clone(&self.specs.borrow_and_update());
            verdict.retune(&spec.policy.health);
            let mut probed = probe(self.session.as_ref(), &spec.policy.health, &self.monitor).await;
            let now = self.monitor.signs_of_life(self.session.as_ref());
            if now != signs || matches!(probed.outcome, ProbeOutcome::Pass { .. }) {
                (signs, silent_since) = (now, Instant::now());
            } else if probed.busy && silent_since.elapsed() >= spec.policy.timeouts.call {
                // Longer than any call may take without a byte: whoever calls it again and again must not keep it hung.
                probed.outcome = ProbeOutcome::Fail;
            }
            self.note(&probed);
            if probed.closed {
                // Its end is told by those who watch it, with better words.
                std::future::pending::<()>().await;
            }
            let before = verdict.health();
            let change = verdict.observe(probed.outcome);
            if change.changed {
                // The first change of a life is its first pass: before that, nothing counts.
                if let Some((start_list, first_list)) = first.take() {
                    let _ = start_list.send(());
                    let _ = timeout(FIRST_LIST, first_list).await;
                }
                self.tell(change.health, consequence(before, change.health), probed.error).await;
            }
            self.until_due(&verdict).await;
        }
    }

    /// Waits for the next probe. A spec that changes meanwhile says anew how long that is, from the last probe on.
    async fn until_due(&mut self, verdict: &ProbeVerdict) {
        let probed = Instant::now();
        loop {
            let wait = verdict.next_probe_in(&self.specs.borrow_and_update().policy.health);
            tokio::select! {
                () = sleep(wait.saturating_sub(probed.elapsed())) => return,
                changed = self.specs.changed() => if changed.is_err() {
                    // The service is gone, and this with it.
                    std::future::pending::<()>().await;
                },
            }
        }
    }

    /// Keeps the sample. A probe that could not decide leaves none.
    fn note(&self, probed: &Probed) {
        match probed.outcome {
            ProbeOutcome::Pass { latency } => self.monitor.note_check(self.clock.now(), true, Some(latency)),
            ProbeOutcome::Fail => self.monitor.note_check(self.clock.now(), false, None),
            ProbeOutcome::Unknown => tracing::debug!(service = %self.reporter.service, "probe could not decide"),
        }
    }

    async fn tell(&self, health: Health, consequence: Option<Report>, error: Option<String>) {
        let detail = error.map(|error| format!("health probe failed: {error}"));
        self.reporter.send(News::Health { health, consequence, detail }).await;
    }
}

/// What a change of the verdict means for the service.
fn consequence(before: Health, after: Health) -> Option<Report> {
    match (before, after) {
        (_, Health::Unhealthy) => Some(Report::LivenessFail),
        (_, Health::Degraded) => Some(Report::ProbeDown),
        (Health::Unknown | Health::Degraded | Health::Unhealthy, Health::Healthy) => Some(Report::ProbeUp),
        (Health::Healthy, Health::Healthy) | (_, Health::Unknown) => None,
    }
}

/// Asks the server once. An answer of any kind shows that it lives; so do bytes that came meanwhile, and a call that is
/// still inside its own deadline keeps it busy: then the probe says nothing.
pub(crate) async fn probe(session: &dyn Session, health: &HealthSpec, monitor: &ServiceMonitor) -> Probed {
    let before = monitor.signs_of_life(session);
    let started = Instant::now();
    let answer = {
        let _own = monitor.own_request();
        ask(session, health).await
    };
    let latency = started.elapsed();
    let (mut busy, mut closed) = (false, false);
    let (outcome, error) = match answer {
        Ok(()) | Err(CallError::Rpc { .. } | CallError::Malformed { .. }) => (ProbeOutcome::Pass { latency }, None),
        // 429: it lives, and wants to be asked less.
        Err(error @ (CallError::Overloaded { .. } | CallError::Http { status: 429, .. })) => {
            (ProbeOutcome::Unknown, Some(error))
        }
        Err(error @ CallError::Closed) => {
            closed = true;
            (ProbeOutcome::Fail, Some(error))
        }
        Err(error) => {
            let alive = monitor.signs_of_life(session) != before;
            busy = !alive && monitor.is_busy(session);
            (if alive || busy { ProbeOutcome::Unknown } else { ProbeOutcome::Fail }, Some(error))
        }
    };
    Probed { outcome, error: error.map(|error| error.to_string()), closed, busy }
}

/// The question that the spec wants asked, inside the probe's time however many pages its answer has.
async fn ask(session: &dyn Session, health: &HealthSpec) -> Result<(), CallError> {
    let asked = async {
        match health.probe {
            ProbeKind::List => list_tools(session, CallLimits::within(health.timeout)).await.map(drop),
            // Every kind without a code of its own is a ping.
            _ => ping(session, health.timeout).await,
        }
    };
    match timeout(health.timeout, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(CallError::TimedOut { after: health.timeout, what: TimeoutKind::Total }),
    }
}
