//! One service with the small world that it lives in, written down from LIFECYCLE.md and not from the code.

use std::time::Duration;

use mcpstore_core::{
    Action, Command, Event, InitFailure, RecycleCause, Report, SpawnFailure, Step, StepContext, Unit, UnitPolicy,
    Verdict, deadline,
};
use mcpstore_types::{
    Backoff, Desired, ExitStatus, Incarnation, Phase, PhaseName, Reason, RestartMode, RestartPolicy, ServiceState,
    StopKind, Timeouts, Timestamp,
};

/// The machine under test: `step`, or a faulty stand-in.
pub(crate) type Machine<'a> = &'a dyn Fn(Unit, &StepContext<'_>, Timestamp, Event) -> Step;

/// Every record is looked at as if it were this moment.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(100_000);
/// Longer than every deadline: older than this is just old.
pub(crate) const AGES: Duration = Duration::from_secs(2_000);

/// What is really there of the present life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Truth {
    /// The spawn is in flight.
    Spawning,
    /// The main process runs.
    Alive,
    /// The main process is gone, others of its group are not.
    Remnant { clean: bool },
    /// The group is empty.
    Empty { clean: bool },
}

/// How much of it the machine has been told. Reports of one life come in order, but may come late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Told {
    Nothing,
    Spawned,
    Exited,
}

/// One record with its world and what a bystander remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) unit: Unit,
    pub(crate) life: Option<(Truth, Told)>,
    /// The last accepted command wants it up.
    pub(crate) wanted: bool,
    /// The last accepted command that wants it down was a hold: its stop is still to come.
    pub(crate) held: bool,
    /// A stop-and-remove was accepted.
    pub(crate) removing: bool,
    /// Automatic restarts since it was stable, or since a manual command.
    pub(crate) restarts: u32,
}

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Happening {
    Ask(Command),
    /// Another life's report.
    Stale(Incarnation, Report),
    /// What the dependencies say.
    Deps(Event),
    /// A report about the present life that says nothing about its processes.
    Say(Report),
    /// The spawn fails.
    SpawnFails(SpawnFailure),
    /// The world moves, and nobody is told yet.
    Moves(Truth),
    /// The machine is told the next fact about its processes.
    Tell,
    /// A tick before, at, or long after the deadline.
    TickEarly,
    TickDue,
    TickLate,
    /// A long time passes without anything.
    TimePasses,
}

pub(crate) fn policy(mode: RestartMode, max_attempts: u32, slow_retry: bool) -> UnitPolicy {
    let one = Duration::from_secs(1);
    UnitPolicy {
        restart: RestartPolicy {
            mode,
            max_attempts,
            backoff: Backoff { delay: one, max_delay: one, jitter_percent: 0 },
            slow_retry: slow_retry.then_some(Duration::from_secs(900)),
            ..RestartPolicy::default()
        },
        timeouts: Timeouts::default(),
        jitter_key: 0,
    }
}

pub(crate) const START: Command = Command::Start;
pub(crate) const STOP: Command = Command::Stop { kind: StopKind::ByUser, force: false };
pub(crate) const KILL: Command = Command::Stop { kind: StopKind::ByUser, force: true };
pub(crate) const COMMANDS: [Command; 12] = [
    START,
    Command::Wake,
    Command::Stop { kind: StopKind::Idle, force: false },
    STOP,
    KILL,
    Command::Restart { reason: Reason::RestartAsked, force: false },
    Command::Restart { reason: Reason::RestartAsked, force: true },
    Command::Hold { kind: StopKind::ByUser },
    Command::Remove,
    Command::StopRemove { force: false },
    Command::StopRemove { force: true },
    Command::ResetFailed,
];

const CRASH: ExitStatus = ExitStatus::Code(1);
const CLEAN: ExitStatus = ExitStatus::Code(0);

const CHATTER: [Report; 11] = [
    Report::InitOk,
    Report::InitErr(InitFailure::Transient),
    Report::InitErr(InitFailure::AuthRefused),
    Report::InitErr(InitFailure::NeedsLogin),
    Report::Respawn,
    Report::ProbeUp,
    Report::ProbeDown,
    Report::LivenessFail,
    Report::Recycle(RecycleCause::Age),
    Report::Idle,
    Report::Drained,
];

const ALL_REPORTS: [Report; 22] = [
    Report::SpawnOk,
    Report::SpawnErr(SpawnFailure::Transient),
    Report::SpawnErr(SpawnFailure::Spec),
    Report::SpawnErr(SpawnFailure::Auth),
    Report::InitOk,
    Report::InitErr(InitFailure::Transient),
    Report::InitErr(InitFailure::AuthRefused),
    Report::InitErr(InitFailure::NeedsLogin),
    Report::Respawn,
    Report::ProbeUp,
    Report::ProbeDown,
    Report::LivenessFail,
    Report::Recycle(RecycleCause::Age),
    Report::Recycle(RecycleCause::Memory),
    Report::Idle,
    Report::Drained,
    Report::Exit(CRASH),
    Report::Exit(CLEAN),
    Report::GroupEmpty,
    Report::StateLost,
    Report::Adopted,
    Report::AdoptGone,
];

impl Node {
    pub(crate) fn new() -> Self {
        Self { unit: Unit::new(NOW), life: None, wanted: false, held: false, removing: false, restarts: 0 }
    }

    /// Everything that can happen here. The machine must bear all of it.
    pub(crate) fn happenings(&self, policy: &UnitPolicy) -> Vec<Happening> {
        let mut all: Vec<Happening> = COMMANDS.into_iter().map(Happening::Ask).collect();
        let other = Incarnation(self.unit.incarnation.0 ^ 1);
        all.extend(ALL_REPORTS.into_iter().map(|r| Happening::Stale(other, r)));
        all.extend([Event::DepsOk, Event::DepGone, Event::DepLost].map(Happening::Deps));
        if self.unit.incarnation.0 > 0 && !matches!(self.life, Some((_, Told::Nothing))) {
            // Helpers may still talk when the life is over.
            all.extend(CHATTER.map(Happening::Say));
            all.push(Happening::Say(Report::StateLost));
        }
        match self.life {
            None => {}
            Some((Truth::Spawning, _)) => {
                for failure in [SpawnFailure::Transient, SpawnFailure::Spec, SpawnFailure::Auth] {
                    all.push(Happening::SpawnFails(failure));
                }
                all.push(Happening::Moves(Truth::Alive));
            }
            Some((Truth::Alive, told)) => {
                all.push(Happening::Moves(Truth::Remnant { clean: false }));
                all.push(Happening::Moves(Truth::Remnant { clean: true }));
                if told == Told::Nothing {
                    all.push(Happening::Tell);
                } else {
                    all.push(Happening::Say(Report::Adopted));
                }
            }
            Some((Truth::Remnant { clean }, told)) => {
                all.push(Happening::Moves(Truth::Empty { clean }));
                if told != Told::Exited {
                    all.push(Happening::Tell);
                }
                if told == Told::Spawned {
                    all.push(Happening::Say(Report::AdoptGone));
                }
            }
            Some((Truth::Empty { .. }, told)) => {
                all.push(Happening::Tell);
                if told == Told::Spawned {
                    all.push(Happening::Say(Report::AdoptGone));
                }
            }
        }
        match deadline(&self.unit, policy) {
            Some(at) => {
                if at > NOW {
                    all.push(Happening::TickEarly);
                }
                all.extend([Happening::TickDue, Happening::TickLate]);
            }
            None => all.extend([Happening::TickEarly, Happening::TimePasses]),
        }
        all
    }

    /// When it happens, what the machine hears of it, and the world after.
    pub(crate) fn play(
        &self,
        policy: &UnitPolicy,
        what: Happening,
    ) -> (Timestamp, Option<Event>, Option<(Truth, Told)>) {
        let mine = |r| Some(Event::Report(self.unit.incarnation, r));
        let due = deadline(&self.unit, policy).unwrap_or(NOW).max(NOW);
        match what {
            Happening::Ask(command) => (NOW, Some(Event::Command(command)), self.life),
            Happening::Stale(life, report) => (NOW, Some(Event::Report(life, report)), self.life),
            Happening::Deps(event) => (NOW, Some(event), self.life),
            Happening::Say(report) => (NOW, mine(report), self.life),
            Happening::SpawnFails(failure) => (NOW, mine(Report::SpawnErr(failure)), None),
            Happening::Moves(truth) => (NOW, None, self.life.map(|(_, told)| (truth, told))),
            Happening::Tell => {
                let (truth, told) = self.life.unwrap();
                let clean = matches!(truth, Truth::Remnant { clean: true } | Truth::Empty { clean: true });
                match told {
                    Told::Nothing => (NOW, mine(Report::SpawnOk), Some((truth, Told::Spawned))),
                    Told::Spawned => {
                        (NOW, mine(Report::Exit(if clean { CLEAN } else { CRASH })), Some((truth, Told::Exited)))
                    }
                    Told::Exited => (NOW, mine(Report::GroupEmpty), None),
                }
            }
            Happening::TickEarly => (NOW, Some(Event::Tick), self.life),
            Happening::TickDue => (due, Some(Event::Tick), self.life),
            Happening::TickLate => (due.after(AGES), Some(Event::Tick), self.life),
            Happening::TimePasses => (NOW.after(AGES), None, self.life),
        }
    }

    /// The node after a step at `at`, looked at as if it were `NOW` again, in its first or second life.
    pub(crate) fn after(&self, unit: Unit, life: Option<(Truth, Told)>, at: Timestamp) -> Self {
        let shift = |t: Timestamp| {
            let age = at.since(t).min(AGES);
            let ahead = t.since(at).min(AGES);
            Timestamp::from_nanos(NOW.as_nanos() - age.as_nanos() as u64).after(ahead)
        };
        let mut unit = unit;
        unit.since = shift(unit.since);
        unit.spawned_at = shift(unit.spawned_at);
        if let Phase::BackOff { attempt, until } = unit.phase {
            unit.phase = Phase::BackOff { attempt, until: shift(until) };
        }
        unit.incarnation = Incarnation(unit.incarnation.0.min(1));
        Self { unit, life, ..*self }
    }

    /// What a bystander remembers of a command that was not refused.
    pub(crate) fn remember(&mut self, command: Command, step: &Step) {
        if matches!(step.verdict, Verdict::Rejected(_)) {
            return;
        }
        match command {
            Command::Start | Command::Restart { .. } => {
                self.wanted = true;
                self.held = false;
                self.restarts = 0;
            }
            // It wakes what sleeps, and nothing else.
            Command::Wake if matches!(step.verdict, Verdict::Changed) => {
                self.wanted = true;
                self.held = false;
                if matches!(step.unit.phase, Phase::Wait) {
                    self.restarts = 0;
                }
            }
            Command::Wake => {}
            Command::Stop { .. } | Command::Remove => {
                self.wanted = false;
                self.held = false;
            }
            Command::Hold { .. } => {
                self.held |= self.wanted;
                self.wanted = false;
            }
            Command::StopRemove { .. } => {
                self.wanted = false;
                self.held = false;
                self.removing = true;
            }
            Command::ResetFailed => {
                self.restarts = 0;
                if step.moves.iter().any(|m| m.to == Some(ServiceState::Stopped)) {
                    self.wanted = false;
                    self.held = false;
                }
            }
        }
    }
}

/// The twenty public edges, written down again from LIFECYCLE.md §1.
pub(crate) fn is_one_of_the_twenty(from: Option<ServiceState>, to: Option<ServiceState>) -> bool {
    use ServiceState::{Error, NotStarted, Running, Starting, Stopped, Stopping, Unknown};
    let Some(from) = from else { return to == Some(NotStarted) };
    let Some(to) = to else { return matches!(from, Error | Stopped | NotStarted) };
    matches!(
        (from, to),
        (NotStarted, Starting)
            | (Starting, Running | Error | Stopping | Unknown)
            | (Running, Stopping | Error | Unknown)
            | (Stopping, Stopped | Error)
            | (Error, Starting | Stopped)
            | (Stopped, Starting)
            | (Unknown, Starting | Stopping | Error)
    )
}

/// Nothing of the present life is left, or it is known to have leaked.
pub(crate) fn is_down(unit: &Unit) -> bool {
    matches!(unit.phase.name(), PhaseName::Idle | PhaseName::Stopped | PhaseName::Failed | PhaseName::Removed)
}

pub(crate) fn is_up(unit: &Unit) -> bool {
    unit.desired == Desired::Up
}

/// The phases in which time alone must move it on.
pub(crate) fn needs_deadline(unit: &Unit) -> bool {
    matches!(
        unit.phase.name(),
        PhaseName::Wait
            | PhaseName::Spawn
            | PhaseName::Init
            | PhaseName::Probe
            | PhaseName::Drain
            | PhaseName::Close
            | PhaseName::Term
            | PhaseName::Kill
            | PhaseName::Reap
            | PhaseName::Cleanup
            | PhaseName::BackOff
    )
}

/// The action that belongs to the entry of a phase.
pub(crate) fn entry_action(phase: PhaseName) -> Option<Action> {
    Some(match phase {
        PhaseName::Spawn => Action::Spawn,
        PhaseName::Init => Action::Handshake,
        PhaseName::Probe => Action::Probe,
        PhaseName::Abort => Action::AbortSpawn,
        PhaseName::Drain => Action::Drain,
        PhaseName::Close => Action::Close,
        PhaseName::Term => Action::Term,
        PhaseName::Kill => Action::Kill,
        PhaseName::Reap | PhaseName::Cleanup => Action::Sweep,
        _ => return None,
    })
}
