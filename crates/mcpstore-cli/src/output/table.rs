//! Tables for people. Off a terminal a row is one line, whatever its length.

use std::time::SystemTime;

use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Row, Table, presets};
use mcpstore::ServiceState;
use mcpstore::graph::{DepGraph, NodeId};
use mcpstore::types::DepKind;

use super::{
    CallNumbers, HealthRow, PlanDoc, ServiceDetail, Term, brief, clean_line, short_duration, short_ms, state_cell,
    tells,
};

/// With less room than this for the last column, the columns before it are shortened too.
const MIN_LAST_COLUMN: u16 = 16;

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
        let health = match row.health.as_str() {
            "unknown" => dash(),
            "healthy" => "ok".to_owned(),
            other => other.to_owned(),
        };
        let mut cells = vec![Cell::new(&row.name), state];
        if wide {
            let pid = row.pid.map_or_else(dash, |pid| pid.to_string());
            let calls = detail.calls.total.to_string();
            cells.extend([&row.phase, &health, &pid, &tools, &percentiles(&detail.calls), &calls].map(Cell::new));
        } else {
            cells.extend([&health, &tools].map(Cell::new));
        }
        cells.extend([&up, &restarts, &depends, &note(detail)].map(Cell::new));
        table.add_row(one_line(cells, term));
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
        // What is missing outside says more than what began the wait.
        (false, None) if row.phase == "wait" && holding.is_some() => {}
        (false, _) => parts.push(brief(&detail.why).to_owned()),
        (true, _) => {}
    }
    if let Some(condition) = holding.filter(|condition| !parts.iter().any(|part| tells(part, condition))) {
        parts.push(condition.message.clone());
    }
    if let Some(retry) = detail.retry_in_ms {
        parts.push(format!("next attempt in {}", short_duration(std::time::Duration::from_millis(retry))));
    }
    if let Some(error) = &detail.tools_error {
        parts.push(format!("its tools could not be listed: {}", brief(error)));
    }
    if !detail.enabled && row.state == "not_started" {
        parts.push("disabled".to_owned());
    }
    clean_line(&parts.join("; "))
}

/// What checks found, one service a row.
pub(crate) fn health_table(rows: &[HealthRow], term: &Term) -> String {
    let mut table = new_table(&["SERVICE", "HEALTH", "STATE", "RESPONSE", "ERROR"], term);
    for row in rows {
        let (word, color) = if row.healthy { ("✓ healthy", Color::Green) } else { ("✗ unhealthy", Color::Red) };
        let time = row.response_time_ms.map_or_else(dash, short_ms);
        let error = row.error.as_deref().map_or_else(String::new, |error| clean_line(brief(error)));
        let cells = vec![
            Cell::new(&row.name),
            Cell::new(word).fg(color),
            Cell::new(&row.status),
            Cell::new(time),
            Cell::new(error),
        ];
        table.add_row(one_line(cells, term));
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

pub(crate) fn new_table(header: &[&str], term: &Term) -> Table {
    let mut table = Table::new();
    let header = one_line(header.iter().map(Cell::new).collect(), term);
    table.load_style(presets::NOTHING).set_header(header).set_truncation_indicator("…");
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

/// On a terminal what does not fit is cut: `status` and the other formats have it in full.
fn one_line(cells: Vec<Cell>, term: &Term) -> Row {
    let mut row = Row::from(cells);
    if term.tty {
        row.max_height(1);
    }
    row
}

/// The first two columns are never shortened or wrapped; the last one is shortened first. No line ends in spaces.
pub(crate) fn finish(table: &mut Table) -> String {
    let widths = table.column_max_content_widths();
    let last = widths.len().saturating_sub(1);
    // Each column has a space on either side.
    let others: u16 = widths[..last].iter().map(|width| width.saturating_add(2)).fold(0, u16::saturating_add);
    let room = table.width().is_none_or(|width| others.saturating_add(MIN_LAST_COLUMN) <= width);
    let whole = if room { last } else { last.min(2) };
    for index in 0..whole {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;

    use super::super::{ConditionDoc, ServiceRow, status_text};
    use super::*;

    const NOON: Duration = Duration::from_secs(12 * 3_600);

    fn service(name: &str, state: &str, phase: &str) -> ServiceDetail {
        ServiceDetail {
            row: ServiceRow {
                name: name.into(),
                state: state.into(),
                phase: phase.into(),
                reason: "probe_passed".into(),
                desired: "up".into(),
                health: "healthy".into(),
                incarnation: 1,
                pid: Some(4711),
                tools: Some(14),
                restarts: 0,
                since: "1970-01-01T11:00:00.000Z".into(),
                depends_on: Vec::new(),
            },
            why: "probe passed".into(),
            detail: None,
            failures: 0,
            retry_in_ms: None,
            conditions: Vec::new(),
            server: None,
            transport: "stdio".into(),
            enabled: true,
            tags: Vec::new(),
            description: None,
            tools_error: None,
            calls: CallNumbers { total: 64, errors: 2, in_flight: 0, p50_ms: Some(4.0), p95_ms: Some(11.2) },
            timeline: Vec::new(),
            stderr: Vec::new(),
        }
    }

    fn broken() -> ServiceDetail {
        let mut broken = service("browser", "error", "back_off");
        broken.row.health = "unknown".into();
        (broken.row.pid, broken.row.tools, broken.row.restarts) = (None, None, 10);
        broken.why = "exited: exit code 3: no \u{1b}[31mlicence\u{202e}".into();
        broken.detail = Some("no licence\n  stderr | \u{1b}]0;x\u{7}bad key".into());
        (broken.failures, broken.retry_in_ms) = (3, Some(4_500));
        broken.stderr = vec!["bad key".into(), "giving up".into()];
        broken
    }

    fn rows() -> Vec<ServiceDetail> {
        let mut waiting = service("web", "starting", "wait");
        waiting.row.depends_on = vec!["filesystem".into(), "browser".into()];
        waiting.conditions.push(ConditionDoc {
            kind: "dependencies_met".into(),
            status: false,
            reason: "dependency_failed".into(),
            message: "waits for `browser`".into(),
            since: waiting.row.since.clone(),
        });
        vec![service("filesystem", "running", "ready"), broken(), waiting]
    }

    #[test]
    fn services_off_a_terminal() {
        let now = SystemTime::UNIX_EPOCH + NOON;
        expect![[r#"
            SERVICE     STATE       HEALTH  TOOLS  UP     RST  DEPENDS             NOTE
            filesystem  ✓ running   ok      14     1h00m  0    -
            browser     ✗ error     -       -      -      10   -                   exited: exit code 3: no licence; next attempt in 4s
            web         … starting  ok      14     -      0    filesystem,browser  waits for `browser`
        "#]].assert_eq(&service_table(&rows(), false, now, &Term::PLAIN));
        expect![[r#"
            SERVICE     STATE       PHASE     HEALTH  PID   TOOLS  P50/P95     CALLS  UP     RST  DEPENDS             NOTE
            filesystem  ✓ running   ready     ok      4711  14     4.0ms/11ms  64     1h00m  0    -
            browser     ✗ error     back_off  -       -     -      4.0ms/11ms  64     -      10   -                   exited: exit code 3: no licence; next attempt in 4s
            web         … starting  wait      ok      4711  14     4.0ms/11ms  64     -      0    filesystem,browser  waits for `browser`
        "#]].assert_eq(&service_table(&rows(), true, now, &Term::PLAIN));
    }

    #[test]
    fn what_is_waited_for_stands_once() {
        let now = SystemTime::UNIX_EPOCH + NOON;
        let missing = "the file /srv/ready: it is not there";
        let mut waiting = service("wf", "starting", "wait");
        waiting.conditions.push(ConditionDoc {
            kind: "external_pending".into(),
            status: true,
            reason: "start_asked".into(),
            message: format!("waiting for {missing}"),
            since: waiting.row.since.clone(),
        });
        let mut vain = service("wf", "error", "failed");
        vain.conditions.clone_from(&waiting.conditions);
        waiting.why = format!("start asked: waiting for {missing}");
        vain.why = format!("timed out in wait: waited 2s for {missing}");
        for one in [waiting, vain] {
            for text in [status_text(&one, now, &Term::PLAIN), service_table(&[one], false, now, &Term::PLAIN)] {
                assert_eq!(text.matches(missing).count(), 1, "{text}");
            }
        }
    }

    #[test]
    fn on_a_narrow_terminal_names_and_states_stay_whole() {
        let now = SystemTime::UNIX_EPOCH + NOON;
        let narrow = Term { tty: true, color: false, width: Some(60) };
        let text = service_table(&rows(), false, now, &narrow);
        assert!(text.contains("filesystem ") && text.contains("✓ running ") && text.contains("… starting"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        assert_eq!((text.lines().count(), text.contains('…')), (4, true), "{text}");
        let bright = Term { tty: true, color: true, width: Some(160) };
        let text = service_table(&rows(), false, now, &bright);
        assert!(text.contains("\u{1b}["), "{text:?}");
    }

    #[test]
    fn a_service_in_full() {
        let now = SystemTime::UNIX_EPOCH + NOON;
        expect![[r#"
            browser  ✗ error
              phase     back_off, for 1h00m
              reason    exited: exit code 3: no licence
              desired   up
              health    unknown
              process   stdio, life 1
              calls     64, 2 failed, half within 4.0ms, 95% within 11ms
              restarts  10, 3 failures in a row
              retry     in 4s
              stderr    bad key
                        giving up
        "#]]
        .assert_eq(&status_text(&broken(), now, &Term::PLAIN));
    }

    #[test]
    fn checks_and_numbers() {
        let row = |name: &str, healthy, ms, error: Option<&str>| HealthRow {
            name: name.into(),
            healthy,
            status: "running".into(),
            response_time_ms: ms,
            error: error.map(Into::into),
        };
        let rows = [row("api", true, Some(0.417), None), row("db", false, None, Some("no answer within 3s"))];
        expect![[r#"
            SERVICE  HEALTH       STATE    RESPONSE  ERROR
            api      ✓ healthy    running  0.42ms
            db       ✗ unhealthy  running  -         no answer within 3s
        "#]]
        .assert_eq(&health_table(&rows, &Term::PLAIN));
    }
}
