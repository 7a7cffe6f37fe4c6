//! What is known of a service, and which trouble that is by which rule.

use std::time::Duration;

use mcpstore_types::{AlertKind, AlertRule, FailKind, Health, Phase, ServiceName, ServiceState, Timestamp};

use crate::WindowStats;
use crate::spans::{Nanos, nanos};

/// What the alert engine is told of a service. Plain facts; what they mean is the rules' business.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Whose.
    pub service: ServiceName,
    /// Where it stands.
    pub phase: Phase,
    /// It should be up.
    pub wanted: bool,
    /// Members of its process group survived a kill.
    pub leaked: bool,
    /// The verdict of its probes.
    pub health: Health,
    /// Failures in a row since it was last stable.
    pub failures: u32,
    /// Restarts that are left before it gives up; none without such a bound.
    pub budget_left: Option<u32>,
    /// How long ago each of its restarts was, oldest first ([`crate::StateClock::restart_ages`]); the last
    /// [`Observation::MAX_RESTARTS`] count.
    pub restart_ages: Vec<Duration>,
    /// Since when it is being started ([`crate::StateClock::starting_since`]).
    pub starting_since: Option<Timestamp>,
    /// Its calls ([`crate::ServiceMeter::window`]) over the window of the rule for errors ([`crate::AlertEngine::window`]).
    pub error_window: WindowStats,
    /// Its calls over the window of the rule for latency.
    pub latency_window: WindowStats,
    /// The dependency that is down, when that is why it is.
    pub dependency: Option<ServiceName>,
    /// Why it is where it is, in a few lines without secrets; at most [`Observation::MAX_WHY`] bytes count.
    pub why: String,
}

impl Observation {
    /// How many restarts count.
    pub const MAX_RESTARTS: usize = 128;
    /// How much of `why` counts, in bytes.
    pub const MAX_WHY: usize = 3_072;

    /// A service of which nothing is known but its phase.
    #[must_use]
    pub const fn new(service: ServiceName, phase: Phase) -> Self {
        Self {
            service,
            phase,
            wanted: true,
            leaked: false,
            health: Health::Unknown,
            failures: 0,
            budget_left: None,
            restart_ages: Vec::new(),
            starting_since: None,
            error_window: WindowStats { calls: 0, errors: 0, p95: None },
            latency_window: WindowStats { calls: 0, errors: 0, p95: None },
            dependency: None,
            why: String::new(),
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Trouble.
    Over,
    /// No new trouble, and no end to an old one.
    Between,
    /// None, or over.
    Clear,
}

/// What a rule makes of an observation at a moment.
pub(super) struct Judgement {
    pub(super) level: Level,
    /// How much, where the kind has a number.
    pub(super) value: Option<f64>,
    /// When this changes by time alone.
    pub(super) changes_at: Option<Nanos>,
}

impl Judgement {
    const fn plain(level: Level) -> Self {
        Self { level, value: None, changes_at: None }
    }

    /// By a number that is trouble from `over` on upwards and none from `clear` on downwards.
    fn number(value: f64, rule: &AlertRule) -> Self {
        let level = if value >= rule.threshold {
            Level::Over
        } else if value <= rule.clear_threshold {
            Level::Clear
        } else {
            Level::Between
        };
        Self { level, value: Some(value), changes_at: None }
    }
}

/// Judges at `now` an observation that was made at `at` by a rule.
pub(super) fn judge(rule: &AlertRule, seen: &Observation, at: Nanos, now: Nanos) -> Judgement {
    match rule.kind {
        AlertKind::GaveUp => Judgement::plain(down(seen, is_for_good)),
        AlertKind::DependencyFailed => Judgement::plain(down(seen, |kind| kind == FailKind::Dependency)),
        AlertKind::Leaked => Judgement::plain(when(seen.leaked || failed(seen, FailKind::Leaked))),
        AlertKind::StopFailed => Judgement::plain(when(failed(seen, FailKind::StopFailed))),
        AlertKind::Flapping => flapping(rule, seen, at, now),
        AlertKind::ProbeDegraded => Judgement::plain(probes(seen)),
        AlertKind::StartSlow => start(rule, seen, now),
        AlertKind::BudgetNear => budget(rule, seen),
        AlertKind::ErrorRate => {
            let ratio = seen.error_window.error_ratio().filter(|_| seen.error_window.calls >= rule.min_calls);
            ratio.map_or(Judgement::plain(Level::Clear), |ratio| Judgement::number(ratio, rule))
        }
        AlertKind::Latency => {
            let p95 = seen.latency_window.p95.filter(|_| seen.latency_window.calls >= rule.min_calls);
            p95.map_or(Judgement::plain(Level::Clear), |p95| Judgement::number(p95.as_secs_f64(), rule))
        }
    }
}

fn failed(seen: &Observation, kind: FailKind) -> bool {
    seen.phase == Phase::Failed { kind }
}

const fn when(trouble: bool) -> Level {
    if trouble { Level::Over } else { Level::Clear }
}

/// No attempt follows by itself, and none would help: it failed too often, its policy has no further one, or it was refused.
const fn is_for_good(kind: FailKind) -> bool {
    match kind {
        FailKind::GaveUp
        | FailKind::Exit
        | FailKind::StartTimeout
        | FailKind::Handshake
        | FailKind::Auth
        | FailKind::Config => true,
        // It comes back with its dependency; processes that survive have alerts of their own.
        FailKind::Dependency | FailKind::StopFailed | FailKind::Leaked => false,
    }
}

/// Down for such a reason. An attempt to start is not the end of it: being up is, or being down on purpose.
fn down(seen: &Observation, is_it: impl Fn(FailKind) -> bool) -> Level {
    match seen.phase.state() {
        Some(ServiceState::Running | ServiceState::Stopped) | None => Level::Clear,
        Some(ServiceState::NotStarted) if !seen.wanted => Level::Clear,
        Some(_) if matches!(seen.phase, Phase::Failed { kind } if is_it(kind)) => Level::Over,
        Some(_) => Level::Between,
    }
}

fn probes(seen: &Observation) -> Level {
    match (seen.health, seen.phase.state()) {
        (Health::Degraded | Health::Unhealthy, _) => Level::Over,
        // A new life, in which no probe has spoken yet.
        (Health::Unknown, Some(ServiceState::Starting | ServiceState::Running)) => Level::Between,
        (Health::Healthy | Health::Unknown, _) => Level::Clear,
    }
}

fn flapping(rule: &AlertRule, seen: &Observation, at: Nanos, now: Nanos) -> Judgement {
    let restarts = seen.restart_ages.iter().map(|&age| at.saturating_sub(length(age)));
    let recent = || restarts.clone().filter(|&restart| now.saturating_sub(restart) <= length(rule.window));
    // Just after the moment that still belongs to the window.
    let changes_at = recent().min().map(|oldest| oldest.saturating_add(length(rule.window)).saturating_add(1));
    Judgement { changes_at, ..Judgement::number(recent().count() as f64, rule) }
}

fn start(rule: &AlertRule, seen: &Observation, now: Nanos) -> Judgement {
    let limit = length(Duration::try_from_secs_f64(rule.threshold).unwrap_or(Duration::MAX));
    if let Some(since) = seen.starting_since.map(nanos) {
        let took = now.saturating_sub(since).max(0);
        // Below its limit it says nothing of an earlier attempt that went over it.
        let level = if took >= limit { Level::Over } else { Level::Between };
        let changes_at = (took < limit).then(|| since.saturating_add(limit));
        return Judgement { level, value: Some(took as f64 / 1e9), changes_at };
    }
    let under_way = match seen.phase.state() {
        Some(ServiceState::Starting) => true,
        Some(ServiceState::Error) => !matches!(seen.phase, Phase::Failed { .. }),
        Some(_) | None => false,
    };
    Judgement::plain(if under_way { Level::Between } else { Level::Clear })
}

fn budget(rule: &AlertRule, seen: &Observation) -> Judgement {
    match seen.budget_left.map(f64::from) {
        // Nothing is left of it, and nobody is told that this is over: it resolves when the service works again.
        _ if down(seen, is_for_good) == Level::Over => Judgement::plain(Level::Between),
        // A small budget that nothing was taken from is no trouble.
        Some(left) if seen.failures > 0 => {
            let level = if left <= rule.threshold {
                Level::Over
            } else if left >= rule.clear_threshold {
                Level::Clear
            } else {
                Level::Between
            };
            Judgement { level, value: Some(left), changes_at: None }
        }
        Some(_) | None => Judgement::plain(Level::Clear),
    }
}

/// The number in words, where the kind has one.
pub(super) fn facts(rule: &AlertRule, seen: &Observation, value: Option<f64>) -> Option<String> {
    let window = rule.window.as_secs();
    match (rule.kind, value) {
        (AlertKind::Flapping, Some(restarts)) => Some(format!("{restarts} restart(s) within {window} s")),
        (AlertKind::StartSlow, Some(seconds)) => Some(format!("starting for {seconds:.1} s")),
        (AlertKind::BudgetNear, Some(left)) => Some(format!("{left} restart(s) left")),
        (AlertKind::ErrorRate, Some(ratio)) => {
            let calls = seen.error_window.calls;
            Some(format!("{:.1} % of {calls} calls failed within {window} s", ratio * 100.0))
        }
        (AlertKind::Latency, Some(seconds)) => {
            let calls = seen.latency_window.calls;
            Some(format!("95 of 100 calls took up to {seconds:.3} s ({calls} calls within {window} s)"))
        }
        (AlertKind::DependencyFailed, _) => seen.dependency.as_ref().map(|name| format!("`{name}` is down")),
        _ => None,
    }
}

/// A duration as a number to compute with.
pub(super) fn length(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}
