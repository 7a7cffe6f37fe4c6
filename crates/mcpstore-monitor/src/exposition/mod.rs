//! The metrics page: a report as text that Prometheus and its relatives read.

mod encode;
mod name;
mod page;

use mcpstore_types::{AlertKind, AlertSeverity};

pub use encode::Format;
pub use name::{MetricName, MetricType};
pub use page::render;

/// What stands on the metrics page and is no measurement of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsExtra {
    /// The version of the program.
    pub version: String,
    /// How many tools of a service have series of their own; the rest share one. Default 50.
    pub max_tools: usize,
    /// How many alerts fire, by kind and severity; those without one are left out.
    pub alerts: Vec<(AlertKind, AlertSeverity, u64)>,
    /// What became of alerts, one entry per sink.
    pub deliveries: Vec<SinkCounts>,
    /// History reaches the disk, or none is kept.
    pub history_writable: bool,
    /// Entries that history had to let go.
    pub history_dropped_total: u64,
    /// Notices that readers missed because they were slow.
    pub notices_dropped_total: u64,
}

impl Default for MetricsExtra {
    fn default() -> Self {
        Self {
            version: String::new(),
            max_tools: Self::DEFAULT_MAX_TOOLS,
            alerts: Vec::new(),
            deliveries: Vec::new(),
            history_writable: true,
            history_dropped_total: 0,
            notices_dropped_total: 0,
        }
    }
}

impl MetricsExtra {
    /// How many tools of a service have series of their own by default.
    pub const DEFAULT_MAX_TOOLS: usize = 50;
}

/// What became of the alerts that went to one sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkCounts {
    /// Its name, unique among the sinks.
    pub sink: String,
    /// Alerts it took.
    pub sent_total: u64,
    /// Attempts it did not take.
    pub failed_total: u64,
    /// Alerts that were given up.
    pub dropped_total: u64,
}
