//! New definitions in the place of the old ones: what is checked before, and what is taken over.

use mcpstore_graph::{DepGraph, NodeId};
use mcpstore_types::{DepKind, Dependency, Desired, Phase, ServiceName, StopKind};

use super::input::{Rejection, Target};
use super::reload_input::Reconfigure;
use super::timers::TimerKey;
use super::{Fleet, Turn};
use crate::unit::{self, Rejected};

/// What a takeover leaves to be followed up.
#[derive(Default)]
pub(super) struct Taken {
    /// Its next life is to be another one.
    pub(super) restart: Vec<NodeId>,
    /// Whatever changed, with `restart` among it; by node.
    pub(super) changed: Vec<NodeId>,
    pub(super) added: Vec<NodeId>,
    /// To be started, if the fleet is.
    pub(super) candidates: Vec<NodeId>,
    /// To be started by whoever needs them, if the fleet is.
    pub(super) lazy: Vec<NodeId>,
    /// Went down with a dependency, and may do without it now.
    pub(super) freed: Vec<NodeId>,
}

impl Fleet {
    /// The graph with the new definitions, in which what leaves still stands until it is gone. Changes nothing.
    pub(super) fn graph_after(&self, change: &Reconfigure, removed: &[NodeId]) -> Result<DepGraph, Rejection> {
        let removing = |name: &ServiceName| Rejection::Refused { name: name.clone(), rejected: Rejected::Removing };
        for def in &change.added {
            if let Some(id) = self.graph.id(def.name.as_str()) {
                let exists = Rejection::Exists { name: def.name.clone() };
                return Err(if self.is_leaving_for_good(id) { removing(&def.name) } else { exists });
            }
        }
        let mut lists: Vec<&[Dependency]> = self.entries.iter().map(|e| e.def.dependencies.as_slice()).collect();
        let mut fresh = vec![false; lists.len()];
        for changed in &change.changed {
            let name = &changed.def.name;
            for id in self.resolve(&Target::from(name.clone()))? {
                if self.is_leaving_for_good(id) || removed.binary_search(&id).is_ok() {
                    return Err(removing(name));
                }
                lists[id.index()] = &changed.def.dependencies;
                fresh[id.index()] = true;
            }
        }
        let stays = |id: NodeId| removed.binary_search(&id).is_err() && !self.is_leaving_for_good(id);
        let staying = self.graph.nodes().filter(|id| stays(*id)).map(|id| {
            let mut list = lists[id.index()].to_vec();
            // A rival that goes leaves no hole in the definition of one that is not touched.
            let goes = |on: &ServiceName| self.graph.id(on.as_str()).is_some_and(|id| !stays(id));
            list.retain(|d| fresh[id.index()] || !matches!(d.kind, DepKind::Conflicts) || !goes(&d.on));
            (self.graph.name(id), list)
        });
        let staying: Vec<_> = staying.collect();
        let added = || change.added.iter().map(|def| (&def.name, def.dependencies.as_slice()));
        let graph_errors = |errors| Rejection::Graph { errors };
        DepGraph::build(staying.iter().map(|(name, list)| (*name, list.as_slice())).chain(added()))
            .map_err(graph_errors)?;
        // What leaves is named by none that stays, so it adds no cycle.
        let all = self.graph.nodes().map(|id| (self.graph.name(id), lists[id.index()]));
        DepGraph::build(all.chain(added())).map_err(graph_errors)
    }

    /// Puts the new definitions in place. What runs does not notice yet.
    pub(super) fn take_over(&mut self, turn: &mut Turn<'_>, change: Reconfigure, graph: DepGraph) -> Taken {
        let mut taken = Taken::default();
        for changed in change.changed {
            let Some(id) = self.graph.id(changed.def.name.as_str()) else { continue };
            let entry = self.entry_mut(id);
            entry.policy.restart = changed.def.restart;
            entry.policy.timeouts = changed.def.timeouts;
            let old = std::mem::replace(&mut entry.def, changed.def);
            // The config has the last word on what somebody once named.
            entry.by_name &= entry.def.enabled || !old.enabled;
            entry.armed &= entry.def.enabled || !old.enabled;
            let freed = entry.def.dependencies != old.dependencies
                && matches!((entry.unit.desired, entry.unit.stop_kind), (Desired::Down, StopKind::ByDependency));
            let eager_now = old.lazy && !entry.def.lazy && entry.armed;
            if entry.def.enabled && entry.def.lazy {
                if !old.enabled {
                    taken.lazy.push(id);
                }
            } else if entry.def.enabled && (!old.enabled || eager_now) {
                taken.candidates.push(id);
            } else if entry.def.enabled && freed {
                taken.freed.push(id);
            }
            let deadline = unit::deadline(&entry.unit, &entry.policy);
            self.timers.set(TimerKey::Unit(id), deadline);
            self.renew_wait(turn, id);
            taken.changed.push(id);
            if changed.restart {
                taken.restart.push(id);
            }
        }
        for def in change.added {
            let id = NodeId::from_index(self.entries.len());
            taken.added.push(id);
            if def.enabled {
                let starts = if def.lazy { &mut taken.lazy } else { &mut taken.candidates };
                starts.push(id);
            }
            self.add_entry(turn, def);
        }
        self.graph = graph;
        self.requeue();
        for id in self.graph.nodes() {
            self.touch(id);
        }
        for list in [&mut taken.changed, &mut taken.restart] {
            list.sort_unstable();
            list.dedup();
        }
        taken
    }

    /// Enabled services that are down, each with the rivals that are up and keep it so.
    pub(super) fn barred(&self) -> Vec<(NodeId, Vec<NodeId>)> {
        let mut barred = Vec::new();
        for id in self.graph.nodes().filter(|id| !self.graph.conflicts(*id).is_empty()) {
            let unit = &self.entry(id).unit;
            let by_rival = matches!(unit.phase, Phase::Idle) || matches!(unit.stop_kind, StopKind::Conflict);
            if by_rival && !self.is_wanted(id) {
                let rivals = self.graph.conflicts(id).iter().copied();
                barred.push((id, rivals.filter(|rival| self.is_wanted(*rival)).collect()));
            }
        }
        barred
    }
}
