//! Making the snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mcpstore_types::{Condition, ConditionKind, ServiceName, ServiceState};

use crate::owner::{Owner, Record};
use crate::snapshot::{ServiceInfo, Snapshot};

impl Owner {
    /// Publishes a snapshot in which the touched services, and those that depend on them, are as they are now.
    pub(crate) fn publish(&mut self) {
        let mut stale: BTreeSet<ServiceName> = std::mem::take(&mut self.touched);
        let graph = self.fleet.graph();
        let neighbours: Vec<ServiceName> = stale
            .iter()
            .filter_map(|name| graph.id(name.as_str()))
            .flat_map(|id| graph.dependents(id).iter().chain(graph.dependencies(id)))
            .map(|edge| graph.name(edge.node).clone())
            .collect();
        stale.extend(neighbours);
        let old = self.shared.snapshot.load();
        let same_members = !std::mem::take(&mut self.members_changed);
        let services: Vec<Arc<ServiceInfo>> = graph
            .nodes()
            .filter_map(|id| {
                let name = graph.name(id);
                match old.get(name.as_str()).filter(|_| !stale.contains(name)) {
                    Some(info) => Some(Arc::clone(info)),
                    None => self.info(name).map(Arc::new),
                }
            })
            .collect();
        let (index, start_order) = if same_members {
            (old.index.clone(), Arc::clone(&old.start_order))
        } else {
            let index: BTreeMap<_, _> = services.iter().enumerate().map(|(i, s)| (s.name().clone(), i)).collect();
            (index, graph.start_order().iter().map(|id| graph.name(*id).clone()).collect())
        };
        let version = old.version + 1;
        drop(old);
        self.shared.snapshot.store(Arc::new(Snapshot { version, services, index, start_order }));
        self.shared.version.send_replace(version);
    }

    fn info(&self, name: &ServiceName) -> Option<ServiceInfo> {
        let record: &Record = self.records.get(name)?;
        let mut status = self.fleet.status(name.as_str())?;
        status.health = record.health;
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
        let life = record.life.as_ref();
        let running = matches!(status.state, ServiceState::Running);
        Some(ServiceInfo {
            spec: Arc::clone(&record.spec),
            pid: life.and_then(|l| l.pid()),
            server: life.and_then(|l| l.server.clone()),
            tools: record.tools.clone(),
            tools_error: record.tools_error.clone(),
            detail: record.detail.clone(),
            last_stderr: Arc::clone(&record.last_stderr),
            logs: Arc::clone(&record.logs),
            session: life.and_then(|l| l.session.clone()).filter(|_| running),
            monitor: Arc::clone(&record.monitor),
            status,
        })
    }
}
