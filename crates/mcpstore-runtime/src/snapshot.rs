//! The state of everything as of now, read without a lock.

use std::collections::BTreeMap;
use std::sync::Arc;

use mcpstore_core::Reply;
use mcpstore_monitor::ProcessReport;
use mcpstore_transport::{LogRing, ServerInfo, Session, ToolList};
use mcpstore_types::{Phase, Reason, ServiceName, ServiceSpec, Status, StopKind, suggestion};

use crate::known::KnownLists;
use crate::monitor::ServiceMonitor;
use crate::offers::Offers;
use crate::start_times::StartTimes;
use crate::usage::ProcessCell;

/// The state of every service as of one moment. Immutable; ask the supervisor for a newer one.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// Grows with every snapshot.
    pub version: u64,
    pub(crate) services: Vec<Arc<ServiceInfo>>,
    pub(crate) index: Arc<BTreeMap<ServiceName, usize>>,
    /// The names in start order.
    pub start_order: Arc<[ServiceName]>,
}

impl Snapshot {
    /// Every service, in order of registration.
    #[must_use]
    pub fn services(&self) -> &[Arc<ServiceInfo>] {
        &self.services
    }

    /// The service of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<ServiceInfo>> {
        self.index.get(name).map(|index| &self.services[*index])
    }

    /// "; did you mean …?" for a name that is not there, or an empty text.
    #[must_use]
    pub fn hint(&self, name: &str) -> String {
        suggestion(name, self.index.keys())
    }

    /// The reply's services as they are now; those removed meanwhile are left out.
    #[must_use]
    pub fn of(&self, reply: &Reply) -> Vec<Arc<ServiceInfo>> {
        reply.affected.iter().filter_map(|name| self.get(name.as_str()).cloned()).collect()
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("version", &self.version)
            .field("services", &self.services)
            .finish_non_exhaustive()
    }
}

/// One service as of one moment.
#[derive(Clone)]
pub struct ServiceInfo {
    /// What it is.
    pub spec: Arc<ServiceSpec>,
    /// Its state and what stands beside it.
    pub status: Status,
    /// It is on its way to being removed.
    pub leaving: bool,
    /// Its main process, while one lives.
    pub pid: Option<u32>,
    /// Who its server said it is, in this life.
    pub server: Option<ServerInfo>,
    /// Its tools, once listed in this life.
    pub tools: Option<Arc<ToolList>>,
    /// Why its tools could not be listed, when they could not.
    pub tools_error: Option<Arc<str>>,
    /// What it offers beside tools, as far as it was listed in this life.
    pub offers: Arc<Offers>,
    /// What its server said last that it offers, in this life or an earlier one, also of an earlier manager where that is kept
    /// ([`crate::SupervisorConfig::lists`]). `None`: nobody has asked it yet.
    pub known: Option<Arc<KnownLists>>,
    /// What its last change was about, for people: the server's words, a path that was searched, a dependency.
    pub detail: Option<Arc<str>>,
    /// The last lines of stderr of the life that failed last, at most 20.
    pub last_stderr: Arc<[String]>,
    /// Its log, of this life or the last.
    pub logs: Arc<LogRing>,
    /// The log of the life before that one.
    pub previous_logs: Option<Arc<LogRing>>,
    /// When the steps of its last start began.
    pub start_times: StartTimes,
    /// The same of its first start: until it first ran.
    pub first_start: StartTimes,
    pub(crate) session: Option<Arc<dyn Session>>,
    pub(crate) monitor: Arc<ServiceMonitor>,
    pub(crate) process: Arc<ProcessCell>,
}

impl ServiceInfo {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &ServiceName {
        &self.spec.name
    }

    /// Its conversation, while it takes calls. For what [`crate::Supervisor::relay`] does not do: what is sent here is neither
    /// counted nor held back by the circuit.
    #[must_use]
    pub fn session(&self) -> Option<&Arc<dyn Session>> {
        self.session.as_ref()
    }

    /// Why it is where it is, in one line.
    #[must_use]
    pub fn why(&self) -> String {
        let reason = self.status.reason.to_string();
        match self.detail.as_deref().and_then(|d| d.lines().next()) {
            Some(detail) if !reason.ends_with(detail) => format!("{reason}: {detail}"),
            Some(_) | None => reason,
        }
    }

    /// It is down because nobody needs it: the next call wakes it.
    #[must_use]
    pub const fn sleeps(&self) -> bool {
        match self.status.phase {
            Phase::Idle => matches!(self.status.reason, Reason::Lazy),
            Phase::Stopped { kind } => matches!(kind, StopKind::Idle),
            _ => false,
        }
    }

    /// What its processes use, as measured last in this life; `None` while it has no process, or was not measured yet.
    #[must_use]
    pub fn process(&self) -> Option<ProcessReport> {
        self.pid.and_then(|_| self.process.report(self.status.incarnation))
    }

    /// How many tools it offers; `None` while they are not listed.
    #[must_use]
    pub fn tool_count(&self) -> Option<usize> {
        self.tools.as_ref().map(|list| list.tools.len())
    }
}

impl std::fmt::Debug for ServiceInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceInfo")
            .field("status", &self.status)
            .field("pid", &self.pid)
            .field("tools", &self.tool_count())
            .field("detail", &self.detail)
            .finish_non_exhaustive()
    }
}
