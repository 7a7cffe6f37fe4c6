//! What may be tuned per service: restarts, deadlines, health checks. The defaults are the product's.

use std::time::Duration;

use crate::ProbeKind;

/// All policies of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// When and how often it is restarted.
    pub restart: RestartPolicy,
    /// How long each step may take.
    pub timeouts: Timeouts,
    /// How its health is checked.
    pub health: HealthSpec,
    /// When calls to it fail at once instead of being tried; `None`: never. Default: [`BreakerPolicy::default`].
    pub breaker: Option<BreakerPolicy>,
    /// When a running life is replaced by a fresh one.
    pub recycle: RecyclePolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            restart: RestartPolicy::default(),
            timeouts: Timeouts::default(),
            health: HealthSpec::default(),
            breaker: Some(BreakerPolicy::default()),
            recycle: RecyclePolicy::default(),
        }
    }
}

/// After which ends a service is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RestartMode {
    /// After a failure; a clean exit leaves it stopped (completed).
    #[default]
    OnFailure,
    /// After every end that no one asked for, a clean exit too.
    Always,
    /// Never.
    Never,
}

impl RestartMode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::OnFailure, Self::Always, Self::Never];

    /// The word used in configs, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnFailure => "on_failure",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

/// When, how fast and how often a service is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// After which ends; default `on_failure`.
    pub mode: RestartMode,
    /// Automatic restarts in a row, without a stable life between; the failure after the last gives up. At least 1,
    /// default 5.
    pub max_attempts: u32,
    /// The window of [`RestartPolicy::max_in_window`]; default 10 min.
    pub window: Duration,
    /// Restarts allowed inside the window; the next one gives up instead. Default 10.
    pub max_in_window: u32,
    /// The wait between two attempts.
    pub backoff: Backoff,
    /// Time in phase `Ready` after which the failures are forgotten; default 60 s.
    pub stable_after: Duration,
    /// After giving up, one more attempt at this interval; default none.
    pub slow_retry: Option<Duration>,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            mode: RestartMode::OnFailure,
            max_attempts: 5,
            window: Duration::from_secs(600),
            max_in_window: 10,
            backoff: Backoff::default(),
            stable_after: Duration::from_secs(60),
            slow_retry: None,
        }
    }
}

impl RestartPolicy {
    /// The seed's recovery (config: `recovery: "seed"`): fixed 5 s, 3 attempts.
    #[must_use]
    pub fn seed() -> Self {
        let five = Duration::from_secs(5);
        Self {
            max_attempts: 3,
            backoff: Backoff { delay: five, max_delay: five, jitter_percent: 0 },
            ..Self::default()
        }
    }
}

/// The wait before attempt n: `min(max_delay, delay · 2^(n-1))`, times a factor drawn from `1 ± jitter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait before the first new attempt; default 1 s.
    pub delay: Duration,
    /// The longest wait, before jitter; default 60 s. Equal to `delay`: a fixed wait.
    pub max_delay: Duration,
    /// Half-width of the jitter in percent, 0 to 100; default 20.
    pub jitter_percent: u8,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { delay: Duration::from_secs(1), max_delay: Duration::from_secs(60), jitter_percent: 20 }
    }
}

/// How long each step may take. With the defaults a service is down 17 s after a stop at the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Waiting for dependencies and a start slot; default 10 min.
    pub wait: Duration,
    /// From the spawn to a passed start-up check; default 60 s.
    pub start: Duration,
    /// The MCP handshake, inside `start`; default 30 s.
    pub handshake: Duration,
    /// One list request (tools, …); default 10 s.
    pub list: Duration,
    /// A call without a byte from the server; progress starts it anew. Default 60 s.
    pub call: Duration,
    /// A call in all; default 10 min.
    pub call_total: Duration,
    /// Stop: calls in flight may end; default 5 s.
    pub drain: Duration,
    /// Stop: the time from closing its input to a signal; default 3 s.
    pub close: Duration,
    /// Stop: the time from the signal to a kill; default 5 s.
    pub term: Duration,
    /// Stop: the time from a kill to the end of the main process; default 2 s.
    pub kill: Duration,
    /// Stop and crash: the time for the rest of the group to go; default 2 s.
    pub reap: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(600),
            start: Duration::from_secs(60),
            handshake: Duration::from_secs(30),
            list: Duration::from_secs(10),
            call: Duration::from_secs(60),
            call_total: Duration::from_secs(600),
            drain: Duration::from_secs(5),
            close: Duration::from_secs(3),
            term: Duration::from_secs(5),
            kill: Duration::from_secs(2),
            reap: Duration::from_secs(2),
        }
    }
}

/// How a service's health is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthSpec {
    /// What is asked; default [`ProbeKind::Auto`]. It serves start-up, readiness and liveness: failing at first it makes the
    /// service degraded, `fall` times in a row it has it replaced.
    pub probe: ProbeKind,
    /// What is asked too, for readiness alone. It belongs to the start-up check; once the service ran, failing it makes it degraded
    /// and never has it replaced. Default none.
    pub readiness: Option<ProbeKind>,
    /// Between two probes of a running service; default 10 s. While its verdict is in doubt: 1 s, or this when shorter.
    pub interval: Duration,
    /// For one probe; default 3 s.
    pub timeout: Duration,
    /// Passes in a row that make a failing service healthy again; default 2. (The first pass of a life counts alone.)
    pub rise: u32,
    /// Failures in a row that make a healthy service failing; default 3.
    pub fall: u32,
    /// Between two start-up probes; default 250 ms.
    pub startup: Duration,
}

impl Default for HealthSpec {
    fn default() -> Self {
        Self {
            probe: ProbeKind::Auto,
            readiness: None,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(3),
            rise: 2,
            fall: 3,
            startup: Duration::from_millis(250),
        }
    }
}

/// When the circuit to a service opens: calls fail at once then, and one trial call decides when it closes.
///
/// Only transport failures count (no answer in time, a connection that broke): an RPC error and a slow success are answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Transport failures in a row that open it; at least 1, default 5.
    pub failures: u32,
    /// The last so many calls that `failure_percent` looks at; at least 1, default 20. Says nothing before there are so many.
    pub window: u32,
    /// Percent of the last `window` calls that failed and open it; 1 to 100, default 50.
    pub failure_percent: u8,
    /// How long it stays open at first; doubles each time a trial fails. Default 5 s.
    pub open_for: Duration,
    /// The longest it stays open between two trials; default 60 s.
    pub max_open_for: Duration,
    /// How long the one trial call may take before it counts as failed; default 10 s.
    pub trial_timeout: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures: 5,
            window: 20,
            failure_percent: 50,
            open_for: Duration::from_secs(5),
            max_open_for: Duration::from_secs(60),
            trial_timeout: Duration::from_secs(10),
        }
    }
}

/// When a running life is replaced by a fresh one: between calls, without a charge against the restart budget, and never
/// against a stop. Default: never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecyclePolicy {
    /// Resident memory of its whole process tree, in bytes, at or above which it is replaced. Measured every few seconds.
    pub max_memory: Option<u64>,
    /// Time in phase `Ready` or `Degraded` after which it is replaced.
    pub max_age: Option<Duration>,
}
