//! The picture as a whole: head, table, what lies over it, and the line of keys.

use mcpstore::ServiceState;
use mcpstore::monitor::{CircuitState, ServiceReport};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::app::{App, Overlay};
use super::columns::{Column, Fit, GAP, STATE_WIDTH, age, error_share, spark};
use super::paint::{Paint, state_words};
use super::{details, graph, help};
use crate::output::{percent, short_bytes, short_count};

/// Less than this has no room for a table.
pub(super) const SMALLEST: (u16, u16) = (40, 10);
/// The marks of selection and alert, and a space.
const LEAD: usize = 3;
/// With fewer lines than this below the head, table and details have no room together.
const LITTLE_ROOM: usize = 10;
/// Lines above the table.
const HEAD_LINES: usize = 4;

impl App {
    /// Draws the view over the whole of the frame.
    pub(crate) fn draw(&mut self, frame: &mut Frame<'_>) {
        let area = frame.area();
        let lines = if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            self.tiny(area)
        } else {
            self.picture(usize::from(area.width), usize::from(area.height))
        };
        frame.render_widget(Paragraph::new(lines), area);
    }

    fn picture(&mut self, width: usize, height: usize) -> Vec<Line<'static>> {
        let room = height.saturating_sub(HEAD_LINES + 1);
        let body = match self.overlay {
            Overlay::Help => {
                self.pane = room.saturating_sub(1);
                help::lines(width, room, &mut self.scroll)
            }
            Overlay::Graph => graph::lines(self, width, room),
            Overlay::None => self.table_and_details(width, room),
        };
        // After the body, which learns how far names can be moved.
        let mut lines = self.head(width);
        lines.extend(body);
        lines.resize(height.saturating_sub(1), Line::default());
        lines.push(self.foot());
        lines
    }

    fn table_and_details(&mut self, width: usize, room: usize) -> Vec<Line<'static>> {
        // The details take three fifths, and leave the heading and three rows at least; with little room they take it all.
        let details = match (self.details, room) {
            (false, _) => 0,
            (true, 0..LITTLE_ROOM) => room,
            (true, _) => (room * 3 / 5).min(room.saturating_sub(4)),
        };
        let mut lines = self.table(width, room - details);
        if details > 0 {
            lines.resize(room - details, Line::default());
            // Its heading, and the line that tells what follows.
            self.pane = details.saturating_sub(2);
            let mut scroll = self.scroll;
            lines.extend(details::lines(self, width, details, &mut scroll));
            self.scroll = scroll;
        }
        lines
    }

    fn head(&self, width: usize) -> Vec<Line<'static>> {
        let paint = Paint::new(self.color);
        let report = &self.model.report;
        let mut first = vec![
            Span::styled("mcpstore top", paint.head()),
            Span::raw(format!("  up {}  ", age(report.manager_uptime_seconds))),
            Span::raw(counted(report.services.len(), "service", "services")),
        ];
        if let Some(own) = &report.manager {
            let cpu = percent(own.cpu_percent / 100.0);
            first.push(Span::raw(format!("  manager {cpu} cpu, {}", short_bytes(own.resident_bytes))));
        }
        let mut second = Vec::new();
        for (state, count) in states(&report.services) {
            second.push(Span::styled(format!("{} {count}  ", state_words(state)), paint.state(state)));
        }
        let calls = |pick: fn(&ServiceReport) -> u64| report.services.iter().map(pick).sum::<u64>();
        let (total, errors) = (calls(|s| s.calls.calls_total), calls(|s| s.calls.errors_total));
        let share = if total == 0 { String::new() } else { format!(" ({})", percent(errors as f64 / total as f64)) };
        let open = report.services.iter().filter(|s| s.circuit.state != CircuitState::Closed).count();
        let alerts = self.model.alerts.len();
        let lit = |lit: bool, style: Style| if lit { style } else { Style::new() };
        let third = vec![
            Span::styled(format!("alerts firing {alerts}  "), lit(alerts > 0, paint.bad())),
            Span::styled(format!("circuits open {open}  "), lit(open > 0, paint.warn())),
            Span::raw(format!("calls {}/m  ", short_count(calls(|s| s.calls.last_minute)))),
            Span::raw(format!("errors {}{share}  ", short_count(errors))),
            Span::raw(format!("in flight {}", short_count(calls(|s| s.calls.in_flight)))),
        ];
        let fourth = match &self.trouble {
            Some(why) => Line::styled(format!("✗ not refreshed: {why}"), paint.bad()),
            None if !self.loaded => Line::raw("asking the manager …"),
            None => Line::raw(self.settings()),
        };
        let [first, second, third] = [first, second, third].map(|spans| wrapped_out(spans, width));
        vec![first, second, third, fourth]
    }

    /// What is set, in a line.
    fn settings(&self) -> String {
        let mut parts = vec![format!("sorted by {}{}", self.sort.word(), if self.reverse { ", reversed" } else { "" })];
        if !self.filter.is_empty() || self.typing {
            let shown = self.rows().len();
            parts.push(format!("filter `{}`: {shown} of {}", self.filter, self.model.report.services.len()));
        }
        if self.pan > 0 {
            parts.push(format!("names from character {}", self.pan + 1));
        }
        if self.paused {
            parts.push("PAUSED".to_owned());
        }
        parts.join("  ")
    }

    fn foot(&self) -> Line<'static> {
        if self.typing {
            return Line::raw(format!("/{}▏  Enter keeps it, Esc drops it", self.filter));
        }
        Line::raw("? help  ↑↓ move  Enter details  g graph  / filter  s sort  r reverse  q quit")
    }

    fn table(&mut self, width: usize, room: usize) -> Vec<Line<'static>> {
        let paint = Paint::new(self.color);
        let rows = self.rows();
        let longest = rows.iter().map(|at| self.model.report.services[*at].service.as_str().len()).max().unwrap_or(0);
        let fit = Fit::new(width, LEAD, longest);
        self.pan = self.pan.min(longest.saturating_sub(fit.name));
        let full = room.saturating_sub(1);
        // The last line tells how many follow, where it does not cost half of what is shown.
        let told = rows.len() > full && full > 2;
        self.scroll_to(&rows, if told { full - 1 } else { full });
        if room == 0 {
            return Vec::new();
        }
        let mut lines = vec![Line::styled(heading(&fit), paint.head())];
        let follow = rows.len().saturating_sub(self.offset + full);
        let shown = if told && follow > 0 { full - 1 } else { full };
        for at in rows.iter().skip(self.offset).take(shown) {
            lines.push(self.row(&self.model.report.services[*at], &fit));
        }
        if shown < full {
            lines.push(Line::raw(format!("   ▼ {} more", follow + 1)));
        }
        if rows.is_empty() && self.loaded {
            let words = if self.filter.is_empty() { "no services" } else { "no service is let through by the filter" };
            lines.push(Line::raw(format!("   {words}")));
        }
        lines
    }

    fn row(&self, service: &ServiceReport, fit: &Fit) -> Line<'static> {
        let paint = Paint::new(self.color);
        let chosen = self.selected.as_ref() == Some(&service.service);
        let alarm = self.model.alerts.iter().any(|alert| alert.service == service.service);
        let lead = format!("{}{} ", if chosen { '>' } else { ' ' }, if alarm { '!' } else { ' ' });
        let mut spans = vec![
            Span::styled(lead, if alarm { paint.bad() } else { Style::new() }),
            Span::raw(window(service.service.as_str(), self.pan, fit.name)),
            Span::raw(" ".repeat(GAP)),
            Span::styled(pad(&state_words(service.state), STATE_WIDTH, true), paint.state(service.state)),
        ];
        for column in &fit.columns {
            spans.push(Span::raw(" ".repeat(GAP)));
            let cell = pad(&column.cell(service), column.width(), column.is_word());
            spans.push(Span::styled(cell, cell_style(*column, service, paint)));
        }
        if fit.spark > 0 {
            spans.push(Span::raw(format!("{}{}", " ".repeat(GAP), spark(&service.recent_calls, fit.spark))));
        }
        let line = Line::from(spans);
        if chosen { line.patch_style(paint.selected()) } else { line }
    }

    /// Words for a terminal without room for the table.
    fn tiny(&self, area: Rect) -> Vec<Line<'static>> {
        let services = &self.model.report.services;
        let mut lines = vec![
            Line::raw(format!("{}x{} is too small:", area.width, area.height)),
            Line::raw(format!("top needs {}x{}", SMALLEST.0, SMALLEST.1)),
            Line::raw(counted(services.len(), "service", "services")),
        ];
        lines.extend(
            states(services).into_iter().map(|(state, count)| Line::raw(format!("{} {count}", state_words(state)))),
        );
        lines.push(Line::raw(format!("{} alerts", self.model.alerts.len())));
        lines.truncate(usize::from(area.height));
        lines
    }
}

/// How many services are in each state; states without one are left out, the worst come first.
fn states(services: &[ServiceReport]) -> Vec<(ServiceState, usize)> {
    let mut states: Vec<(ServiceState, usize)> = ServiceState::ALL
        .into_iter()
        .map(|state| (state, services.iter().filter(|service| service.state == state).count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    states.sort_by_key(|(state, _)| super::order::rank(*state));
    states
}

fn heading(fit: &Fit) -> String {
    let mut text = format!("{}{}{}", " ".repeat(LEAD), pad("SERVICE", fit.name, true), " ".repeat(GAP));
    text.push_str(&pad("STATE", STATE_WIDTH, true));
    for column in &fit.columns {
        text.push_str(&" ".repeat(GAP));
        text.push_str(&pad(column.head(), column.width(), column.is_word()));
    }
    if fit.spark > 0 {
        text.push_str(&format!("{}{:>width$}", " ".repeat(GAP), "CALLS, 10 s EACH", width = fit.spark));
    }
    text
}

fn cell_style(column: Column, service: &ServiceReport, paint: Paint) -> Style {
    use mcpstore::Health;
    match column {
        Column::Health if service.health == Health::Unhealthy => paint.bad(),
        Column::Health if service.health == Health::Degraded => paint.warn(),
        Column::Circuit if service.circuit.state != CircuitState::Closed => paint.warn(),
        Column::Errors if error_share(service).is_some_and(|share| share >= 0.1) => paint.bad(),
        _ => Style::new(),
    }
}

/// A name (ASCII) in so much room: whole, or the part of it that `pan` shows, with marks where it goes on.
fn window(name: &str, pan: usize, room: usize) -> String {
    if name.len() <= room {
        return format!("{name:<room$}");
    }
    let from = pan.min(name.len() - room);
    let mut part: Vec<char> = name.chars().skip(from).take(room).collect();
    if let Some(first) = part.first_mut().filter(|_| from > 0) {
        *first = '‹';
    }
    if let Some(last) = part.last_mut().filter(|_| from + room < name.len()) {
        *last = '›';
    }
    part.into_iter().collect()
}

fn pad(text: &str, width: usize, left: bool) -> String {
    if left { format!("{text:<width$}") } else { format!("{text:>width$}") }
}

/// The spans that fit as a whole; the rest is left out with a mark.
fn wrapped_out(spans: Vec<Span<'static>>, width: usize) -> Line<'static> {
    let mut used = 0;
    let mut line = Line::default();
    for span in spans {
        used += span.width();
        if used + 1 > width {
            line.push_span(Span::raw("…"));
            break;
        }
        line.push_span(span);
    }
    line
}

pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_room_is_looked_at_in_parts() {
        assert_eq!(window("short", 5, 8), "short   ");
        assert_eq!(window("abcdefghij", 0, 5), "abcd›");
        assert_eq!(window("abcdefghij", 3, 5), "‹efg›");
        assert_eq!(window("abcdefghij", 99, 5), "‹ghij");
        assert_eq!(window("abc", 0, 0), "");
    }
}
