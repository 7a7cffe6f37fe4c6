//! What can be read of a fleet.

use mcpstore_graph::NodeId;
use mcpstore_types::{Condition, ConditionKind, Health, Phase, Reason, ServiceState, Status};

use super::Fleet;
use super::depend::DepsVerdict;
use super::entry::Intent;
use crate::unit::Unit;

impl Fleet {
    /// The status of the service `name`; health is `Unknown` here, the monitor knows better.
    #[must_use]
    pub fn status(&self, name: &str) -> Option<Status> {
        self.graph.id(name).and_then(|id| self.status_of(id))
    }

    /// The status of every service, in order of registration.
    pub fn statuses(&self) -> impl Iterator<Item = Status> + '_ {
        self.graph.nodes().filter_map(|id| self.status_of(id))
    }

    /// The record of the service `name`.
    #[must_use]
    pub fn unit(&self, name: &str) -> Option<&Unit> {
        self.graph.id(name).map(|id| &self.entry(id).unit)
    }

    /// True when nothing of any service lives and nothing will start by itself: no phase but `Idle`, `Stopped`, `Failed`.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.entries.iter().all(|e| {
            // A removal that waits for those that name the service is no start.
            matches!(e.unit.phase, Phase::Idle | Phase::Stopped { .. } | Phase::Failed { .. })
                && e.intent.is_none_or(Intent::removes)
        })
    }

    /// True while the service `name` has a command that waits for its dependents.
    #[must_use]
    pub fn is_held(&self, name: &str) -> bool {
        self.graph.id(name).is_some_and(|id| self.entry(id).intent.is_some())
    }

    /// True once the service `name` is on its way to being removed.
    #[must_use]
    pub fn is_leaving(&self, name: &str) -> bool {
        self.graph.id(name).is_some_and(|id| self.is_leaving_for_good(id))
    }

    fn status_of(&self, id: NodeId) -> Option<Status> {
        let entry = self.entry(id);
        let unit = &entry.unit;
        let state = unit.phase.state()?;
        let lost = matches!(state, ServiceState::Running) && entry.missing.is_some();
        let retry_at = if let Phase::BackOff { until, .. } = unit.phase { Some(until) } else { None };
        Some(Status {
            name: entry.name().clone(),
            state,
            phase: unit.phase,
            reason: if lost {
                Reason::DependencyLost
            } else if self.sleeps_from_the_start(id) {
                Reason::Lazy
            } else {
                unit.reason
            },
            desired: unit.desired,
            health: Health::Unknown,
            incarnation: unit.incarnation,
            failures: unit.failures,
            restarts: entry.restarts,
            retry_at,
            since: entry.state_since,
            conditions: self.conditions(id),
        })
    }

    fn conditions(&self, id: NodeId) -> Vec<Condition> {
        let entry = self.entry(id);
        let unit = &entry.unit;
        let name = |node: NodeId| self.graph.name(node);
        let mut conditions = Vec::new();
        let mut add = |kind, status, reason, message, last_transition| {
            conditions.push(Condition { kind, status, reason, message, last_transition });
        };
        if entry.awaits_outside() || entry.in_vain {
            let message = "what it waits for outside is not there".to_owned();
            add(ConditionKind::ExternalPending, true, unit.reason, message, unit.since);
        }
        if matches!(unit.phase, Phase::Wait | Phase::Failed { .. }) {
            match self.deps_verdict(id) {
                DepsVerdict::Met => {
                    let message = if matches!(unit.phase, Phase::Wait) && !entry.awaits_outside() {
                        "waiting for a start slot"
                    } else {
                        "all dependencies are there"
                    };
                    add(ConditionKind::DependenciesMet, true, unit.reason, message.to_owned(), unit.since);
                }
                DepsVerdict::Waiting(node) => {
                    let message = format!("waiting for `{}`", name(node));
                    add(ConditionKind::DependenciesMet, false, unit.reason, message, unit.since);
                }
                DepsVerdict::Gone(node) => {
                    let message = format!("`{}` is down", name(node));
                    add(ConditionKind::DependenciesMet, false, Reason::DependencyFailed, message, unit.since);
                }
            }
        }
        if let Some((node, at)) = entry.missing {
            let message = format!("`{}` went away; this service runs on without it", name(node));
            add(ConditionKind::DependencyLost, true, Reason::DependencyLost, message, at);
        }
        if matches!(unit.phase, Phase::Ready | Phase::Degraded)
            && let Some(node) = self.unmet_wish(id)
        {
            let message = format!("`{}` is wanted and not running", name(node));
            add(
                ConditionKind::DependencyMissing,
                true,
                Reason::DependencyFailed,
                message,
                self.entry(node).state_since,
            );
        }
        if entry.intent.is_some() {
            let message = "waits until the services that depend on it are down".to_owned();
            add(ConditionKind::StopHeld, true, unit.reason, message, unit.since);
        }
        if unit.leaked {
            let message = "processes of its last life survived a kill; nothing is spawned beside them".to_owned();
            add(ConditionKind::Leaked, true, unit.reason, message, unit.since);
        }
        conditions
    }
}
