//! `metrics` for people: one service in full, or all in a table. Pure.

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use mcpstore::ServiceState;
use mcpstore::monitor::{
    Availability, CallReport, CheckReport, CircuitReport, CircuitState, LatencyReport, MetricsReport, ProcessReport,
    ServiceReport,
};

use crate::output::{
    Term, clean_line, finish, new_table, percent, short_bytes, short_count, short_duration, short_ms, state_cell,
};

/// Everything measured of a service. `window_seconds` says over how long its checks were counted; `None`: all that are kept.
pub(crate) fn metrics_text(service: &ServiceReport, window_seconds: Option<f64>, term: &Term) -> String {
    let mut out = format!("{}  {}\n", service.service, state_cell(service.state.as_str()));
    let mut fact = |name: &str, value: String| out.push_str(&format!("  {name:<12} {}\n", clean_line(&value)));
    let word = |holds: bool, word: &str| if holds { word.to_owned() } else { format!("not {word}") };
    let reached = [(service.alive, "alive"), (service.ready, "ready"), (service.serving, "serving")];
    let reached = reached.map(|(holds, what)| word(holds, what)).join(", ");
    fact("health", format!("{}; {reached}", service.health));
    if !service.availability.is_empty() {
        fact("availability", service.availability.iter().map(availability).collect::<Vec<_>>().join(", "));
    }
    checks(&service.checks, window_seconds, &mut fact);
    calls(&service.calls, &mut fact);
    let failures = counted(u64::from(service.failures), "failure", "failures");
    let start = service.start_seconds.map_or_else(String::new, |took| format!(", last start took {}", time(took)));
    fact("restarts", format!("{}, {failures} in a row, life {}{start}", service.restarts_total, service.incarnation));
    if !service.state_seconds.is_empty() {
        fact("time in", states(&service.state_seconds));
    }
    if let Some(own) = &service.process {
        fact("process", process(own));
    }
    fact("circuit", circuit(&service.circuit));
    if !service.tools.is_empty() {
        out.push('\n');
        out.push_str(&tools(&service.tools, term));
    }
    out
}

/// All services, one a row.
pub(crate) fn metrics_overview(report: &MetricsReport, term: &Term) -> String {
    let header = [
        "SERVICE", "STATE", "UP 5m", "UP 1h", "UP 24h", "CHECKS", "HEALTHY", "CALLS", "ERRORS", "P50", "P95", "P99",
        "MAX", "INFL", "SENT", "RECEIVED", "RST",
    ];
    let mut table = new_table(&header, term);
    for service in &report.services {
        let up = |window: u64| {
            let found = service.availability.iter().find(|one| one.window_seconds == window);
            found.and_then(|one| one.ratio).map_or_else(dash, percent)
        };
        let calls = &service.calls;
        let mut row =
            vec![service.service.to_string(), state_cell(service.state.as_str()), up(300), up(3_600), up(86_400)];
        row.extend(
            [service.checks.total, service.checks.healthy, calls.calls_total, calls.errors_total].map(short_count),
        );
        row.extend(latencies(calls.latency.as_ref()));
        row.push(calls.in_flight.to_string());
        row.extend([calls.request_bytes_total, calls.response_bytes_total].map(short_bytes));
        row.push(service.restarts_total.to_string());
        table.add_row(row);
    }
    finish(&mut table)
}

fn availability(one: &Availability) -> String {
    let window = match one.window_seconds {
        300 => "5m".to_owned(),
        3_600 => "1h".to_owned(),
        86_400 => "24h".to_owned(),
        other => time(other as f64),
    };
    match one.ratio {
        None => format!("never wanted in {window}"),
        // It was not wanted all the time: the share is of what it was.
        Some(ratio) if one.wanted_seconds + 1.0 < one.window_seconds as f64 => {
            format!("{} of {} in {window}", percent(ratio), time(one.wanted_seconds))
        }
        Some(ratio) => format!("{} of {window}", percent(ratio)),
    }
}

fn checks(checks: &CheckReport, window_seconds: Option<f64>, fact: &mut impl FnMut(&str, String)) {
    let window = window_seconds.map_or_else(String::new, |seconds| format!(" in {}", time(seconds)));
    let share = match checks.total {
        0 => String::new(),
        total => format!(" ({})", percent(checks.healthy as f64 / total as f64)),
    };
    fact("checks", format!("{}{window}, {} healthy{share}", checks.total, checks.healthy));
    if let (Some(average), Some(max), Some(min)) = (checks.average_ms, checks.max_ms, checks.min_ms) {
        fact("response", format!("average {}, max {}, min {}", short_ms(average), short_ms(max), short_ms(min)));
    }
}

fn calls(calls: &CallReport, fact: &mut impl FnMut(&str, String)) {
    let share = match calls.calls_total {
        0 => String::new(),
        total => format!(" ({})", percent(calls.errors_total as f64 / total as f64)),
    };
    fact(
        "calls",
        format!(
            "{}, {} failed{share}, {} in the last minute, {} in flight",
            calls.calls_total, calls.errors_total, calls.last_minute, calls.in_flight
        ),
    );
    if !calls.errors.is_empty() {
        let kinds = calls.errors.iter().map(|(kind, count)| format!("{count} {kind}"));
        fact("errors", kinds.collect::<Vec<_>>().join(", "));
    }
    if let Some(time) = &calls.latency {
        let all = [
            ("p50", time.p50_ms),
            ("p90", time.p90_ms),
            ("p95", time.p95_ms),
            ("p99", time.p99_ms),
            ("max", time.max_ms),
            ("mean", time.mean_ms),
        ];
        fact("latency", all.map(|(name, ms)| format!("{name} {}", short_ms(ms))).join(", "));
    }
    if calls.calls_total > 0 {
        let [sent, received] = [calls.request_bytes_total, calls.response_bytes_total].map(short_bytes);
        fact("bytes", format!("{sent} sent, {received} received"));
    }
}

/// The states it was in, the longest first, with their share of the whole.
fn states(states: &BTreeMap<ServiceState, f64>) -> String {
    let mut states: Vec<(ServiceState, f64)> = states
        .iter()
        .map(|(state, seconds)| (*state, seconds.max(0.0)))
        .filter(|(_, seconds)| *seconds > 0.0)
        .collect();
    states.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let whole: f64 = states.iter().map(|(_, seconds)| seconds).sum();
    let part =
        |(state, seconds): &(ServiceState, f64)| format!("{state} {} ({})", time(*seconds), percent(*seconds / whole));
    states.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn process(own: &ProcessReport) -> String {
    format!(
        "{}, {} cpu ({} in all), {} memory, {}, {}",
        counted(u64::from(own.processes), "process", "processes"),
        percent(own.cpu_percent / 100.0),
        time(own.cpu_seconds_total),
        short_bytes(own.resident_bytes),
        counted(own.open_files, "open file", "open files"),
        counted(u64::from(own.threads), "thread", "threads"),
    )
}

fn circuit(circuit: &CircuitReport) -> String {
    let state = match circuit.state {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
        CircuitState::HalfOpen => "half open",
    };
    let retry = circuit.retry_in_seconds.map_or_else(String::new, |left| format!(", tried again in {}", time(left)));
    match circuit.opened_total {
        0 => format!("{state}{retry}"),
        opened => format!("{state}{retry}, opened {}", counted(opened, "time", "times")),
    }
}

/// Its tools, the most called first.
fn tools(tools: &BTreeMap<String, CallReport>, term: &Term) -> String {
    let mut tools: Vec<(&String, &CallReport)> = tools.iter().collect();
    // Those that are counted together come last, however many they are.
    let other = |name: &str| name == ServiceReport::OTHER_TOOLS;
    tools.sort_by(|a, b| other(a.0).cmp(&other(b.0)).then(b.1.calls_total.cmp(&a.1.calls_total)).then(a.0.cmp(b.0)));
    let mut table = new_table(&["TOOL", "CALLS", "ERRORS", "P50", "P95", "P99", "MAX", "INFL"], term);
    for (name, calls) in tools {
        let name = if other(name) { "(other tools)".to_owned() } else { clean_line(name) };
        let mut row = vec![name, short_count(calls.calls_total), short_count(calls.errors_total)];
        row.extend(latencies(calls.latency.as_ref()));
        row.push(calls.in_flight.to_string());
        table.add_row(row);
    }
    finish(&mut table)
}

fn latencies(latency: Option<&LatencyReport>) -> [String; 4] {
    latency.map_or_else(
        || [(); 4].map(|()| dash()),
        |time| [time.p50_ms, time.p95_ms, time.p99_ms, time.max_ms].map(short_ms),
    )
}

/// A length of time from the wire: never negative, whole seconds from one on.
fn time(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let time = Duration::try_from_secs_f64(if seconds < 1.0 { seconds } else { seconds.floor() });
    short_duration(time.unwrap_or_default())
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn dash() -> String {
    "-".to_owned()
}
