//! What stands beside a service's state.

use std::fmt;

use crate::{Incarnation, Phase, Reason, ServiceName, ServiceState, Timestamp};

/// A service's state and everything that stands beside it, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Status {
    /// Whose.
    pub name: ServiceName,
    /// One of the seven.
    pub state: ServiceState,
    /// The phase inside the state.
    pub phase: Phase,
    /// What brought it into this phase.
    pub reason: Reason,
    /// What it shall be.
    pub desired: Desired,
    /// The last verdict of its probes.
    pub health: Health,
    /// Which life this is; 0 before the first.
    pub incarnation: Incarnation,
    /// Failures in a row since it was last stable.
    pub failures: u32,
    /// Automatic and commanded restarts since it was registered.
    pub restarts: u64,
    /// When the next attempt begins, in phase `BackOff`.
    pub retry_at: Option<Timestamp>,
    /// Since when it is in this public state.
    pub since: Timestamp,
    /// Facts worth knowing that are no state.
    pub conditions: Vec<Condition>,
}

/// What a service shall be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Desired {
    /// Running.
    Up,
    /// Not running.
    #[default]
    Down,
}

impl Desired {
    /// `up` or `down`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for Desired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The verdict of a service's probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Health {
    /// No probe has spoken in this life.
    #[default]
    Unknown,
    /// Its probes pass.
    Healthy,
    /// Some probes failed lately; not yet enough to act.
    Degraded,
    /// Its probes fail.
    Unhealthy,
}

impl Health {
    /// The word used in JSON, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A fact about a service that is no state: whether it holds, why, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Condition {
    /// Which fact.
    #[cfg_attr(feature = "serde", serde(rename = "type"))]
    pub kind: ConditionKind,
    /// Whether it holds.
    pub status: bool,
    /// What decided it.
    pub reason: Reason,
    /// The same for people, with names.
    pub message: String,
    /// Since when it is so.
    pub last_transition: Timestamp,
}

/// Which fact a [`Condition`] states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ConditionKind {
    /// Every dependency meets its condition.
    DependenciesMet,
    /// A dependency went away while the service runs on.
    DependencyLost,
    /// A wanted dependency is down; the service runs without it.
    DependencyMissing,
    /// A stop or restart is held until its dependents are down.
    StopHeld,
    /// Members of its process group survived a kill.
    Leaked,
    /// Its stdout carried lines that are no JSON.
    ProtocolNoise,
    /// What it waits for outside of mcpstore is not there yet.
    ExternalPending,
    /// Calls to it fail at once, until a trial call succeeds.
    CircuitOpen,
}

impl ConditionKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::DependenciesMet,
        Self::DependencyLost,
        Self::DependencyMissing,
        Self::StopHeld,
        Self::Leaked,
        Self::ProtocolNoise,
        Self::ExternalPending,
        Self::CircuitOpen,
    ];

    /// What it states, in one sentence for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::DependenciesMet => "every dependency meets its condition",
            Self::DependencyLost => "a dependency went away while the service runs on",
            Self::DependencyMissing => "a wanted dependency is down; the service runs without it",
            Self::StopHeld => "a stop or restart is held until its dependents are down",
            Self::Leaked => "members of its process group survived a kill",
            Self::ProtocolNoise => "its stdout carried lines that are no JSON",
            Self::ExternalPending => "what it waits for outside of mcpstore is not there yet",
            Self::CircuitOpen => "calls to it fail at once, until a trial call succeeds",
        }
    }

    /// The word used in JSON, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DependenciesMet => "dependencies_met",
            Self::DependencyLost => "dependency_lost",
            Self::DependencyMissing => "dependency_missing",
            Self::StopHeld => "stop_held",
            Self::Leaked => "leaked",
            Self::ProtocolNoise => "protocol_noise",
            Self::ExternalPending => "external_pending",
            Self::CircuitOpen => "circuit_open",
        }
    }
}
