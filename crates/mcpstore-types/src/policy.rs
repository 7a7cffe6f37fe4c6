//! What may be tuned per service: restarts, deadlines, health checks. The defaults are the product's.

use std::time::Duration;

/// All policies of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// When and how often it is restarted.
    pub restart: RestartPolicy,
    /// How long each step may take.
    pub timeouts: Timeouts,
    /// How its health is checked.
    pub health: HealthSpec,
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
    /// What is asked; default [`ProbeKind::Auto`].
    pub probe: ProbeKind,
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
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(3),
            rise: 2,
            fall: 3,
            startup: Duration::from_millis(250),
        }
    }
}

/// What a probe asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProbeKind {
    /// What the protocol era has for it: `ping` up to 2025-11-25 (spec: MCP 2025-11-25, ping).
    #[default]
    Auto,
    /// `ping`.
    Ping,
    /// `tools/list`.
    List,
}
