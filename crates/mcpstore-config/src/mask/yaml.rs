//! Where secrets stand in a YAML text, whether its syntax is good or not.

use std::collections::BTreeSet;
use std::ops::Range;

use super::lines::{body, depth, is_telling, secret_key, unknown_key};
use crate::fields::camel;
use crate::words::is_word;

/// How many times the text is read to follow aliases of aliases; after that every anchor counts as secret.
const PASSES: usize = 4;

/// The ranges to hide, in order.
pub(super) fn secrets(text: &str, broken: bool) -> Vec<Range<usize>> {
    let mut anchors: BTreeSet<&str> = BTreeSet::new();
    for _ in 0..PASSES {
        let out = pass(text, broken, |name| anchors.contains(name));
        let before = anchors.len();
        // What is hidden may come from an anchor elsewhere.
        for range in &out {
            anchors.extend(marked(&text[range.clone()], '*'));
        }
        if anchors.len() == before {
            return out;
        }
    }
    pass(text, broken, |_| true)
}

/// The names behind this sign: `*` for aliases, `&` for anchors.
fn marked(text: &str, sign: char) -> impl Iterator<Item = &str> {
    text.split(sign).skip(1).filter_map(|rest| {
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}')).unwrap_or(rest.len());
        Some(&rest[..end]).filter(|name| !name.is_empty())
    })
}

/// A part of the text that is hidden.
#[derive(Clone, Copy)]
struct Block {
    /// The columns before its key.
    indent: usize,
    /// The columns before its entries, once one was seen.
    entries: Option<usize>,
    /// Brackets that are still to be closed.
    brackets: isize,
    /// A value without its closing quote: keys are not told apart any more.
    doubt: bool,
    /// The key had a value on its own line: nothing below is a key.
    scalar: bool,
    /// The syntax of the text is broken.
    broken: bool,
}

fn pass<'t>(text: &'t str, broken: bool, is_secret: impl Fn(&'t str) -> bool) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut block: Option<Block> = None;
    let (mut in_comment, mut doubt) = (false, false);
    // Whether the last key outside of blocks was a word of the config language; below another one nobody knows what stands.
    let mut known = true;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let trimmed = line.trim();
        if trimmed.is_empty() {
            continue;
        }
        if trimmed.starts_with('#') {
            in_comment |= block.is_some() || is_telling(trimmed);
            // Somebody may have taken the sign of a comment from one line too few, or too many.
            doubt |= in_comment;
            if in_comment {
                let whole = body(start, line);
                out.push(whole.start + 1..whole.end);
            }
            continue;
        }
        in_comment = false;
        let indent = indent(line);
        if let Some(inside) = &mut block {
            if inside.holds(indent, trimmed) {
                let from = inside.take(indent, line);
                out.push(body(start + from, &line[from..]));
                continue;
            }
            block = None;
        }
        let anchored = line.contains('&') && marked(line, '&').any(&is_secret);
        let begins =
            if anchored { line.find('&').map(|at| (at, true)) } else { secret_key(line).map(|b| (b.at, b.first)) };
        if let Some((from, first)) = begins {
            let value = &line[from..];
            out.push(body(start + from, value));
            let brackets = depth(value);
            if first || brackets > 0 || value.trim().is_empty() {
                let scalar = !anchored && !value.trim().is_empty() && !value.trim_start().starts_with(['&', '!', '#']);
                // Inside brackets the indentation says nothing.
                let indent = indent + if trimmed.starts_with("- ") { 1 } else { 0 };
                block = Some(Block { indent, entries: None, brackets, doubt: false, scalar, broken });
            }
        } else if !known && !trimmed.contains(':') {
            out.push(body(start, line));
        } else if (broken || doubt)
            && let Some(from) = unknown_key(line, ':')
        {
            out.push(body(start + from, &line[from..]));
            block = Some(Block {
                indent,
                entries: None,
                brackets: depth(&line[from..]),
                doubt: false,
                scalar: true,
                broken,
            });
        }
        if let Some((key, _)) = trimmed.split_once(':') {
            known = is_config(key.trim_start_matches("- ").trim().trim_matches(['"', '\'']));
            doubt &= !known;
        }
    }
    out
}

impl Block {
    /// True when a line belongs to the block.
    fn holds(&self, indent: usize, trimmed: &str) -> bool {
        if self.brackets > 0 || indent > self.indent {
            return true;
        }
        let (key, value) = trimmed.split_once(':').unwrap_or((trimmed, ""));
        let key = key.trim().trim_matches(['"', '\'']);
        let is_scalar = !matches!(value.trim().chars().next(), None | Some('{'));
        let is_loose = trimmed.starts_with('-') || !trimmed.contains(':');
        if !is_config(key) && (is_scalar || (self.broken && (self.doubt || is_loose))) {
            // Nobody knows where it belongs.
            return true;
        }
        // A list may stand as deep as its key; and somebody may have forgotten to indent: then words of the config end it.
        let is_flat = self.entries.is_none_or(|entries| entries <= self.indent);
        indent == self.indent
            && !self.scalar
            && (trimmed.starts_with("- ") || trimmed.starts_with(':') || (is_flat && !is_config(key)))
    }

    /// Takes a line into the block; the result is the column from which it is hidden.
    fn take(&mut self, indent: usize, line: &str) -> usize {
        if self.brackets > 0 {
            self.brackets += depth(line);
            return 0;
        }
        if !line.trim_start().starts_with("- ") {
            self.entries.get_or_insert(indent);
        }
        let is_entry = !self.doubt && !self.scalar && self.entries.is_none_or(|entries| entries == indent);
        let trimmed = line.trim_end();
        let Some(colon) = line.find(": ").or_else(|| trimmed.ends_with(':').then(|| trimmed.len() - 1)) else {
            return 0;
        };
        let key = line[..colon].trim();
        if !is_entry || !key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'')) {
            return 0;
        }
        let value = line[colon + 1..].trim();
        self.brackets += depth(value).max(0);
        let odd = |quote| value.chars().filter(|c| *c == quote).count() % 2 == 1;
        self.doubt |= (value.starts_with('"') && odd('"')) || (value.starts_with('\'') && odd('\''));
        colon + 1
    }
}

/// True for a word that stands beside `env`.
fn is_config(key: &str) -> bool {
    is_word(key) || camel(key).is_some_and(|word| is_word(&word))
}

/// The columns before the first character that is no blank; a tab counts as eight.
fn indent(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace()).map(|c| if c == '\t' { 8 } else { 1 }).sum()
}
