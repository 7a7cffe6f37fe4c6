//! LIFECYCLE.md §2 once more, as a table of its own: where a record goes, told without looking at the machine.
//!
//! Deliberate readings are marked `reading:`.

use mcpstore_core::{Command, Event, Rejected, Report, SpawnFailure, Then, Unit, UnitPolicy, deadline};
use mcpstore_types::{Desired, ExitStatus, FailKind, Phase, PhaseName, RestartMode, StopKind, Timestamp};

/// What of a record the table speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    phase: PhaseName,
    stop: Option<StopKind>,
    fail: Option<FailKind>,
    up: bool,
    then: Then,
    failures: u32,
    leaked: bool,
}

impl Row {
    pub(crate) fn of(unit: &Unit) -> Self {
        let stop = if let Phase::Stopped { kind } = unit.phase { Some(kind) } else { None };
        let fail = if let Phase::Failed { kind } = unit.phase { Some(kind) } else { None };
        Self {
            phase: unit.phase.name(),
            stop,
            fail,
            up: unit.desired == Desired::Up,
            then: unit.then,
            failures: unit.failures,
            leaked: unit.leaked,
        }
    }

    fn to(self, phase: PhaseName) -> Self {
        Self { phase, stop: None, fail: None, ..self }
    }

    fn stopped(self, kind: StopKind) -> Self {
        Self { stop: Some(kind), ..self.to(PhaseName::Stopped) }
    }

    fn failed(self, kind: FailKind) -> Self {
        Self { fail: Some(kind), ..self.to(PhaseName::Failed) }
    }

    fn then(self, then: Then) -> Self {
        Self { then: if self.then == Then::Remove { Then::Remove } else { then }, ..self }
    }

    fn up(self, up: bool) -> Self {
        Self { up, ..self }
    }

    fn forgiven(self) -> Self {
        Self { failures: 0, ..self }
    }
}

/// The record's own facts that the table needs beside the row.
struct Facts<'a> {
    unit: &'a Unit,
    policy: &'a UnitPolicy,
    window_spent: bool,
}

/// Where the table sends `unit`, or why it refuses. `None` in the verdict's place: the row says it all.
pub(crate) fn expected(
    unit: &Unit,
    policy: &UnitPolicy,
    window_spent: bool,
    now: Timestamp,
    event: Event,
) -> Result<Row, Rejected> {
    let facts = Facts { unit, policy, window_spent };
    let row = Row::of(unit);
    if row.phase == PhaseName::Removed {
        return if matches!(event, Event::Command(_)) { Err(Rejected::Removing) } else { Ok(row) };
    }
    match event {
        Event::Command(command) => facts.command(row, command),
        Event::Report(life, _) if life != unit.incarnation => Ok(row),
        Event::Report(_, report) => Ok(facts.report(row, report)),
        Event::DepsOk | Event::DepGone | Event::DepLost => Ok(dependency(row, event)),
        Event::Tick if deadline(unit, policy).is_some_and(|due| due <= now) => Ok(timeout(row)),
        Event::Tick => Ok(row),
    }
}

use PhaseName as P;

impl Facts<'_> {
    fn command(&self, row: Row, command: Command) -> Result<Row, Rejected> {
        let wants_up = matches!(command, Command::Start | Command::Restart { .. });
        if wants_up && row.then == Then::Remove {
            return Err(Rejected::Removing);
        }
        // reading: a leak is no mere activity, so this is the reason and not `Active`.
        if row.leaked && (wants_up || matches!(command, Command::Remove)) {
            return Err(Rejected::Leaked);
        }
        Ok(match (command, row.phase) {
            (Command::Start | Command::Restart { .. }, P::Idle | P::Stopped | P::BackOff | P::Failed) => {
                row.to(P::Wait).up(true).forgiven()
            }
            // reading: whoever asks for a start gets one, whatever the policy says of the life before.
            (Command::Start | Command::Restart { .. }, P::Cleanup) => row.up(true).forgiven().then(Then::Restart),
            (
                Command::Start | Command::Restart { .. },
                P::Abort | P::Drain | P::Close | P::Term | P::Kill | P::Reap,
            ) => row.up(true).then(Then::Restart),
            (Command::Start, _) => row.up(true),
            (Command::Wake, P::Idle | P::Stopped) => row.to(P::Wait).up(true).forgiven(),
            // A call takes back the stop of a service that nobody needed, and no other.
            (Command::Wake, P::Drain | P::Close | P::Term | P::Kill | P::Reap)
                if row.then == Then::Stop && self.unit.stop_kind == StopKind::Idle =>
            {
                row.up(true).then(Then::Restart)
            }
            (Command::Wake, _) => row,
            (Command::Restart { .. }, P::Wait) => row,
            (Command::Restart { force, .. }, _) => down(row, force).up(true).then(Then::Restart),
            // reading: what works goes on working until its stop comes; elsewhere a hold is a stop.
            (Command::Hold { .. }, P::Spawn | P::Init | P::Probe | P::Ready | P::Degraded | P::Unknown) => {
                row.up(false)
            }
            (Command::Hold { kind }, _) => self.stop(row, kind, false),
            (Command::Stop { kind, force }, _) => self.stop(row, kind, force),
            (Command::Remove, P::Idle | P::Stopped | P::BackOff | P::Failed) => row.to(P::Removed).up(false),
            (Command::Remove, _) => return Err(Rejected::Active),
            // reading: what leaked keeps its name until the last of it is gone.
            (Command::StopRemove { .. }, P::Failed) if row.leaked => row.up(false).then(Then::Remove),
            (Command::StopRemove { .. }, P::Idle | P::Stopped | P::BackOff | P::Failed | P::Wait) => {
                row.to(P::Removed).up(false)
            }
            (Command::StopRemove { .. }, P::Cleanup) => row.up(false).then(Then::Remove),
            (Command::StopRemove { force }, _) => down(row, force).up(false).then(Then::Remove),
            (Command::ResetFailed, P::Failed) if !row.leaked => row.stopped(StopKind::ByUser).up(false).forgiven(),
            (Command::ResetFailed, _) => row.forgiven(),
        })
    }

    fn stop(&self, row: Row, kind: StopKind, force: bool) -> Row {
        let row = row.up(false);
        match row.phase {
            P::Stopped if kind == StopKind::Idle => row.stopped(kind),
            P::Idle | P::Stopped => row,
            P::Cleanup => row.then(Then::Retry),
            P::Wait | P::BackOff => row.stopped(kind),
            P::Failed if row.leaked => row,
            P::Failed => row.stopped(kind),
            _ => down(row, force).then(Then::Stop),
        }
    }

    fn report(&self, row: Row, report: Report) -> Row {
        match (report, row.phase) {
            (Report::SpawnOk, P::Spawn) => row.to(P::Init),
            // reading: a spawn whose stop was forced is killed, not asked.
            (Report::SpawnOk, P::Abort) => row.to(if self.unit.forced { P::Kill } else { P::Term }),
            (Report::SpawnErr(failure), P::Spawn) => self.decide(
                row,
                match failure {
                    SpawnFailure::Transient => FailKind::Exit,
                    SpawnFailure::Spec => FailKind::Config,
                    SpawnFailure::Auth => FailKind::Auth,
                },
            ),
            (Report::SpawnErr(_), P::Abort) | (Report::GroupEmpty, P::Reap) => self.finish(row),
            (Report::InitOk, P::Init) => row.to(P::Probe),
            (Report::InitErr(_), P::Init) => row.to(P::Term).then(Then::Retry),
            // reading: a life that was started the wrong way gives way to the next, as after the loss of a dependency.
            (Report::Respawn, P::Init) if row.up => down(row, false).then(Then::Restart),
            (Report::ProbeUp, P::Probe | P::Degraded) => row.to(P::Ready),
            (Report::ProbeDown, P::Ready) => row.to(P::Degraded),
            (Report::LivenessFail, P::Probe | P::Ready | P::Degraded) => row.to(P::Term).then(Then::Retry),
            // A life that is merely old or large gives way to the next, and is charged with nothing.
            (Report::Recycle(_), P::Ready | P::Degraded) if row.up => down(row, false).then(Then::Restart),
            (Report::Idle, P::Ready | P::Degraded) if row.up => down(row.up(false), false).then(Then::Stop),
            // reading: a stop need not wait for the drain time when nothing is in flight.
            (Report::Drained, P::Drain) => row.to(P::Close),
            (Report::Exit(status), P::Ready | P::Degraded) => {
                if clean(status) && self.policy.restart.mode != RestartMode::Always {
                    row.to(P::Reap).then(Then::Complete)
                } else {
                    row.to(P::Cleanup).then(Then::Retry)
                }
            }
            (Report::Exit(_), P::Init | P::Probe | P::Unknown) => row.to(P::Cleanup).then(Then::Retry),
            (Report::Exit(_), P::Drain | P::Close | P::Term | P::Kill) => row.to(P::Reap),
            (Report::GroupEmpty, P::Cleanup) if row.then == Then::Remove => row.to(P::Removed),
            (Report::GroupEmpty, P::Cleanup) if row.then == Then::Restart => self.finish(row),
            (Report::GroupEmpty, P::Cleanup) => self.decide(row, self.unit.fail_kind),
            // reading: only completion ends a removal, so the last of the leak completes it.
            (Report::GroupEmpty, P::Failed) if row.leaked && row.then == Then::Remove => {
                Row { leaked: false, then: Then::None, ..row.to(P::Removed) }
            }
            (Report::GroupEmpty, P::Failed) => Row { leaked: false, ..row },
            (Report::StateLost, P::Init | P::Probe | P::Ready | P::Degraded) => row.to(P::Unknown),
            (Report::Adopted, P::Unknown) if row.up => row.to(P::Probe),
            (Report::Adopted, P::Unknown) => row.to(P::Term).then(Then::Stop),
            (Report::AdoptGone, P::Unknown) => row.to(P::Cleanup).then(Then::Retry),
            _ => row,
        }
    }

    fn finish(&self, row: Row) -> Row {
        let done = Row { then: Then::None, ..row };
        match row.then {
            Then::Stop => done.stopped(self.unit.stop_kind),
            Then::Restart => done.to(P::Wait),
            Then::Remove => done.to(P::Removed),
            Then::Complete => done.stopped(StopKind::Completed),
            Then::Retry | Then::None => self.decide(done, self.unit.fail_kind),
        }
    }

    fn decide(&self, row: Row, kind: FailKind) -> Row {
        let row = Row { then: Then::None, ..row };
        let clean = self.unit.clean_exit;
        let restart = &self.policy.restart;
        // reading: the failure that ends it counts too; those of slow retries after it do not.
        let counted = Row { failures: (row.failures + 1).min(restart.max_attempts + 1), ..row };
        if !row.up {
            row.stopped(self.unit.stop_kind)
        } else if matches!(kind, FailKind::Auth | FailKind::Config) {
            counted.failed(kind)
        } else if restart.mode == RestartMode::Never {
            if clean { row.stopped(StopKind::Completed) } else { counted.failed(kind) }
        } else if self.window_spent || row.failures >= restart.max_attempts {
            counted.failed(FailKind::GaveUp)
        } else {
            counted.to(P::BackOff)
        }
    }
}

/// The ladder down from a phase in which something of it works, or is on its way down.
fn down(row: Row, force: bool) -> Row {
    match row.phase {
        P::Spawn => row.to(P::Abort),
        P::Abort | P::Kill | P::Reap => row,
        _ if force => row.to(P::Kill),
        P::Init | P::Probe => row.to(P::Close),
        P::Ready | P::Degraded => row.to(P::Drain),
        P::Unknown => row.to(P::Term),
        _ => row,
    }
}

fn dependency(row: Row, event: Event) -> Row {
    match (event, row.phase) {
        (Event::DepsOk, P::Wait) => row.to(P::Spawn),
        (Event::DepsOk, P::Failed) if row.fail == Some(FailKind::Dependency) && row.up => row.to(P::Wait),
        (Event::DepGone, P::Wait) => row.failed(FailKind::Dependency),
        // reading: a held service is wanted down; its stop will come, and it must not come back after it.
        // reading: `Unknown` goes along too, or a service out of sight would outlive what it is bound to.
        (Event::DepLost, P::Spawn | P::Init | P::Probe | P::Ready | P::Degraded | P::Unknown) if row.up => {
            down(row, false).then(Then::Restart)
        }
        _ => row,
    }
}

fn timeout(row: Row) -> Row {
    // reading: the time of a leak ends what was to follow, but for a removal.
    let leaked = |kind| Row { leaked: true, ..row.failed(kind).then(Then::None) };
    match row.phase {
        P::Wait => row.failed(FailKind::Dependency),
        P::Spawn => row.to(P::Abort).then(Then::Retry),
        P::Init | P::Probe => row.to(P::Term).then(Then::Retry),
        P::Drain => row.to(P::Close),
        P::Close => row.to(P::Term),
        P::Term => row.to(P::Kill),
        P::Kill => leaked(FailKind::StopFailed),
        P::Reap | P::Cleanup => leaked(FailKind::Leaked),
        P::BackOff => row.to(P::Wait),
        P::Ready => row.forgiven(),
        // `slow_retry`
        P::Failed => row.to(P::Wait),
        _ => row,
    }
}

fn clean(status: ExitStatus) -> bool {
    matches!(status, ExitStatus::Code(0) | ExitStatus::Closed)
}
