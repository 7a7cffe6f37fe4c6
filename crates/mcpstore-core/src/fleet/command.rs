//! What commands do to the fleet.

use mcpstore_graph::NodeId;
use mcpstore_types::{DepKind, Desired, Phase, Reason, StopKind, nearest};

use super::entry::Intent;
use super::input::{Rejection, Reply, Target};
use super::timers::TimerKey;
use super::{Fleet, Turn};
use crate::unit::{Command, Event, Rejected, Verdict};

impl Fleet {
    /// Starts the targets and all they pull in; stops what conflicts with them.
    pub(super) fn start(&mut self, turn: &mut Turn<'_>, target: &Target) -> Result<Reply, Rejection> {
        let (roots, set, mut reply) = self.start_set(target)?;
        self.timers.set(TimerKey::StopAll, None);
        self.stop_rivals(turn, &set);
        for id in set {
            let is_root = roots.binary_search(&id).is_ok();
            if self.start_one(turn, id, is_root, &mut reply) {
                self.entry_mut(id).by_name |= is_root && matches!(target, Target::Names(_));
                reply.affected.push(self.graph.name(id).clone());
            }
        }
        if matches!(target, Target::All) {
            self.arm_lazy(turn, &mut reply);
        }
        Ok(reply)
    }

    /// Restarts the targets; those that depend on them go down first and come up after.
    pub(super) fn restart(&mut self, turn: &mut Turn<'_>, target: &Target, force: bool) -> Result<Reply, Rejection> {
        let (roots, set, mut reply) = match target {
            Target::All => self.start_set(&self.wanted_up())?,
            Target::Names(_) => self.start_set(target)?,
        };
        self.timers.set(TimerKey::StopAll, None);
        self.stop_rivals(turn, &set);
        for id in set.iter().copied().filter(|id| roots.binary_search(id).is_err()) {
            self.start_one(turn, id, false, &mut reply);
        }
        for id in self.graph.closure_down(&roots, DepKind::propagates_stop) {
            let is_root = roots.binary_search(&id).is_ok();
            if is_root && let Some(rejected) = self.bars_start(id) {
                self.refuse(id, rejected, &mut reply);
                continue;
            }
            if !is_root && (self.is_leaving_for_good(id) || !self.is_wanted_and_up(id)) {
                continue;
            }
            let reason = if is_root { Reason::RestartAsked } else { Reason::DependencyRestarted };
            let entry = self.entry_mut(id);
            entry.by_name |= is_root && matches!(target, Target::Names(_));
            (entry.by_hand, entry.armed) = (false, true);
            entry.intent = Some(Intent::Command(Command::Restart { reason, force }));
            self.touch_with_neighbours(id);
            reply.affected.push(self.graph.name(id).clone());
        }
        Ok(reply)
    }

    /// Stops the targets, and with them what cannot be without them, dependents first.
    pub(super) fn stop(&mut self, turn: &mut Turn<'_>, target: &Target, force: bool) -> Result<Reply, Rejection> {
        let roots = self.resolve(target)?;
        let mut reply = Reply::default();
        for id in &roots {
            // One that was never started is not kept from its first start.
            self.entry_mut(*id).by_hand |= !matches!(self.entry(*id).unit.phase, Phase::Idle);
            self.entry_mut(*id).armed = false;
        }
        self.stop_closure(turn, &roots, StopKind::ByUser, force, &mut reply);
        if matches!(target, Target::All) {
            let end = turn.now.after(self.config.stop_all_timeout);
            self.timers.set(TimerKey::StopAll, Some(end));
        }
        Ok(reply)
    }

    /// Removes targets of which nothing is active, dependents first: who refuses keeps what it depends on.
    pub(super) fn remove(&mut self, turn: &mut Turn<'_>, target: &Target) -> Result<Reply, Rejection> {
        let mut roots = self.resolve(target)?;
        self.check_unused(&roots)?;
        roots.sort_unstable_by_key(|id| std::cmp::Reverse(self.graph.rank(*id)));
        let mut reply = Reply::default();
        for id in roots {
            if self.is_named(id) {
                self.refuse_in_use(id, &mut reply);
            } else {
                self.give_and_tell(turn, id, Command::Remove, &mut reply);
            }
        }
        reply.affected.reverse();
        Ok(reply)
    }

    /// Stops the targets, dependents first, and removes each once it is down.
    pub(super) fn stop_remove(
        &mut self,
        turn: &mut Turn<'_>,
        target: &Target,
        force: bool,
    ) -> Result<Reply, Rejection> {
        let roots = self.resolve(target)?;
        self.check_unused(&roots)?;
        let mut reply = Reply::default();
        for id in roots {
            self.mark(turn, id, StopKind::ByUser, Command::StopRemove { force });
            reply.affected.push(self.graph.name(id).clone());
        }
        Ok(reply)
    }

    /// Forgets the failures of the targets.
    pub(super) fn reset_failed(&mut self, turn: &mut Turn<'_>, target: &Target) -> Result<Reply, Rejection> {
        let mut reply = Reply::default();
        for id in self.resolve(target)? {
            let up = matches!(self.entry(id).unit.desired, Desired::Up);
            self.give_and_tell(turn, id, Command::ResetFailed, &mut reply);
            let put_down = up && matches!(self.entry(id).unit.desired, Desired::Down);
            let entry = self.entry_mut(id);
            entry.by_hand |= put_down;
            entry.armed &= !put_down;
        }
        Ok(reply)
    }

    /// The time of a stop of all is over: what is still there is killed, in no order.
    pub(super) fn kill_the_rest(&mut self, turn: &mut Turn<'_>) {
        for index in 0..self.entries.len() {
            let id = NodeId::from_index(index);
            let entry = self.entry(id);
            if !entry.unit.phase.is_live() || matches!(entry.unit.desired, Desired::Up) {
                continue;
            }
            let stop = Command::Stop { kind: entry.unit.stop_kind, force: true };
            // A removal that is under way completes when its turn comes.
            if !entry.intent.is_some_and(Intent::removes) {
                self.entry_mut(id).intent = None;
            }
            self.step_unit(turn, id, Event::Command(stop));
        }
    }

    /// Every service that shall be up: a restart of all revives none that a user stopped.
    fn wanted_up(&self) -> Target {
        let up = self.entries.iter().filter(|entry| matches!(entry.unit.desired, Desired::Up));
        Target::Names(up.map(|entry| entry.name().clone()).collect())
    }

    pub(super) fn resolve(&self, target: &Target) -> Result<Vec<NodeId>, Rejection> {
        let names = match target {
            Target::All => return Ok(self.graph.nodes().collect()),
            Target::Names(names) => names,
        };
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            let id = self.graph.id(name.as_str()).ok_or_else(|| {
                let known: Vec<_> = self.entries.iter().map(|e| e.name().clone()).collect();
                let near = nearest(name.as_str(), &known).and_then(|n| self.graph.id(n));
                Rejection::Unknown {
                    name: name.clone(),
                    nearest: near.map(|id| self.graph.name(id).clone()),
                    known: known.len(),
                }
            })?;
            ids.push(id);
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// The targets (sorted by node), the whole set to be up (in start order), and who of the targets cannot be.
    fn start_set(&self, target: &Target) -> Result<(Vec<NodeId>, Vec<NodeId>, Reply), Rejection> {
        let mut reply = Reply::default();
        let mut asked = self.resolve(target)?;
        let all = matches!(target, Target::All);
        if all {
            asked.retain(|id| self.entry(*id).def.enabled && !self.entry(*id).def.lazy);
            asked.sort_unstable_by_key(|id| self.graph.rank(*id));
        }
        let mut in_set = vec![false; self.entries.len()];
        let mut roots = Vec::with_capacity(asked.len());
        for root in asked {
            let pulled = self.pulled_in(root, &in_set);
            match self.clash(&pulled, &in_set) {
                None => {
                    for id in pulled {
                        in_set[id.index()] = true;
                    }
                    roots.push(root);
                }
                Some(rejection) if all => reply.refused.push((self.graph.name(root).clone(), rejection)),
                Some(rejection) => return Err(rejection),
            }
        }
        let mut set: Vec<NodeId> = self.graph.nodes().filter(|id| in_set[id.index()]).collect();
        set.sort_unstable_by_key(|id| self.graph.rank(*id));
        roots.sort_unstable();
        Ok((roots, set, reply))
    }

    /// `root` and what a start of it pulls in, without what is in `known` already.
    fn pulled_in(&self, root: NodeId, known: &[bool]) -> Vec<NodeId> {
        if known[root.index()] {
            return Vec::new();
        }
        let mut found = vec![root];
        let mut seen = std::collections::BTreeSet::from([root]);
        let mut next = 0;
        while let Some(id) = found.get(next).copied() {
            next += 1;
            for edge in self.graph.dependencies(id) {
                if edge.kind.pulls_in()
                    && !self.is_done_with(edge)
                    && !known[edge.node.index()]
                    && seen.insert(edge.node)
                {
                    found.push(edge.node);
                }
            }
        }
        found
    }

    fn clash(&self, pulled: &[NodeId], in_set: &[bool]) -> Option<Rejection> {
        pulled.iter().find_map(|id| {
            let other = self.graph.conflicts(*id).iter().find(|c| in_set[c.index()] || pulled.contains(c))?;
            Some(Rejection::Conflict { name: self.graph.name(*id).clone(), with: self.graph.name(*other).clone() })
        })
    }

    fn stop_rivals(&mut self, turn: &mut Turn<'_>, set: &[NodeId]) {
        // Who cannot start anyway stops no one.
        let starting = set.iter().filter(|id| self.bars_start(**id).is_none());
        let mut rivals: Vec<NodeId> = starting.flat_map(|id| self.graph.conflicts(*id).iter().copied()).collect();
        rivals.sort_unstable();
        rivals.dedup();
        rivals.retain(|id| {
            let unit = &self.entry(*id).unit;
            matches!(unit.desired, Desired::Up) || unit.phase.is_live()
        });
        self.stop_closure(turn, &rivals, StopKind::Conflict, false, &mut Reply::default());
    }

    /// Starts one service of a start set. False: it refused.
    pub(super) fn start_one(&mut self, turn: &mut Turn<'_>, id: NodeId, is_root: bool, reply: &mut Reply) -> bool {
        if let Some(rejected) = self.bars_start(id) {
            self.refuse(id, rejected, reply);
            return false;
        }
        // Whoever named it before its last stop no longer counts.
        let up = matches!(self.entry(id).unit.desired, Desired::Up);
        let wish = self.entry_mut(id);
        wish.by_name &= up;
        (wish.by_hand, wish.armed) = (false, true);
        let entry = self.entry(id);
        if let Some(intent) = entry.intent
            && !intent.comes_back()
        {
            self.entry_mut(id).intent = None;
            self.touch_with_neighbours(id);
        }
        let unit = self.entry(id).unit;
        let on_its_way = matches!(unit.desired, Desired::Up)
            && !matches!(unit.phase, Phase::Idle | Phase::Stopped { .. } | Phase::Failed { .. });
        if !is_root && on_its_way {
            return true;
        }
        self.give(turn, id, Command::Start, reply)
    }

    /// Marks the closure as wanted down *first*, so that nothing in it respawns, then lets each go in order.
    pub(super) fn stop_closure(
        &mut self,
        turn: &mut Turn<'_>,
        roots: &[NodeId],
        kind: StopKind,
        force: bool,
        reply: &mut Reply,
    ) {
        let mut roots = roots.to_vec();
        roots.sort_unstable();
        for id in self.graph.closure_down(&roots, DepKind::propagates_stop) {
            let is_root = roots.binary_search(&id).is_ok();
            let phase = self.entry(id).unit.phase;
            if !is_root && matches!(phase, Phase::Idle | Phase::Stopped { .. }) {
                continue;
            }
            if self.is_leaving_for_good(id) {
                continue;
            }
            let kind = if is_root { kind } else { StopKind::ByDependency };
            self.mark(turn, id, kind, Command::Stop { kind, force });
            reply.affected.push(self.graph.name(id).clone());
        }
    }

    pub(super) fn mark(&mut self, turn: &mut Turn<'_>, id: NodeId, kind: StopKind, command: Command) {
        if !self.leaves_held_up() {
            self.step_unit(turn, id, Event::Command(Command::Hold { kind }));
        }
        self.entry_mut(id).intent = Some(Intent::Command(command));
        self.touch_with_neighbours(id);
    }

    /// Gives a command to one unit. False: it refused, which is noted.
    pub(super) fn give(&mut self, turn: &mut Turn<'_>, id: NodeId, command: Command, reply: &mut Reply) -> bool {
        match self.step_unit(turn, id, Event::Command(command)) {
            Verdict::Rejected(rejected) => {
                self.refuse(id, rejected, reply);
                false
            }
            Verdict::Changed | Verdict::Unchanged | Verdict::Ignored(_) => true,
        }
    }

    /// As [`Fleet::give`], and names the unit as affected when that changed it.
    fn give_and_tell(&mut self, turn: &mut Turn<'_>, id: NodeId, command: Command, reply: &mut Reply) {
        let before = self.entry(id).unit;
        if self.give(turn, id, command, reply) && self.entry(id).unit != before {
            reply.affected.push(self.graph.name(id).clone());
        }
    }

    pub(super) fn refuse(&self, id: NodeId, rejected: Rejected, reply: &mut Reply) {
        let name = self.graph.name(id).clone();
        reply.refused.push((name.clone(), Rejection::Refused { name, rejected }));
    }

    /// Refuses to remove what another target, which itself refused, depends on.
    fn refuse_in_use(&self, id: NodeId, reply: &mut Reply) {
        let name = self.graph.name(id).clone();
        let by = self.graph.dependents(id).iter().filter(|edge| edge.kind.orders());
        let by = by.map(|edge| self.graph.name(edge.node).clone()).collect();
        reply.refused.push((name.clone(), Rejection::InUse { name, by }));
    }

    /// Why `id` cannot be started now, whatever its dependencies say.
    pub(super) fn bars_start(&self, id: NodeId) -> Option<Rejected> {
        if self.is_leaving_for_good(id) {
            Some(Rejected::Removing)
        } else if self.entry(id).unit.leaked {
            Some(Rejected::Leaked)
        } else {
            None
        }
    }

    /// Nothing may be removed that another service, which stays, names as its dependency.
    fn check_unused(&self, leaving: &[NodeId]) -> Result<(), Rejection> {
        for id in leaving {
            let by: Vec<_> = self
                .graph
                .dependents(*id)
                .iter()
                .filter(|edge| !matches!(edge.kind, DepKind::Conflicts) && leaving.binary_search(&edge.node).is_err())
                .map(|edge| self.graph.name(edge.node).clone())
                .collect();
            if !by.is_empty() {
                return Err(Rejection::InUse { name: self.graph.name(*id).clone(), by });
            }
        }
        Ok(())
    }

    #[cfg(feature = "planted-faults")]
    fn leaves_held_up(&self) -> bool {
        self.config.faults.held_stays_up
    }

    #[cfg(not(feature = "planted-faults"))]
    #[allow(clippy::unused_self)] // its twin reads the planted faults
    fn leaves_held_up(&self) -> bool {
        false
    }
}
