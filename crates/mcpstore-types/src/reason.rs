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
    /// It is started when somebody needs it, and nobody did yet.
    Lazy,
    /// Somebody needs it: a call woke it.
    Woken,
    /// Nobody used it for as long as its policy says.
    Idle,
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
    /// All of them, with made-up data where they have some.
    pub const ALL: [Self; 40] = [
        Self::Registered,
        Self::StartAsked,
        Self::Lazy,
        Self::Woken,
        Self::Idle,
        Self::StopAsked,
        Self::KillAsked,
        Self::RestartAsked,
        Self::RemoveAsked,
        Self::ResetAsked,
        Self::DependenciesMet,
        Self::DependencyFailed,
        Self::DependencyRecovered,
        Self::DependencyStopped,
        Self::DependencyRestarted,
        Self::DependencyLost,
        Self::ConflictStarted,
        Self::ConfigChanged,
        Self::Spawned,
        Self::SpawnFailed,
        Self::SpecUnusable,
        Self::HandshakeDone,
        Self::HandshakeFailed,
        Self::AuthRefused,
        Self::NeedsAuth,
        Self::EraLearned,
        Self::ProbePassed,
        Self::ProbeFailed,
        Self::LivenessFailed,
        Self::AgeReached,
        Self::MemoryReached,
        Self::Exited(ExitStatus::Unknown),
        Self::Completed,
        Self::TimedOut(PhaseName::Wait),
        Self::GroupEmpty,
        Self::RetryDue,
        Self::GaveUp,
        Self::StateLost,
        Self::Adopted,
        Self::AdoptGone,
    ];

    /// What it says, in one sentence for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Registered => "it was registered",
            Self::StartAsked => "a command started it, or a start of a dependent pulled it in",
            Self::Lazy => "it is started when somebody needs it, and nobody did yet",
            Self::Woken => "somebody needs it: a call woke it",
            Self::Idle => "nobody used it for as long as its policy says",
            Self::StopAsked => "a command stopped it",
            Self::KillAsked => "a command stopped it by force",
            Self::RestartAsked => "a command restarted it",
            Self::RemoveAsked => "a command removed it",
            Self::ResetAsked => "a command reset its failures",
            Self::DependenciesMet => "all its dependencies meet their conditions, and it has a start slot",
            Self::DependencyFailed => "a dependency it requires is down",
            Self::DependencyRecovered => "a dependency it requires is on its way again",
            Self::DependencyStopped => "a dependency was stopped, and it goes with it",
            Self::DependencyRestarted => "a dependency was restarted, and it goes with it",
            Self::DependencyLost => "a dependency was lost unexpectedly",
            Self::ConflictStarted => "a service it conflicts with was started",
            Self::ConfigChanged => "a new config asks for it: its spec changed, or it is no longer enabled",
            Self::Spawned => "its process or connection was made",
            Self::SpawnFailed => "its process or connection could not be made; a later attempt may help",
            Self::SpecUnusable => "its spec cannot work; a later attempt would not help",
            Self::HandshakeDone => "its handshake succeeded",
            Self::HandshakeFailed => "its handshake failed",
            Self::AuthRefused => "it refused our credentials",
            Self::NeedsAuth => "somebody must log in to it first",
            Self::EraLearned => "it ended at the question for its era, and is started again without it",
            Self::ProbePassed => "its probe passed",
            Self::ProbeFailed => "its readiness probe failed",
            Self::LivenessFailed => "its liveness probe failed: it hangs",
            Self::AgeReached => "its life reached the age at which it is replaced",
            Self::MemoryReached => "its processes reached the memory at which it is replaced",
            Self::Exited(_) => "its main process ended, or its connection closed",
            Self::Completed => "it ended cleanly by itself, and the policy leaves it so",
            Self::TimedOut(_) => "it was not done with this phase in time",
            Self::GroupEmpty => "the last member of its process group is gone",
            Self::RetryDue => "the wait before the next attempt is over",
            Self::GaveUp => "it failed as often as the policy allows",
            Self::StateLost => "the manager lost sight of it",
            Self::Adopted => "the manager found it alive again",
            Self::AdoptGone => "the manager found it gone",
        }
    }

    /// Its place in [`Reason::ALL`]: a new one does not compile without.
    #[cfg(test)]
    const fn place(self) -> usize {
        match self {
            Self::Registered => 0,
            Self::StartAsked => 1,
            Self::Lazy => 2,
            Self::Woken => 3,
            Self::Idle => 4,
            Self::StopAsked => 5,
            Self::KillAsked => 6,
            Self::RestartAsked => 7,
            Self::RemoveAsked => 8,
            Self::ResetAsked => 9,
            Self::DependenciesMet => 10,
            Self::DependencyFailed => 11,
            Self::DependencyRecovered => 12,
            Self::DependencyStopped => 13,
            Self::DependencyRestarted => 14,
            Self::DependencyLost => 15,
            Self::ConflictStarted => 16,
            Self::ConfigChanged => 17,
            Self::Spawned => 18,
            Self::SpawnFailed => 19,
            Self::SpecUnusable => 20,
            Self::HandshakeDone => 21,
            Self::HandshakeFailed => 22,
            Self::AuthRefused => 23,
            Self::NeedsAuth => 24,
            Self::EraLearned => 25,
            Self::ProbePassed => 26,
            Self::ProbeFailed => 27,
            Self::LivenessFailed => 28,
            Self::AgeReached => 29,
            Self::MemoryReached => 30,
            Self::Exited(_) => 31,
            Self::Completed => 32,
            Self::TimedOut(_) => 33,
            Self::GroupEmpty => 34,
            Self::RetryDue => 35,
            Self::GaveUp => 36,
            Self::StateLost => 37,
            Self::Adopted => 38,
            Self::AdoptGone => 39,
        }
    }

    /// The word used in JSON and events, in snake case; data left out.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::StartAsked => "start_asked",
            Self::Lazy => "lazy",
            Self::Woken => "woken",
            Self::Idle => "idle",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_in_the_list_under_a_word_of_its_own() {
        for (at, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason.place(), at, "{reason:?}");
            assert!(Reason::ALL[..at].iter().all(|other| other.as_str() != reason.as_str()), "{reason:?}");
        }
        // The last arm of `place`: whoever adds one adds it to the list too.
        assert_eq!(Reason::AdoptGone.place() + 1, Reason::ALL.len());
    }
}
