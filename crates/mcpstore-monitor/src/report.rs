//! Everything measured of the services, as one plain value: what `metrics`, `top` and the metrics page are made from.

use std::collections::BTreeMap;

use mcpstore_types::{Health, Phase, ServiceName, ServiceState};
use serde::{Deserialize, Serialize};

/// The measurements of all services as of one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricsReport {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// How long the manager has been running.
    pub manager_uptime_seconds: f64,
    /// The manager's own process.
    pub manager: Option<ProcessReport>,
    /// One entry per service, in order of registration.
    pub services: Vec<ServiceReport>,
}

/// The measurements of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceReport {
    /// Whose.
    pub service: ServiceName,
    /// Its state now.
    pub state: ServiceState,
    /// Its phase now.
    pub phase: Phase,
    /// The last verdict of its probes.
    pub health: Health,
    /// It is reachable as a process or a connection.
    pub alive: bool,
    /// Its handshake is done and its probes pass.
    pub ready: bool,
    /// The last real list or call of its life was answered.
    pub serving: bool,
    /// Which life this is; 0 before the first.
    pub incarnation: u64,
    /// Restarts since it was registered, automatic and commanded ones.
    pub restarts_total: u64,
    /// Failures in a row since it was last stable.
    pub failures: u32,
    /// Since when it is in this state.
    pub in_state_seconds: f64,
    /// How long its last start took, from the spawn until it was running; none before the first.
    pub start_seconds: Option<f64>,
    /// Calls to it, through this manager.
    pub calls: CallReport,
    /// The same per tool, by name. Bounded: the tools past the bound share the entry [`ServiceReport::OTHER_TOOLS`].
    pub tools: BTreeMap<String, CallReport>,
    /// Its health checks that are still held.
    pub checks: CheckReport,
    /// The share of time in which it was running, of the time in which it should have been, over several windows.
    pub availability: Vec<Availability>,
    /// Seconds spent in each state since it was registered.
    pub state_seconds: BTreeMap<ServiceState, f64>,
    /// Its whole process tree, when it has one and was measured.
    pub process: Option<ProcessReport>,
    /// The circuit to it.
    pub circuit: CircuitReport,
    /// Calls that ended in each 10 s, oldest first, at most 60 entries; the last is the one that is not over yet.
    pub recent_calls: Vec<u32>,
}

impl ServiceReport {
    /// Under which name the tools past the bound are counted together. No MCP tool has a name with a blank in front.
    pub const OTHER_TOOLS: &'static str = " other";
}

/// Calls to a service or to one of its tools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallReport {
    /// All calls that ended.
    pub calls_total: u64,
    /// Those of them that failed.
    pub errors_total: u64,
    /// The failed ones by kind (the words of this crate's kinds of errors); kinds without one are left out.
    pub errors: BTreeMap<String, u64>,
    /// Calls under way now.
    pub in_flight: u64,
    /// Bytes of arguments sent.
    pub request_bytes_total: u64,
    /// Bytes of results received.
    pub response_bytes_total: u64,
    /// Sum of the times of all successful calls.
    pub duration_seconds_sum: f64,
    /// How many successful calls took no longer than each of [`crate::DURATION_BOUNDS_SECONDS`], and last how many there
    /// are; empty without one.
    #[serde(default)]
    pub duration_buckets: Vec<u64>,
    /// Times of successful calls, since the service was registered; none without one.
    pub latency: Option<LatencyReport>,
    /// How many calls ended in the last 50 to 60 s (slots of 10 s); 0 for a single tool, of which it is not kept.
    pub last_minute: u64,
}

/// How long successful calls took, in milliseconds; each within 2 % of exact, `max` exact to the microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // each is the percentile of that name
pub struct LatencyReport {
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    pub mean_ms: f64,
}

/// Health checks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// All checks since the service was registered.
    pub total: u64,
    /// Those of them that passed.
    pub healthy: u64,
    /// Over those still held: the mean, longest and shortest time of an answer, in milliseconds.
    pub average_ms: Option<f64>,
    /// The longest.
    pub max_ms: Option<f64>,
    /// The shortest.
    pub min_ms: Option<f64>,
}

/// How much of a window a service was up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Availability {
    /// The length of the window: 300, 3,600 or 86,400.
    pub window_seconds: u64,
    /// Time running, of the time in which it should have been up; none when it never should.
    pub ratio: Option<f64>,
    /// For how much of the window it should have been up.
    pub wanted_seconds: f64,
}

/// A process tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessReport {
    /// Processes in it, its root included.
    pub processes: u32,
    /// Processor time since the last sample, in percent of one core.
    pub cpu_percent: f64,
    /// Processor time of all lives, user and system.
    pub cpu_seconds_total: f64,
    /// Resident memory, the sum over the tree. What its processes share counts more than once.
    pub resident_bytes: u64,
    /// Open files.
    pub open_files: u64,
    /// Threads.
    pub threads: u32,
}

/// The circuit to a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CircuitReport {
    /// Whether calls pass.
    pub state: CircuitState,
    /// How often it opened since the service was registered.
    pub opened_total: u64,
    /// When it is tried again, counted from now; none unless it is open.
    pub retry_in_seconds: Option<f64>,
}

/// Whether calls pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CircuitState {
    /// They do.
    #[default]
    Closed,
    /// They fail at once.
    Open,
    /// One trial is under way or may be made; the others fail at once.
    HalfOpen,
}

impl CircuitState {
    /// Its word in JSON and metrics, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}
