//! Where secrets stand in a JSON text, whether its syntax is good or not.

use std::ops::Range;

use super::keys::{holds_secrets, is_secret_name};
use super::lines::{body, secret_key};
use crate::words::is_word;

/// The ranges to hide, in order. In a `broken` text the values of all keys are hidden that are no words of the config language:
/// nobody knows what they belong to.
pub(super) fn secrets(text: &str, broken: bool) -> Vec<Range<usize>> {
    let mut scan = Scan {
        text,
        broken,
        out: Vec::new(),
        open: Vec::new(),
        has_key: false,
        secret: None,
        pending: None,
        after_colon: false,
    };
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
    if broken {
        unpaired(text, &mut scan.out);
    }
    scan.out
}

/// On a line where a quote has no other, nobody knows what is a key: all behind the first thing that may be one of a secret is
/// hidden.
fn unpaired(text: &str, out: &mut Vec<Range<usize>>) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        // Also where one has a backslash before it: that may have slipped in.
        let is_odd = |quote| line.matches(quote).count() % 2 == 1;
        if [("\"", "\\\""), ("'", "\\'")].iter().any(|(quote, escaped)| is_odd(*quote) || is_odd(*escaped)) {
            let known = secret_key(line).map(|begins| begins.at);
            let unknown = line.match_indices(':').find_map(|(at, _)| {
                let key = line[..at].trim_end().trim_end_matches(['"', '\'']);
                let key = key.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
                (!key.is_empty() && !is_word(key) && !line[at + 1..].trim_start().starts_with('{')).then_some(at + 1)
            });
            if let Some(from) = known.into_iter().chain(unknown).min() {
                out.push(body(start + from, &line[from..]));
            }
        }
        start += line.len();
    }
}

/// Which value of a key is secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Announced {
    /// Only one that is no object: a service may be called `token`.
    Scalar,
    /// Whatever it is.
    All,
}

struct Scan<'t> {
    text: &'t str,
    broken: bool,
    out: Vec<Range<usize>>,
    /// The brackets that are open.
    open: Vec<u8>,
    /// A key was the last thing seen.
    has_key: bool,
    /// The depth of the `env`, `headers` or `settings` we are in.
    secret: Option<usize>,
    /// The last key was one of those, and its value has not come yet.
    pending: Option<Announced>,
    after_colon: bool,
}

impl Scan<'_> {
    fn piece(&mut self, start: usize, end: usize) {
        let piece = &self.text[start..end];
        match piece.as_bytes().first() {
            Some(b'{' | b'[') => {
                self.open.push(piece.as_bytes()[0]);
                let is_secret = self.pending == Some(Announced::All) || (self.pending.is_some() && piece == "[");
                if is_secret && self.secret.is_none() {
                    self.secret = Some(self.open.len());
                }
                (self.pending, self.after_colon) = (None, false);
            }
            Some(b'}' | b']') => {
                // One of the other kind closes nothing: it slipped in.
                let matching = if piece == "}" { b'{' } else { b'[' };
                if self.open.last() == Some(&matching) {
                    if self.secret == Some(self.open.len()) {
                        self.secret = None;
                    }
                    self.open.pop();
                }
                self.has_key = false;
                self.after_colon = false;
            }
            // A comma right behind a colon slipped in: the value is still to come.
            Some(b',') if self.after_colon => {}
            Some(b',') => (self.pending, self.after_colon, self.has_key) = (None, false, false),
            Some(b':') => {
                if self.broken && !self.has_key {
                    self.pending = self.pending.max(Some(Announced::Scalar));
                }
                (self.after_colon, self.has_key) = (true, false);
            }
            Some(b' ' | b'\t' | b'\r' | b'\n') | None => {}
            Some(b'/') if piece.starts_with("//") || piece.starts_with("/*") => self.comment(start, end),
            Some(_) => {
                // Nothing but a comma or a bracket ends the doubt: there may be a slip between the key and its value.
                let before_colon = !self.after_colon && self.text[end..].trim_start().starts_with(':');
                let mut announced = if self.after_colon { None } else { announced(piece) };
                let is_key = announced.is_some() || before_colon;
                if self.broken && before_colon && announced.is_none() && !is_word(piece.trim_matches(['"', '\''])) {
                    announced = Some(Announced::Scalar);
                }
                // In a list there are no keys, whatever slipped in.
                let is_stray = self.broken && !self.after_colon && self.open.last() == Some(&b'{');
                let is_value = !is_key || (self.secret.is_some() && self.open.last() == Some(&b'['));
                if !is_value && self.secret.is_some() {
                    self.name(start, end);
                }
                let is_stray = is_value && is_stray && !is_word(piece.trim_matches(['"', '\'']));
                if is_value && (self.pending.is_some() || self.secret.is_some() || is_stray) {
                    self.value(start, end);
                }
                self.pending = self.pending.max(announced);
                (self.after_colon, self.has_key) = (false, is_key);
            }
        }
    }

    /// A comment may hold a value that was taken out.
    fn comment(&mut self, start: usize, end: usize) {
        let piece = &self.text[start..end];
        let lower = piece.to_ascii_lowercase();
        if self.secret.is_none()
            && self.pending.is_none()
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

    /// Hides what follows a name inside the quotes of a key: by a slip, it is the value.
    fn name(&mut self, start: usize, end: usize) {
        let inner = self.text[start..end].trim_matches(['"', '\'']);
        let begin = start + self.text[start..end].find(inner).unwrap_or(0);
        if let Some(length) = inner.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))) {
            self.hide(begin + length, begin + inner.len());
        }
    }

    /// Hides a value but for its quotes and the references in it.
    fn value(&mut self, start: usize, end: usize) {
        let piece = &self.text[start..end];
        if matches!(piece, "null" | "true" | "false") {
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
    if body.starts_with("file:") || body.starts_with("input:") {
        // What names a file or an input is no secret either.
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, ':' | '_' | '-' | '.' | '/' | '~' | ' ');
        let length = body.find(|c| !is_name(c))?;
        return body[length..].starts_with('}').then_some(length + 3);
    }
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

/// What a piece of text says about the value after it, when it is a key.
fn announced(piece: &str) -> Option<Announced> {
    // Quotes, and whatever slipped in beside the word.
    let key = piece.trim_matches(|c: char| !c.is_alphanumeric() && c != '\\');
    if holds_secrets(key) { Some(Announced::All) } else { is_secret_name(key).then_some(Announced::Scalar) }
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
