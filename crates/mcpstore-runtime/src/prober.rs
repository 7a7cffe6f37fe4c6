//! The probes of one life: first until one passes, then at an interval until its end.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_core::Report;
use mcpstore_monitor::{ProbeOutcome, ProbeVerdict};
use mcpstore_transport::{CallError, CallLimits, Session, list_tools, ping};
use mcpstore_types::{Clock, Health, HealthSpec, ProbeKind, ServiceSpec};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::detail::error_chain;
use crate::monitor::ServiceMonitor;
use crate::msg::{News, Reporter};

/// A storm of `list_changed` ends in refreshes no closer than this.
const REFRESH_PAUSE: Duration = Duration::from_millis(500);

/// What a prober works with.
pub(crate) struct Prober {
    pub(crate) session: Arc<dyn Session>,
    pub(crate) spec: Arc<ServiceSpec>,
    pub(crate) monitor: Arc<ServiceMonitor>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) reporter: Reporter,
}

/// What one probe found, and the words for it when it failed.
pub(crate) struct Probed {
    pub(crate) outcome: ProbeOutcome,
    pub(crate) error: Option<String>,
}

impl Prober {
    /// Probes until cancelled. Ends by itself only when the session is closed.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        cancel.run_until_cancelled(self.probe_for_ever()).await;
    }

    async fn probe_for_ever(self) {
        let health = self.spec.policy.health.clone();
        let mut changes = self.session.changes();
        let mut verdict = ProbeVerdict::new(&health);
        let mut up = false;
        let mut listed = false;
        loop {
            let probed = self.probe_once().await;
            let before = verdict.health();
            let change = verdict.observe(probed.outcome);
            if !up && matches!(change.health, Health::Healthy) {
                changes.mark_unchanged();
                listed = self.refresh_tools().await;
                up = true;
                self.tell(change.health, Some(Report::ProbeUp), None).await;
            } else if change.changed {
                let consequence = if up { consequence(before, change.health) } else { None };
                self.tell(change.health, consequence, probed.error).await;
            }
            let pause = if up { verdict.next_probe_in(&health) } else { health.startup };
            listed = self.wait_or_refresh(pause, &mut changes, listed || !up).await;
        }
    }

    /// One probe, measured. One that could not decide leaves no sample.
    pub(crate) async fn probe_once(&self) -> Probed {
        let started = Instant::now();
        let probed = probe(self.session.as_ref(), &self.spec.policy.health).await;
        match probed.outcome {
            ProbeOutcome::Pass { latency } => self.monitor.note_check(self.clock.now(), true, Some(latency)),
            ProbeOutcome::Fail => self.monitor.note_check(self.clock.now(), false, None),
            ProbeOutcome::Unknown => {
                tracing::debug!(service = %self.spec.name, took = ?started.elapsed(), "probe could not decide");
            }
        }
        probed
    }

    /// Sleeps for `pause`; lists the tools again when the server says they changed, or the last list failed.
    async fn wait_or_refresh(&self, pause: Duration, changes: &mut watch::Receiver<u64>, listed: bool) -> bool {
        let until = Instant::now() + pause;
        let mut listed = listed;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            match timeout(left, changes.changed()).await {
                Ok(Ok(())) => {
                    listed = self.refresh_tools().await;
                    sleep(REFRESH_PAUSE).await;
                }
                // The session is gone: nothing changes any more, and its end is reported elsewhere.
                Ok(Err(_)) => sleep(left).await,
                Err(_) => break,
            }
        }
        if listed { true } else { self.refresh_tools().await }
    }

    async fn refresh_tools(&self) -> bool {
        if !self.session.server().has_tools {
            self.reporter.send(News::Tools(Ok(Default::default()))).await;
            return true;
        }
        let limits = CallLimits::for_list(&self.spec.policy.timeouts);
        let tools = list_tools(self.session.as_ref(), limits).await.map_err(|error| error_chain(&error));
        let listed = tools.is_ok();
        self.reporter.send(News::Tools(tools)).await;
        listed
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
        (Health::Degraded | Health::Unhealthy, Health::Healthy) => Some(Report::ProbeUp),
        (Health::Unknown | Health::Healthy, Health::Healthy) | (_, Health::Unknown) => None,
    }
}

/// Asks the server once. An answer of any kind shows that it lives; so do bytes that came meanwhile, and a call that is
/// still inside its own deadline keeps it busy: then the probe says nothing.
pub(crate) async fn probe(session: &dyn Session, health: &HealthSpec) -> Probed {
    let bytes_before = session.counters().bytes;
    let busy = session.in_flight() > 0;
    let started = Instant::now();
    let answer = match health.probe {
        ProbeKind::List => list_tools(session, CallLimits::within(health.timeout)).await.map(drop),
        // Every kind without a code of its own is a ping.
        _ => ping(session, health.timeout).await,
    };
    let latency = started.elapsed();
    match answer {
        Ok(()) | Err(CallError::Rpc { .. } | CallError::Malformed { .. }) => {
            Probed { outcome: ProbeOutcome::Pass { latency }, error: None }
        }
        Err(error @ CallError::Overloaded { .. }) => {
            Probed { outcome: ProbeOutcome::Unknown, error: Some(error.to_string()) }
        }
        Err(error) => {
            let alive = busy || session.counters().bytes > bytes_before;
            let undecided = alive && !matches!(error, CallError::Closed);
            let outcome = if undecided { ProbeOutcome::Unknown } else { ProbeOutcome::Fail };
            Probed { outcome, error: Some(error.to_string()) }
        }
    }
}
