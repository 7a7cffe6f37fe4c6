//! What the fleet keeps of one service.

use std::collections::VecDeque;

use mcpstore_graph::NodeId;
use mcpstore_types::{Phase, ServiceName, Timestamp};

use super::input::ServiceDef;
use crate::unit::{Command, Event, Unit, UnitPolicy};

/// One service of a fleet.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) def: ServiceDef,
    pub(super) policy: UnitPolicy,
    pub(super) unit: Unit,
    /// Since when it is in its public state.
    pub(super) state_since: Timestamp,
    /// Automatic and commanded restarts since it was registered.
    pub(super) restarts: u64,
    /// When its automatic restarts were; at most as many as the policy's window admits.
    pub(super) history: VecDeque<Timestamp>,
    /// A command that waits for its dependents to be down.
    pub(super) intent: Option<Intent>,
    /// It was lost unexpectedly and has not been ready since.
    pub(super) lost: bool,
    /// It runs, and this dependency that it needs is away, since then.
    pub(super) missing: Option<(NodeId, Timestamp)>,
    /// Whoever wanted it up named it: it stays up when nothing pulls it in any more.
    pub(super) by_name: bool,
    /// A user stopped it, and nobody started it since: no reload revives it.
    pub(super) by_hand: bool,
    /// It was started, for now or for whoever needs it, and nobody stopped it since: a call may wake it.
    pub(super) armed: bool,
    /// How often it began to wait for something outside.
    pub(super) waits_begun: u64,
    /// What it waits for outside is there, as far as this wait goes.
    pub(super) outside_met: bool,
    /// It failed because what it waits for outside was not there in time: its dependencies alone do not bring it back.
    pub(super) in_vain: bool,
    /// It gave up waiting, and the driver may still say that what is outside is there.
    pub(super) unanswered: bool,
    /// It stands in the queue of services to look at again.
    pub(super) dirty: bool,
    /// Its place in the queue for a start slot.
    pub(super) queued: Option<(Timestamp, u32)>,
}

/// A command on its way to a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// A command, to be given once no dependent needs the service.
    Command(Command),
    /// A loss of a dependency, to be passed on likewise.
    DepLost,
}

impl Intent {
    pub(super) fn event(self) -> Event {
        match self {
            Self::Command(command) => Event::Command(command),
            Self::DepLost => Event::DepLost,
        }
    }

    pub(super) fn removes(self) -> bool {
        matches!(self, Self::Command(Command::StopRemove { .. }))
    }

    /// True when the service comes back after it.
    pub(super) fn comes_back(self) -> bool {
        matches!(self, Self::DepLost | Self::Command(Command::Restart { .. }))
    }
}

impl Entry {
    pub(super) fn new(def: ServiceDef, jitter_key: u64, now: Timestamp) -> Self {
        let policy = UnitPolicy { restart: def.restart, timeouts: def.timeouts, jitter_key };
        Self {
            def,
            policy,
            unit: Unit::new(now),
            state_since: now,
            restarts: 0,
            history: VecDeque::new(),
            intent: None,
            lost: false,
            missing: None,
            by_name: false,
            by_hand: false,
            armed: false,
            waits_begun: 0,
            outside_met: false,
            in_vain: false,
            unanswered: false,
            dirty: false,
            queued: None,
        }
    }

    /// It waits, and not for its dependencies alone.
    pub(super) fn awaits_outside(&self) -> bool {
        self.def.waits && matches!(self.unit.phase, Phase::Wait) && !self.outside_met
    }

    pub(super) fn name(&self) -> &ServiceName {
        &self.def.name
    }

    /// The restarts inside the policy's window are used up at `now`.
    pub(super) fn window_spent(&self, now: Timestamp) -> bool {
        let restart = &self.policy.restart;
        let recent = self.history.iter().filter(|at| now.since(**at) < restart.window).count();
        recent >= restart.max_in_window as usize
    }

    /// Notes an automatic restart at `now`.
    pub(super) fn note_restart(&mut self, now: Timestamp) {
        while self.history.len() >= self.policy.restart.max_in_window.max(1) as usize {
            self.history.pop_front();
        }
        self.history.push_back(now);
    }
}

/// True while the service holds a start slot.
pub(super) const fn takes_slot(phase: Phase) -> bool {
    matches!(phase, Phase::Spawn | Phase::Init | Phase::Probe)
}

/// True while a stop would have to signal something that still works.
pub(super) const fn is_up(phase: Phase) -> bool {
    matches!(phase, Phase::Spawn | Phase::Init | Phase::Probe | Phase::Ready | Phase::Degraded | Phase::Unknown)
}

/// True while it goes down on purpose.
pub(super) const fn is_stopping(phase: Phase) -> bool {
    matches!(phase, Phase::Abort | Phase::Drain | Phase::Close | Phase::Term | Phase::Kill | Phase::Reap)
}

/// True while someone may rely on its process or connection.
pub(super) const fn can_be_lost(phase: Phase) -> bool {
    matches!(phase, Phase::Init | Phase::Probe | Phase::Ready | Phase::Degraded | Phase::Unknown)
}
