//! The pane under the table: what is known of the selected service.

use mcpstore::monitor::{CallReport, CircuitState, ServiceReport};
use mcpstore::types::AlertSeverity;
use ratatui::text::Line;

use super::app::App;
use super::columns::{age, seconds};
use super::model::ServiceFacts;
use super::paint::{Facts, Paint, rule, scrolled, state_words};
use crate::output::{ConditionDoc, brief, clean_line, percent, short_count, short_duration, short_ms, tells};
use crate::quote::quoted;

/// How many tools are listed, the most called first.
const MAX_TOOLS: usize = 8;

/// Before the keys, in the last line: how many lines follow.
const ROOM_FOR_COUNT: usize = 12;

/// The pane in at most `room` lines: a heading, and the facts from `scroll` on.
pub(super) fn lines(app: &App, width: usize, room: usize, scroll: &mut usize) -> Vec<Line<'static>> {
    let paint = Paint::new(app.color);
    let Some(service) = app.selected() else {
        return vec![rule("nothing is selected", width, paint.head())];
    };
    let name = service.service.as_str();
    let title = format!("{name}  {}", state_words(service.state));
    let mut out = Facts::new(width);
    let facts = app.model.facts_of(&service.service);
    if let Some(facts) = facts {
        out.add_styled("why", &facts.why, paint.state(service.state));
    }
    out.add("phase", &phase(service, facts));
    for alert in app.model.alerts_of(&service.service) {
        let since = short_duration(std::time::Duration::from_secs(alert.for_seconds));
        let words = format!("{} {}, for {since}: {}", alert.severity, alert.kind, alert.kind.summary());
        let style = if alert.severity == AlertSeverity::Critical { paint.bad() } else { paint.warn() };
        out.add_styled("alert", &words, style);
    }
    out.add("health", &health(service));
    if let Some(facts) = facts {
        out.add("restarts", &budget(service, facts));
        // That what it needs is there goes without saying.
        let told = |fact: &&ConditionDoc| (fact.status && fact.kind == "dependencies_met") || tells(&facts.why, fact);
        for condition in facts.conditions.iter().filter(|fact| !told(fact)) {
            let holds = if condition.status { "" } else { "not " };
            out.add_styled("fact", &format!("{holds}{}: {}", condition.kind, condition.message), paint.warn());
        }
    }
    out.add("calls", &calls(&service.calls));
    if let Some(facts) = facts {
        for (nth, event) in facts.events.iter().rev().enumerate() {
            let head = if nth == 0 { "events" } else { "" };
            // Of the moment only the time of day: the pane is about what just happened.
            let time = event.time.get(11..19).unwrap_or(&event.time);
            let (from, to) = (event.from.as_deref().unwrap_or("(new)"), event.to.as_deref().unwrap_or("(removed)"));
            let step = if from == to { to.to_owned() } else { format!("{from} → {to}") };
            let detail = event.detail.as_deref().map_or_else(String::new, |text| format!(": {}", brief(text)));
            out.add(head, &format!("{time} {step} {} {}{detail}", event.phase, event.reason));
        }
    }
    tools(service, &mut out);
    let mut lines = vec![rule(&title, width, paint.head())];
    // Where there is room for it, the command that has it all.
    let keys = format!("d u, or mcpstore why {}", quoted(name));
    let keys = if keys.len() + ROOM_FOR_COUNT > width { "d u" } else { keys.as_str() };
    lines.extend(scrolled(out.lines, room.saturating_sub(1), scroll, keys));
    lines
}

fn phase(service: &ServiceReport, facts: Option<&ServiceFacts>) -> String {
    let mut words = format!(
        "{}, {} for {}, life {}",
        service.phase.name().as_str(),
        service.state,
        age(service.in_state_seconds),
        service.incarnation
    );
    if let Some(facts) = facts {
        words.push_str(&format!(", wanted {}", facts.desired));
        if let Some(retry) = facts.retry_in_seconds {
            words.push_str(&format!("; next attempt in {}", short_duration(seconds(retry))));
        }
    }
    words
}

fn health(service: &ServiceReport) -> String {
    let word = |holds: bool, word: &str| if holds { word.to_owned() } else { format!("not {word}") };
    let mut words = format!(
        "{}: {}, {}, {}; {} of {} checks passed",
        service.health,
        word(service.alive, "alive"),
        word(service.ready, "ready"),
        word(service.serving, "serving"),
        service.checks.healthy,
        service.checks.total
    );
    match (service.circuit.state, service.circuit.retry_in_seconds) {
        (CircuitState::Closed, _) => {}
        (CircuitState::HalfOpen, _) => words.push_str("; circuit half open: one trial"),
        (CircuitState::Open, None) => words.push_str("; circuit open"),
        (CircuitState::Open, Some(left)) => {
            words.push_str(&format!("; circuit open, tried again in {}", short_duration(seconds(left))));
        }
    }
    words
}

fn budget(service: &ServiceReport, facts: &ServiceFacts) -> String {
    let budget = &facts.budget;
    format!(
        "{} in all; {} of {} failures in a row, {} of {} restarts in {}",
        service.restarts_total,
        budget.failures,
        budget.max_attempts.saturating_add(1),
        budget.in_window,
        budget.max_in_window,
        short_duration(seconds(budget.window_seconds))
    )
}

fn calls(calls: &CallReport) -> String {
    let mut words = format!(
        "{}, {} in the last minute, {} failed, {} in flight",
        short_count(calls.calls_total),
        calls.last_minute,
        calls.errors_total,
        calls.in_flight
    );
    if let Some(time) = &calls.latency {
        let [p50, p95, p99] = [time.p50_ms, time.p95_ms, time.p99_ms].map(short_ms);
        words.push_str(&format!("; p50 {p50}, p95 {p95}, p99 {p99}"));
    }
    if !calls.errors.is_empty() {
        let kinds: Vec<String> = calls.errors.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        words.push_str(&format!("; {}", kinds.join(", ")));
    }
    words
}

fn tools(service: &ServiceReport, out: &mut Facts) {
    let mut tools: Vec<(&String, &CallReport)> = service.tools.iter().collect();
    tools.sort_by(|a, b| b.1.calls_total.cmp(&a.1.calls_total).then(a.0.cmp(b.0)));
    let hidden = tools.len().saturating_sub(MAX_TOOLS);
    for (nth, (name, calls)) in tools.into_iter().take(MAX_TOOLS).enumerate() {
        let p95 = calls.latency.map_or_else(String::new, |time| format!(", p95 {}", short_ms(time.p95_ms)));
        let failed = calls.errors_total as f64 / calls.calls_total.max(1) as f64;
        let words =
            format!("{}: {} calls, {} failed{p95}", tool_name(name), short_count(calls.calls_total), percent(failed));
        out.add(if nth == 0 { "tools" } else { "" }, &words);
    }
    if hidden > 0 {
        out.add("", &format!("… and {hidden} more"));
    }
}

/// A tool's name for people; the entry of those that are counted together says so.
fn tool_name(name: &str) -> String {
    if name == ServiceReport::OTHER_TOOLS { "(other tools)".to_owned() } else { clean_line(name) }
}
