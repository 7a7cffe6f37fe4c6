//! What a search must see of a fleet beside its records, to tell two situations apart. For tests only.

use mcpstore_types::Timestamp;

use super::Fleet;
use super::timers::TimerKey;

/// What is under way for one service beside its record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pending {
    /// The command that waits for its dependents.
    pub intent: Option<String>,
    /// It was lost and has not been ready since.
    pub lost: bool,
    /// When its loss acts.
    pub grace: Option<Timestamp>,
    /// It runs, and a dependency of it is away.
    pub missing: bool,
    /// It waits for a start slot.
    pub queued: bool,
    /// Which of its waits for something outside is open; `None`: none is.
    pub awaits: Option<u64>,
    /// What it waits for outside is there.
    pub outside_met: bool,
    /// It waited for that in vain.
    pub in_vain: bool,
}

impl Fleet {
    /// What is under way for the service `name`.
    #[must_use]
    pub fn pending(&self, name: &str) -> Option<Pending> {
        let id = self.graph.id(name)?;
        let entry = self.entry(id);
        Some(Pending {
            intent: entry.intent.map(|intent| format!("{intent:?}")),
            lost: entry.lost,
            grace: self.timers.get(TimerKey::DepGrace(id)),
            missing: entry.missing.is_some(),
            queued: entry.queued.is_some(),
            awaits: entry.awaits_outside().then_some(entry.waits_begun),
            outside_met: entry.outside_met,
            in_vain: entry.in_vain,
        })
    }

    /// When the stop of all is over.
    #[must_use]
    pub fn stop_all_end(&self) -> Option<Timestamp> {
        self.timers.get(TimerKey::StopAll)
    }
}
