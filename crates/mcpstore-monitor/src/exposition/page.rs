//! Which samples stand on the metrics page.

use mcpstore_types::{Health, ServiceState};

use super::encode::{Encoder, Format, Label};
use super::{MetricName, MetricsExtra};
use crate::{
    CallReport, CircuitState, DURATION_BOUNDS_SECONDS, ErrorKind, MetricsReport, ProcessReport, ServiceReport,
};

/// The metrics page in this format.
///
/// Every family stands on it, with or without samples. The number of series is bounded: about 80 per service and, of its
/// tools, two for each of the first `extra.max_tools` by name and for the rest together. (By name and not by use, so that no
/// counter ever goes back.)
#[must_use]
pub fn render(report: &MetricsReport, extra: &MetricsExtra, format: Format) -> String {
    let mut page = Encoder::new(format);
    for metric in MetricName::ALL {
        page.family(metric);
        if !manager(&mut page, metric, report, extra) {
            for service in &report.services {
                of_service(&mut page, metric, service, extra);
            }
        }
    }
    page.finish()
}

/// Writes a metric of the manager; false when it is one of services.
fn manager(page: &mut Encoder, metric: MetricName, report: &MetricsReport, extra: &MetricsExtra) -> bool {
    let own = report.manager.as_ref();
    match metric {
        MetricName::Build => page.sample(metric, &[("version", extra.version.as_str())], 1_u64),
        MetricName::ManagerUptime => page.sample(metric, &[], report.manager_uptime_seconds),
        MetricName::HistoryWritable => page.sample(metric, &[], u64::from(extra.history_writable)),
        MetricName::HistoryDropped => page.sample(metric, &[], extra.history_dropped_total),
        MetricName::NoticesDropped => page.sample(metric, &[], extra.notices_dropped_total),
        MetricName::ManagerCpu
        | MetricName::ManagerResident
        | MetricName::ManagerOpenFiles
        | MetricName::ManagerThreads => {
            if let Some(own) = own {
                process(page, metric, &[], own);
            }
        }
        MetricName::AlertsFiring => {
            for (kind, severity, count) in &extra.alerts {
                page.sample(metric, &[("alert", kind.as_str()), ("severity", severity.as_str())], *count);
            }
        }
        MetricName::AlertDeliveries => {
            for sink in &extra.deliveries {
                let name = ("sink", sink.sink.as_str());
                page.sample(metric, &[name, ("outcome", "sent")], sink.sent_total);
                page.sample(metric, &[name, ("outcome", "failed")], sink.failed_total);
                page.sample(metric, &[name, ("outcome", "dropped")], sink.dropped_total);
            }
        }
        _ => return false,
    }
    true
}

fn process(page: &mut Encoder, metric: MetricName, labels: &[Label<'_>], process: &ProcessReport) {
    match metric {
        MetricName::ManagerCpu | MetricName::ServiceCpu => page.sample(metric, labels, process.cpu_seconds_total),
        MetricName::ManagerResident | MetricName::ServiceResident => {
            page.sample(metric, labels, process.resident_bytes)
        }
        MetricName::ManagerOpenFiles | MetricName::ServiceOpenFiles => page.sample(metric, labels, process.open_files),
        MetricName::ManagerThreads | MetricName::ServiceThreads => page.sample(metric, labels, process.threads),
        MetricName::ServiceProcesses => page.sample(metric, labels, process.processes),
        _ => {}
    }
}

fn of_service(page: &mut Encoder, metric: MetricName, of: &ServiceReport, extra: &MetricsExtra) {
    let service = ("service", of.service.as_str());
    match metric {
        MetricName::ServiceState => {
            for state in ServiceState::ALL {
                page.sample(metric, &[service, ("state", state.as_str())], state == of.state);
            }
        }
        MetricName::ServiceUp => page.sample(metric, &[service], of.alive),
        MetricName::ServiceReady => page.sample(metric, &[service], of.ready),
        MetricName::ServiceServing => page.sample(metric, &[service], of.serving),
        MetricName::ServiceHealth => {
            for health in [Health::Unknown, Health::Healthy, Health::Degraded, Health::Unhealthy] {
                page.sample(metric, &[service, ("health", health.as_str())], health == of.health);
            }
        }
        MetricName::ServiceRestarts => page.sample(metric, &[service], of.restarts_total),
        MetricName::ServiceFailures => page.sample(metric, &[service], of.failures),
        MetricName::ServiceStart => {
            if let Some(seconds) = of.start_seconds {
                page.sample(metric, &[service], seconds);
            }
        }
        MetricName::ServiceStateSeconds => {
            for (state, &seconds) in &of.state_seconds {
                page.sample(metric, &[service, ("state", state.as_str())], seconds);
            }
        }
        MetricName::ServiceAvailability => {
            for window in &of.availability {
                if let Some(ratio) = window.ratio {
                    page.sample(metric, &[service, ("window", &span(window.window_seconds))], ratio);
                }
            }
        }
        MetricName::HealthChecks => {
            page.sample(metric, &[service, ("outcome", "healthy")], of.checks.healthy);
            let failed = of.checks.total.saturating_sub(of.checks.healthy);
            page.sample(metric, &[service, ("outcome", "failed")], failed);
        }
        MetricName::HealthCheckSeconds => {
            let stats = [("average", of.checks.average_ms), ("max", of.checks.max_ms), ("min", of.checks.min_ms)];
            for (stat, ms) in stats {
                if let Some(ms) = ms {
                    page.sample(metric, &[service, ("stat", stat)], ms / 1e3);
                }
            }
        }
        MetricName::CircuitState => {
            for state in [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen] {
                page.sample(metric, &[service, ("state", state.as_str())], state == of.circuit.state);
            }
        }
        MetricName::CircuitOpened => page.sample(metric, &[service], of.circuit.opened_total),
        MetricName::ToolCalls => tools(page, metric, of, extra.max_tools),
        _ => {
            calls(page, metric, service, &of.calls);
            if let Some(tree) = &of.process {
                process(page, metric, &[service], tree);
            }
        }
    }
}

fn calls(page: &mut Encoder, metric: MetricName, service: Label<'_>, of: &CallReport) {
    match metric {
        MetricName::Calls => outcomes(page, metric, &[service], of.calls_total, of.errors_total),
        MetricName::CallErrors => {
            // Every kind, those that never happened too: a rate needs a zero to start from.
            for kind in ErrorKind::ALL {
                let count = of.errors.get(kind.as_str()).copied().unwrap_or(0);
                page.sample(metric, &[service, ("kind", kind.as_str())], count);
            }
        }
        MetricName::CallsInFlight => page.sample(metric, &[service], of.in_flight),
        MetricName::CallDuration => {
            let none = [0; DURATION_BOUNDS_SECONDS.len() + 1];
            let counts = if of.duration_buckets.len() == none.len() { &of.duration_buckets[..] } else { &none };
            page.histogram(metric, &[service], &DURATION_BOUNDS_SECONDS, counts, of.duration_seconds_sum);
        }
        MetricName::CallRequestBytes => page.sample(metric, &[service], of.request_bytes_total),
        MetricName::CallResponseBytes => page.sample(metric, &[service], of.response_bytes_total),
        _ => {}
    }
}

fn tools(page: &mut Encoder, metric: MetricName, of: &ServiceReport, most: usize) {
    let service = ("service", of.service.as_str());
    let named = of.tools.iter().filter(|(name, _)| name.as_str() != ServiceReport::OTHER_TOOLS);
    for (name, tool) in named.clone().take(most) {
        outcomes(page, metric, &[service, ("tool", name)], tool.calls_total, tool.errors_total);
    }
    let rest = named.skip(most).map(|(_, tool)| tool).chain(of.tools.get(ServiceReport::OTHER_TOOLS));
    let mut any = false;
    let sum = rest.fold((0, 0), |(calls, errors), tool| {
        any = true;
        (calls + tool.calls_total, errors + tool.errors_total)
    });
    if any {
        outcomes(page, metric, &[service, ("tool", ServiceReport::OTHER_TOOLS)], sum.0, sum.1);
    }
}

/// The calls that succeeded and those that failed.
fn outcomes(page: &mut Encoder, metric: MetricName, labels: &[Label<'_>], total: u64, errors: u64) {
    let ok = total.saturating_sub(errors);
    page.sample(metric, &[labels, &[("outcome", "success")]].concat(), ok);
    page.sample(metric, &[labels, &[("outcome", "error")]].concat(), errors);
}

/// A window as a label has it: `5m`, `1h`, `24h`.
fn span(seconds: u64) -> String {
    match seconds {
        s if s > 0 && s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s > 0 && s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}
