//! Tables for people. Off a terminal a row is one line, whatever its length.

use std::time::SystemTime;

use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Table, presets};
use mcpstore::ServiceState;
use mcpstore::graph::{DepGraph, NodeId};
use mcpstore::types::DepKind;

use super::{
    CallNumbers, HealthRow, MetricsRow, PlanDoc, ServiceDetail, Term, ToolRow, clean_line, short_duration, short_ms,
    state_cell,
};

/// Services, one a row: what is wrong stands in the last column. `now` is what "up since" is counted to.
pub(crate) fn service_table(rows: &[ServiceDetail], wide: bool, now: SystemTime, term: &Term) -> String {
    let narrow = ["SERVICE", "STATE", "HEALTH", "TOOLS", "UP", "RST", "DEPENDS", "NOTE"];
    let broad =
        ["SERVICE", "STATE", "PHASE", "HEALTH", "PID", "TOOLS", "P50/P95", "CALLS", "UP", "RST", "DEPENDS", "NOTE"];
    let mut table = if wide { new_table(&broad, term) } else { new_table(&narrow, term) };
    for detail in rows {
        let row = &detail.row;
        let state = Cell::new(state_cell(&row.state)).fg(color(&row.state));
        let tools = row.tools.map_or_else(dash, |count| count.to_string());
        let (up, depends) = (uptime(detail, now), list(&row.depends_on));
        let restarts = row.restarts.to_string();
        let health = if row.health == "unknown" { dash() } else { row.health.clone() };
        let mut cells = vec![Cell::new(&row.name), state];
        if wide {
            let pid = row.pid.map_or_else(dash, |pid| pid.to_string());
            let calls = detail.calls.total.to_string();
            cells.extend([&row.phase, &health, &pid, &tools, &percentiles(&detail.calls), &calls].map(Cell::new));
        } else {
            cells.extend([&health, &tools].map(Cell::new));
        }
        cells.extend([&up, &restarts, &depends, &note(detail)].map(Cell::new));
        table.add_row(cells);
    }
    finish(&mut table)
}

/// What is worth a word about a service that is not simply running or at rest.
fn note(detail: &ServiceDetail) -> String {
    let row = &detail.row;
    let mut parts = Vec::new();
    let quiet = matches!(row.state.as_str(), "running" | "stopped" | "not_started") && row.phase != "degraded";
    let holding = detail.conditions.iter().find(|c| c.status && c.kind != "dependencies_met");
    let waiting = detail.conditions.iter().find(|c| !c.status && c.kind == "dependencies_met");
    match (quiet, waiting) {
        (false, Some(condition)) if row.phase == "wait" => parts.push(condition.message.clone()),
        (false, _) => parts.push(detail.why.clone()),
        (true, _) => {}
    }
    if let Some(condition) = holding {
        parts.push(condition.message.clone());
    }
    if let Some(retry) = detail.retry_in_ms {
        parts.push(format!("next attempt in {}", short_duration(std::time::Duration::from_millis(retry))));
    }
    if let Some(error) = &detail.tools_error {
        parts.push(format!("its tools could not be listed: {error}"));
    }
    if !detail.enabled && row.state == "not_started" {
        parts.push("disabled".to_owned());
    }
    clean_line(&parts.join("; "))
}

/// Tools, one a row.
pub(crate) fn tools_table(tools: &[ToolRow], term: &Term) -> String {
    let mut table = new_table(&["SERVICE", "TOOL", "DESCRIPTION"], term);
    for tool in tools {
        let description = clean_line(tool.description.as_deref().unwrap_or("-"));
        table.add_row([clean_line(&tool.service), clean_line(&tool.name), description]);
    }
    finish(&mut table)
}

/// What checks found, one service a row.
pub(crate) fn health_table(rows: &[HealthRow], term: &Term) -> String {
    let mut table = new_table(&["SERVICE", "HEALTH", "STATE", "RESPONSE", "ERROR"], term);
    for row in rows {
        let (word, color) = if row.healthy { ("✓ healthy", Color::Green) } else { ("✗ unhealthy", Color::Red) };
        let time = row.response_time_ms.map_or_else(dash, short_ms);
        let error = row.error.as_deref().map_or_else(String::new, clean_line);
        table.add_row([
            Cell::new(&row.name),
            Cell::new(word).fg(color),
            Cell::new(&row.status),
            Cell::new(time),
            Cell::new(error),
        ]);
    }
    finish(&mut table)
}

/// Numbers over checks and calls, one service a row.
pub(crate) fn metrics_table(rows: &[MetricsRow], term: &Term) -> String {
    let header = ["SERVICE", "CHECKS", "HEALTHY", "AVAILABLE", "AVG", "MAX", "MIN", "CALLS", "ERRORS", "P50/P95"];
    let mut table = new_table(&header, term);
    for row in rows {
        let time = |ms: Option<f64>| ms.map_or_else(dash, short_ms);
        table.add_row([
            row.name.clone(),
            row.checks_total.to_string(),
            row.checks_healthy.to_string(),
            row.availability.map_or_else(dash, |part| format!("{:.1}%", part * 100.0)),
            time(row.average_ms),
            time(row.max_ms),
            time(row.min_ms),
            row.calls.total.to_string(),
            row.calls.errors.to_string(),
            percentiles(&row.calls),
        ]);
    }
    finish(&mut table)
}

/// A plan in words: what starts together, what bounds the start, and who is needed by most.
pub(crate) fn plan_text(plan: &PlanDoc, graph: &DepGraph) -> String {
    if plan.start_order.is_empty() {
        return "nothing to start\n".to_owned();
    }
    let mut out = String::new();
    for (number, wave) in (1..).zip(&plan.waves) {
        out.push_str(&format!("wave {number}   {}\n", wave.join(", ")));
    }
    out.push_str(&format!("start    {}\n", plan.start_order.join(" → ")));
    out.push_str(&format!("stop     {}\n", plan.stop_order.join(" → ")));
    let chosen = |node: NodeId| plan.start_order.iter().any(|name| *name == graph.name(node).as_str());
    let path = graph.critical_path(|node| std::time::Duration::from_secs(u64::from(chosen(node)))).path;
    if path.len() > 1 {
        let names: Vec<&str> = path.iter().map(|node| graph.name(*node).as_str()).collect();
        out.push_str(&format!("longest  {}\n", names.join(" → ")));
    }
    let mut needed: Vec<(usize, &str)> = graph
        .nodes()
        .filter(|node| chosen(*node))
        .map(|node| (graph.closure_down(&[node], DepKind::is_hard).len() - 1, graph.name(node).as_str()))
        .filter(|(count, _)| *count > 0)
        .collect();
    needed.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let words: Vec<String> = needed.iter().map(|(count, name)| format!("{name} (needed by {count})")).collect();
    if !words.is_empty() {
        out.push_str(&format!("critical {}\n", words.join(", ")));
    }
    out
}

fn new_table(header: &[&str], term: &Term) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().map(Cell::new));
    match term.width.filter(|_| term.tty) {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    if term.color {
        table.force_no_tty().enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

/// The first two columns are never shortened or wrapped, and no line ends in spaces.
fn finish(table: &mut Table) -> String {
    for index in 0..2 {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let mut out = String::new();
    for line in table.lines() {
        // Columns of the empty style begin with one space of padding.
        out.push_str(line.strip_prefix(' ').unwrap_or(&line).trim_end());
        out.push('\n');
    }
    out
}

fn color(state: &str) -> Color {
    match state.parse::<ServiceState>() {
        Ok(ServiceState::Running) => Color::Green,
        Ok(ServiceState::Starting | ServiceState::Stopping) => Color::Yellow,
        Ok(ServiceState::Error) => Color::Red,
        Ok(ServiceState::Unknown) | Err(_) => Color::Magenta,
        Ok(ServiceState::NotStarted | ServiceState::Stopped) => Color::Reset,
    }
}

fn uptime(detail: &ServiceDetail, now: SystemTime) -> String {
    if detail.row.state != "running" {
        return dash();
    }
    let since = humantime::parse_rfc3339(&detail.row.since).ok();
    since.map_or_else(dash, |since| short_duration(now.duration_since(since).unwrap_or_default()))
}

fn percentiles(calls: &CallNumbers) -> String {
    match (calls.p50_ms, calls.p95_ms) {
        (Some(p50), Some(p95)) => format!("{}/{}", short_ms(p50), short_ms(p95)),
        _ => dash(),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { dash() } else { names.join(",") }
}

fn dash() -> String {
    "-".to_owned()
}
