//! What the live view shows of a service.

use std::time::Duration;

use mcpstore::types::{ConditionKind, Phase, PhaseName, Timestamp};
use mcpstore::{Health, ServiceInfo, ServiceState};

use crate::output::{brief, clean_line, short_duration};

/// A service as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) state: ServiceState,
    pub(super) phase: PhaseName,
    pub(super) health: Health,
    pub(super) tools: Option<usize>,
    pub(super) pid: Option<u32>,
    /// Since when it is in its state.
    pub(super) since: Timestamp,
    pub(super) restarts: u64,
    pub(super) depends_on: Vec<String>,
    /// What is worth a word; one line, cleaned.
    pub(super) note: String,
}

impl Row {
    pub(super) fn of(info: &ServiceInfo, now: Timestamp) -> Self {
        let status = &info.status;
        let mut depends_on: Vec<String> = Vec::new();
        for dependency in &info.spec.dependencies {
            if !depends_on.iter().any(|name| name == dependency.on.as_str()) {
                depends_on.push(dependency.on.to_string());
            }
        }
        Self {
            name: info.name().to_string(),
            state: status.state,
            phase: status.phase.name(),
            health: status.health,
            tools: info.tool_count(),
            pid: info.pid,
            since: status.since,
            restarts: status.restarts,
            depends_on,
            note: clean_line(&note(info, now)),
        }
    }
}

fn note(info: &ServiceInfo, now: Timestamp) -> String {
    let status = &info.status;
    let fact = |kind: ConditionKind| status.conditions.iter().find(|condition| condition.kind == kind);
    if let Some(held) = fact(ConditionKind::StopHeld) {
        return held.message.clone();
    }
    match status.phase {
        Phase::Wait => {
            // Dependencies may all be there, and what is outside be missing.
            let missing = fact(ConditionKind::ExternalPending).or_else(|| fact(ConditionKind::DependenciesMet));
            missing.map_or_else(String::new, |c| c.message.clone())
        }
        Phase::Spawn => "launching".to_owned(),
        Phase::Init => with_last_line("shaking hands", info),
        Phase::Probe => with_last_line("first check", info),
        Phase::Ready | Phase::Degraded => {
            let kinds = [ConditionKind::DependencyLost, ConditionKind::DependencyMissing];
            let mut parts: Vec<String> = kinds.into_iter().filter_map(fact).map(|c| c.message.clone()).collect();
            if matches!(status.phase, Phase::Degraded) {
                parts.push(brief(&info.why()).to_owned());
            }
            if let Some(error) = &info.tools_error {
                parts.push(format!("its tools could not be listed: {}", brief(error)));
            }
            parts.join("; ")
        }
        Phase::Abort => "its launch is called off".to_owned(),
        Phase::Drain => "its last calls end".to_owned(),
        Phase::Close => "its input is closed".to_owned(),
        Phase::Term => "asked by signal to end".to_owned(),
        Phase::Kill => "killed".to_owned(),
        Phase::Reap => "the rest of its processes end".to_owned(),
        Phase::BackOff { until, .. } => match until.since(now) {
            Duration::ZERO => brief(&info.why()).to_owned(),
            left => format!("{}; next attempt in {}", brief(&info.why()), short_duration(left)),
        },
        Phase::Idle if !info.spec.enabled => "disabled".to_owned(),
        Phase::Idle => String::new(),
        Phase::Stopped { .. } | Phase::Cleanup | Phase::Failed { .. } | Phase::Unknown | Phase::Removed => {
            brief(&info.why()).to_owned()
        }
    }
}

/// What it does, and what it said last: a download on its first start, often.
fn with_last_line(what: &str, info: &ServiceInfo) -> String {
    match info.logs.stderr_tail(1).pop() {
        Some(line) => format!("{what}: {line}"),
        None => what.to_owned(),
    }
}
