//! What most likely went wrong where a JSON text stops making sense.

use jsonc_parser::errors::ParseErrorKind;

/// The opening bracket that most likely lacks its closing one: what closes it stands further left than the line it opens on.
/// `None` when the indentation tells nothing.
pub(crate) fn unclosed(text: &str) -> Option<usize> {
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let mut in_text = false;
        let mut escaped = false;
        for (offset, byte) in line.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_text => escaped = true,
                b'"' => in_text = !in_text,
                _ if in_text => {}
                b'{' | b'[' => open.push((at + offset, indent)),
                b'}' | b']' => {
                    let (opened, column) = open.pop()?;
                    let is_first = offset == indent;
                    if is_first && indent < column {
                        return Some(opened);
                    }
                }
                _ => {}
            }
        }
        at += line.len();
    }
    None
}

/// What to do about an error at `start`, when its line says more than the error.
pub(crate) fn help(kind: &ParseErrorKind, text: &str, start: usize, end: usize) -> Option<&'static str> {
    let word = text.get(start..end)?;
    if matches!(kind, ParseErrorKind::UnexpectedWord | ParseErrorKind::UnexpectedToken) {
        match word {
            "True" | "TRUE" | "yes" | "on" => return Some("write true"),
            "False" | "FALSE" | "no" | "off" => return Some("write false"),
            "None" | "Null" | "NULL" | "nil" | "undefined" => return Some("write null"),
            _ => {}
        }
    }
    if matches!(kind, ParseErrorKind::String(_)) {
        return None;
    }
    let line_start = text[..start].rfind('\n').map_or(0, |n| n + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
    let mut escaped = false;
    let quotes = text[line_start..line_end].bytes().filter(|byte| {
        let is_quote = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        is_quote
    });
    (quotes.count() % 2 == 1).then_some("a `\"` on this line has no other: look for a text that is not closed")
}
