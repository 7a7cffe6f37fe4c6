//! One ordered set of deadlines for the whole fleet.

use std::collections::BTreeSet;

use mcpstore_graph::NodeId;
use mcpstore_types::Timestamp;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimerKey {
    /// The phase of this unit.
    Unit(NodeId),
    /// The grace of this lost dependency.
    DepGrace(NodeId),
    /// The stop of all.
    StopAll,
}

/// Deadlines, earliest first. Each key has at most one; `by_node` finds a unit's to replace it.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    set: BTreeSet<(Timestamp, TimerKey)>,
    units: Vec<Option<Timestamp>>,
    graces: Vec<Option<Timestamp>>,
    stop_all: Option<Timestamp>,
}

impl Timers {
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.set.first().map(|(at, _)| *at)
    }

    /// Replaces the deadline of `key`; `None` drops it.
    pub(super) fn set(&mut self, key: TimerKey, at: Option<Timestamp>) {
        let slot = match key {
            TimerKey::Unit(id) => slot(&mut self.units, id),
            TimerKey::DepGrace(id) => slot(&mut self.graces, id),
            TimerKey::StopAll => &mut self.stop_all,
        };
        if *slot == at {
            return;
        }
        if let Some(old) = slot.take() {
            self.set.remove(&(old, key));
        }
        *slot = at;
        if let Some(at) = at {
            self.set.insert((at, key));
        }
    }

    pub(super) fn get(&self, key: TimerKey) -> Option<Timestamp> {
        match key {
            TimerKey::Unit(id) => self.units.get(id.index()).copied().flatten(),
            TimerKey::DepGrace(id) => self.graces.get(id.index()).copied().flatten(),
            TimerKey::StopAll => self.stop_all,
        }
    }

    /// Everything due at `now`, earliest first.
    pub(super) fn due(&self, now: Timestamp) -> Vec<TimerKey> {
        self.set.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| *key).collect()
    }
}

fn slot(slots: &mut Vec<Option<Timestamp>>, id: NodeId) -> &mut Option<Timestamp> {
    if slots.len() <= id.index() {
        slots.resize(id.index() + 1, None);
    }
    &mut slots[id.index()]
}
