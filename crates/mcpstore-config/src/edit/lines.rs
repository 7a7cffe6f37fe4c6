//! Where lines begin and end, and how a text is laid out.

use crate::source::floor_boundary;

/// The line and the column (in characters) of a byte, from 1.
pub(super) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..floor_boundary(text, at.min(text.len()))];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.bytes().filter(|&b| b == b'\n').count() + 1, before[start..].chars().count() + 1)
}

/// Where the line of this byte begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1)
}

/// Where the line of this byte ends, before its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let end = text.as_bytes()[at..].iter().position(|&b| b == b'\n').map_or(text.len(), |found| at + found);
    if end > at && end < text.len() && text.as_bytes()[end - 1] == b'\r' { end - 1 } else { end }
}

/// Behind the line break of the line of this byte, or the end of the text.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    text.as_bytes()[at..].iter().position(|&b| b == b'\n').map_or(text.len(), |found| at + found + 1)
}

/// The beginning of the line of `at`, when nothing but blanks stand before it.
pub(super) fn begins_line(text: &str, at: usize) -> Option<usize> {
    let before = text[..at].trim_end_matches([' ', '\t']);
    (before.is_empty() || before.ends_with('\n')).then_some(before.len())
}

/// How a text is laid out, as far as it matters for what is added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout<'t> {
    /// The line break.
    pub(super) eol: &'t str,
    /// One level of indentation.
    pub(super) unit: &'t str,
}

impl<'t> Layout<'t> {
    /// Of this text: its first line break, and the indentation of its first indented line, when that has one of the usual
    /// widths.
    pub(super) fn of(text: &'t str) -> Self {
        let eol = match text.find('\n') {
            Some(at) if text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        };
        let mut unit = "  ";
        for line in text.lines() {
            let body = line.trim_start_matches([' ', '\t']);
            let indent = &line[..line.len() - body.len()];
            // A line of a block comment is indented by one more than its beginning.
            if indent.is_empty() || body.is_empty() || body.starts_with('*') {
                continue;
            }
            if indent.bytes().all(|b| b == b'\t') {
                unit = "\t";
            } else if indent.len() <= 8 && indent.bytes().all(|b| b == b' ') {
                unit = indent;
            }
            break;
        }
        Self { eol, unit }
    }
}
