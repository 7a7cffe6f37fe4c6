//! One service in full, for people.

use std::time::{Duration, SystemTime};

use super::{ConditionDoc, ServiceDetail, Term, clean_line, short_duration, short_ms, state_cell, tells};
use crate::quote::quoted;

/// Everything about a service, a line for each fact that is worth one.
pub(crate) fn status_text(detail: &ServiceDetail, now: SystemTime, term: &Term) -> String {
    let row = &detail.row;
    let mut out = Facts { text: String::new() };
    let color = match row.state.as_str() {
        "running" => 32,
        "error" => 31,
        "starting" | "stopping" => 33,
        _ => 0,
    };
    out.text.push_str(&format!("{}  {}\n", row.name, term.paint(color, &state_cell(&row.state))));
    if let Some(description) = &detail.description {
        out.fact("about", &clean_line(description));
    }
    let since = humantime::parse_rfc3339(&row.since).ok().and_then(|since| now.duration_since(since).ok());
    let since = since.map_or_else(String::new, |time| format!(", for {}", short_duration(time)));
    out.fact("phase", &format!("{}{since}", row.phase));
    out.fact("reason", &clean_line(&detail.why));
    // The headline stands in the reason already, and its stderr below.
    let told = |line: &&str| !detail.stderr.is_empty() && line.trim_start().starts_with("stderr |");
    for line in detail.detail.iter().flat_map(|text| text.lines().skip(1)).filter(|line| !told(line)) {
        out.fact("", &clean_line(line));
    }
    if row.reason == "needs_auth" {
        out.fact("try", &format!("mcpstore auth login {}", quoted(&row.name)));
    }
    out.fact("desired", &row.desired);
    out.fact("health", &row.health);
    if let Some(server) = &detail.server {
        let words = format!("{} {} (MCP {})", server.name, server.version, server.protocol_version);
        out.fact("server", &clean_line(&words));
    }
    let pid = row.pid.map_or_else(String::new, |pid| format!(", pid {pid}"));
    let life = if row.incarnation > 0 { format!(", life {}", row.incarnation) } else { String::new() };
    if row.incarnation > 0 || row.pid.is_some() {
        out.fact("process", &format!("{}{life}{pid}", detail.transport));
    }
    if let Some(count) = row.tools {
        out.fact("tools", &count.to_string());
    }
    if let Some(error) = &detail.tools_error {
        out.fact("tools", &format!("could not be listed: {}", clean_line(error)));
    }
    if detail.calls.in_flight > 0 {
        out.fact("calling", &format!("{} under way", detail.calls.in_flight));
    }
    if detail.calls.total > 0 {
        let calls = &detail.calls;
        let time = |ms: Option<f64>| ms.map_or_else(|| "-".to_owned(), short_ms);
        let times = calls.p50_ms.map_or_else(String::new, |_| {
            format!(", half within {}, 95% within {}", time(calls.p50_ms), time(calls.p95_ms))
        });
        out.fact("calls", &format!("{}, {} failed{times}", calls.total, calls.errors));
    }
    let failures = if detail.failures == 1 { "failure" } else { "failures" };
    out.fact("restarts", &format!("{}, {} {failures} in a row", row.restarts, detail.failures));
    if let Some(retry) = detail.retry_in_ms {
        out.fact("retry", &format!("in {}", short_duration(Duration::from_millis(retry))));
    }
    if !row.depends_on.is_empty() {
        out.fact("needs", &row.depends_on.join(", "));
    }
    if !detail.tags.is_empty() {
        out.fact("tags", &clean_line(&detail.tags.join(", ")));
    }
    if !detail.enabled {
        out.fact("enabled", "no: left out of a start of all");
    }
    // That what it needs is there goes without saying.
    let told = |fact: &&ConditionDoc| (fact.status && fact.kind == "dependencies_met") || tells(&detail.why, fact);
    for condition in detail.conditions.iter().filter(|fact| !told(fact)) {
        let holds = if condition.status { "" } else { "not " };
        out.fact("fact", &clean_line(&format!("{holds}{}: {}", condition.kind, condition.message)));
    }
    // A service that was only registered has no story.
    for (nth, entry) in detail.timeline.iter().enumerate().filter(|_| detail.timeline.len() > 1) {
        let at = humantime::parse_rfc3339(&entry.time).ok().and_then(|at| now.duration_since(at).ok());
        let ago = at.map_or_else(|| "just now".to_owned(), |time| format!("{} ago", short_duration(time)));
        let words = format!("{ago:<11} {:<11} {}", entry.state, clean_line(&entry.why));
        out.fact(if nth == 0 { "timeline" } else { "" }, &words);
    }
    for (nth, line) in detail.stderr.iter().enumerate() {
        out.fact(if nth == 0 { "stderr" } else { "" }, &clean_line(line));
    }
    out.text
}

struct Facts {
    text: String,
}

impl Facts {
    fn fact(&mut self, name: &str, value: &str) {
        self.text.push_str(format!("  {name:<9} {value}").trim_end());
        self.text.push('\n');
    }
}
