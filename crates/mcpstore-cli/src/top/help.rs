//! What the keys do.

use ratatui::text::Line;

use super::paint::{broken, scrolled};

const KEYS: [(&str, &str); 16] = [
    ("↑ ↓ k j", "select the service above, below"),
    ("PgUp PgDn", "a page up, down"),
    ("Home End", "the first, the last"),
    ("Enter", "details of the selected service: why, restarts, events, tools"),
    ("d u", "the rest of the details, and back"),
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

/// Before what a key does.
const INDENT: usize = 14;

/// The help in at most `room` lines, from `scroll` on.
pub(super) fn lines(width: usize, room: usize, scroll: &mut usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (key, what) in KEYS {
        for (nth, part) in broken(what, width.saturating_sub(INDENT).max(1)).into_iter().enumerate() {
            let key = if nth == 0 { key } else { "" };
            lines.push(Line::raw(format!("   {key:<10} {part}").trim_end().to_owned()));
        }
    }
    scrolled(lines, room, scroll, "↓ ↑")
}
