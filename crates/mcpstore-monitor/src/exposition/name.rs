//! The names of all metrics, with their types, units, labels and help.

/// A family of metrics. A closed set: the metrics page has these and no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // each says what it is by its help
pub enum MetricName {
    Build,
    ManagerUptime,
    ManagerCpu,
    ManagerResident,
    ManagerOpenFiles,
    ManagerThreads,
    HistoryWritable,
    HistoryDropped,
    NoticesDropped,
    AlertsFiring,
    AlertDeliveries,
    ServiceState,
    ServiceUp,
    ServiceReady,
    ServiceServing,
    ServiceHealth,
    ServiceRestarts,
    ServiceFailures,
    ServiceStart,
    ServiceStateSeconds,
    ServiceAvailability,
    ServiceProcesses,
    ServiceThreads,
    ServiceCpu,
    ServiceResident,
    ServiceOpenFiles,
    HealthChecks,
    HealthCheckSeconds,
    CircuitState,
    CircuitOpened,
    Calls,
    CallErrors,
    CallsInFlight,
    CallDuration,
    CallRequestBytes,
    CallResponseBytes,
    ToolCalls,
}

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricType {
    /// It goes up and down.
    Gauge,
    /// It goes up only, and starts at zero with the manager.
    Counter,
    /// Counts up to bounds, their sum, and how many there are.
    Histogram,
    /// Always 1; its labels are what it says.
    Info,
}

impl MetricType {
    /// Its word in the OpenMetrics text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// All there is to say of a metric.
struct About {
    family: &'static str,
    kind: MetricType,
    unit: Option<&'static str>,
    labels: &'static [&'static str],
    help: &'static str,
}

const NONE: &[&str] = &[];
const SERVICE: &[&str] = &["service"];

const fn gauge(family: &'static str, labels: &'static [&'static str], help: &'static str) -> About {
    About { family, kind: MetricType::Gauge, unit: None, labels, help }
}

const fn counter(family: &'static str, labels: &'static [&'static str], help: &'static str) -> About {
    About { family, kind: MetricType::Counter, unit: None, labels, help }
}

impl About {
    /// The same in this unit, which its name ends with.
    const fn in_unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }
}

impl MetricName {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 37] = [
        Self::Build,
        Self::ManagerUptime,
        Self::ManagerCpu,
        Self::ManagerResident,
        Self::ManagerOpenFiles,
        Self::ManagerThreads,
        Self::HistoryWritable,
        Self::HistoryDropped,
        Self::NoticesDropped,
        Self::AlertsFiring,
        Self::AlertDeliveries,
        Self::ServiceState,
        Self::ServiceUp,
        Self::ServiceReady,
        Self::ServiceServing,
        Self::ServiceHealth,
        Self::ServiceRestarts,
        Self::ServiceFailures,
        Self::ServiceStart,
        Self::ServiceStateSeconds,
        Self::ServiceAvailability,
        Self::ServiceProcesses,
        Self::ServiceThreads,
        Self::ServiceCpu,
        Self::ServiceResident,
        Self::ServiceOpenFiles,
        Self::HealthChecks,
        Self::HealthCheckSeconds,
        Self::CircuitState,
        Self::CircuitOpened,
        Self::Calls,
        Self::CallErrors,
        Self::CallsInFlight,
        Self::CallDuration,
        Self::CallRequestBytes,
        Self::CallResponseBytes,
        Self::ToolCalls,
    ];

    /// Everything about it, after the conventions (source: OpenMetrics 1.0, metric names and units).
    const fn about(self) -> About {
        match self {
            Self::Build => About {
                family: "mcpstore_build",
                kind: MetricType::Info,
                unit: None,
                labels: &["version"],
                help: "Which program this is.",
            },
            Self::ManagerUptime => {
                gauge("mcpstore_manager_uptime_seconds", NONE, "How long the manager has been running.")
                    .in_unit("seconds")
            }
            Self::ManagerCpu => counter("mcpstore_manager_cpu_seconds", NONE, "Processor time of the manager itself.")
                .in_unit("seconds"),
            Self::ManagerResident => {
                gauge("mcpstore_manager_resident_bytes", NONE, "Resident memory of the manager itself.")
                    .in_unit("bytes")
            }
            Self::ManagerOpenFiles => gauge("mcpstore_manager_open_files", NONE, "Open files of the manager itself."),
            Self::ManagerThreads => gauge("mcpstore_manager_threads", NONE, "Threads of the manager itself."),
            Self::HistoryWritable => {
                gauge("mcpstore_history_writable", NONE, "1 when what happens reaches the disk, or none of it is kept.")
            }
            Self::HistoryDropped => counter("mcpstore_history_dropped", NONE, "Entries that history had to let go."),
            Self::NoticesDropped => {
                counter("mcpstore_notices_dropped", NONE, "Notices that readers missed because they were slow.")
            }
            Self::AlertsFiring => {
                gauge("mcpstore_alerts_firing", &["alert", "severity"], "Alerts that fire, silenced ones included.")
            }
            Self::AlertDeliveries => counter(
                "mcpstore_alert_deliveries",
                &["sink", "outcome"],
                "What became of alerts at a sink: sent, failed (an attempt), dropped (given up).",
            ),
            Self::ServiceState => gauge(
                "mcpstore_service_state",
                &["service", "state"],
                "1 for the state a service is in, 0 for the others.",
            ),
            Self::ServiceUp => {
                gauge("mcpstore_service_up", SERVICE, "1 when it is reachable as a process or a connection.")
            }
            Self::ServiceReady => {
                gauge("mcpstore_service_ready", SERVICE, "1 when its handshake is done and its probes pass.")
            }
            Self::ServiceServing => gauge(
                "mcpstore_service_serving",
                SERVICE,
                "1 when the last real list or call of its life was answered.",
            ),
            Self::ServiceHealth => gauge(
                "mcpstore_service_health",
                &["service", "health"],
                "1 for the last verdict of its probes, 0 for the others.",
            ),
            Self::ServiceRestarts => {
                counter("mcpstore_service_restarts", SERVICE, "Restarts, automatic and commanded.")
            }
            Self::ServiceFailures => {
                gauge("mcpstore_service_failures", SERVICE, "Failures in a row since it was last stable.")
            }
            Self::ServiceStart => gauge(
                "mcpstore_service_start_seconds",
                SERVICE,
                "How long its last start took, from the spawn until it was running.",
            )
            .in_unit("seconds"),
            Self::ServiceStateSeconds => {
                counter("mcpstore_service_state_seconds", &["service", "state"], "Time spent in each state.")
                    .in_unit("seconds")
            }
            Self::ServiceAvailability => gauge(
                "mcpstore_service_availability_ratio",
                &["service", "window"],
                "Time running, of the time in which it should have been up.",
            )
            .in_unit("ratio"),
            Self::ServiceProcesses => gauge("mcpstore_service_processes", SERVICE, "Processes of its tree."),
            Self::ServiceThreads => gauge("mcpstore_service_threads", SERVICE, "Threads of its process tree."),
            Self::ServiceCpu => counter(
                "mcpstore_service_cpu_seconds",
                SERVICE,
                "Processor time of its process tree, over all its lives.",
            )
            .in_unit("seconds"),
            Self::ServiceResident => {
                gauge("mcpstore_service_resident_bytes", SERVICE, "Resident memory of its process tree.")
                    .in_unit("bytes")
            }
            Self::ServiceOpenFiles => gauge("mcpstore_service_open_files", SERVICE, "Open files of its process tree."),
            Self::HealthChecks => counter(
                "mcpstore_health_checks",
                &["service", "outcome"],
                "Health checks that gave an answer: healthy or failed.",
            ),
            Self::HealthCheckSeconds => gauge(
                "mcpstore_health_check_seconds",
                &["service", "stat"],
                "Times of answers to the last health checks: average, max, min.",
            )
            .in_unit("seconds"),
            Self::CircuitState => gauge(
                "mcpstore_circuit_state",
                &["service", "state"],
                "1 for the state of its circuit, 0 for the others.",
            ),
            Self::CircuitOpened => counter("mcpstore_circuit_opened", SERVICE, "How often its circuit opened."),
            Self::Calls => counter("mcpstore_calls", &["service", "outcome"], "Calls that ended: success or error."),
            Self::CallErrors => counter("mcpstore_call_errors", &["service", "kind"], "Calls that failed, by kind."),
            Self::CallsInFlight => gauge("mcpstore_calls_in_flight", SERVICE, "Calls under way."),
            Self::CallDuration => About {
                family: "mcpstore_call_duration_seconds",
                kind: MetricType::Histogram,
                unit: Some("seconds"),
                labels: SERVICE,
                help: "Times of successful calls; each bound is blurred by up to 1.6 %.",
            },
            Self::CallRequestBytes => {
                counter("mcpstore_call_request_bytes", SERVICE, "Bytes of arguments sent.").in_unit("bytes")
            }
            Self::CallResponseBytes => {
                counter("mcpstore_call_response_bytes", SERVICE, "Bytes of results received.").in_unit("bytes")
            }
            Self::ToolCalls => counter(
                "mcpstore_tool_calls",
                &["service", "tool", "outcome"],
                "Calls of a tool that ended: success or error. Tools past the bound share ` other`.",
            ),
        }
    }

    /// The name of the family: what `# TYPE` names in OpenMetrics.
    #[must_use]
    pub const fn family(self) -> &'static str {
        self.about().family
    }

    /// What kind of number it is.
    #[must_use]
    pub const fn kind(self) -> MetricType {
        self.about().kind
    }

    /// Its unit; none for a plain count.
    #[must_use]
    pub const fn unit(self) -> Option<&'static str> {
        self.about().unit
    }

    /// The labels of its series; a histogram has `le` on top.
    #[must_use]
    pub const fn labels(self) -> &'static [&'static str] {
        self.about().labels
    }

    /// What it says, in a sentence.
    #[must_use]
    pub const fn help(self) -> &'static str {
        self.about().help
    }

    /// The names of its samples: what a query asks for.
    #[must_use]
    pub fn samples(self) -> Vec<String> {
        let family = self.family();
        let suffixes: &[&str] = match self.kind() {
            MetricType::Gauge => &[""],
            MetricType::Counter => &["_total"],
            MetricType::Histogram => &["_bucket", "_sum", "_count"],
            MetricType::Info => &["_info"],
        };
        suffixes.iter().map(|suffix| format!("{family}{suffix}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_keep_the_conventions() {
        let mut names = BTreeSet::new();
        for (place, metric) in MetricName::ALL.into_iter().enumerate() {
            assert_eq!(metric as usize, place, "{metric:?} stands at its place");
            let family = metric.family();
            assert!(family.starts_with("mcpstore_"), "{family}");
            assert!(family.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{family}");
            for suffix in ["_total", "_info", "_count", "_sum", "_bucket", "_created"] {
                assert!(!family.ends_with(suffix), "{family} ends with a suffix of samples");
            }
            if let Some(unit) = metric.unit() {
                assert!(family.ends_with(&format!("_{unit}")), "{family} does not end with its unit");
            }
            assert!(metric.help().ends_with('.'), "{family}");
            for name in metric.samples() {
                assert!(names.insert(name.clone()), "{name} twice");
            }
        }
    }
}
