//! What the keys do.

use ratatui::text::Line;

use super::paint::fit;

const KEYS: [(&str, &str); 15] = [
    ("↑ ↓ k j", "select the service above, below"),
    ("PgUp PgDn", "a page up, down"),
    ("Home End", "the first, the last"),
    ("Enter", "details of the selected service: why, restarts, events, tools"),
    ("g", "who depends on whom, and who goes down with the selected one"),
    ("/", "show only services whose name or state has this in it"),
    ("s", "sort by the next column"),
    ("r", "the other way round"),
    ("← →", "the rest of names that have no room"),
    ("p", "pause: nothing changes until it is pressed again"),
    ("?", "this help"),
    ("Esc", "close what is open, drop the filter, end"),
    ("q Ctrl-C", "end"),
    ("", ""),
    ("!", "before a service: an alert of it is firing"),
];

/// The help in at most `room` lines.
pub(super) fn lines(room: usize) -> Vec<Line<'static>> {
    let lines =
        KEYS.iter().map(|(key, what)| Line::raw(format!("   {key:<10} {what}").trim_end().to_owned())).collect();
    fit(lines, room, "")
}
