//! Lines on the screen: text that is cleaned, colours that may be off, and the parts that every picture has.

use mcpstore::ServiceState;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::output::{clean_line, state_cell};

/// The colours in use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    color: bool,
}

impl Paint {
    pub(super) const fn new(color: bool) -> Self {
        Self { color }
    }

    fn with(self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    /// Of a state. It always has its word too.
    pub(super) fn state(self, state: ServiceState) -> Style {
        match state {
            ServiceState::Running => self.with(Color::Green),
            ServiceState::Starting | ServiceState::Stopping => self.with(Color::Yellow),
            ServiceState::Error => self.with(Color::Red),
            ServiceState::Unknown => self.with(Color::Magenta),
            ServiceState::NotStarted | ServiceState::Stopped => Style::new(),
        }
    }

    /// Something to look at.
    pub(super) fn warn(self) -> Style {
        self.with(Color::Yellow)
    }

    /// Something that is wrong.
    pub(super) fn bad(self) -> Style {
        self.with(Color::Red)
    }

    /// Headings.
    pub(super) fn head(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The selected row.
    pub(super) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

/// A state with its glyph.
pub(super) fn state_words(state: ServiceState) -> String {
    state_cell(state.as_str())
}

/// A heading across the screen: `── title ─────`.
pub(super) fn rule(title: &str, width: usize, style: Style) -> Line<'static> {
    let mut text = format!("── {} ", clean_line(title));
    let used = Line::raw(text.as_str()).width();
    text.extend(std::iter::repeat_n('─', width.saturating_sub(used)));
    Line::styled(text, style)
}

/// Before the value of a fact, and before the lines it goes on in.
const INDENT: usize = 9;
/// The lines one fact may take; what is longer is cut, with a mark.
const MAX_LINES: usize = 3;

/// Facts, one below the other, each with its name before it.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) lines: Vec<Line<'static>>,
    width: usize,
}

impl Facts {
    /// None yet; broken at this width.
    pub(super) const fn new(width: usize) -> Self {
        Self { lines: Vec::new(), width }
    }

    /// One more.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.add_styled(name, value, Style::new());
    }

    /// One more, in a colour.
    pub(super) fn add_styled(&mut self, name: &str, value: &str, style: Style) {
        let mut parts = broken(&clean_line(value), self.width.saturating_sub(INDENT).max(1));
        if parts.len() > MAX_LINES {
            parts.truncate(MAX_LINES);
            if let Some(last) = parts.last_mut() {
                // In place of the last character, which may be a wide one.
                last.pop();
                last.push('…');
            }
        }
        for (nth, part) in parts.into_iter().enumerate() {
            let head = format!("{:<width$}", if nth == 0 { name } else { "" }, width = INDENT);
            self.lines.push(Line::from(vec![Span::raw(head), Span::styled(part, style)]));
        }
    }
}

/// A text in lines of at most `width` columns: broken between words, or inside of one that is longer than a line.
pub(super) fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let columns = |text: &str| Span::raw(text).width();
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() || columns(line) + 1 + columns(word) <= width {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
        while let Some(line) = lines.last_mut().filter(|line| columns(line) > width) {
            let mut cut = line.len();
            while cut > 0 && (!line.is_char_boundary(cut) || columns(&line[..cut]) > width) {
                cut -= 1;
            }
            if cut == 0 {
                // Not even one character has room.
                line.clear();
                break;
            }
            let rest = line.split_off(cut);
            lines.push(rest);
        }
    }
    lines
}

/// At most `room` lines, from `scroll` on, which is brought into its bounds. When not all fit, the last line tells how many
/// follow, and by which keys.
pub(super) fn scrolled(lines: Vec<Line<'static>>, room: usize, scroll: &mut usize, keys: &str) -> Vec<Line<'static>> {
    if lines.len() <= room {
        *scroll = 0;
        return lines;
    }
    let shown = room.saturating_sub(1);
    *scroll = (*scroll).min(lines.len() - shown);
    let follow = lines.len() - shown - *scroll;
    let mut out: Vec<Line<'static>> = lines.into_iter().skip(*scroll).take(shown).collect();
    if room > 0 {
        let words =
            if follow > 0 { format!("▼ {follow} more: {keys}") } else { format!("▲ {scroll} above: {keys}") };
        out.push(Line::raw(words));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words() {
        assert_eq!(broken("one two three", 8), ["one two", "three"]);
        assert_eq!(broken("", 8), [""]);
        assert_eq!(broken("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(broken("日本語", 3), ["日", "本", "語"]);
        assert_eq!(broken("日", 1), [""]);
    }

    #[test]
    fn what_does_not_fit_is_scrolled_to() {
        let words = |room: usize, scroll: &mut usize| {
            let lines = (1..=5).map(|nth| Line::raw(nth.to_string())).collect();
            let shown = scrolled(lines, room, scroll, "d u");
            shown.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")
        };
        assert_eq!(words(5, &mut 3), "1|2|3|4|5");
        assert_eq!(words(3, &mut 0), "1|2|▼ 3 more: d u");
        assert_eq!(words(3, &mut 1), "2|3|▼ 2 more: d u");
        let mut far = usize::MAX;
        assert_eq!((words(3, &mut far).as_str(), far), ("4|5|▲ 3 above: d u", 3));
        assert_eq!((words(1, &mut 0), words(0, &mut 0)), ("▼ 5 more: d u".to_owned(), String::new()));
    }

    #[test]
    fn a_fact_takes_three_lines_at_most() {
        let mut facts = Facts::new(20);
        facts.add("why", &"word ".repeat(40));
        assert_eq!(facts.lines.len(), 3);
        assert!(facts.lines[2].to_string().ends_with('…') && facts.lines.iter().all(|line| line.width() <= 20));
    }
}
