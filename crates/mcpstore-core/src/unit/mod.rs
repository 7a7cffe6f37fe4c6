//! One service: its record and the words it is spoken to in.

mod command;
mod decide;
mod moves;
mod report;
mod timeout;

use mcpstore_types::{
    Desired, ExitStatus, FailKind, Incarnation, Phase, PhaseName, Reason, RestartPolicy, ServiceState, StopKind,
    Timeouts, Timestamp,
};
use smallvec::SmallVec;

pub use timeout::deadline;

/// The record of one service. Small, `Copy`, compared and hashed as a whole: the model test searches all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unit {
    /// Where it stands.
    pub phase: Phase,
    /// What it shall be.
    pub desired: Desired,
    /// What follows once it is down.
    pub then: Then,
    /// Which life; grows on entry to `Spawn`.
    pub incarnation: Incarnation,
    /// Failures in a row since it was last stable, or since a manual start.
    pub failures: u32,
    /// This life was in `Ready` for `stable_after`.
    pub stable: bool,
    /// The last kill did not empty its group; nothing may spawn until it is empty.
    pub leaked: bool,
    /// The stop under way was forced.
    pub forced: bool,
    /// The main process of this life exited cleanly.
    pub clean_exit: bool,
    /// Whose stop the last one was; shown in `Stopped`.
    pub stop_kind: StopKind,
    /// What the last failure was; shown in `Failed`.
    pub fail_kind: FailKind,
    /// What brought it into its phase.
    pub reason: Reason,
    /// Since when it is in its phase.
    pub since: Timestamp,
    /// When this life's spawn began, or when it was adopted; the start time counts from here.
    pub spawned_at: Timestamp,
}

impl Unit {
    /// A service that was just registered.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self {
            phase: Phase::Idle,
            desired: Desired::Down,
            then: Then::None,
            incarnation: Incarnation(0),
            failures: 0,
            stable: false,
            leaked: false,
            forced: false,
            clean_exit: false,
            stop_kind: StopKind::ByUser,
            fail_kind: FailKind::Exit,
            reason: Reason::Registered,
            since: now,
            spawned_at: now,
        }
    }

    /// True while something of it may live: a live phase, or a leaked group.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.phase.is_live() || self.leaked
    }
}

/// What follows once a service is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Then {
    /// Nothing is under way.
    None,
    /// It stays stopped.
    Stop,
    /// It starts again.
    Restart,
    /// It is removed.
    Remove,
    /// It failed: the policy decides.
    Retry,
    /// It ended by itself and stays so.
    Complete,
}

/// What a unit's steps are measured by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitPolicy {
    /// When and how often it is restarted.
    pub restart: RestartPolicy,
    /// How long each step may take.
    pub timeouts: Timeouts,
    /// The key of its jitter ([`crate::jitter_key`]).
    pub jitter_key: u64,
}

/// What a step reads beside the record.
#[derive(Clone, Copy, Debug)]
pub struct StepContext<'a> {
    /// The policies.
    pub policy: &'a UnitPolicy,
    /// The restarts inside the policy's window are used up.
    pub window_spent: bool,
}

/// What can happen to a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Someone wants something.
    Command(Command),
    /// The world says something about one life. Another life's report is ignored.
    Report(Incarnation, Report),
    /// Its dependencies are met and it has a start slot; or, in `Failed(dependency)`, they are on their way again.
    DepsOk,
    /// A dependency it requires is down.
    DepGone,
    /// A dependency it is bound to was lost.
    DepLost,
    /// Time has passed: plays the phase's timeout when its deadline is reached.
    Tick,
}

/// What can be asked of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Be up.
    Start,
    /// Be up because somebody needs it, if it sleeps or is going to sleep. A failure, or somebody's stop, stays as it is.
    Wake,
    /// Be down. With `force`, without the polite steps.
    Stop {
        /// Whose stop it is.
        kind: StopKind,
        /// Kill at once.
        force: bool,
    },
    /// Be down now and up again.
    Restart {
        /// Why: a command, or a dependency's restart.
        reason: Reason,
        /// Kill at once.
        force: bool,
    },
    /// A stop is coming, but its dependents go first: nothing restarts it in the meantime.
    Hold {
        /// Whose stop it is.
        kind: StopKind,
    },
    /// Be removed, if nothing of it is active.
    Remove,
    /// Be down, then be removed.
    StopRemove {
        /// Kill at once.
        force: bool,
    },
    /// Forget its failures.
    ResetFailed,
}

/// What the world can say about one life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Report {
    /// The process or connection was made.
    SpawnOk,
    /// It could not be made.
    SpawnErr(SpawnFailure),
    /// The handshake succeeded.
    InitOk,
    /// The handshake failed.
    InitErr(InitFailure),
    /// It is fit, and was started the wrong way: the next life will be started another way. Not charged as a failure.
    Respawn,
    /// The start-up or readiness check passes.
    ProbeUp,
    /// The readiness check fails.
    ProbeDown,
    /// The liveness check fails.
    LivenessFail,
    /// Nobody used it for as long as its policy says: it is to be stopped until somebody does. Not charged as a failure.
    Idle,
    /// It is to be replaced by a fresh life, for no fault of its own. Not charged as a failure.
    Recycle(RecycleCause),
    /// No call is in flight any more: a stop need not wait for the drain time.
    Drained,
    /// The main process ended, or the connection closed.
    Exit(ExitStatus),
    /// The last member of its process group is gone. Follows `Exit`.
    GroupEmpty,
    /// The manager lost sight of it.
    StateLost,
    /// The manager found it alive again.
    Adopted,
    /// The manager found it gone.
    AdoptGone,
}

/// Why a life that works is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecycleCause {
    /// It is as old as the policy allows.
    Age,
    /// Its processes take as much memory as the policy allows.
    Memory,
}

/// Why a spawn failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpawnFailure {
    /// A later attempt may help.
    Transient,
    /// The spec cannot work: a later attempt would not help.
    Spec,
    /// Our credentials were refused.
    Auth,
}

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InitFailure {
    /// A later attempt may help.
    Transient,
    /// Our credentials were refused: a later attempt would not help.
    AuthRefused,
    /// Somebody must log in first: a later attempt would not help.
    NeedsLogin,
}

/// What the driver shall do for a unit now. At most one per step, on entry to the phase that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Make the process or connection; answer `SpawnOk` or `SpawnErr`.
    Spawn,
    /// Give the spawn up if that can be done; answer `SpawnOk` or `SpawnErr` in any case.
    AbortSpawn,
    /// Shake hands; answer `InitOk` or `InitErr`.
    Handshake,
    /// Run start-up checks until one passes; answer `ProbeUp`.
    Probe,
    /// Take no new calls, let those in flight end; answer `Drained` once none is left.
    Drain,
    /// Close its input.
    Close,
    /// Ask its whole group to end.
    Term,
    /// Kill its whole group.
    Kill,
    /// The main process is gone: kill what is left of its group; answer `GroupEmpty`.
    Sweep,
}

/// One public step, as shown to subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Move {
    /// The public state before; `None`: just registered.
    pub from: Option<ServiceState>,
    /// The public state after; `None`: removed.
    pub to: Option<ServiceState>,
    /// The phase after.
    pub phase: PhaseName,
    /// What brought it there.
    pub reason: Reason,
}

/// Why a command was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejected {
    /// It is being removed.
    #[error("it is being removed")]
    Removing,
    /// Members of its process group survived a kill.
    #[error("processes of its last life survived a kill; nothing is spawned beside them")]
    Leaked,
    /// It is active; stop it first.
    #[error("it is active; stop it first, or remove it with force")]
    Active,
    /// It is down, and not because nobody needed it.
    #[error("it is down for a reason that a call does not end; start it")]
    StaysDown,
}

/// Why an event was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// It speaks of another life.
    Stale,
    /// It has no meaning in this phase.
    NotNow,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It was taken, and the record changed.
    Changed,
    /// It was taken, and nothing had to change.
    Unchanged,
    /// The command was refused.
    Rejected(Rejected),
    /// The event was passed over.
    Ignored(Ignored),
}

/// The outcome of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The record after.
    pub unit: Unit,
    /// What became of the event.
    pub verdict: Verdict,
    /// The public steps, in order; a compound move has several.
    pub moves: SmallVec<[Move; 3]>,
    /// What the driver shall do now.
    pub action: Option<Action>,
    /// The step began a restart.
    pub restarted: bool,
}

/// Steps a unit: total, deterministic, by value. What is illegal is a stated no-op or a rejection, never an error.
#[must_use]
pub fn step(unit: Unit, context: &StepContext<'_>, now: Timestamp, event: Event) -> Step {
    let mut stepper = moves::Stepper::new(unit, context, now);
    let verdict = match event {
        Event::Command(command) => stepper.command(command),
        Event::Report(incarnation, report) => {
            if incarnation == unit.incarnation {
                stepper.report(report)
            } else {
                Verdict::Ignored(Ignored::Stale)
            }
        }
        Event::DepsOk => stepper.deps_ok(),
        Event::DepGone => stepper.deps_gone(),
        Event::DepLost => stepper.deps_lost(),
        Event::Tick => stepper.tick(),
    };
    stepper.finish_step(verdict)
}
