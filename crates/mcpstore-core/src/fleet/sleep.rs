//! Services that sleep until somebody needs them.

use mcpstore_graph::NodeId;
use mcpstore_types::{Desired, Incarnation, Phase, ServiceName, StopKind};

use super::input::{Rejection, Reply, Target};
use super::timers::TimerKey;
use super::{Fleet, Turn};
use crate::unit::{Command, Event, Rejected, Verdict};

impl Fleet {
    /// Somebody needs `name`: it comes up if it sleeps, with all it pulls in.
    pub(super) fn wake(&mut self, turn: &mut Turn<'_>, name: &ServiceName) -> Result<Reply, Rejection> {
        let mut reply = Reply::default();
        let kept = self.kept_down();
        for id in self.resolve(&Target::from(name.clone()))? {
            if self.is_wanted(id) {
                continue;
            }
            let refused = |rejected| Rejection::Refused { name: name.clone(), rejected };
            if let Some(rejected) = self.bars_start(id) {
                return Err(refused(rejected));
            }
            if kept[id.index()] || !self.can_be_woken(id) {
                return Err(refused(Rejected::StaysDown));
            }
            let mut needed = self.add_needed(&[id], &kept, &mut vec![false; kept.len()]);
            self.check_rivals(&needed)?;
            needed.sort_unstable_by_key(|id| self.graph.rank(*id));
            for other in needed {
                let up = if other == id {
                    !matches!(self.step_unit(turn, id, Event::Command(Command::Wake)), Verdict::Rejected(_))
                } else {
                    self.start_one(turn, other, false, &mut reply)
                };
                if up {
                    reply.affected.push(self.graph.name(other).clone());
                }
            }
        }
        Ok(reply)
    }

    /// A call stops no one: with a rival of what it needs up, it is refused.
    fn check_rivals(&self, needed: &[NodeId]) -> Result<(), Rejection> {
        let rivals = needed.iter().flat_map(|id| self.graph.conflicts(*id).iter().map(|with| (*id, *with)));
        match rivals.into_iter().find(|(_, with)| self.is_wanted(*with) || needed.contains(with)) {
            Some((id, with)) => {
                Err(Rejection::Conflict { name: self.graph.name(id).clone(), with: self.graph.name(with).clone() })
            }
            None => Ok(()),
        }
    }

    /// It sleeps: it was never started because nobody needed it, or was stopped because nobody did any more.
    fn can_be_woken(&self, id: NodeId) -> bool {
        let entry = self.entry(id);
        // Who was told to stop all of it wants nothing started.
        if !entry.armed || entry.intent.is_some() || self.timers.get(TimerKey::StopAll).is_some() {
            return false;
        }
        match entry.unit.phase {
            Phase::Idle => entry.def.lazy,
            Phase::Stopped { kind } => entry.def.lazy || matches!(kind, StopKind::Idle),
            Phase::Drain | Phase::Close | Phase::Term | Phase::Kill | Phase::Reap => {
                matches!(entry.unit.stop_kind, StopKind::Idle)
            }
            Phase::Wait
            | Phase::Spawn
            | Phase::Init
            | Phase::Probe
            | Phase::Ready
            | Phase::Degraded
            | Phase::Abort
            | Phase::Cleanup
            | Phase::BackOff { .. }
            | Phase::Failed { .. }
            | Phase::Unknown
            | Phase::Removed => false,
        }
    }

    /// Part of a start of all: from now on whoever needs a lazy service wakes it, also one that a user had stopped or that
    /// had failed.
    pub(super) fn arm_lazy(&mut self, turn: &mut Turn<'_>, reply: &mut Reply) {
        let lazy = self.graph.nodes().filter(|id| {
            let def = &self.entry(*id).def;
            def.enabled && def.lazy
        });
        let lazy: Vec<_> = lazy.collect();
        for id in lazy {
            if self.bars_start(id).is_some() {
                continue;
            }
            let entry = self.entry_mut(id);
            let (known, intent, unit) = (entry.armed, entry.intent, entry.unit);
            (entry.by_hand, entry.armed) = (false, true);
            let failed = matches!(unit.phase, Phase::Failed { .. });
            let asleep = matches!(unit.phase, Phase::Idle | Phase::Stopped { .. });
            if intent.is_none() && (failed || matches!(unit.desired, Desired::Down)) {
                self.give(turn, id, Command::Stop { kind: StopKind::Idle, force: false }, reply);
            }
            if !known && (failed || asleep) {
                reply.affected.push(self.graph.name(id).clone());
            }
        }
    }

    /// It waits for the first who needs it.
    pub(super) fn sleeps_from_the_start(&self, id: NodeId) -> bool {
        let entry = self.entry(id);
        entry.armed && entry.def.lazy && matches!(entry.unit.phase, Phase::Idle)
    }

    /// This life of it is idle, and stays: a command waits for it, or a service that pulls it in, or cannot be without it,
    /// is up or to be up, or goes down before it.
    pub(super) fn must_stay_awake(&self, id: NodeId, incarnation: Incarnation) -> bool {
        if self.entry(id).unit.incarnation != incarnation {
            return false;
        }
        let leans = self.graph.dependents(id).iter().filter(|edge| edge.kind.is_hard() || edge.kind.pulls_in());
        self.entry(id).intent.is_some()
            || self.is_needed_by_the_leaving(id)
            || leans.into_iter().any(|edge| self.entry(edge.node).unit.is_live() || self.is_wanted(edge.node))
    }
}
