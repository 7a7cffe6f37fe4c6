//! Everything measured, as one value.

use std::time::SystemTime;

use mcpstore_monitor::{CheckReport, MetricsReport, ServiceReport};
use mcpstore_types::{PhaseName, Timestamp};

use crate::snapshot::ServiceInfo;
use crate::supervisor::Supervisor;

impl Supervisor {
    /// Everything that is measured of all services, as of now. Waits for nobody; a few microseconds a service.
    #[must_use]
    pub fn metrics_report(&self) -> MetricsReport {
        let now = self.now();
        let at = self.wall_time(now).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        MetricsReport {
            at_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            manager_uptime_seconds: now.since_start().as_secs_f64(),
            manager: None,
            services: self.snapshot().services().iter().map(|info| info.report(now)).collect(),
        }
    }
}

impl ServiceInfo {
    /// Everything that is measured of this service; its state is the one of this moment's snapshot.
    #[must_use]
    pub fn report(&self, now: Timestamp) -> ServiceReport {
        let (status, monitor) = (&self.status, &self.monitor);
        let (total, healthy) = monitor.checks_total();
        let held = monitor.metrics(now, None);
        let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
        let (in_state, start, availability, state_seconds) = monitor.clock(|clock| {
            let totals = clock.totals(now).into_iter().map(|(state, time)| (state, time.as_secs_f64())).collect();
            (clock.in_state(now), clock.last_start(), clock.availabilities(now), totals)
        });
        ServiceReport {
            service: self.name().clone(),
            state: status.state,
            phase: status.phase,
            health: status.health,
            alive: self.is_alive(),
            ready: self.is_ready(),
            serving: self.is_serving(),
            incarnation: status.incarnation.0,
            restarts_total: status.restarts,
            failures: status.failures,
            in_state_seconds: in_state.as_secs_f64(),
            start_seconds: start.map(|time| time.as_secs_f64()),
            calls: monitor.meter.report(now),
            tools: monitor.meter.tool_reports(),
            checks: CheckReport {
                total,
                healthy,
                average_ms: held.average_response_time.map(ms),
                max_ms: held.max_response_time.map(ms),
                min_ms: held.min_response_time.map(ms),
            },
            availability,
            state_seconds,
            process: self.process(),
            circuit: monitor.circuit(now),
            recent_calls: monitor.meter.recent_calls(now),
        }
    }

    /// Its process or connection is there.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.status.phase.is_live() && !matches!(self.status.phase.name(), PhaseName::Spawn | PhaseName::Abort)
    }

    /// Its handshake is done and its probes pass.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.status.phase.name(), PhaseName::Ready)
    }

    /// It takes calls, and the last real list or call of this life was answered. A probe alone does not make it so.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.session.is_some() && self.monitor.is_serving()
    }

    /// Calls to it under way, through this supervisor.
    #[must_use]
    pub fn calls_in_flight(&self) -> u64 {
        self.monitor.meter.all().in_flight()
    }

    /// How often it was restarted after a failure in the last stretch `over`.
    #[must_use]
    pub fn restarts_within(&self, now: Timestamp, over: std::time::Duration) -> u32 {
        self.monitor.clock(|clock| clock.restarts_within(now, over))
    }

    /// How long ago each restart was that is held, oldest first.
    #[must_use]
    pub fn restart_ages(&self, now: Timestamp) -> Vec<std::time::Duration> {
        self.monitor.clock(|clock| clock.restart_ages(now))
    }

    /// Since when it is on its way up, without the wait for others.
    #[must_use]
    pub fn starting_since(&self) -> Option<Timestamp> {
        self.monitor.clock(|clock| clock.starting_since())
    }

    /// How its calls did over the last stretch `over`, at most ten minutes.
    #[must_use]
    pub fn call_window(&self, now: Timestamp, over: std::time::Duration) -> mcpstore_monitor::WindowStats {
        self.monitor.meter.window(now, over)
    }

    /// Gives it the times that an earlier manager's history knows of; to be called before it is started.
    pub fn restore_times(
        &self,
        now: Timestamp,
        past: &[mcpstore_monitor::PastSpan],
        restarts_before: &[std::time::Duration],
    ) {
        self.monitor.clock(|clock| clock.restore(now, past, restarts_before));
    }
}
