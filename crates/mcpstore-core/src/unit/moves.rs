//! Entering a phase: what is recorded, what is shown, what is to be done.

use mcpstore_types::{Phase, PhaseName, Reason, ServiceState, Timestamp};
use smallvec::SmallVec;

use super::{Action, Move, Step, StepContext, Unit, Verdict};

/// One step in the making.
pub(super) struct Stepper<'a> {
    pub(super) unit: Unit,
    pub(super) context: &'a StepContext<'a>,
    pub(super) now: Timestamp,
    pub(super) restarted: bool,
    moves: SmallVec<[Move; 3]>,
    action: Option<Action>,
}

impl<'a> Stepper<'a> {
    pub(super) fn new(unit: Unit, context: &'a StepContext<'a>, now: Timestamp) -> Self {
        Self { unit, context, now, restarted: false, moves: SmallVec::new(), action: None }
    }

    pub(super) fn finish_step(self, verdict: Verdict) -> Step {
        Step { unit: self.unit, verdict, moves: self.moves, action: self.action, restarted: self.restarted }
    }

    /// Enters `phase` for `reason`. Always a change.
    pub(super) fn enter(&mut self, phase: Phase, reason: Reason) -> Verdict {
        let from = self.unit.phase.state();
        let to = phase.state();
        let mut shown = from;
        for &(state, name) in between(from, to) {
            self.show(shown, Some(state), name, reason);
            shown = Some(state);
        }
        self.show(shown, to, phase.name(), reason);
        self.unit.phase = phase;
        self.unit.reason = reason;
        self.unit.since = self.now;
        if matches!(phase, Phase::Spawn) {
            self.unit.incarnation = self.unit.incarnation.next();
            self.unit.spawned_at = self.now;
            self.unit.stable = false;
            self.unit.clean_exit = false;
            self.unit.forced = false;
        }
        self.action = entry_action(phase.name());
        Verdict::Changed
    }

    /// Enters `phase` and keeps the reason: the next rung of a ladder, climbed for the same cause.
    pub(super) fn advance(&mut self, phase: Phase) -> Verdict {
        self.enter(phase, self.unit.reason)
    }

    /// Shows a fact without a change of phase.
    pub(super) fn show_in_place(&mut self, reason: Reason) {
        let state = self.unit.phase.state();
        self.show(state, state, self.unit.phase.name(), reason);
    }

    fn show(&mut self, from: Option<ServiceState>, to: Option<ServiceState>, phase: PhaseName, reason: Reason) {
        self.moves.push(Move { from, to, phase, reason });
    }
}

/// The public states between two that have no edge of their own: a compound move is shown step by step.
fn between(from: Option<ServiceState>, to: Option<ServiceState>) -> &'static [(ServiceState, PhaseName)] {
    use ServiceState::{Starting, Stopped, Stopping};
    const STOPPING: (ServiceState, PhaseName) = (Stopping, PhaseName::Abort);
    const STOPPED: (ServiceState, PhaseName) = (Stopped, PhaseName::Stopped);
    let (starting, stopping) = (from == Some(Starting), from == Some(Stopping));
    if starting && to == Some(Stopped) {
        &[STOPPING]
    } else if starting && to.is_none() {
        &[STOPPING, STOPPED]
    } else if stopping && (to == Some(Starting) || to.is_none()) {
        &[STOPPED]
    } else {
        &[]
    }
}

/// What the driver does on entry to a phase.
const fn entry_action(phase: PhaseName) -> Option<Action> {
    match phase {
        PhaseName::Spawn => Some(Action::Spawn),
        PhaseName::Init => Some(Action::Handshake),
        PhaseName::Probe => Some(Action::Probe),
        PhaseName::Abort => Some(Action::AbortSpawn),
        PhaseName::Drain => Some(Action::Drain),
        PhaseName::Close => Some(Action::Close),
        PhaseName::Term => Some(Action::Term),
        PhaseName::Kill => Some(Action::Kill),
        PhaseName::Reap | PhaseName::Cleanup => Some(Action::Sweep),
        PhaseName::Idle
        | PhaseName::Wait
        | PhaseName::Ready
        | PhaseName::Degraded
        | PhaseName::Stopped
        | PhaseName::BackOff
        | PhaseName::Failed
        | PhaseName::Unknown
        | PhaseName::Removed => None,
    }
}
