//! Making the snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mcpstore_monitor::CircuitState;
use mcpstore_types::{Condition, ConditionKind, Desired, Health, ServiceName, ServiceState};

use crate::owner::{Owner, Record};
use crate::snapshot::{ServiceInfo, Snapshot};

impl Owner {
    /// Ends a turn: publishes a snapshot in which whoever may have changed is as it is now, then what speaks of it: the
    /// notices, the wake-up for those who wait, and the answers. Whoever hears of a change finds it in the snapshot.
    pub(crate) fn publish(&mut self) {
        let turn = std::mem::take(&mut self.turn);
        if turn.members_changed || !turn.touched.is_empty() {
            let snapshot = self.snapshot(turn.touched, turn.members_changed);
            let version = snapshot.version;
            self.shared.snapshot.store(Arc::new(snapshot));
            self.log.append(turn.notices);
            self.version.send_replace(version);
        }
        for (answer, reply) in turn.answers {
            // The caller may have gone away; its command holds all the same.
            let _ = answer.send(reply);
        }
    }

    fn snapshot(&mut self, touched: BTreeSet<ServiceName>, members_changed: bool) -> Snapshot {
        let graph = self.fleet.graph();
        let old = self.shared.snapshot.load();
        let version = old.version + 1;
        if members_changed {
            let services: Vec<_> = graph.nodes().filter_map(|id| self.info(graph.name(id))).map(Arc::new).collect();
            let index: BTreeMap<_, _> = services.iter().enumerate().map(|(i, s)| (s.name().clone(), i)).collect();
            let start_order = graph.start_order().iter().map(|id| graph.name(*id).clone()).collect();
            self.on_trial = services.iter().filter(|info| on_trial(info)).map(|info| info.name().clone()).collect();
            return Snapshot { version, services, index: Arc::new(index), start_order };
        }
        let mut stale = touched;
        let ids: Vec<_> = stale.iter().filter_map(|name| graph.id(name.as_str())).collect();
        for id in ids {
            let edges = graph.dependents(id).iter().chain(graph.dependencies(id)).map(|edge| edge.node);
            // What a service shows depends on these too: whom it waits for, whom it misses, who holds its stop.
            let around = edges.chain(graph.conflicts(id).iter().copied());
            stale.extend(around.map(|other| graph.name(other).clone()));
        }
        let mut services = old.services.clone();
        let (index, start_order) = (Arc::clone(&old.index), Arc::clone(&old.start_order));
        drop(old);
        for name in stale {
            let Some((slot, info)) = index.get(&name).copied().zip(self.info(&name)) else { continue };
            if on_trial(&info) {
                self.on_trial.insert(name);
            } else {
                self.on_trial.remove(&name);
            }
            services[slot] = Arc::new(info);
        }
        Snapshot { version, services, index, start_order }
    }

    fn info(&self, name: &ServiceName) -> Option<ServiceInfo> {
        let record: &Record = self.records.get(name)?;
        let mut status = self.fleet.status(name.as_str())?;
        // A life that goes down, or crashed and is not yet swept up, has neither health nor tools to offer.
        let ends = !matches!(status.state, ServiceState::Starting | ServiceState::Running | ServiceState::Unknown);
        status.health = if ends { Health::Unknown } else { record.health };
        if let Some(missing) = record.waiting.as_ref().and_then(|waiting| waiting.missing.as_deref()) {
            let pending = status.conditions.iter_mut().find(|c| matches!(c.kind, ConditionKind::ExternalPending));
            if let Some(pending) = pending {
                pending.message = format!("waiting for {missing}");
            }
        }
        let noise = record.logs.noise();
        if noise > 0 {
            status.conditions.push(Condition {
                kind: ConditionKind::ProtocolNoise,
                status: true,
                reason: status.reason,
                message: format!("{noise} lines on its stdout were no JSON; see its logs"),
                last_transition: status.since,
            });
        }
        let now = self.shared.clock.now();
        record.monitor.note_phase(now, status.phase.name(), matches!(status.desired, Desired::Up));
        let circuit = record.monitor.circuit(now);
        if circuit.state != CircuitState::Closed {
            status.conditions.push(Condition {
                kind: ConditionKind::CircuitOpen,
                status: true,
                reason: status.reason,
                message: "too many calls got no answer: calls fail at once, until one that is tried succeeds"
                    .to_owned(),
                last_transition: status.since,
            });
        }
        let life = record.life.as_ref();
        let running = matches!(status.state, ServiceState::Running);
        Some(ServiceInfo {
            spec: Arc::clone(&record.spec),
            leaving: self.fleet.is_leaving(name.as_str()),
            pid: life.and_then(|l| l.pid()),
            server: life.and_then(|l| l.server.clone()),
            tools: record.tools.clone().filter(|_| !ends),
            tools_error: record.tools_error.clone().filter(|_| !ends),
            offers: if ends { Arc::default() } else { Arc::clone(&record.offers) },
            known: record.known.clone(),
            detail: record.detail.clone(),
            last_stderr: Arc::clone(&record.last_stderr),
            logs: Arc::clone(&record.logs),
            previous_logs: record.previous_logs.clone(),
            start_times: record.start_times,
            first_start: record.first_start,
            session: life.and_then(|l| l.session.clone()).filter(|_| running),
            monitor: Arc::clone(&record.monitor),
            process: Arc::clone(&record.process),
            status,
        })
    }
}

/// It runs and has failures behind it, which are forgotten when it has been stable for a while.
fn on_trial(info: &ServiceInfo) -> bool {
    matches!(info.status.state, ServiceState::Running) && info.status.failures > 0
}
