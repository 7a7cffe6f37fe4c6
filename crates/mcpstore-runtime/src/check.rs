//! Health checks on demand.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_monitor::ProbeOutcome;
use mcpstore_types::{ServiceName, ServiceState};

use crate::probe::{Asker, is_over_http};
use crate::snapshot::ServiceInfo;
use crate::supervisor::Supervisor;

/// What one health check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthReport {
    /// Of which service.
    pub name: ServiceName,
    /// It is running and answered.
    pub healthy: bool,
    /// Its state.
    pub state: ServiceState,
    /// How long its answer took; `None` without an answer.
    pub response_time: Option<Duration>,
    /// Why it is not healthy, in one line.
    pub error: Option<String>,
}

impl Supervisor {
    /// Probes every running service now, all at once, and reports on all services in order of registration. Takes at most
    /// twice the longest probe timeout. Each probe is a sample of the service's metrics.
    pub async fn check_services(&self) -> Vec<HealthReport> {
        let infos = self.snapshot().services().to_vec();
        let checks: Vec<_> = infos
            .into_iter()
            .map(|info| {
                let supervisor = self.clone();
                tokio::spawn(async move { supervisor.check_one(&info).await })
            })
            .collect();
        let mut reports = Vec::with_capacity(checks.len());
        for check in checks {
            if let Ok(report) = check.await {
                reports.push(report);
            }
        }
        reports
    }

    /// Probes one service now; `None`: there is no such service.
    pub async fn check_service(&self, name: &str) -> Option<HealthReport> {
        let info: Arc<ServiceInfo> = self.info(name)?;
        Some(self.check_one(&info).await)
    }

    async fn check_one(&self, info: &ServiceInfo) -> HealthReport {
        let state = info.status.state;
        let report = |healthy, response_time, error| HealthReport {
            name: info.name().clone(),
            healthy,
            state,
            response_time,
            error,
        };
        let Some(session) = &info.session else {
            return report(false, None, Some(format!("it is {state}: {}", info.why())));
        };
        let asker = Asker {
            service: info.name(),
            session: session.as_ref(),
            monitor: &info.monitor,
            outside: self.shared.outside.as_ref(),
            over_http: is_over_http(&info.spec.transport),
        };
        let health = &info.spec.policy.health;
        let probed = asker.probe(&health.probe, health.timeout).await;
        match probed.outcome {
            ProbeOutcome::Pass { latency } => {
                info.monitor.note_check(self.now(), true, Some(latency));
                let Some(readiness) = &health.readiness else { return report(true, Some(latency), None) };
                let ready = asker.probe(readiness, health.timeout).await;
                let words = ready.error.map(|error| format!("it lives, and is not ready: {error}"));
                report(!matches!(ready.outcome, ProbeOutcome::Fail), Some(latency), words)
            }
            ProbeOutcome::Fail => {
                info.monitor.note_check(self.now(), false, None);
                report(false, None, probed.error)
            }
            // Busy, yet alive; or it could not be asked: not a failure, and no sample either.
            ProbeOutcome::Unknown => report(true, None, probed.error),
        }
    }
}
