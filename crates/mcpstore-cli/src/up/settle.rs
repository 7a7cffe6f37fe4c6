//! How a start ended, and how a stop did: one line each.

use std::time::Duration;

use mcpstore::ServiceState;
use mcpstore::types::{ConditionKind, FailKind, Phase, Status};

use super::view::seconds;

/// Failed services named in a summary.
const NAMED: usize = 3;

/// No longer on its way: running, down, or failed for good.
pub(super) fn is_settled(phase: Phase) -> bool {
    is_down(phase) || matches!(phase, Phase::Ready | Phase::Degraded)
}

/// Down, and nothing follows by itself.
pub(super) fn is_down(phase: Phase) -> bool {
    matches!(phase, Phase::Idle | Phase::Stopped { .. } | Phase::Failed { .. })
}

/// Something of it may still live after a stop.
pub(super) fn survived(status: &Status) -> bool {
    let leaked = status.conditions.iter().any(|condition| condition.kind == ConditionKind::Leaked && condition.status);
    leaked || matches!(status.phase, Phase::Failed { kind: FailKind::StopFailed | FailKind::Leaked })
}

/// One service as a summary needs it.
pub(super) struct Outcome<'a> {
    pub(super) name: &'a str,
    pub(super) state: ServiceState,
    /// It failed because of another one.
    pub(super) by_dependency: bool,
    pub(super) why: String,
}

/// The start in a line, and who to ask about when it did not go well.
pub(super) fn summary(outcomes: &[Outcome<'_>], took: Duration) -> (String, Option<String>) {
    let total = outcomes.len();
    let running = outcomes.iter().filter(|one| matches!(one.state, ServiceState::Running)).count();
    let services = if total == 1 { "service" } else { "services" };
    let head = format!("{running} of {total} {services} running");
    // Causes before consequences.
    let mut rest: Vec<&Outcome<'_>> =
        outcomes.iter().filter(|one| !matches!(one.state, ServiceState::Running)).collect();
    rest.sort_by_key(|one| one.by_dependency);
    let Some(first) = rest.first() else { return (format!("{head} in {}", seconds(took)), None) };
    let mut named: Vec<String> = rest.iter().take(NAMED).map(|one| format!("{} ({})", one.name, one.why)).collect();
    if rest.len() > NAMED {
        named.push(format!("and {} more", rest.len() - NAMED));
    }
    (format!("{head} after {}; not running: {}", seconds(took), named.join(", ")), Some(first.name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome<'a>(name: &'a str, state: ServiceState, why: &str) -> Outcome<'a> {
        Outcome { name, state, by_dependency: why.contains("dependency"), why: why.to_owned() }
    }

    #[test]
    fn a_start_in_a_line() {
        let running = |name| outcome(name, ServiceState::Running, "");
        let took = Duration::from_millis(420);
        assert_eq!(summary(&[running("a"), running("b")], took), ("2 of 2 services running in 0.4s".to_owned(), None));
        let web = outcome("web", ServiceState::Error, "dependency failed");
        let api = outcome("api", ServiceState::Error, "gave up");
        assert_eq!(
            summary(&[running("a"), web, api], took),
            (
                "1 of 3 services running after 0.4s; not running: api (gave up), web (dependency failed)".to_owned(),
                Some("api".to_owned())
            )
        );
        let many: Vec<Outcome<'_>> = (0..5).map(|_| outcome("x", ServiceState::Stopped, "completed")).collect();
        assert!(summary(&many, took).0.ends_with("x (completed), and 2 more"));
    }
}
