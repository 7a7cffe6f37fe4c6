//! Hides what is secret in a text before any of it is shown.
//!
//! Values inside `env`, `headers` and `settings` become `***`; references such as `${TOKEN}` stay, they name a secret and are none.
//! This works on characters, not on the syntax tree, because it must work on broken texts too. Where it is in doubt it
//! hides: a service that is called `env` has its values hidden as well.

use std::ops::Range;

const HIDDEN: &str = "***";

/// A text with its secrets hidden, and how places moved by that.
#[derive(Debug, Default)]
pub(crate) struct Masked {
    pub(crate) text: String,
    /// The hidden ranges: in the original, and where their `***` stands; in order.
    cuts: Vec<(Range<usize>, Range<usize>)>,
}

impl Masked {
    /// Hides the secrets of `text`.
    pub(crate) fn new(text: &str) -> Self {
        let mut masked = Self { text: String::with_capacity(text.len()), cuts: Vec::new() };
        let mut copied = 0;
        for hidden in secrets(text) {
            masked.text.push_str(&text[copied..hidden.start]);
            let start = masked.text.len();
            masked.text.push_str(HIDDEN);
            copied = hidden.end;
            masked.cuts.push((hidden, start..start + HIDDEN.len()));
        }
        masked.text.push_str(&text[copied..]);
        masked
    }

    /// Where the byte `at` of the original is now; inside a hidden range, the end of its `***` if `end`, else its start.
    pub(crate) fn moved(&self, at: usize, end: bool) -> usize {
        let before = self.cuts.partition_point(|(original, _)| original.start < at || (!end && original.start == at));
        match before.checked_sub(1).and_then(|index| self.cuts.get(index)) {
            None => at,
            Some((original, now)) if at < original.end => {
                if end {
                    now.end
                } else {
                    now.start
                }
            }
            Some((original, now)) => at - original.end + now.end,
        }
    }
}

/// The ranges to hide, in order, each within one line.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut scan = Scan { text, out: Vec::new(), depth: 0, secret: None, pending: false, after_colon: false };
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b'"' | b'\'' => quoted_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => line_end(text, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => text[at + 2..].find("*/").map_or(text.len(), |n| at + n + 4),
            b'{' | b'}' | b'[' | b']' | b':' | b',' | b' ' | b'\t' | b'\r' | b'\n' => at + 1,
            _ => word_end(bytes, at),
        };
        scan.piece(at, end);
        at = end;
    }
    scan.out
}

struct Scan<'t> {
    text: &'t str,
    out: Vec<Range<usize>>,
    depth: usize,
    /// The depth of the `env`, `headers` or `settings` we are in.
    secret: Option<usize>,
    /// The last key was one of those, and its value has not come yet.
    pending: bool,
    after_colon: bool,
}

impl Scan<'_> {
    fn piece(&mut self, start: usize, end: usize) {
        let piece = &self.text[start..end];
        match piece.as_bytes().first() {
            Some(b'{' | b'[') => {
                self.depth += 1;
                if self.pending && self.secret.is_none() {
                    self.secret = Some(self.depth);
                }
                (self.pending, self.after_colon) = (false, false);
            }
            Some(b'}' | b']') => {
                if self.secret == Some(self.depth) {
                    self.secret = None;
                }
                self.depth = self.depth.saturating_sub(1);
                (self.pending, self.after_colon) = (false, false);
            }
            Some(b',') => (self.pending, self.after_colon) = (false, false),
            Some(b':') => self.after_colon = true,
            Some(b' ' | b'\t' | b'\r' | b'\n') | None => {}
            Some(b'/') if piece.starts_with("//") || piece.starts_with("/*") => self.comment(start, end),
            Some(_) => {
                // Nothing but a comma or a bracket ends the doubt: there may be a slip between the key and its value.
                let names = !self.after_colon && names_secrets(piece);
                let is_key = names || (!self.after_colon && self.text[end..].trim_start().starts_with(':'));
                if !is_key && (self.pending || self.secret.is_some()) {
                    self.value(start, end);
                }
                self.pending |= names;
                self.after_colon = false;
            }
        }
    }

    /// A comment may hold a value that was taken out.
    fn comment(&mut self, start: usize, end: usize) {
        let piece = &self.text[start..end];
        let lower = piece.to_ascii_lowercase();
        if self.secret.is_none()
            && !self.pending
            && !lower.contains("env")
            && !lower.contains("header")
            && !lower.contains("secret")
        {
            return;
        }
        let mut at = start;
        for line in piece.split_inclusive('\n') {
            let inner = line.trim_end_matches(['\n', '\r']);
            let skip = if at == start { 2 } else { 0 };
            self.hide(at + skip, at + inner.len().max(skip));
            at += line.len();
        }
    }

    /// Hides a value but for its quotes and the references in it.
    fn value(&mut self, start: usize, end: usize) {
        let piece = &self.text[start..end];
        if piece == "null" {
            return;
        }
        let quote = piece.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (mut at, stop) = match quote {
            Some(quote) => (start + 1, if piece.len() > 1 && piece.ends_with(quote) { end - 1 } else { end }),
            None => (start, end),
        };
        while let Some(found) = self.text[at..stop].find("${") {
            let Some(kept) = reference_len(&self.text[at + found..stop]) else {
                // No reference: go on behind it, with the hidden range still open.
                self.hide(at, at + found + 2);
                at += found + 2;
                continue;
            };
            self.hide(at, at + found);
            at += found + kept;
        }
        self.hide(at, stop);
    }

    fn hide(&mut self, start: usize, end: usize) {
        if start >= end {
            return;
        }
        match self.out.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => self.out.push(start..end),
        }
    }
}

/// The bytes of `${NAME}`, or of `${NAME:-` when a default follows: that may be secret.
pub(crate) fn reference_len(text: &str) -> Option<usize> {
    let body = text.strip_prefix("${")?;
    let name = body.strip_prefix("env:").unwrap_or(body);
    let length = name.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    let before = text.len() - name.len() + length;
    let rest = &name[length..];
    if length == 0 {
        None
    } else if rest.starts_with('}') {
        Some(before + 1)
    } else if rest.starts_with(":-") {
        Some(before + 2)
    } else {
        None
    }
}

/// True for the keys whose values are secret. A key with an escape might be one of them.
fn names_secrets(piece: &str) -> bool {
    let key = piece.trim_matches(['"', '\'']);
    key.eq_ignore_ascii_case("env")
        || key.eq_ignore_ascii_case("headers")
        || key.eq_ignore_ascii_case("settings")
        || key.eq_ignore_ascii_case("clientSecret")
        || key.contains('\\')
}

/// The end of a text in quotes: behind its quote, or at the end of its line.
fn quoted_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\n' => return at,
            b'\\' if bytes.get(at + 1).is_some_and(|&b| b == b'\\' || b == bytes[start]) => at += 1,
            _ if byte == bytes[start] => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn line_end(text: &str, start: usize) -> usize {
    text[start..].find('\n').map_or(text.len(), |n| start + n)
}

fn word_end(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.iter().skip(start + 1);
    start + 1 + rest.take_while(|b| !b"{}[]:, \t\r\n\"'/".contains(b)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        Masked::new(text).text
    }

    #[test]
    fn values_of_env_and_headers_are_hidden() {
        assert_eq!(
            masked(
                r#"{"env": {"A": "s1", "B": 12, "C": null, "D": ["x"]}, "args": ["a"], "headers":{"H":"B ${env:T} ${U:-d}"}, "settings":{"S":"s2"}}"#
            ),
            r#"{"env": {"A": "***", "B": ***, "C": null, "D": ["***"]}, "args": ["a"], "headers":{"H":"***${env:T}***${U:-***"}, "settings":{"S":"***"}}"#
        );
        assert_eq!(
            masked(r#"{"oauth": {"clientId": "me", "clientSecret": "s1"}}"#),
            r#"{"oauth": {"clientId": "me", "clientSecret": "***"}}"#
        );
        assert_eq!(masked(r#""env": "A=s", "x": "y""#), r#""env": "***", "x": "y""#);
        assert_eq!(masked(r#"{"env": {"A": "say \"s\" ${no", "B": ""}}"#), r#"{"env": {"A": "***", "B": ""}}"#);
    }

    #[test]
    fn broken_texts_and_comments_hide_too() {
        assert_eq!(
            masked("{\"env\": {\"A\": s1\", \"B\": \"s2\n \"C\": 's3'"),
            "{\"env\": {\"A\": ***\"***\"***\"***\"***\n \"C\": '***'"
        );
        assert_eq!(
            masked("{\"env\": { // s1\n /* s2\r\n s3 */ } // open\n}"),
            "{\"env\": { //***\n /****\r\n*** } // open\n}"
        );
        assert_eq!(masked("// \"env\": { \"A\": \"s\" }"), "//***");
        for slip in ["\"env\" {", "\"env\"x: {", "\"env\": x {", "\"env\": = ["] {
            assert!(!masked(&format!("{{ {slip} \"A\": \"s1\" ")).contains("s1"), "{slip}");
        }
        assert_eq!(
            masked(r#"{"args": ["env", "A"], "x": ["headers"]}"#),
            r#"{"args": ["env", "A"], "x": ["headers"]}"#
        );
        assert_eq!(masked(r#"{ "\u0065nv": {"A": "s"} }"#), r#"{ "\u0065nv": {"A": "***"} }"#);
    }

    #[test]
    fn places_move_along() {
        let text = r#"{"env": {"A": "secret ${T}", "B": 5}}"#;
        let mask = Masked::new(text);
        let at = |needle: &str| (text.find(needle).unwrap(), mask.text.find(needle).unwrap());
        for needle in ["env", "${T}", "B", "}}"] {
            let (original, now) = at(needle);
            assert_eq!((mask.moved(original, false), mask.moved(original, true)), (now, now), "{needle}");
        }
        let inside = text.find("cret").unwrap();
        assert_eq!(&mask.text[mask.moved(inside, false)..mask.moved(inside + 2, true)], "***");
        assert_eq!(mask.moved(text.len(), true), mask.text.len());
    }
}
