//! What a service's dependencies say at one moment.

use mcpstore_graph::{Edge, NodeId};
use mcpstore_types::{DepCondition, Desired, Phase, StopKind};

use super::Fleet;
use super::entry::{Entry, Intent, is_stopping};
use crate::unit::Then;

/// What keeps a service from spawning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DepsVerdict {
    /// Nothing: every edge is satisfied.
    Met,
    /// This one is on its way.
    Waiting(NodeId),
    /// This one is needed, and down.
    Gone(NodeId),
}

/// Where one dependency stands, seen from one edge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Met,
    Coming,
    Gone,
}

impl Fleet {
    /// Evaluates every edge of `id` as of now. A dependency that is down outweighs one that is on its way.
    pub(super) fn deps_verdict(&self, id: NodeId) -> DepsVerdict {
        let mut waiting = None;
        for edge in self.graph.dependencies(id) {
            if !edge.kind.orders() {
                continue;
            }
            let standing = self.standing(edge);
            match (standing, edge.kind.is_hard()) {
                (Standing::Met, true | false) => {}
                (Standing::Gone, true) => return DepsVerdict::Gone(edge.node),
                (Standing::Gone, false) => {}
                (Standing::Coming, true) => {
                    waiting.get_or_insert(edge.node);
                }
                (Standing::Coming, false) => {
                    if first_try(self.entry(edge.node)) {
                        waiting.get_or_insert(edge.node);
                    }
                }
            }
        }
        let rival = self.graph.conflicts(id).iter().copied().find(|other| self.entry(*other).unit.is_live());
        match waiting.or(rival) {
            Some(node) => DepsVerdict::Waiting(node),
            None => DepsVerdict::Met,
        }
    }

    /// The first dependency that `id` cannot be without and that does not stand as it should in mid-run.
    pub(super) fn lost_dependency(&self, id: NodeId) -> Option<NodeId> {
        self.graph
            .dependencies(id)
            .iter()
            .filter(|edge| edge.kind.is_hard())
            .find(|edge| !self.stands_in_mid_run(edge.node, edge.condition))
            .map(|edge| edge.node)
    }

    /// What a dependency must go on being for a dependent that runs. What was to be completed has done its part.
    pub(super) fn stands_in_mid_run(&self, dependency: NodeId, condition: DepCondition) -> bool {
        match condition {
            DepCondition::Started => has_process(self.entry(dependency)),
            DepCondition::Ready => matches!(self.entry(dependency).unit.phase, Phase::Ready | Phase::Degraded),
            DepCondition::Completed => true,
        }
    }

    /// The first dependency that `id` wants and that is down.
    pub(super) fn unmet_wish(&self, id: NodeId) -> Option<NodeId> {
        self.graph
            .dependencies(id)
            .iter()
            .filter(|edge| edge.kind.pulls_in() && !edge.kind.is_hard())
            .find(|edge| self.standing(edge) != Standing::Met)
            .map(|edge| edge.node)
    }

    /// True when a start of the dependent need not start the dependency again: it did its work.
    pub(super) fn is_done_with(&self, edge: &Edge) -> bool {
        matches!(edge.condition, DepCondition::Completed) && is_completed(self.entry(edge.node))
    }

    fn standing(&self, edge: &Edge) -> Standing {
        let entry = self.entry(edge.node);
        // Whoever waits to be stopped or restarted is no ground to start on.
        let met = entry.intent.is_none()
            && matches!(entry.unit.desired, Desired::Up)
            && match edge.condition {
                DepCondition::Started => has_process(entry),
                DepCondition::Ready => matches!(entry.unit.phase, Phase::Ready),
                DepCondition::Completed => is_completed(entry),
            };
        if met || (matches!(edge.condition, DepCondition::Completed) && is_completed(entry)) {
            Standing::Met
        } else if is_coming(entry) {
            Standing::Coming
        } else {
            Standing::Gone
        }
    }

    /// True once `id` is on its way to being removed.
    pub(super) fn is_leaving_for_good(&self, id: NodeId) -> bool {
        let entry = self.entry(id);
        entry.intent.is_some_and(Intent::removes) || matches!(entry.unit.then, Then::Remove)
    }

    /// True while a service that is still listed names `id` in a way that gives an order.
    pub(super) fn is_named(&self, id: NodeId) -> bool {
        let is_listed = |edge: &Edge| !matches!(self.entry(edge.node).unit.phase, Phase::Removed);
        self.graph.dependents(id).iter().any(|edge| edge.kind.orders() && is_listed(edge))
    }

    /// True while a dependent of `id` that is going down, or about to, still has a process that needs it.
    pub(super) fn is_needed_by_the_leaving(&self, id: NodeId) -> bool {
        self.graph.dependents(id).iter().filter(|edge| edge.kind.orders()).any(|edge| {
            let dependent = self.entry(edge.node);
            let unit = &dependent.unit;
            unit.phase.is_live()
                && (dependent.intent.is_some() || matches!(unit.desired, Desired::Down) || is_stopping(unit.phase))
        })
    }
}

/// Its process or connection exists, and nobody is taking it down.
const fn has_process(entry: &Entry) -> bool {
    matches!(entry.unit.phase, Phase::Init | Phase::Probe | Phase::Ready | Phase::Degraded)
}

const fn is_completed(entry: &Entry) -> bool {
    matches!(entry.unit.phase, Phase::Stopped { kind: StopKind::Completed })
}

/// It has not failed since it was started: a service that merely wants it waits for it.
const fn first_try(entry: &Entry) -> bool {
    entry.unit.failures == 0 && !matches!(entry.unit.phase, Phase::Cleanup)
}

/// It will be up again, or be done, without anyone asking.
fn is_coming(entry: &Entry) -> bool {
    if entry.intent.is_some_and(|intent| !intent.comes_back()) || matches!(entry.unit.desired, Desired::Down) {
        return false;
    }
    match entry.unit.phase {
        Phase::Wait
        | Phase::Spawn
        | Phase::Init
        | Phase::Probe
        | Phase::Ready
        | Phase::Degraded
        | Phase::Cleanup
        | Phase::BackOff { .. }
        | Phase::Unknown => true,
        Phase::Abort | Phase::Drain | Phase::Close | Phase::Term | Phase::Kill | Phase::Reap => {
            matches!(entry.unit.then, Then::Restart | Then::Retry | Then::Complete)
        }
        Phase::Idle | Phase::Stopped { .. } | Phase::Failed { .. } | Phase::Removed => false,
    }
}
