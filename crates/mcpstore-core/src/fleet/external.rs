//! What services wait for outside: when the driver is told to watch it, and what its answer does.

use mcpstore_graph::NodeId;
use mcpstore_types::{FailKind, Phase, PhaseName, Reason, ServiceName};

use super::depend::DepsVerdict;
use super::input::{Effect, Reply};
use super::{Fleet, Turn};
use crate::unit::Unit;

impl Fleet {
    /// Everything that `service` waits for outside is there.
    pub(super) fn conditions_met(&mut self, service: &ServiceName, wait: u64) -> Reply {
        let id = self.graph.id(service.as_str()).filter(|id| {
            let entry = self.entry(*id);
            (entry.awaits_outside() || entry.unanswered) && (entry.waits_begun == wait || self.counts_old_waits())
        });
        match id {
            Some(id) => {
                let entry = self.entry_mut(id);
                // Who waited in vain tries again, and waits anew: what is there now may be gone when it is its turn.
                entry.outside_met = entry.awaits_outside();
                (entry.in_vain, entry.unanswered) = (false, false);
                self.touch(id);
            }
            None => self.stale_reports += 1,
        }
        Reply::default()
    }

    /// Keeps what is known of the outside in step with the phase: each entry to `Wait` begins anew.
    pub(super) fn keep_wait(&mut self, turn: &mut Turn<'_>, id: NodeId, before: &Unit) {
        let entry = self.entry(id);
        let phase = entry.unit.phase;
        if before.phase == phase {
            return;
        }
        let out_of_time = matches!(phase, Phase::Failed { kind: FailKind::Dependency })
            && entry.unit.reason == Reason::TimedOut(PhaseName::Wait);
        // When a dependency was missing too, its coming is worth another try; that what is outside comes late is in any case.
        let unanswered = out_of_time && entry.def.waits && !entry.outside_met;
        let in_vain = unanswered && self.deps_verdict(id) == DepsVerdict::Met;
        let entry = self.entry_mut(id);
        (entry.in_vain, entry.unanswered) = (in_vain, unanswered);
        entry.outside_met = false;
        if matches!(phase, Phase::Wait) {
            self.begin_wait(turn, id);
        }
    }

    /// Tells the driver to watch, where there is something to watch.
    pub(super) fn begin_wait(&mut self, turn: &mut Turn<'_>, id: NodeId) {
        let entry = self.entry_mut(id);
        entry.outside_met = false;
        if entry.def.waits {
            entry.waits_begun += 1;
            turn.effects.push(Effect::Await { service: entry.name().clone(), wait: entry.waits_begun });
        }
    }

    /// Takes new conditions over: who waits, waits for these; who waited in vain for others tries again.
    pub(super) fn renew_wait(&mut self, turn: &mut Turn<'_>, id: NodeId) {
        let entry = self.entry_mut(id);
        (entry.in_vain, entry.unanswered) = (false, false);
        if matches!(self.entry(id).unit.phase, Phase::Wait) {
            self.begin_wait(turn, id);
        }
    }

    #[cfg(feature = "planted-faults")]
    fn counts_old_waits(&self) -> bool {
        self.config.faults.old_waits_count
    }

    #[cfg(not(feature = "planted-faults"))]
    #[allow(clippy::unused_self)] // its twin reads the planted faults
    fn counts_old_waits(&self) -> bool {
        false
    }
}
