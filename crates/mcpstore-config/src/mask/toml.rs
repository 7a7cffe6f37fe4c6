//! Where secrets stand in a TOML text, whether its syntax is good or not.

use std::ops::Range;

use super::keys::holds_secrets;
use super::lines::{body, depth, is_telling, secret_key, unknown_key};

/// What goes on over the end of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    No,
    /// Until this many brackets are closed.
    Brackets(isize),
    /// Until these three quotes.
    Quotes(&'static str),
    /// Something without its end: until the next header.
    Doubt,
}

/// The ranges to hide, in order.
pub(super) fn secrets(text: &str, broken: bool) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (mut in_table, mut open, mut in_comment, mut doubt) = (false, Open::No, false, false);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let trimmed = line.trim();
        if trimmed.starts_with('#') {
            in_comment |= in_table || is_telling(trimmed);
            // Somebody may have taken the sign of a comment from one line too few, or too many.
            doubt |= in_comment;
            if in_comment || open != Open::No {
                let whole = body(start, line);
                out.push(whole.start + 1..whole.end);
            }
            continue;
        }
        in_comment = false;
        // Inside of something else it is a header only where it begins its line.
        let header = header(trimmed).filter(|header| open == Open::No || header.len() == trimmed.len());
        if header.is_some_and(|header| !is_assigned(header) && names_secrets(header)) {
            (in_table, open) = (true, Open::No);
            let begin = line.find('[').unwrap_or(0);
            let end = line[begin..].find(']').map_or(line.len(), |end| begin + end);
            let behind = line.len() - line[end..].trim_start_matches(']').len();
            out.push(body(start + behind, &line[behind..]));
            continue;
        }
        match open {
            Open::No => {}
            Open::Doubt if is_header(trimmed) => open = Open::No,
            Open::Doubt => {
                out.push(body(start, line));
                continue;
            }
            Open::Brackets(brackets) => {
                let left = brackets + depth(line);
                open = if left > 0 { Open::Brackets(left) } else { Open::No };
                out.push(body(start, line));
                continue;
            }
            Open::Quotes(quotes) => {
                if line.contains(quotes) {
                    open = Open::No;
                }
                out.push(body(start, line));
                continue;
            }
        }
        if is_header(trimmed) {
            (in_table, doubt) = (false, false);
        } else if in_table {
            let from = key_end(line);
            let whole = body(start + from, &line[from..]);
            open = goes_on(&text[whole.clone()]);
            out.push(whole);
        } else if let Some(begins) = secret_key(line) {
            // What says so may stand in the middle of a value, as a header in a list does.
            open = goes_on(trimmed);
            out.push(body(start + begins.at, &line[begins.at..]));
        } else if (broken || doubt)
            && let Some(from) = unknown_key(line, '=')
        {
            let whole = body(start + from, &line[from..]);
            open = goes_on(&text[whole.clone()]);
            out.push(whole);
        }
    }
    out
}

/// True for the header of a table whose values are hidden.
fn names_secrets(header: &str) -> bool {
    let inside = header.trim_start_matches('[').split(']').next().unwrap_or_default();
    // Quotes, and whatever slipped in beside the word.
    inside.split('.').any(|part| holds_secrets(part.trim_matches(|c: char| !c.is_alphanumeric())))
}

/// From the first bracket on when no name, no value is before it: one more sign may have slipped in.
fn header(line: &str) -> Option<&str> {
    let signs = |c: char| c.is_alphanumeric() || matches!(c, '"' | '\'' | '=');
    line.find('[').filter(|at| !line[..*at].contains(signs)).map(|at| &line[at..])
}

/// True for a key and its value, before which a bracket slipped in.
fn is_assigned(line: &str) -> bool {
    let head = line.split(['"', '\'', '#']).next().unwrap_or_default();
    head.contains('=') && !head.contains(']')
}

/// True for what is a whole header.
fn is_header(line: &str) -> bool {
    let line = line.split('#').next().unwrap_or_default().trim_end();
    line.starts_with('[') && line.ends_with(']') && !line.contains('=')
}

/// Behind the `=` after a key, or 0 when the line does not begin with a key.
fn key_end(line: &str) -> usize {
    let Some(at) = line.find('=') else { return 0 };
    let key = line[..at].trim();
    let is_key = !key.is_empty()
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'' | ' '));
    if is_key { at + 1 } else { 0 }
}

/// What of a value goes on over the end of its line.
fn goes_on(value: &str) -> Open {
    for quotes in ["\"\"\"", "'''"] {
        if value.matches(quotes).count() % 2 == 1 {
            return Open::Quotes(quotes);
        }
    }
    match depth(value) {
        left if left > 0 => Open::Brackets(left),
        _ => {
            let quotes = |quote| value.chars().filter(|c| *c == quote).count() % 2 == 1;
            if quotes('"') || quotes('\'') { Open::Doubt } else { Open::No }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Format;
    use crate::mask::Masked;

    #[test]
    fn what_looks_like_a_header_inside_of_a_text_is_none() {
        let masked = |text: &str| Masked::new(text, Format::Toml, false, &[]).text;
        assert_eq!(
            masked("[a.env]\nNOTE = \"\"\"\n- [default] s1\n\"\"\"\nB = \"s2\"\n[a]\nx = \"y\"\n"),
            "[a.env]\nNOTE = ***\n***\n***\nB = ***\n[a]\nx = \"y\"\n"
        );
        assert_eq!(masked("][a.env]\nA = \"s1\"\n"), "][a.env]\nA = ***\n");
        assert_eq!(masked("[a.env] s1\n[[a.settings]]\nA = \"s2\"\n"), "[a.env] ***\n[[a.settings]]\nA = ***\n");
    }
}
