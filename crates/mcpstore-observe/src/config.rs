//! How an observer is set up.

use std::path::PathBuf;
use std::time::Duration;

use mcpstore_types::AlertsSpec;

/// How an observer is set up.
#[derive(Clone, Debug)]
pub struct ObserverConfig {
    /// When alerts fire, and who is told.
    pub alerts: AlertsSpec,
    /// The folder in which history is kept; `None`: nothing is kept, and nothing survives the manager. Default `None`.
    pub history: Option<PathBuf>,
    /// How much of it is kept, and how often it is brought to the disk.
    pub history_options: mcpstore_history::Options,
    /// How alerts are delivered. Its `on_receipt` is the observer's own and is replaced.
    pub delivery: mcpstore_alerts::Options,
    /// The name of the machine, as alerts tell it; default empty.
    pub host: String,
    /// The version of the program, as history and metrics tell it; default that of this crate.
    pub version: String,
    /// How often rates of calls are looked at; what services do is seen at once. Default 2 s.
    pub look_every: Duration,
    /// How often the numbers of each service go to history; default 5 min.
    pub sample_every: Duration,
}

impl Default for ObserverConfig {
    fn default() -> Self {
        Self {
            alerts: AlertsSpec::default(),
            history: None,
            history_options: mcpstore_history::Options::default(),
            delivery: mcpstore_alerts::Options::default(),
            host: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            look_every: Duration::from_secs(2),
            sample_every: Duration::from_secs(300),
        }
    }
}
