//! Services come and go.

use mcpstore_graph::{DepGraph, NodeId};
use mcpstore_types::{DepKind, Phase, PhaseName, Reason, ServiceName, ServiceState, Timestamp};

use super::entry::Entry;
use super::input::{Effect, Rejection, Reply, ServiceDef};
use super::timers::{TimerKey, Timers};
use super::{Fleet, Turn};
use crate::jitter::jitter_key;
use crate::unit::{Move, Rejected};

impl Fleet {
    pub(super) fn register(&mut self, turn: &mut Turn<'_>, defs: Vec<ServiceDef>) -> Result<Reply, Rejection> {
        if let Some(def) = defs.iter().find(|def| self.graph.id(def.name.as_str()).is_some()) {
            return Err(Rejection::Exists { name: def.name.clone() });
        }
        if let Some(name) = self.named_while_leaving(&defs) {
            return Err(Rejection::Refused { name, rejected: Rejected::Removing });
        }
        let all = self.entries.iter().map(|e| &e.def).chain(&defs);
        let graph = DepGraph::build(all.map(|def| (&def.name, def.dependencies.as_slice())))
            .map_err(|errors| Rejection::Graph { errors })?;
        let mut reply = Reply::default();
        for def in defs {
            reply.affected.push(def.name.clone());
            self.add_entry(turn, def);
        }
        self.graph = graph;
        // Ranks in the start order may have moved, and a dependency on a new service may hold a waiting one back.
        self.requeue();
        Ok(reply)
    }

    /// A new entry behind the others, shown; the graph is the caller's business.
    pub(super) fn add_entry(&mut self, turn: &mut Turn<'_>, def: ServiceDef) {
        let key = jitter_key(self.config.seed, &def.name);
        let entry = Entry::new(def, key, turn.now);
        turn.effects.push(Effect::Notice {
            service: entry.name().clone(),
            incarnation: entry.unit.incarnation,
            step: Move {
                from: None,
                to: Some(ServiceState::NotStarted),
                phase: PhaseName::Idle,
                reason: Reason::Registered,
            },
            dependency: None,
        });
        self.entries.push(entry);
    }

    /// A dependency of a new service that is on its way out: it would leave a hole in the graph.
    fn named_while_leaving(&self, defs: &[ServiceDef]) -> Option<ServiceName> {
        let named = defs.iter().flat_map(|def| &def.dependencies).filter(|d| !matches!(d.kind, DepKind::Conflicts));
        named
            .map(|d| &d.on)
            .find(|on| self.graph.id(on.as_str()).is_some_and(|id| self.is_leaving_for_good(id)))
            .cloned()
    }

    /// Forgets what reached `Removed`, with its edges and deadlines.
    pub(super) fn forget_removed(&mut self) {
        if !std::mem::take(&mut self.purge) {
            return;
        }
        let old = std::mem::take(&mut self.timers);
        let stop_all = old.get(TimerKey::StopAll);
        let mut timers = Timers::default();
        let mut kept = Vec::with_capacity(self.entries.len());
        let mut mapping = Vec::with_capacity(self.entries.len());
        let mut gone: Vec<ServiceName> = Vec::new();
        for (index, entry) in std::mem::take(&mut self.entries).into_iter().enumerate() {
            if matches!(entry.unit.phase, Phase::Removed) {
                gone.push(entry.def.name);
                mapping.push(None);
                continue;
            }
            let (from, to) = (NodeId::from_index(index), NodeId::from_index(kept.len()));
            timers.set(TimerKey::Unit(to), old.get(TimerKey::Unit(from)));
            timers.set(TimerKey::DepGrace(to), old.get(TimerKey::DepGrace(from)));
            mapping.push(Some(to));
            kept.push(entry);
        }
        timers.set(TimerKey::StopAll, stop_all);
        gone.sort_unstable();
        for entry in &mut kept {
            // Only what gives no order may name a service that was removed: every other kind keeps it until then.
            let is_gone = |name: &ServiceName| gone.binary_search(name).is_ok();
            entry.def.dependencies.retain(|d| d.kind.orders() || !is_gone(&d.on));
            entry.missing = entry.missing.and_then(|(id, at)| mapping[id.index()].map(|id| (id, at)));
        }
        let defs = kept.iter().map(|e| (&e.def.name, e.def.dependencies.as_slice()));
        // Taking nodes away from a sound graph leaves a sound graph.
        if let Ok(graph) = DepGraph::build(defs) {
            self.graph = graph;
        } else {
            debug_assert!(false, "a part of a sound graph is sound");
        }
        self.entries = kept;
        self.timers = timers;
        self.requeue();
    }

    /// Builds the queues anew after the nodes were renumbered.
    pub(super) fn requeue(&mut self) {
        self.ready.clear();
        self.dirty.clear();
        for entry in &mut self.entries {
            entry.queued = None;
            entry.dirty = false;
        }
        let waiting: Vec<NodeId> =
            self.graph.nodes().filter(|id| matches!(self.entry(*id).unit.phase, Phase::Wait)).collect();
        for id in waiting {
            self.touch(id);
        }
    }

    /// The place of a waiting service in the queue for a start slot.
    pub(super) fn place(&self, id: NodeId) -> (Timestamp, u32) {
        (self.entry(id).unit.since, self.graph.rank(id))
    }
}
