//! The live view as text: progress while things move, a table once they are up. Pure.

use std::time::Duration;

use mcpstore::types::{PhaseName, Timestamp};
use mcpstore::{Health, ServiceState};

use super::line::color;
use super::row::Row;
use crate::output::{Term, short_duration};

/// The glyph of what moves, one after the other.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Where the view is drawn, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) term: Term,
    /// Lines there is room for, at least 3.
    pub(super) height: usize,
    /// The moment on the manager's clock.
    pub(super) now: Timestamp,
    /// Which picture of the spinner.
    pub(super) spin: usize,
}

/// A line for each service on its way: glyph, state, time since `began`, and what it does or waits for.
pub(super) fn progress(rows: &[Row], began: Timestamp, frame: &Frame) -> Vec<String> {
    // What moves comes first when there is no room for all; else the order stays.
    let (shown, hidden) = choose(rows, frame.height, |row| !is_at_rest(row));
    let name_width = width(shown.iter().map(|row| row.name.as_str()));
    let state_width = width(shown.iter().map(|row| row.state.as_str()));
    let mut lines: Vec<String> = shown
        .iter()
        .map(|row| {
            let until = if is_at_rest(row) { row.since } else { frame.now };
            let mut line = Line::default();
            line.push(0, &format!("  {:<name_width$} ", row.name));
            line.push(color(Some(row.state)), &format!("{} {:<state_width$}", glyph(row, frame.spin), row.state));
            line.push(0, &format!(" {:>6}", seconds(until.since(began))));
            if !row.note.is_empty() {
                line.push(0, &format!("  {}", row.note));
            }
            line.finish(&frame.term)
        })
        .collect();
    lines.extend(more(hidden, frame));
    lines
}

/// The table of what runs, and why the rest does not.
pub(super) fn table(rows: &[Row], frame: &Frame) -> Vec<String> {
    const HEAD: [&str; 8] = ["SERVICE", "STATE", "HEALTH", "TOOLS", "PID", "UP", "RST", "DEPENDS"];
    let (shown, hidden) =
        choose(rows, frame.height.saturating_sub(1), |row| !matches!(row.state, ServiceState::Running));
    let cells: Vec<[String; 8]> = shown.iter().map(|row| cells(row, frame)).collect();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| width(cells.iter().map(|row| row[column].as_str()).chain([HEAD[column]])))
        .collect();
    let padded = |text: &str, column: usize| {
        let wide = widths[column];
        // Numbers stand right, words left.
        if (3..7).contains(&column) { format!("{text:>wide$}  ") } else { format!("{text:<wide$}  ") }
    };
    let head = HEAD.iter().enumerate().map(|(column, text)| padded(text, column)).collect::<String>();
    let mut line = Line::default();
    line.push(1, head.trim_end());
    let mut lines = vec![line.finish(&frame.term)];
    for (row, cells) in shown.iter().zip(&cells) {
        let mut line = Line::default();
        for (column, text) in cells.iter().enumerate() {
            let paint = match column {
                1 => color(Some(row.state)),
                2 if matches!(row.health, Health::Degraded) => 33,
                2 if matches!(row.health, Health::Unhealthy) => 31,
                _ => 0,
            };
            line.push(paint, &padded(text, column));
        }
        line.push(0, &row.note);
        lines.push(line.finish(&frame.term));
    }
    lines.extend(more(hidden, frame));
    lines
}

fn cells(row: &Row, frame: &Frame) -> [String; 8] {
    let dash = || "-".to_owned();
    let running = matches!(row.state, ServiceState::Running);
    [
        row.name.clone(),
        format!("{} {}", glyph(row, frame.spin), row.state),
        match row.health {
            Health::Unknown => dash(),
            Health::Healthy => "ok".to_owned(),
            other => other.to_string(),
        },
        row.tools.map_or_else(dash, |count| count.to_string()),
        row.pid.map_or_else(dash, |pid| pid.to_string()),
        if running { short_duration(whole_seconds(frame.now.since(row.since))) } else { dash() },
        row.restarts.to_string(),
        if row.depends_on.is_empty() { dash() } else { row.depends_on.join(",") },
    ]
}

/// True when it needs no redraw as time goes by, but for its "up since".
pub(super) fn is_at_rest(row: &Row) -> bool {
    match row.state {
        ServiceState::Running | ServiceState::NotStarted | ServiceState::Stopped => true,
        ServiceState::Error => row.phase == PhaseName::Failed,
        ServiceState::Starting | ServiceState::Stopping | ServiceState::Unknown => false,
    }
}

/// At most `room` rows: all, or those that matter most, in their order; and how many were left out.
fn choose(rows: &[Row], room: usize, matters: impl Fn(&Row) -> bool) -> (Vec<&Row>, usize) {
    // Without room for all, one line less: it tells how many there are more.
    let room = if rows.len() <= room { rows.len() } else { room.saturating_sub(1).max(1) };
    let mut index: Vec<usize> = (0..rows.len()).collect();
    index.sort_by_key(|at| !matters(&rows[*at]));
    index.truncate(room);
    index.sort_unstable();
    (index.iter().map(|at| &rows[*at]).collect(), rows.len() - index.len())
}

fn more(hidden: usize, frame: &Frame) -> Option<String> {
    let mut line = Line::default();
    line.push(0, &format!("  … and {hidden} more: mcpstore ls"));
    (hidden > 0).then(|| line.finish(&frame.term))
}

fn glyph(row: &Row, spin: usize) -> &'static str {
    match row.state {
        ServiceState::Running => "✓",
        ServiceState::Starting if row.phase == PhaseName::Wait => "…",
        ServiceState::Starting | ServiceState::Stopping => SPINNER[spin % SPINNER.len()],
        ServiceState::NotStarted => "·",
        ServiceState::Stopped => "■",
        ServiceState::Error => "✗",
        ServiceState::Unknown => "?",
    }
}

/// Seconds with one digit behind the point, up to a minute; milliseconds where that would say nothing.
pub(super) fn seconds(time: Duration) -> String {
    match time.as_millis() {
        ..100 => format!("{}ms", time.as_millis()),
        100..60_000 => format!("{:.1}s", time.as_secs_f64()),
        _ => short_duration(time),
    }
}

fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs().max(1))
}

fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or_default()
}

/// A line of pieces, each with its ANSI colour (0: none), cut at the width of the terminal.
#[derive(Default)]
struct Line {
    pieces: Vec<(u8, String)>,
}

impl Line {
    fn push(&mut self, color: u8, text: &str) {
        self.pieces.push((color, text.to_owned()));
    }

    fn finish(mut self, term: &Term) -> String {
        let room = term.width.map_or(usize::MAX, usize::from);
        let total: usize = self.pieces.iter().map(|(_, text)| text.trim_end_matches('\n').chars().count()).sum();
        if total > room {
            let mut left = room.saturating_sub(1);
            for (_, text) in &mut self.pieces {
                let kept: String = text.chars().take(left).collect();
                left -= kept.chars().count();
                *text = kept;
            }
            self.pieces.push((0, "…".to_owned()));
        }
        let mut out = String::new();
        for (color, text) in &self.pieces {
            if *color == 0 || text.is_empty() {
                out.push_str(text);
            } else {
                out.push_str(&term.paint(*color, text));
            }
        }
        out.truncate(out.trim_end().len());
        out
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn row(name: &str, phase: PhaseName, note: &str) -> Row {
        Row {
            name: name.to_owned(),
            state: phase.state().unwrap(),
            phase,
            health: Health::Unknown,
            tools: None,
            pid: None,
            since: Timestamp::from_millis(1_900),
            restarts: 0,
            depends_on: Vec::new(),
            note: note.to_owned(),
        }
    }

    fn frame(width: u16, height: usize) -> Frame {
        let term = Term { tty: true, color: false, width: Some(width) };
        Frame { term, height, now: Timestamp::from_secs(13), spin: 2 }
    }

    fn some() -> Vec<Row> {
        let running = |name, pid, depends_on: &[&str]| Row {
            health: Health::Healthy,
            tools: Some(12),
            pid: Some(pid),
            depends_on: depends_on.iter().map(ToString::to_string).collect(),
            ..row(name, PhaseName::Ready, "")
        };
        vec![
            running("filesystem", 4711, &[]),
            Row { health: Health::Degraded, restarts: 4, ..running("search", 52, &["filesystem"]) },
            row("api", PhaseName::Init, "shaking hands: fetching a package of some size"),
            row("web", PhaseName::Wait, "waiting for `api`"),
            row("browser", PhaseName::Failed, "gave up: exited: exit code 1"),
        ]
    }

    #[test]
    fn progress_tells_what_each_does_and_waits_for() {
        expect![[r#"
            |
              filesystem ✓ running    0.9s
              search     ✓ running    0.9s
              api        ⠹ starting  12.0s  shaking hands: fetching a package of some…
              web        … starting  12.0s  waiting for `api`
              browser    ✗ error      0.9s  gave up: exited: exit code 1"#]]
        .assert_eq(&format!("|\n{}", progress(&some(), Timestamp::from_secs(1), &frame(74, 24)).join("\n")));
    }

    #[test]
    fn the_table_tells_what_runs_and_why_the_rest_does_not() {
        expect![[r#"
            SERVICE     STATE       HEALTH    TOOLS   PID   UP  RST  DEPENDS
            filesystem  ✓ running   ok           12  4711  11s    0  -
            search      ✓ running   degraded     12    52  11s    4  filesystem
            api         ⠹ starting  -             -     -    -    0  -           shaking hands: fetching a package of some size
            web         … starting  -             -     -    -    0  -           waiting for `api`
            browser     ✗ error     -             -     -    -    0  -           gave up: exited: exit code 1"#]]
        .assert_eq(&table(&some(), &frame(120, 24)).join("\n"));
    }

    #[test]
    fn without_room_what_is_not_well_comes_first() {
        expect![[r#"
            SERVICE  STATE       HEALTH  TOOLS  PID  UP  …
            api      ⠹ starting  -           -    -   -  …
            web      … starting  -           -    -   -  …
            browser  ✗ error     -           -    -   -  …
              … and 2 more: mcpstore ls"#]]
        .assert_eq(&table(&some(), &frame(46, 5)).join("\n"));
        let lines = progress(&some(), Timestamp::ZERO, &frame(80, 3));
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[2].contains("3 more"));
    }

    #[test]
    fn colours_do_not_move_the_columns() {
        let plain = table(&some(), &frame(120, 24)).join("\n");
        let mut bright = frame(120, 24);
        bright.term.color = true;
        let bright = table(&some(), &bright).join("\n");
        assert!(bright.contains("\u{1b}[32m✓ running"));
        assert_eq!(crate::output::clean(&bright).replace('\t', " "), plain);
    }
}
