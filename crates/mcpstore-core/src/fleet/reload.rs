//! What follows from new definitions: who starts, restarts, stops and goes.
//!
//! A reload leads to where a fresh start with the new definitions would have led, but for two things: what a user stopped
//! stays stopped, and what the change does not concern is left alone.

use std::collections::BTreeMap;

use mcpstore_graph::NodeId;
use mcpstore_types::{DepKind, Desired, FailKind, Phase, Reason, StopKind};

use super::entry::{Intent, is_up};
use super::input::{Rejection, Reply, Target};
use super::reload_input::{Outcome, Reconfigure};
use super::takeover::Taken;
use super::timers::TimerKey;
use super::{Fleet, Turn};
use crate::unit::Command;

/// A reload in the making.
struct Reload {
    reply: Reply,
    outcomes: BTreeMap<NodeId, Outcome>,
    /// Before: up in its own right, or pulled in by one that is.
    was_needed: Vec<bool>,
    /// Before: up, or pulled in by anything that is.
    was_pulled: Vec<bool>,
    /// The same with the new definitions, and with what is to be started.
    needed: Vec<bool>,
    /// To be started, if it is down.
    start: Vec<bool>,
    /// Down by a user's stop, and not to be pulled in.
    kept: Vec<bool>,
}

impl Fleet {
    /// Takes over new definitions.
    pub(super) fn reconfigure(&mut self, turn: &mut Turn<'_>, change: Reconfigure) -> Result<Reply, Rejection> {
        if change.is_empty() {
            return Ok(Reply::default());
        }
        let removed = self.resolve(&Target::Names(change.removed.clone()))?;
        let graph = self.graph_after(&change, &removed)?;
        let mut was_needed = vec![false; self.entries.len()];
        let own: Vec<NodeId> = self.graph.nodes().filter(|id| self.is_up_in_its_own_right(*id)).collect();
        self.add_needed(&own, &self.kept_down(), &mut was_needed);
        let mut was_pulled = vec![false; self.entries.len()];
        let up: Vec<NodeId> = self.graph.nodes().filter(|id| self.is_wanted(*id)).collect();
        self.add_needed(&up, &self.kept_down(), &mut was_pulled);
        let barred = self.barred();
        // Who was told to stop all of it wants nothing started.
        let start = change.start_added && self.timers.get(TimerKey::StopAll).is_none();
        let mut taken = self.take_over(turn, change, graph);
        was_needed.resize(self.entries.len(), false);
        was_pulled.resize(self.entries.len(), false);
        let none = vec![false; self.entries.len()];
        let mut reload = Reload {
            reply: Reply::default(),
            outcomes: BTreeMap::new(),
            was_needed,
            was_pulled,
            needed: none.clone(),
            start: none,
            kept: self.kept_down(),
        };
        for id in removed {
            if !self.is_leaving_for_good(id) {
                self.mark(turn, id, StopKind::ByUser, Command::StopRemove { force: false });
            }
            reload.outcomes.insert(id, Outcome::Removed);
        }
        let freed = barred.into_iter().filter(|(id, by)| self.is_freed(*id, by, &taken)).map(|(id, _)| id);
        let freed: Vec<_> = freed.chain(taken.freed.iter().copied()).filter(|id| !reload.kept[id.index()]).collect();
        taken.candidates.extend(freed);
        self.part_new_rivals(turn, &taken, &mut reload);
        self.find_needed(&mut reload);
        if start {
            self.choose_starts(&taken.candidates, &mut reload);
            taken.lazy.iter().for_each(|id| self.entry_mut(*id).armed = true);
        }
        self.stop_unneeded(turn, &mut reload);
        self.start_chosen(turn, &mut reload);
        self.restart_changed(&taken.restart, &mut reload);
        self.pass_held_stops_on(turn, &mut reload);
        Ok(self.told(&taken, reload))
    }

    /// Up because it is enabled or was named; or, having lost who pulled it in long ago, just up.
    fn is_up_in_its_own_right(&self, id: NodeId) -> bool {
        let entry = self.entry(id);
        self.is_wanted(id) && (entry.def.enabled || entry.by_name)
    }

    /// It shall be up, at once or after the restart that is to come.
    pub(super) fn is_wanted(&self, id: NodeId) -> bool {
        let entry = self.entry(id);
        entry.intent.map_or(matches!(entry.unit.desired, Desired::Up), Intent::comes_back)
    }

    /// A user has the last word: not even what pulls it in revives it.
    fn is_stopped_by_user(&self, id: NodeId) -> bool {
        self.entry(id).by_hand && !self.is_wanted(id)
    }

    /// By node: what a user stopped, and what is down because it cannot be without that.
    pub(super) fn kept_down(&self) -> Vec<bool> {
        let by_hand: Vec<_> = self.graph.nodes().filter(|id| self.is_stopped_by_user(*id)).collect();
        let mut kept = vec![false; self.entries.len()];
        for id in self.graph.closure_down(&by_hand, DepKind::is_hard) {
            kept[id.index()] = !self.is_wanted(id);
        }
        kept
    }

    /// Marks `roots` and all they pull in, and returns who was not marked before. Nothing that is kept down is pulled in.
    pub(super) fn add_needed(&self, roots: &[NodeId], kept: &[bool], marked: &mut [bool]) -> Vec<NodeId> {
        let mut found: Vec<NodeId> = Vec::new();
        let mut add = |id: NodeId, found: &mut Vec<NodeId>| {
            if !self.is_leaving_for_good(id) && !marked[id.index()] {
                marked[id.index()] = true;
                found.push(id);
            }
        };
        for id in roots.iter().filter(|id| !self.is_stopped_by_user(**id)) {
            add(*id, &mut found);
        }
        let mut next = 0;
        while let Some(id) = found.get(next).copied() {
            next += 1;
            for edge in self.graph.dependencies(id) {
                if edge.kind.pulls_in() && !kept[edge.node.index()] && !self.is_done_with(edge) {
                    add(edge.node, &mut found);
                }
            }
        }
        found
    }

    /// Whoever is up and needed by the new definitions.
    fn find_needed(&self, reload: &mut Reload) {
        reload.needed.fill(false);
        let up = self.graph.nodes().filter(|id| self.is_wanted(*id));
        // What nothing needed before is up for no reason of the definitions, and so for none that could go.
        let roots: Vec<_> =
            up.filter(|id| self.is_up_in_its_own_right(*id) || !reload.was_needed[id.index()]).collect();
        self.add_needed(&roots, &reload.kept, &mut reload.needed);
    }

    /// One that kept `id` down goes, is to go, or is no rival any more.
    fn is_freed(&self, id: NodeId, by: &[NodeId], taken: &Taken) -> bool {
        let goes = |rival: NodeId| {
            self.is_leaving_for_good(rival)
                || !self.graph.conflicts(id).contains(&rival)
                || (taken.changed.binary_search(&rival).is_ok() && !self.is_up_in_its_own_right(rival))
        };
        self.entry(id).def.enabled && !self.entry(id).def.lazy && by.iter().any(|rival| goes(*rival))
    }

    /// Two that are up and never run together from now on: one goes. The one that was changed; of two, the later.
    fn part_new_rivals(&mut self, turn: &mut Turn<'_>, taken: &Taken, reload: &mut Reload) {
        self.find_needed(reload);
        for id in &taken.changed {
            for index in 0..self.graph.conflicts(*id).len() {
                let rival = self.graph.conflicts(*id)[index];
                let stays = |id: NodeId| self.is_wanted(id) && reload.needed[id.index()];
                if !stays(*id) || !stays(rival) {
                    continue;
                }
                let both = taken.changed.binary_search(&rival).is_ok();
                let yields = if both && self.graph.rank(rival) > self.graph.rank(*id) { rival } else { *id };
                let along = self.graph.closure_down(&[yields], DepKind::propagates_stop).into_iter();
                // One that did its work and ended is left out, as with every stop.
                let is_done = |id: NodeId| matches!(self.entry(id).unit.phase, Phase::Stopped { .. });
                let along = along.filter(|id| self.is_wanted(*id) && (*id == yields || !is_done(*id)));
                reload.outcomes.extend(along.map(|id| (id, Outcome::Stopped)));
                self.stop_closure(turn, &[yields], StopKind::Conflict, false, &mut Reply::default());
            }
        }
    }

    /// Chooses, in start order, who of the candidates is started, with all it pulls in. Nobody makes way for them.
    fn choose_starts(&self, candidates: &[NodeId], reload: &mut Reload) {
        let mut candidates = candidates.to_vec();
        candidates.sort_unstable_by_key(|id| self.graph.rank(*id));
        candidates.dedup();
        for root in candidates {
            let mut seen = vec![false; self.entries.len()];
            let pulled = self.add_needed(&[root], &reload.kept, &mut seen);
            let new = pulled.iter().filter(|id| !reload.needed[id.index()]);
            let clash = new.clone().find_map(|id| {
                let rivals = self.graph.conflicts(*id).iter();
                let rival = rivals.copied().find(|r| reload.needed[r.index()] || seen[r.index()])?;
                Some((*id, rival))
            });
            if let Some((id, rival)) = clash {
                self.refuse_rival(root, id, rival, reload);
                continue;
            }
            for id in pulled {
                reload.needed[id.index()] = true;
                reload.start[id.index()] = true;
            }
        }
    }

    fn refuse_rival(&self, refused: NodeId, id: NodeId, rival: NodeId, reload: &mut Reload) {
        let conflict = Rejection::Conflict { name: self.graph.name(id).clone(), with: self.graph.name(rival).clone() };
        reload.reply.refused.push((self.graph.name(refused).clone(), conflict));
    }

    /// What the old definitions wanted up and the new ones do not goes down.
    fn stop_unneeded(&mut self, turn: &mut Turn<'_>, reload: &mut Reload) {
        for id in self.graph.nodes() {
            let up = self.is_wanted(id) && !self.is_leaving_for_good(id);
            if up && reload.was_needed[id.index()] && !reload.needed[id.index()] {
                let kind = StopKind::ByConfig;
                self.mark(turn, id, kind, Command::Stop { kind, force: false });
                reload.outcomes.insert(id, Outcome::Stopped);
            }
        }
    }

    /// Starts who was chosen, and who is pulled in anew by one that is up.
    fn start_chosen(&mut self, turn: &mut Turn<'_>, reload: &mut Reload) {
        for id in self.graph.start_order().to_vec() {
            let new = reload.start[id.index()] || !reload.was_pulled[id.index()];
            if !reload.needed[id.index()] || !new || self.is_wanted(id) {
                continue;
            }
            let rivals = self.graph.conflicts(id).iter().copied();
            if let Some(rival) = rivals.into_iter().find(|r| self.is_wanted(*r)) {
                self.refuse_rival(id, id, rival, reload);
            } else if self.start_one(turn, id, false, &mut reload.reply) {
                reload.outcomes.insert(id, Outcome::Started);
            }
        }
    }

    /// A new life for what is up and was changed so that it needs one; dependents go along as with every restart.
    fn restart_changed(&mut self, changed: &[NodeId], reload: &mut Reload) {
        let mut working = Vec::new();
        for &id in changed {
            let entry = self.entry(id);
            let down = !self.is_wanted(id) || entry.unit.leaked;
            // One that only waits has no life yet that could be the wrong one.
            let waits =
                matches!(entry.unit.phase, Phase::Wait | Phase::Failed { kind: FailKind::Dependency } | Phase::Idle);
            if down || waits || reload.outcomes.get(&id) == Some(&Outcome::Started) {
                continue;
            }
            reload.outcomes.insert(id, Outcome::Restarted);
            if entry.intent.is_some_and(Intent::comes_back) {
                continue;
            }
            if is_up(entry.unit.phase) || matches!(entry.unit.phase, Phase::Stopped { .. }) {
                working.push(id);
            }
            self.restart_for(id, Reason::ConfigChanged);
        }
        for id in self.graph.closure_down(&working, DepKind::propagates_stop) {
            if self.is_wanted_and_up(id) && self.entry(id).intent.is_none() && !self.is_leaving_for_good(id) {
                self.restart_for(id, Reason::DependencyRestarted);
                reload.outcomes.insert(id, Outcome::Restarted);
            }
        }
    }

    fn restart_for(&mut self, id: NodeId, reason: Reason) {
        self.entry_mut(id).intent = Some(Intent::Command(Command::Restart { reason, force: false }));
        self.touch_with_neighbours(id);
    }

    /// Whoever cannot be without a service whose stop is still held goes with it, as if it had been so when it was asked.
    fn pass_held_stops_on(&mut self, turn: &mut Turn<'_>, reload: &mut Reload) {
        let held = self.graph.nodes().filter(|id| self.entry(*id).intent.is_some_and(|intent| !intent.comes_back()));
        let mut held: Vec<_> = held.collect();
        while let Some(on) = held.pop() {
            let dependents = self.graph.dependents(on).iter().filter(|edge| edge.kind.is_hard());
            let along: Vec<_> = dependents.map(|edge| edge.node).filter(|id| self.is_wanted_and_up(*id)).collect();
            for id in along {
                let kind = StopKind::ByDependency;
                self.mark(turn, id, kind, Command::Stop { kind, force: false });
                // One that was to be stopped and was just called back goes all the same.
                if reload.outcomes.remove(&id) != Some(Outcome::Started) {
                    reload.outcomes.insert(id, Outcome::Stopped);
                }
                held.push(id);
            }
        }
    }

    /// The answer: what follows, and for the rest of what changed, whether it counts now or later.
    fn told(&self, taken: &Taken, mut reload: Reload) -> Reply {
        for &id in &taken.changed {
            let later = taken.restart.binary_search(&id).is_ok() || !self.entry(id).unit.is_live();
            reload.outcomes.entry(id).or_insert(if later { Outcome::Stored } else { Outcome::Updated });
        }
        for &id in &taken.added {
            reload.outcomes.entry(id).or_insert(Outcome::Stored);
        }
        let mut outcomes: Vec<_> = reload.outcomes.into_iter().collect();
        outcomes.sort_unstable_by_key(|(id, _)| self.graph.rank(*id));
        let mut reply = reload.reply;
        reply.outcomes = outcomes.iter().map(|(id, outcome)| (self.graph.name(*id).clone(), *outcome)).collect();
        reply.affected = reply.outcomes.iter().map(|(name, _)| name.clone()).collect();
        reply
    }
}
