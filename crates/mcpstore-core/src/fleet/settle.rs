//! Stepping units, and bringing their neighbours into line.

use mcpstore_graph::NodeId;
use mcpstore_types::{DepKind, Desired, FailKind, Incarnation, Phase, PhaseName, Reason, ServiceName, StopKind};

use super::depend::DepsVerdict;
use super::entry::{Intent, can_be_lost, is_up, takes_slot};
use super::input::{Effect, Rejection, Reply};
use super::timers::TimerKey;
use super::{Fleet, Turn};
use crate::unit::{self, Command, Event, Ignored, Move, Report, StepContext, Then, Unit, Verdict};

impl Fleet {
    pub(super) fn report(
        &mut self,
        turn: &mut Turn<'_>,
        service: &ServiceName,
        incarnation: Incarnation,
        report: Report,
    ) -> Result<Reply, Rejection> {
        // A report may arrive after its service was removed: that is stale too, not an error.
        let verdict = match self.graph.id(service.as_str()) {
            // Its stop is held for its dependents: found again, it would be stopped at once.
            Some(id) if matches!(report, Report::Adopted) && self.is_held_down(id, incarnation) => {
                Verdict::Ignored(Ignored::NotNow)
            }
            // A command is under way, which ends this life anyway.
            Some(id) if matches!(report, Report::Recycle(_)) && self.has_intent(id, incarnation) => {
                Verdict::Ignored(Ignored::NotNow)
            }
            Some(id) if matches!(report, Report::Idle) && self.must_stay_awake(id, incarnation) => {
                Verdict::Ignored(Ignored::NotNow)
            }
            Some(id) => self.step_unit(turn, id, Event::Report(incarnation, report)),
            None => Verdict::Ignored(Ignored::Stale),
        };
        if matches!(verdict, Verdict::Ignored(Ignored::Stale)) {
            self.stale_reports += 1;
        }
        Ok(Reply::default())
    }

    /// Plays every timeout that is due. Each deadline plays once; one that comes due by it waits for the next tick.
    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) -> Reply {
        for key in self.timers.due(turn.now) {
            match key {
                TimerKey::Unit(id) => {
                    self.step_unit(turn, id, Event::Tick);
                }
                TimerKey::DepGrace(id) => {
                    self.timers.set(key, None);
                    self.pass_loss_on(id);
                }
                TimerKey::StopAll => {
                    self.timers.set(key, None);
                    self.kill_the_rest(turn);
                }
            }
        }
        Reply::default()
    }

    /// Works until no service has anything left to react to.
    pub(super) fn settle(&mut self, turn: &mut Turn<'_>) {
        let mut looks = 0_usize;
        loop {
            while let Some(id) = self.dirty.pop_front() {
                looks += 1;
                debug_assert!(
                    looks <= 64 * (self.entries.len() + self.graph.edge_count()),
                    "the fleet does not settle"
                );
                self.entry_mut(id).dirty = false;
                self.reconcile(turn, id);
            }
            if !self.dispatch(turn) {
                break;
            }
        }
    }

    /// Steps one unit, publishes what it shows and asks, and marks everyone who may have to react.
    pub(super) fn step_unit(&mut self, turn: &mut Turn<'_>, id: NodeId, event: Event) -> Verdict {
        let dependency = match event {
            Event::DepGone => match self.deps_verdict(id) {
                DepsVerdict::Gone(node) | DepsVerdict::Waiting(node) => Some(self.graph.name(node).clone()),
                DepsVerdict::Met => None,
            },
            Event::Command(_) | Event::Report(..) | Event::DepsOk | Event::DepLost | Event::Tick => None,
        };
        let entry = self.entry(id);
        let context = StepContext { policy: &entry.policy, window_spent: entry.window_spent(turn.now) };
        let before = entry.unit;
        let step = unit::step(before, &context, turn.now, event);
        let after = step.unit;
        let entry = self.entry_mut(id);
        entry.unit = after;
        entry.restarts += u64::from(step.restarted);
        for shown in &step.moves {
            if shown.from != shown.to {
                entry.state_since = turn.now;
            }
            turn.effects.push(Effect::Notice {
                service: entry.name().clone(),
                incarnation: after.incarnation,
                step: *shown,
                dependency: dependency.clone(),
            });
        }
        if let Some(action) = step.action {
            turn.effects.push(Effect::Act { service: entry.name().clone(), incarnation: after.incarnation, action });
        }
        if after != before {
            self.after_change(turn, id, &before, event);
        }
        step.verdict
    }

    fn after_change(&mut self, turn: &mut Turn<'_>, id: NodeId, before: &Unit, event: Event) {
        self.keep_wait(turn, id, before);
        let entry = self.entry_mut(id);
        let after = entry.unit;
        if before.phase != after.phase && matches!(after.phase, Phase::BackOff { .. }) {
            entry.note_restart(turn.now);
        }
        if after.failures == 0
            && matches!(event, Event::Command(Command::Start | Command::Restart { .. } | Command::ResetFailed))
        {
            entry.history.clear();
        }
        if !matches!(after.phase, Phase::Wait)
            && let Some((since, rank)) = entry.queued.take()
        {
            self.ready.remove(&(since, rank, id));
        }
        self.starting += usize::from(takes_slot(after.phase));
        self.starting -= usize::from(takes_slot(before.phase));
        self.purge |= matches!(after.phase, Phase::Removed);
        let deadline = unit::deadline(&after, &self.entry(id).policy);
        self.timers.set(TimerKey::Unit(id), deadline);
        self.note_loss(turn, id, before);
        self.touch_with_neighbours(id);
    }

    /// Keeps `lost` and its grace: set when a service that had a process goes down against its will (someone may be
    /// bound to a dependency that is merely started), cleared once it is ready.
    fn note_loss(&mut self, turn: &Turn<'_>, id: NodeId, before: &Unit) {
        let after = self.entry(id).unit;
        let is_there = matches!(after.phase, Phase::Ready | Phase::Degraded | Phase::Unknown);
        // A life that is merely replaced is missed like one that crashed: nobody goes along while it is back in time.
        let recycled = matches!(after.reason, Reason::AgeReached | Reason::MemoryReached);
        let on_purpose = match after.then {
            Then::Stop | Then::Remove => true,
            Then::Restart => !recycled,
            Then::None | Then::Retry | Then::Complete => false,
        };
        let key = TimerKey::DepGrace(id);
        if is_there || matches!(after.desired, Desired::Down) {
            self.entry_mut(id).lost = false;
            self.timers.set(key, None);
        } else if can_be_lost(before.phase) && !can_be_lost(after.phase) && !on_purpose && self.has_bound(id) {
            self.entry_mut(id).lost = true;
            // One that is lost again within its grace gets no more of it.
            let end = self.timers.get(key).unwrap_or_else(|| turn.now.after(self.config.dep_grace));
            self.timers.set(key, Some(end));
        }
    }

    fn has_bound(&self, id: NodeId) -> bool {
        self.graph.dependents(id).iter().any(|edge| matches!(edge.kind, DepKind::BindsTo))
    }

    /// A command to this life of it waits for its dependents.
    fn has_intent(&self, id: NodeId, incarnation: Incarnation) -> bool {
        let entry = self.entry(id);
        entry.unit.incarnation == incarnation && entry.intent.is_some()
    }

    /// The same; and it does not come back after it.
    fn is_held_down(&self, id: NodeId, incarnation: Incarnation) -> bool {
        self.has_intent(id, incarnation) && matches!(self.entry(id).unit.desired, Desired::Down)
    }

    /// The grace of a lost dependency is over: services bound to it are restarted, and those that go with them.
    fn pass_loss_on(&mut self, lost: NodeId) {
        if !self.entry(lost).lost {
            return;
        }
        let bound: Vec<NodeId> = self
            .graph
            .dependents(lost)
            .iter()
            .filter(|edge| matches!(edge.kind, DepKind::BindsTo) && !self.stands_in_mid_run(lost, edge.condition))
            .map(|edge| edge.node)
            .filter(|id| self.is_wanted_and_up(*id))
            .collect();
        for id in self.graph.closure_down(&bound, DepKind::propagates_stop) {
            if self.is_wanted_and_up(id) && self.entry(id).intent.is_none() {
                self.entry_mut(id).intent = Some(Intent::DepLost);
                self.touch_with_neighbours(id);
            }
        }
    }

    pub(super) fn is_wanted_and_up(&self, id: NodeId) -> bool {
        let unit = &self.entry(id).unit;
        is_up(unit.phase) && matches!(unit.desired, Desired::Up)
    }

    fn reconcile(&mut self, turn: &mut Turn<'_>, id: NodeId) {
        self.give_intent(turn, id);
        let unit = self.entry(id).unit;
        match unit.phase {
            Phase::Wait => match self.deps_verdict(id) {
                DepsVerdict::Met if self.entry(id).awaits_outside() => self.dequeue(id),
                DepsVerdict::Met => self.enqueue(id),
                DepsVerdict::Waiting(_) => self.dequeue(id),
                DepsVerdict::Gone(_) => {
                    self.step_unit(turn, id, Event::DepGone);
                }
            },
            Phase::Failed { kind: FailKind::Dependency } if matches!(unit.desired, Desired::Up) => {
                let ready = match self.deps_verdict(id) {
                    // What it waits for outside nobody looks at any more.
                    DepsVerdict::Met => !self.entry(id).in_vain,
                    // One that waited in vain comes back when its dependency is there, not when it tries again.
                    DepsVerdict::Waiting(_) => unit.reason != Reason::TimedOut(PhaseName::Wait),
                    DepsVerdict::Gone(_) => false,
                };
                if ready {
                    self.step_unit(turn, id, Event::DepsOk);
                }
            }
            Phase::Ready | Phase::Degraded => self.show_missing(turn, id),
            Phase::Idle
            | Phase::Spawn
            | Phase::Init
            | Phase::Probe
            | Phase::Abort
            | Phase::Drain
            | Phase::Close
            | Phase::Term
            | Phase::Kill
            | Phase::Reap
            | Phase::Stopped { .. }
            | Phase::Cleanup
            | Phase::BackOff { .. }
            | Phase::Failed { .. }
            | Phase::Unknown
            | Phase::Removed => self.entry_mut(id).missing = None,
        }
    }

    /// Gives a pending command to its unit, unless a leaving dependent still needs the service.
    fn give_intent(&mut self, turn: &mut Turn<'_>, id: NodeId) {
        let Some(intent) = self.entry(id).intent else { return };
        self.take_along(id, intent);
        if is_up(self.entry(id).unit.phase) && self.holds_stops() && self.is_needed_by_the_leaving(id) {
            return;
        }
        if let Intent::Command(Command::StopRemove { force }) = intent
            && self.is_named(id)
        {
            // It goes down now, and is removed after those that name it.
            let stop = Command::Stop { kind: StopKind::ByUser, force };
            self.step_unit(turn, id, Event::Command(stop));
            return;
        }
        self.entry_mut(id).intent = None;
        let unchanged = self.entry(id).unit;
        self.step_unit(turn, id, intent.event());
        if self.entry(id).unit == unchanged {
            // The intent alone kept neighbours waiting.
            self.touch_with_neighbours(id);
        }
    }

    /// Whoever needs `id`, runs and is to stay (a start overtook its stop) goes along with a restart that is still to come.
    fn take_along(&mut self, id: NodeId, intent: Intent) {
        let along = match intent {
            Intent::DepLost => intent,
            Intent::Command(Command::Restart { force, .. }) => {
                Intent::Command(Command::Restart { reason: Reason::DependencyRestarted, force })
            }
            Intent::Command(
                Command::Start
                | Command::Wake
                | Command::Stop { .. }
                | Command::Hold { .. }
                | Command::Remove
                | Command::StopRemove { .. }
                | Command::ResetFailed,
            ) => return,
        };
        if !is_up(self.entry(id).unit.phase) {
            return;
        }
        for index in 0..self.graph.dependents(id).len() {
            let edge = self.graph.dependents(id)[index];
            if edge.kind.is_hard() && self.entry(edge.node).intent.is_none() && self.is_wanted_and_up(edge.node) {
                self.entry_mut(edge.node).intent = Some(along);
                self.touch_with_neighbours(edge.node);
            }
        }
    }

    /// A running service whose dependency went away, or came back, says so.
    fn show_missing(&mut self, turn: &mut Turn<'_>, id: NodeId) {
        let lost = self.lost_dependency(id);
        let before = self.entry(id).missing;
        if before.map(|(node, _)| node) == lost {
            return;
        }
        self.entry_mut(id).missing = lost.map(|node| (node, turn.now));
        let reason = if lost.is_some() { Reason::DependencyLost } else { Reason::DependencyRecovered };
        let dependency = lost.or(before.map(|(node, _)| node)).map(|node| self.graph.name(node).clone());
        let entry = self.entry(id);
        let state = entry.unit.phase.state();
        turn.effects.push(Effect::Notice {
            service: entry.name().clone(),
            incarnation: entry.unit.incarnation,
            step: Move { from: state, to: state, phase: entry.unit.phase.name(), reason },
            dependency,
        });
    }

    /// Spawns the longest waiting while slots are free. True when something was started or looked at again.
    fn dispatch(&mut self, turn: &mut Turn<'_>) -> bool {
        let mut worked = false;
        while self.starting < self.config.max_parallel_starts.max(1) {
            let Some((_, _, id)) = self.ready.pop_first() else { break };
            self.entry_mut(id).queued = None;
            worked = true;
            // Time has passed since it was queued: what it waits for is evaluated again at this instant.
            let met = self.deps_verdict(id) == DepsVerdict::Met && !self.entry(id).awaits_outside();
            if !self.looks_twice() || met {
                self.step_unit(turn, id, Event::DepsOk);
            } else {
                self.touch(id);
            }
        }
        worked
    }

    fn enqueue(&mut self, id: NodeId) {
        if self.entry(id).queued.is_none() {
            let (since, rank) = self.place(id);
            self.entry_mut(id).queued = Some((since, rank));
            self.ready.insert((since, rank, id));
        }
    }

    fn dequeue(&mut self, id: NodeId) {
        if !self.looks_twice() {
            return;
        }
        if let Some((since, rank)) = self.entry_mut(id).queued.take() {
            self.ready.remove(&(since, rank, id));
        }
    }

    pub(super) fn touch(&mut self, id: NodeId) {
        let entry = self.entry_mut(id);
        if !entry.dirty {
            entry.dirty = true;
            self.dirty.push_back(id);
        }
    }

    /// Marks `id` and everyone whose situation its change may alter.
    pub(super) fn touch_with_neighbours(&mut self, id: NodeId) {
        self.touch(id);
        for index in 0..self.graph.dependents(id).len() {
            self.touch(self.graph.dependents(id)[index].node);
        }
        // A dependency looks again only when it waits for this one to be down.
        for index in 0..self.graph.dependencies(id).len() {
            let node = self.graph.dependencies(id)[index].node;
            if self.entry(node).intent.is_some() {
                self.touch(node);
            }
        }
        for index in 0..self.graph.conflicts(id).len() {
            self.touch(self.graph.conflicts(id)[index]);
        }
    }

    #[cfg(feature = "planted-faults")]
    fn looks_twice(&self) -> bool {
        !self.config.faults.no_second_look
    }

    #[cfg(not(feature = "planted-faults"))]
    #[allow(clippy::unused_self)] // its twin reads the planted faults
    fn looks_twice(&self) -> bool {
        true
    }

    #[cfg(feature = "planted-faults")]
    fn holds_stops(&self) -> bool {
        !self.config.faults.no_stop_hold
    }

    #[cfg(not(feature = "planted-faults"))]
    #[allow(clippy::unused_self)] // its twin reads the planted faults
    fn holds_stops(&self) -> bool {
        true
    }
}
