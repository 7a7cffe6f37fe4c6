//! Services as of now, as rows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mcpstore::transport::LogRing;
use mcpstore::types::{Condition, PhaseName};
use mcpstore::{Dependency, HealthReport, ServiceInfo, ServiceName, ServiceState, Status, Supervisor};

use super::time::ms;
use super::{
    CallNumbers, ConditionDoc, DependencyDoc, HealthRow, MetricsRow, ServerDoc, ServiceDetail, ServiceRow, TimelineDoc,
    rfc3339,
};

/// How many lines of stderr a status shows.
const STDERR_LINES: usize = 10;

/// How many changes of state a status shows.
const TIMELINE: usize = 8;

/// What is known of these services, as of now, in the same order.
pub(crate) fn service_rows(supervisor: &Supervisor, infos: &[Arc<ServiceInfo>]) -> Vec<ServiceDetail> {
    let mut timelines = timelines(supervisor);
    let with_timeline = |info: &Arc<ServiceInfo>| {
        let mut detail = detail(supervisor, info);
        detail.timeline = timelines.remove(info.name()).map(Vec::from).unwrap_or_default();
        detail
    };
    infos.iter().map(with_timeline).collect()
}

/// The state as a glyph and its word. A state nobody knows is shown as it came.
pub(crate) fn state_cell(state: &str) -> String {
    let glyph = match state.parse::<ServiceState>() {
        Ok(ServiceState::Running) => "✓",
        Ok(ServiceState::Starting) => "…",
        Ok(ServiceState::Stopping) => "↓",
        Ok(ServiceState::NotStarted) => "·",
        Ok(ServiceState::Stopped) => "■",
        Ok(ServiceState::Error) => "✗",
        Ok(ServiceState::Unknown) | Err(_) => "?",
    };
    format!("{glyph} {state}")
}

fn detail(supervisor: &Supervisor, info: &ServiceInfo) -> ServiceDetail {
    let status = &info.status;
    let retry_in = status.retry_at.map(|at| at.since(supervisor.now()));
    ServiceDetail {
        row: row(supervisor, info),
        why: info.why(),
        detail: info.detail.as_deref().map(str::to_owned),
        failures: status.failures,
        retry_in_ms: retry_in.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        conditions: condition_docs(supervisor, status),
        server: info.server.as_ref().map(|server| ServerDoc {
            name: server.name.clone(),
            version: server.version.clone(),
            protocol_version: server.protocol_version.clone(),
        }),
        transport: info.spec.transport.kind().to_owned(),
        enabled: info.spec.enabled,
        tags: info.spec.tags.clone(),
        description: info.spec.description.clone(),
        tools_error: info.tools_error.as_deref().map(str::to_owned),
        calls: call_numbers(supervisor, info),
        timeline: Vec::new(),
        stderr: stderr_of(info),
    }
}

/// The last changes of state of every service, as far as their notices are kept.
fn timelines(supervisor: &Supervisor) -> BTreeMap<ServiceName, VecDeque<TimelineDoc>> {
    let mut found: BTreeMap<ServiceName, VecDeque<TimelineDoc>> = BTreeMap::new();
    for notice in supervisor.events().since(0) {
        let health = crate::up::health(&notice);
        let Some(state) = notice.to.filter(|state| notice.from != Some(*state) || health.is_some()) else { continue };
        let first_line = notice.detail.as_deref().and_then(|detail| detail.lines().next());
        let reason = notice.reason.to_string();
        let entry = TimelineDoc {
            time: rfc3339(supervisor.notice_time(&notice)),
            state: match notice.phase {
                PhaseName::Degraded => PhaseName::Degraded.as_str().to_owned(),
                _ => state.as_str().to_owned(),
            },
            why: first_line
                .filter(|line| !reason.ends_with(line))
                .map_or(reason.clone(), |line| format!("{reason}: {line}")),
        };
        // A service that was removed and came again begins anew.
        let entries = found.entry(notice.service.clone()).or_default();
        if notice.from.is_none() {
            entries.clear();
        }
        if entries.len() == TIMELINE {
            entries.pop_front();
        }
        entries.push_back(entry);
    }
    found
}

/// The facts of a service that are no state.
pub(crate) fn condition_docs(supervisor: &Supervisor, status: &Status) -> Vec<ConditionDoc> {
    let doc = |condition: &Condition| ConditionDoc {
        kind: condition.kind.as_str().to_owned(),
        status: condition.status,
        reason: condition.reason.as_str().to_owned(),
        message: condition.message.clone(),
        since: rfc3339(supervisor.wall_time(condition.last_transition)),
    };
    status.conditions.iter().map(doc).collect()
}

fn row(supervisor: &Supervisor, info: &ServiceInfo) -> ServiceRow {
    let status = &info.status;
    let mut depends_on: Vec<String> = Vec::new();
    for dependency in &info.spec.dependencies {
        if !depends_on.iter().any(|name| name == dependency.on.as_str()) {
            depends_on.push(dependency.on.to_string());
        }
    }
    ServiceRow {
        name: info.name().to_string(),
        state: status.state.as_str().to_owned(),
        phase: status.phase.name().as_str().to_owned(),
        reason: status.reason.as_str().to_owned(),
        desired: status.desired.as_str().to_owned(),
        health: status.health.as_str().to_owned(),
        incarnation: status.incarnation.0,
        pid: info.pid,
        tools: info.tool_count(),
        restarts: status.restarts,
        since: rfc3339(supervisor.wall_time(status.since)),
        depends_on,
    }
}

/// What a check found.
pub(crate) fn health_row(report: &HealthReport) -> HealthRow {
    HealthRow {
        name: report.name.to_string(),
        healthy: report.healthy,
        status: report.state.as_str().to_owned(),
        response_time_ms: report.response_time.map(ms),
        error: report.error.clone(),
    }
}

/// How the checks of the last `over` (or all that are kept) and the calls of a service went.
pub(crate) fn metrics_row(supervisor: &Supervisor, info: &ServiceInfo, over: Option<Duration>) -> MetricsRow {
    let metrics = supervisor.metrics(info.name().as_str(), over).unwrap_or_default();
    MetricsRow {
        name: info.name().to_string(),
        checks_total: metrics.total_checks,
        checks_healthy: metrics.healthy_checks,
        availability: metrics.availability,
        average_ms: metrics.average_response_time.map(ms),
        max_ms: metrics.max_response_time.map(ms),
        min_ms: metrics.min_response_time.map(ms),
        window_seconds: metrics.window.as_secs_f64(),
        calls: call_numbers(supervisor, info),
        report: Some(info.report(supervisor.now())),
    }
}

impl From<&Dependency> for DependencyDoc {
    fn from(dependency: &Dependency) -> Self {
        Self {
            on: dependency.on.to_string(),
            kind: dependency.kind.as_str().to_owned(),
            condition: dependency.condition.as_str().to_owned(),
        }
    }
}

fn call_numbers(supervisor: &Supervisor, info: &ServiceInfo) -> CallNumbers {
    let stats = supervisor.call_stats(info.name().as_str()).unwrap_or_default();
    CallNumbers {
        total: stats.calls_total,
        errors: stats.errors_total,
        in_flight: usize::try_from(info.calls_in_flight()).unwrap_or(usize::MAX),
        p50_ms: stats.p50.map(ms),
        p95_ms: stats.p95.map(ms),
    }
}

/// The stderr that tells most: of a service that is not running, that of the life that failed.
pub(crate) fn stderr_of(info: &ServiceInfo) -> Vec<String> {
    let ring: &LogRing = &info.logs;
    let failed = !matches!(info.status.state, ServiceState::Running) && !info.last_stderr.is_empty();
    if failed { info.last_stderr.to_vec() } else { ring.stderr_tail(STDERR_LINES) }
}
