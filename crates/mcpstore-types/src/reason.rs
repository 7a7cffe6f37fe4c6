//! Why a service is in its phase.

use std::fmt;

use crate::{ExitStatus, PhaseName};

/// What brought a service into its present phase. A small value; the words of the server itself (its stderr, its error
/// message) travel beside it, as a notice's detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Reason {
    /// It was registered.
    Registered,
    /// A command started it, or a start of a dependent pulled it in.
    StartAsked,
    /// A command stopped it.
    StopAsked,
    /// A command stopped it by force.
    KillAsked,
    /// A command restarted it.
    RestartAsked,
    /// A command removed it.
    RemoveAsked,
    /// A command reset its failures.
    ResetAsked,
    /// All its dependencies meet their conditions, and it has a start slot.
    DependenciesMet,
    /// A dependency it requires is down.
    DependencyFailed,
    /// A dependency it requires is on its way again.
    DependencyRecovered,
    /// A dependency was stopped, and it goes with it.
    DependencyStopped,
    /// A dependency was restarted, and it goes with it.
    DependencyRestarted,
    /// A dependency was lost unexpectedly.
    DependencyLost,
    /// A service it conflicts with was started.
    ConflictStarted,
    /// A new config asks for it: its spec changed, or it is no longer enabled.
    ConfigChanged,
    /// Its process or connection was made.
    Spawned,
    /// Its process or connection could not be made; a later attempt may help.
    SpawnFailed,
    /// Its spec cannot work; a later attempt would not help.
    SpecUnusable,
    /// Its handshake succeeded.
    HandshakeDone,
    /// Its handshake failed.
    HandshakeFailed,
    /// It refused our credentials.
    AuthRefused,
    /// Somebody must log in to it first.
    NeedsAuth,
    /// It ended at the question for its era, and is started again without it.
    EraLearned,
    /// Its probe passed.
    ProbePassed,
    /// Its readiness probe failed.
    ProbeFailed,
    /// Its liveness probe failed: it hangs.
    LivenessFailed,
    /// Its life reached the age at which it is replaced.
    AgeReached,
    /// Its processes reached the memory at which it is replaced.
    MemoryReached,
    /// Its main process ended, or its connection closed.
    Exited(ExitStatus),
    /// It ended cleanly by itself, and the policy leaves it so.
    Completed,
    /// It was not done with this phase in time.
    TimedOut(PhaseName),
    /// The last member of its process group is gone.
    GroupEmpty,
    /// The wait before the next attempt is over.
    RetryDue,
    /// It failed as often as the policy allows.
    GaveUp,
    /// The manager lost sight of it.
    StateLost,
    /// The manager found it alive again.
    Adopted,
    /// The manager found it gone.
    AdoptGone,
}

impl Reason {
    /// The word used in JSON and events, in snake case; data left out.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::StartAsked => "start_asked",
            Self::StopAsked => "stop_asked",
            Self::KillAsked => "kill_asked",
            Self::RestartAsked => "restart_asked",
            Self::RemoveAsked => "remove_asked",
            Self::ResetAsked => "reset_asked",
            Self::DependenciesMet => "dependencies_met",
            Self::DependencyFailed => "dependency_failed",
            Self::DependencyRecovered => "dependency_recovered",
            Self::DependencyStopped => "dependency_stopped",
            Self::DependencyRestarted => "dependency_restarted",
            Self::DependencyLost => "dependency_lost",
            Self::ConflictStarted => "conflict_started",
            Self::ConfigChanged => "config_changed",
            Self::Spawned => "spawned",
            Self::SpawnFailed => "spawn_failed",
            Self::SpecUnusable => "spec_unusable",
            Self::HandshakeDone => "handshake_done",
            Self::HandshakeFailed => "handshake_failed",
            Self::AuthRefused => "auth_refused",
            Self::NeedsAuth => "needs_auth",
            Self::EraLearned => "era_learned",
            Self::ProbePassed => "probe_passed",
            Self::ProbeFailed => "probe_failed",
            Self::LivenessFailed => "liveness_failed",
            Self::AgeReached => "age_reached",
            Self::MemoryReached => "memory_reached",
            Self::Exited(_) => "exited",
            Self::Completed => "completed",
            Self::TimedOut(_) => "timed_out",
            Self::GroupEmpty => "group_empty",
            Self::RetryDue => "retry_due",
            Self::GaveUp => "gave_up",
            Self::StateLost => "state_lost",
            Self::Adopted => "adopted",
            Self::AdoptGone => "adopt_gone",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exited: {status}"),
            Self::TimedOut(phase) => write!(f, "timed out in {phase}"),
            other => f.write_str(&other.as_str().replace('_', " ")),
        }
    }
}
