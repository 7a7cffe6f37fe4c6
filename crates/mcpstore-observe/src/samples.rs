//! The numbers of services that go to history now and then.

use std::collections::BTreeMap;

use mcpstore_history::SampleRecord;
use mcpstore_monitor::ServiceReport;
use mcpstore_types::{ServiceName, ServiceState};

/// What was counted when the last sample was taken, per service.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    before: BTreeMap<ServiceName, Totals>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Totals {
    calls: u64,
    errors: u64,
    checks: u64,
    healthy: u64,
}

impl Samples {
    /// What happened since the sample before; `None` for a service that is down and was not called.
    pub(crate) fn take(&mut self, report: &ServiceReport) -> Option<SampleRecord> {
        let totals = Totals {
            calls: report.calls.calls_total,
            errors: report.calls.errors_total,
            checks: report.checks.total,
            healthy: report.checks.healthy,
        };
        let before = self.before.insert(report.service.clone(), totals).unwrap_or_default();
        let down = matches!(report.state, ServiceState::NotStarted | ServiceState::Stopped);
        if down && totals == before {
            return None;
        }
        let latency = report.calls.latency.filter(|_| totals.calls > before.calls);
        let process = report.process.as_ref();
        Some(SampleRecord {
            service: report.service.to_string(),
            state: report.state.as_str().to_owned(),
            calls: totals.calls.saturating_sub(before.calls),
            errors: totals.errors.saturating_sub(before.errors),
            p50_ms: latency.map(|latency| latency.p50_ms),
            p95_ms: latency.map(|latency| latency.p95_ms),
            max_ms: latency.map(|latency| latency.max_ms),
            checks: totals.checks.saturating_sub(before.checks),
            healthy: totals.healthy.saturating_sub(before.healthy),
            cpu_seconds: process.map(|process| process.cpu_seconds_total),
            resident_bytes: process.map(|process| process.resident_bytes),
            open_files: process.map(|process| process.open_files),
            processes: process.map(|process| process.processes),
        })
    }

    /// Forgets services that are gone.
    pub(crate) fn keep_only(&mut self, known: impl Fn(&ServiceName) -> bool) {
        self.before.retain(|name, _| known(name));
    }
}
