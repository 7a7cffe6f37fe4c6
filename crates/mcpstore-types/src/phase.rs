//! The phases inside the public states.

use std::fmt;

use crate::{ServiceState, Timestamp};

/// Where a service stands, in full. Each phase belongs to exactly one public state ([`Phase::state`]); only
/// [`Phase::Removed`] belongs to none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "phase", rename_all = "snake_case"))]
pub enum Phase {
    /// not_started: registered, never asked to start.
    Idle,
    /// starting: waits for its dependencies or for a start slot.
    Wait,
    /// starting: the process or connection is being made.
    Spawn,
    /// starting: the MCP handshake is under way.
    Init,
    /// starting: the handshake is done, the start-up check is not.
    Probe,
    /// running: up and healthy.
    Ready,
    /// running: up, but its readiness probe fails.
    Degraded,
    /// stopping: stop was asked while the spawn was in flight.
    Abort,
    /// stopping: no new calls, those in flight may end.
    Drain,
    /// stopping: its input was closed (EOF on stdin, DELETE of an HTTP session).
    Close,
    /// stopping: it was asked by signal to end.
    Term,
    /// stopping: it was killed.
    Kill,
    /// stopping: the main process is gone, its group is not yet empty.
    Reap,
    /// stopped: down on purpose.
    Stopped {
        /// Why it is down.
        kind: StopKind,
    },
    /// error: it crashed, and its group is not yet empty.
    Cleanup,
    /// error: waits before the next attempt.
    BackOff {
        /// Failures in a row, from 1.
        attempt: u32,
        /// When the next attempt begins.
        until: Timestamp,
    },
    /// error: no attempt follows by itself, except as `kind` says.
    Failed {
        /// Why it failed.
        kind: FailKind,
    },
    /// unknown: nobody can tell.
    Unknown,
    /// Terminal: no longer listed.
    Removed,
}

/// Why a service is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum StopKind {
    /// A command named it.
    ByUser,
    /// A service it depends on was stopped.
    ByDependency,
    /// It ended cleanly by itself.
    Completed,
    /// A service it conflicts with was started.
    Conflict,
    /// A new config neither enables it nor has anything that pulls it in.
    ByConfig,
    /// Nobody used it for a while; the next call wakes it.
    Idle,
}

/// Why a service failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum FailKind {
    /// It exited, could not be spawned, or failed its liveness check, and the policy forbids a restart.
    Exit,
    /// It did not come up in its start time, and the policy forbids a restart.
    StartTimeout,
    /// Its handshake failed, and the policy forbids a restart.
    Handshake,
    /// It refused our credentials; a retry would not help.
    Auth,
    /// It failed too often; a manual start resets.
    GaveUp,
    /// A dependency it requires is down; it starts by itself when that recovers.
    Dependency,
    /// It survived the kill for longer than the kill time.
    StopFailed,
    /// Its main process is gone, but members of its group survive.
    Leaked,
    /// Its spec cannot work (no such program, not executable); a retry would not help.
    Config,
}

/// The name of a phase without its data: what tables, events and JSON show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[allow(missing_docs)] // each is the phase of the same name
pub enum PhaseName {
    Idle,
    Wait,
    Spawn,
    Init,
    Probe,
    Ready,
    Degraded,
    Abort,
    Drain,
    Close,
    Term,
    Kill,
    Reap,
    Stopped,
    Cleanup,
    BackOff,
    Failed,
    Unknown,
    Removed,
}

impl PhaseName {
    /// All phases, in the order of a life.
    pub const ALL: [Self; 19] = [
        Self::Idle,
        Self::Wait,
        Self::Spawn,
        Self::Init,
        Self::Probe,
        Self::Ready,
        Self::Degraded,
        Self::Abort,
        Self::Drain,
        Self::Close,
        Self::Term,
        Self::Kill,
        Self::Reap,
        Self::Stopped,
        Self::Cleanup,
        Self::BackOff,
        Self::Failed,
        Self::Unknown,
        Self::Removed,
    ];

    /// The name in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Wait => "wait",
            Self::Spawn => "spawn",
            Self::Init => "init",
            Self::Probe => "probe",
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Abort => "abort",
            Self::Drain => "drain",
            Self::Close => "close",
            Self::Term => "term",
            Self::Kill => "kill",
            Self::Reap => "reap",
            Self::Stopped => "stopped",
            Self::Cleanup => "cleanup",
            Self::BackOff => "back_off",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Removed => "removed",
        }
    }

    /// The public state that this phase belongs to; `None` for `Removed`.
    #[must_use]
    pub const fn state(self) -> Option<ServiceState> {
        Some(match self {
            Self::Idle => ServiceState::NotStarted,
            Self::Wait | Self::Spawn | Self::Init | Self::Probe => ServiceState::Starting,
            Self::Ready | Self::Degraded => ServiceState::Running,
            Self::Abort | Self::Drain | Self::Close | Self::Term | Self::Kill | Self::Reap => ServiceState::Stopping,
            Self::Stopped => ServiceState::Stopped,
            Self::Cleanup | Self::BackOff | Self::Failed => ServiceState::Error,
            Self::Unknown => ServiceState::Unknown,
            Self::Removed => return None,
        })
    }
}

impl fmt::Display for PhaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Phase {
    /// The phase's name, without its data.
    #[must_use]
    pub const fn name(self) -> PhaseName {
        match self {
            Self::Idle => PhaseName::Idle,
            Self::Wait => PhaseName::Wait,
            Self::Spawn => PhaseName::Spawn,
            Self::Init => PhaseName::Init,
            Self::Probe => PhaseName::Probe,
            Self::Ready => PhaseName::Ready,
            Self::Degraded => PhaseName::Degraded,
            Self::Abort => PhaseName::Abort,
            Self::Drain => PhaseName::Drain,
            Self::Close => PhaseName::Close,
            Self::Term => PhaseName::Term,
            Self::Kill => PhaseName::Kill,
            Self::Reap => PhaseName::Reap,
            Self::Stopped { .. } => PhaseName::Stopped,
            Self::Cleanup => PhaseName::Cleanup,
            Self::BackOff { .. } => PhaseName::BackOff,
            Self::Failed { .. } => PhaseName::Failed,
            Self::Unknown => PhaseName::Unknown,
            Self::Removed => PhaseName::Removed,
        }
    }

    /// The public state; `None` once removed.
    #[must_use]
    pub const fn state(self) -> Option<ServiceState> {
        self.name().state()
    }

    /// True while a process or connection of the service may exist: from `Spawn` until its group is known to be empty.
    ///
    /// A `Failed` service whose kill did not help is down by phase, yet leaked: ask the unit for that.
    #[must_use]
    pub const fn is_live(self) -> bool {
        match self {
            Self::Spawn
            | Self::Init
            | Self::Probe
            | Self::Ready
            | Self::Degraded
            | Self::Abort
            | Self::Drain
            | Self::Close
            | Self::Term
            | Self::Kill
            | Self::Reap
            | Self::Cleanup
            | Self::Unknown => true,
            Self::Idle
            | Self::Wait
            | Self::Stopped { .. }
            | Self::BackOff { .. }
            | Self::Failed { .. }
            | Self::Removed => false,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped { kind } => write!(f, "stopped({})", kind.as_str()),
            Self::Failed { kind } => write!(f, "failed({})", kind.as_str()),
            Self::BackOff { attempt, .. } => write!(f, "back_off({attempt})"),
            other => f.pad(other.name().as_str()),
        }
    }
}

impl StopKind {
    /// The name in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByUser => "by_user",
            Self::ByDependency => "by_dependency",
            Self::Completed => "completed",
            Self::Conflict => "conflict",
            Self::ByConfig => "by_config",
            Self::Idle => "idle",
        }
    }
}

impl FailKind {
    /// The name in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::StartTimeout => "start_timeout",
            Self::Handshake => "handshake",
            Self::Auth => "auth",
            Self::GaveUp => "gave_up",
            Self::Dependency => "dependency",
            Self::StopFailed => "stop_failed",
            Self::Leaked => "leaked",
            Self::Config => "config",
        }
    }
}
