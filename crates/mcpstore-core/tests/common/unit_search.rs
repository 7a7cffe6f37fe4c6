//! The exhaustive search over all reachable records of one service, and what must hold in each.

#![allow(clippy::disallowed_types)] // looked up, never iterated: the order of a hash map cannot show
use std::collections::HashMap;

use mcpstore_core::{
    Action, Command, Event, Ignored, Rejected, Report, Step, StepContext, UnitPolicy, Verdict, deadline,
};
use mcpstore_types::{FailKind, Phase, PhaseName, RestartMode, StopKind, Timestamp};

use super::unit_table::{Row, expected};
use super::unit_world::{Happening, Machine, NOW, Node, Told, Truth};
use super::unit_world::{entry_action, is_down, is_one_of_the_twenty, is_up, needs_deadline};

/// What a search saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stats {
    /// Different records (without the world beside them).
    pub(crate) records: usize,
    /// Records with their worlds.
    pub(crate) nodes: usize,
    /// Pairs of a node and an event that the machine took.
    pub(crate) cells: usize,
}

/// A broken invariant: which, and how it came to be.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) invariant: &'static str,
    pub(crate) detail: String,
}

struct Edge {
    to: usize,
    what: Happening,
}

struct Search<'a> {
    machine: Machine<'a>,
    policy: &'a UnitPolicy,
    table: bool,
    nodes: Vec<Node>,
    index: HashMap<Node, usize>,
    parents: Vec<Option<(usize, Happening)>>,
    edges: Vec<Vec<Edge>>,
    cells: usize,
}

/// Searches everything that `machine` can reach under `policy`; with `table`, holds every cell against the table of
/// LIFECYCLE.md too.
pub(crate) fn search(machine: Machine<'_>, policy: &UnitPolicy, table: bool) -> Result<Stats, Violation> {
    let mut s = Search {
        machine,
        policy,
        table,
        nodes: Vec::new(),
        index: HashMap::new(),
        parents: Vec::new(),
        edges: Vec::new(),
        cells: 0,
    };
    s.intern(Node::new(), None);
    let mut next = 0;
    while next < s.nodes.len() {
        s.expand(next)?;
        next += 1;
    }
    s.check_stops()?;
    s.check_liveness()?;
    let mut records: HashMap<_, ()> = HashMap::new();
    records.extend(s.nodes.iter().map(|n| (n.unit, ())));
    Ok(Stats { records: records.len(), nodes: s.nodes.len(), cells: s.cells })
}

impl Search<'_> {
    fn intern(&mut self, node: Node, parent: Option<(usize, Happening)>) -> usize {
        if let Some(at) = self.index.get(&node) {
            return *at;
        }
        let at = self.nodes.len();
        self.index.insert(node, at);
        self.nodes.push(node);
        self.parents.push(parent);
        self.edges.push(Vec::new());
        at
    }

    fn expand(&mut self, at: usize) -> Result<(), Violation> {
        let node = self.nodes[at];
        self.check_record(at)?;
        for what in node.happenings(self.policy) {
            let (when, event, life) = node.play(self.policy, what);
            let Some(event) = event else {
                let after = node.after(node.unit, life, when);
                self.link(at, after, what);
                continue;
            };
            // The budget of the window matters only where a failure is weighed; both answers are tried all the same.
            let is_stale = matches!(what, Happening::Stale(..));
            for window_spent in [false, true].into_iter().take(if is_stale { 1 } else { 2 }) {
                let context = StepContext { policy: self.policy, window_spent };
                let step = (self.machine)(node.unit, &context, when, event);
                self.cells += 1;
                let mut after = node.after(step.unit, life, when);
                if let Event::Command(command) = event {
                    after.remember(command, &step);
                }
                // Nobody needs it: as good as a command, which the next call takes back.
                if matches!(event, Event::Report(_, Report::Idle)) && step.verdict == Verdict::Changed {
                    after.wanted = false;
                }
                if matches!(step.unit.phase, Phase::BackOff { .. }) && node.unit.phase != step.unit.phase {
                    after.restarts += 1;
                }
                if matches!(node.unit.phase, Phase::Ready)
                    && matches!(what, Happening::TickDue | Happening::TickLate)
                    && when.since(node.unit.since) >= self.policy.restart.stable_after
                {
                    after.restarts = 0;
                }
                self.check_step(at, &after, what, event, when, &step, window_spent)
                    .map_err(|(invariant, why)| self.violation(invariant, at, &format!("{what:?}: {why}; {step:?}")))?;
                if step.action == Some(Action::Spawn) {
                    after.life = Some((Truth::Spawning, Told::Nothing));
                }
                self.link(at, after, what);
            }
        }
        Ok(())
    }

    fn link(&mut self, from: usize, to: Node, what: Happening) {
        let to = self.intern(to, Some((from, what)));
        if to != from {
            self.edges[from].push(Edge { to, what });
        }
    }

    /// What must hold in every record, however it was reached.
    fn check_record(&self, at: usize) -> Result<(), Violation> {
        let node = self.nodes[at];
        let unit = &node.unit;
        let fail = |invariant, why: &str| Err(self.violation(invariant, at, why));
        if node.life.is_some() && !unit.is_live() {
            return fail("I7", "something of it lives, and the record says that nothing does");
        }
        if matches!(unit.phase, Phase::Ready | Phase::Degraded | Phase::Probe | Phase::Init)
            && matches!(node.life, None | Some((_, Told::Nothing | Told::Exited)))
        {
            return fail("I7", "what was reported gone, or never made, is said to be up");
        }
        if is_up(unit) != node.wanted {
            return fail("I6", "desired is not what the last accepted command asked for");
        }
        if node.restarts > self.policy.restart.max_attempts {
            return fail("I9", "more automatic restarts than the policy allows");
        }
        if matches!(self.policy.restart.mode, RestartMode::Never) && node.restarts > 0 {
            return fail("I9", "the policy is never, and it was restarted");
        }
        let due = deadline(unit, self.policy);
        if needs_deadline(unit) && due.is_none() {
            return fail("I10", "no deadline where time must move it on");
        }
        if matches!(unit.phase, Phase::Removed) && (due.is_some() || node.life.is_some()) {
            return fail("I11", "removed, and not all of it is gone");
        }
        if unit.leaked && !matches!(unit.phase, Phase::Failed { .. }) {
            return fail("I1", "a leaked group outside Failed");
        }
        Ok(())
    }

    /// What must hold of every step.
    #[allow(clippy::too_many_arguments)]
    fn check_step(
        &self,
        at: usize,
        after: &Node,
        what: Happening,
        event: Event,
        when: Timestamp,
        step: &Step,
        window_spent: bool,
    ) -> Result<(), (&'static str, &'static str)> {
        let node = &self.nodes[at];
        let (before, unit) = (&node.unit, &step.unit);
        let silent = step.unit == *before && step.moves.is_empty() && step.action.is_none() && !step.restarted;
        if matches!(what, Happening::Stale(..)) && !(silent && step.verdict == Verdict::Ignored(Ignored::Stale)) {
            return Err(("I8", "a report of another life had an effect"));
        }
        if matches!(step.verdict, Verdict::Rejected(_) | Verdict::Ignored(_) | Verdict::Unchanged)
            && (!step.moves.is_empty() || step.action.is_some() || unit.phase != before.phase)
        {
            return Err(("step", "what was refused or passed over had an effect"));
        }
        if matches!(step.verdict, Verdict::Rejected(_) | Verdict::Ignored(_)) && !silent {
            return Err(("step", "what was refused or passed over changed the record"));
        }
        let mut shown = before.phase.state();
        for m in &step.moves {
            if m.from != shown {
                return Err(("I2", "the public steps have a gap"));
            }
            let public = m.from == m.to || is_one_of_the_twenty(m.from, m.to);
            if !public || public != mcpstore_core::is_public_edge(m.from, m.to) {
                return Err(("I2", "no public edge"));
            }
            shown = m.to;
        }
        if shown != unit.phase.state() {
            return Err(("I2", "the public steps do not end at the state"));
        }
        let entered = before.phase.name() != unit.phase.name();
        let spawned = step.action == Some(Action::Spawn);
        if entered && step.action != entry_action(unit.phase.name()) || !entered && step.action.is_some() {
            return Err(("step", "the action does not belong to the phase that was entered"));
        }
        if (unit.incarnation != before.incarnation) != spawned
            || spawned && unit.incarnation != before.incarnation.next()
        {
            return Err(("I8", "the incarnation grows on entry to Spawn, and only there"));
        }
        if spawned {
            if node.life.is_some() {
                return Err(("I1", "spawned while something of the last life is not known to be gone"));
            }
            if !node.wanted || node.removing {
                return Err(("I3", "spawned though the last accepted command wants it down"));
            }
        }
        if matches!(unit.phase, Phase::Removed) && matches!(event, Event::Command(_)) && !silent {
            let by_removal = matches!(event, Event::Command(Command::Remove | Command::StopRemove { .. }));
            if !by_removal {
                return Err(("I11", "removed by what is no removal"));
            }
        }
        if matches!(before.phase, Phase::Removed) && !silent {
            return Err(("I11", "a removed service moved"));
        }
        if node.removing
            && matches!(event, Event::Command(Command::Start | Command::Restart { .. }))
            && step.verdict != Verdict::Rejected(Rejected::Removing)
        {
            return Err(("I11", "a start was taken while a removal is under way"));
        }
        if entered
            && !matches!(unit.phase, Phase::BackOff { .. })
            && deadline(unit, self.policy).is_some_and(|due| due <= when)
        {
            return Err(("I10", "a phase was entered whose time was over already"));
        }
        if matches!(what, Happening::TickEarly) && !silent {
            return Err(("tick", "a tick before the deadline had an effect"));
        }
        if matches!(what, Happening::TickDue | Happening::TickLate) && silent {
            return Err(("I10", "a tick at the deadline had no effect"));
        }
        if self.table {
            let told = match step.verdict {
                Verdict::Rejected(why) => Err(why),
                Verdict::Changed | Verdict::Unchanged | Verdict::Ignored(_) => Ok(Row::of(unit)),
            };
            if told != expected(before, self.policy, window_spent, when, event) {
                return Err(("table", "the machine and LIFECYCLE.md §2 disagree"));
            }
        }
        self.check_end(node, after, event, step, window_spent)
    }

    /// What the policy says about the end of a life.
    fn check_end(
        &self,
        node: &Node,
        after: &Node,
        event: Event,
        step: &Step,
        window_spent: bool,
    ) -> Result<(), (&'static str, &'static str)> {
        let unit = &step.unit;
        let gave_up = matches!(unit.phase, Phase::Failed { kind: FailKind::GaveUp });
        if gave_up
            && node.unit.phase != unit.phase
            && !window_spent
            && node.unit.failures < self.policy.restart.max_attempts
        {
            return Err(("I9", "gave up before the budget was spent"));
        }
        if let Phase::BackOff { attempt, .. } = unit.phase
            && node.unit.phase != unit.phase
            && (window_spent || attempt != unit.failures || attempt == 0)
        {
            return Err(("I9", "backs off beyond the window, or counts wrongly"));
        }
        if matches!(unit.phase, Phase::BackOff { .. } | Phase::Wait) && !after.wanted {
            return Err(("I6", "on its way up though it is wanted down"));
        }
        if matches!(event, Event::Report(_, Report::Exit(status)) if status.is_clean())
            && matches!(node.unit.phase, Phase::Ready | Phase::Degraded)
            && step.verdict == Verdict::Changed
        {
            let completes = unit.then == mcpstore_core::Then::Complete;
            if completes == matches!(self.policy.restart.mode, RestartMode::Always) {
                return Err(("I9", "a clean exit is a failure under `always`, and only there"));
            }
        }
        Ok(())
    }

    /// After an accepted stop a down phase is reached without another command: whatever the world does, and when it
    /// does nothing and only time passes.
    fn check_stops(&self) -> Result<(), Violation> {
        let done = |n: &Node| {
            if n.removing { matches!(n.unit.phase, Phase::Removed) || n.unit.leaked } else { is_down(&n.unit) }
        };
        let mut left: Vec<usize> = Vec::with_capacity(self.nodes.len());
        let mut back: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut good: Vec<usize> = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let edges: Vec<_> = self.edges[at].iter().filter(|e| !matches!(e.what, Happening::Ask(_))).collect();
            left.push(edges.len());
            edges.iter().for_each(|e| back[e.to].push(at));
            if done(node) {
                good.push(at);
            }
        }
        let mut is_good = vec![false; self.nodes.len()];
        while let Some(at) = good.pop() {
            if std::mem::replace(&mut is_good[at], true) {
                continue;
            }
            for from in &back[at] {
                left[*from] -= 1;
                if left[*from] == 0 {
                    good.push(*from);
                }
            }
        }
        for (at, node) in self.nodes.iter().enumerate().filter(|(_, n)| !n.wanted && !n.held) {
            if !is_good[at] {
                return Err(self.violation("I10", at, "it can run for ever, or stand still, after a stop"));
            }
            self.follow(
                at,
                12,
                "after a stop, with timeouts only",
                |n| done(n) || is_down(&n.unit),
                |n| match n.life {
                    // An aborted spawn has no deadline: the driver answers in any case.
                    Some((Truth::Spawning, _)) if n.unit.phase == Phase::Abort => Some(Happening::Moves(Truth::Alive)),
                    Some((_, Told::Nothing)) if n.unit.phase == Phase::Abort => Some(Happening::Tell),
                    _ => Some(Happening::TickDue),
                },
            )?;
            if node.removing {
                let gone = |n: &Node| matches!(n.unit.phase, Phase::Removed);
                self.follow(at, 40, "removal, in a world that answers", gone, |n| self.cooperate(n))?;
            }
        }
        Ok(())
    }

    /// In a world that answers everything, what is wanted up gets there, or ends with a cause that holds.
    fn check_liveness(&self) -> Result<(), Violation> {
        for at in (0..self.nodes.len()).filter(|at| self.nodes[*at].wanted) {
            let mode = self.policy.restart.mode;
            let ended = |n: &Node| match n.unit.phase {
                Phase::Ready | Phase::Stopped { kind: StopKind::Completed } => true,
                Phase::Failed { kind } if !n.unit.leaked => match kind {
                    FailKind::Auth | FailKind::Config | FailKind::StopFailed | FailKind::Leaked => true,
                    FailKind::Exit | FailKind::StartTimeout | FailKind::Handshake => mode == RestartMode::Never,
                    FailKind::GaveUp => mode != RestartMode::Never,
                    FailKind::Dependency => false,
                },
                _ => false,
            };
            self.follow(at, 60, "wanted up, in a world that answers", ended, |n| self.cooperate(n))?;
        }
        Ok(())
    }

    /// What a world does that answers everything.
    fn cooperate(&self, node: &Node) -> Option<Happening> {
        use mcpstore_core::Report::{Adopted, Drained, InitOk, ProbeUp};
        Some(match node.life {
            None => match node.unit.phase {
                Phase::Wait | Phase::Failed { kind: FailKind::Dependency } => Happening::Deps(Event::DepsOk),
                _ => Happening::TickDue,
            },
            Some((Truth::Spawning, _)) => Happening::Moves(Truth::Alive),
            Some((_, Told::Nothing)) => Happening::Tell,
            Some((Truth::Alive, _)) => match node.unit.phase.name() {
                PhaseName::Init => Happening::Say(InitOk),
                PhaseName::Probe | PhaseName::Degraded => Happening::Say(ProbeUp),
                PhaseName::Drain => Happening::Say(Drained),
                PhaseName::Unknown => Happening::Say(Adopted),
                _ => Happening::Moves(Truth::Remnant { clean: false }),
            },
            Some((Truth::Remnant { clean }, Told::Exited)) => Happening::Moves(Truth::Empty { clean }),
            Some((Truth::Remnant { .. } | Truth::Empty { .. }, _)) => Happening::Tell,
        })
    }

    fn follow(
        &self,
        start: usize,
        limit: usize,
        what: &str,
        goal: impl Fn(&Node) -> bool,
        next: impl Fn(&Node) -> Option<Happening>,
    ) -> Result<(), Violation> {
        let mut at = start;
        let mut path = Vec::new();
        for _ in 0..limit {
            let node = &self.nodes[at];
            if goal(node) {
                return Ok(());
            }
            path.push(format!("{} {:?}", node.unit.phase, node.life));
            let chosen = next(node);
            match self.edges[at].iter().find(|e| Some(e.what) == chosen) {
                Some(edge) => at = edge.to,
                None => break,
            }
        }
        Err(self.violation("I10", start, &format!("stuck {what}: {path:?}, at {:?}", self.nodes[at])))
    }

    fn violation(&self, invariant: &'static str, at: usize, why: &str) -> Violation {
        let mut path = Vec::new();
        let mut here = at;
        while let Some((from, what)) = self.parents[here] {
            path.push(format!("  {:?} -> {} {:?}", what, self.nodes[here].unit.phase, self.nodes[here].life));
            here = from;
        }
        path.reverse();
        let detail = format!(
            "{why}\nat {:?}\ndeadline in {:?}\nby\n{}",
            self.nodes[at],
            deadline(&self.nodes[at].unit, self.policy).map(|d| d.since(NOW)),
            path.join("\n")
        );
        Violation { invariant, detail }
    }
}
