//! What the alert engine is told of a service.

use std::time::Duration;

use mcpstore_monitor::Observation;
use mcpstore_runtime::{ServiceInfo, Snapshot};
use mcpstore_types::{
    AlertKind, AlertsSpec, ConditionKind, Desired, FailKind, Phase, RestartMode, ServiceName, ServiceState, Timestamp,
};

/// A service as of now, in the words of the engine.
pub(crate) fn observation(info: &ServiceInfo, snapshot: &Snapshot, alerts: &AlertsSpec, now: Timestamp) -> Observation {
    let status = &info.status;
    let window = |kind: AlertKind| {
        let rule = alerts.rules.iter().find(|rule| rule.kind == kind);
        info.call_window(now, rule.map_or(Duration::from_secs(300), |rule| rule.window))
    };
    Observation {
        // At a start of all it is not up yet, which does not end what an earlier manager told of it.
        wanted: matches!(status.desired, Desired::Up) || (matches!(status.phase, Phase::Idle) && info.spec.enabled),
        leaked: status.conditions.iter().any(|fact| fact.kind == ConditionKind::Leaked && fact.status),
        health: status.health,
        failures: status.failures,
        budget_left: budget_left(info, now),
        restart_ages: info.restart_ages(now),
        starting_since: info.starting_since(),
        error_window: window(AlertKind::ErrorRate),
        latency_window: window(AlertKind::Latency),
        dependency: missing(info, snapshot),
        why: words(info),
        ..Observation::new(info.name().clone(), status.phase)
    }
}

/// How often it may still be restarted before it gives up: by the failures in a row, and by those in the window.
fn budget_left(info: &ServiceInfo, now: Timestamp) -> Option<u32> {
    let policy = &info.spec.policy.restart;
    // Down on purpose, there is no budget that could come to an end.
    let settled = matches!(info.status.phase, Phase::Idle | Phase::Stopped { .. });
    if settled || matches!(policy.mode, RestartMode::Never) {
        return None;
    }
    let in_row = policy.max_attempts.saturating_sub(info.status.failures);
    let in_window = policy.max_in_window.saturating_sub(info.restarts_within(now, policy.window));
    Some(in_row.min(in_window))
}

/// The dependency that keeps it down.
fn missing(info: &ServiceInfo, snapshot: &Snapshot) -> Option<ServiceName> {
    if !matches!(info.status.phase, Phase::Failed { kind: FailKind::Dependency }) {
        return None;
    }
    let is_down = |name: &&ServiceName| {
        snapshot.get(name.as_str()).is_none_or(|other| !matches!(other.status.state, ServiceState::Running))
    };
    let hard = info.spec.dependencies.iter().filter(|dependency| dependency.kind.is_hard());
    hard.map(|dependency| &dependency.on).find(is_down).cloned()
}

/// Why it is where it is: the reason, and what the world said to it, its last lines of stderr among them.
fn words(info: &ServiceInfo) -> String {
    let why = info.why();
    let more = info.detail.as_deref().and_then(|detail| detail.split_once('\n')).map(|(_, more)| more);
    more.map_or(why.clone(), |more| format!("{why}\n{more}"))
}
