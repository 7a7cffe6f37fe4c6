//! Edits within brackets: all of JSON, inline tables and lists of TOML, and what YAML calls flow.

use std::collections::BTreeMap;

use super::error::EditError;
use super::gap::{Comments, Gap};
use super::lines::{self, Layout};
use super::node::{Node, Shape};
use super::op::{New, Step, Todo};
use super::splice::Splices;
use crate::{Plain, Span};

/// How a new value is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Put<'l> {
    /// On several lines; those after the first begin with this.
    Lines(&'l str),
    /// On one line.
    Line,
    /// On one line, without a space that could be left out.
    Tight,
}

/// Writes values of one format between brackets.
pub(super) trait Write {
    /// A value.
    fn value(&self, value: &Plain, put: Put<'_>) -> String;
    /// A key with what stands between it and its value.
    fn key(&self, key: &str, put: Put<'_>) -> String;
}

/// An editor of what is in brackets.
pub(super) struct Flow<'t, W> {
    /// The whole text.
    pub(super) text: &'t str,
    /// How it is laid out.
    pub(super) layout: Layout<'t>,
    /// What a comment looks like.
    pub(super) comments: Comments,
    /// Objects may stretch over lines.
    pub(super) lines: bool,
    /// What is said when something in here has a form that is not edited.
    pub(super) odd: &'static str,
    /// Writes values.
    pub(super) write: W,
}

impl<W: Write> Flow<'_, W> {
    /// Does in `node` what is to be done there.
    pub(super) fn edit(&self, node: &Node, todo: &Todo, out: &mut Splices) -> Result<(), EditError> {
        let odd = |node: &Node| EditError::unsupported(self.text, node.span.start, self.odd);
        if node.odd || !node.flow {
            return Err(odd(node));
        }
        let (steps, items): (Vec<Step>, Vec<(Span, &Node)>) = match &node.shape {
            // Null: what is put into it makes it an object.
            Shape::Scalar(_) => {
                let put = match self.line_indent(node.span.start) {
                    Some(indent) if self.lines => Put::Lines(indent),
                    _ => Put::Line,
                };
                out.replace(node.span.start, node.span.end, self.write.value(&todo.inserted(), put));
                return Ok(());
            }
            Shape::List(list) => {
                list.iter().enumerate().map(|(nth, node)| (Step::Index(nth), (node.span, node))).unzip()
            }
            Shape::Object(members) => members
                .iter()
                .map(|member| {
                    let span = Span::new(member.key_span.start, member.value.span.end);
                    (Step::Key(member.key.clone()), (span, &member.value))
                })
                .unzip(),
        };
        // Of a key that stands twice the last one counts.
        let last: BTreeMap<&Step, usize> = steps.iter().enumerate().map(|(at, step)| (step, at)).collect();
        let touched = |step: &Step| todo.remove.contains(step) || todo.replace.contains_key(step);
        if let Some((_, (_, node))) = steps.iter().zip(&items).find(|(step, (_, node))| touched(step) && node.any_odd())
        {
            return Err(odd(node));
        }
        for (step, new) in &todo.replace {
            if let Some(&at) = last.get(step) {
                let span = items[at].1.span;
                out.replace(span.start, span.end, self.write.value(&new.value, self.put_at(items[at].0.start)));
            }
        }
        for (step, todo) in &todo.into {
            if let Some(&at) = last.get(step) {
                self.edit(items[at].1, todo, out)?;
            }
        }
        let spans: Vec<Span> = items.iter().map(|(span, _)| *span).collect();
        if !todo.remove.is_empty() {
            let removed: Vec<bool> = steps.iter().map(|step| todo.remove.contains(step)).collect();
            self.remove(node.span, &spans, &removed, out);
        }
        if !todo.insert.is_empty() {
            let sibling = items.last().map(|(_, node)| *node);
            self.insert(node.span, &spans, sibling, &todo.insert, out);
        }
        Ok(())
    }

    /// How a value is laid out that takes the place of one whose line begins before `at`.
    fn put_at(&self, at: usize) -> Put<'_> {
        match lines::begins_line(self.text, at) {
            Some(start) if self.lines => Put::Lines(&self.text[start..at]),
            _ => Put::Line,
        }
    }

    fn gap(&self, from: usize, to: usize) -> Gap {
        Gap::read(self.text, from, to, self.comments)
    }

    /// Where the gap behind the item `nth` ends.
    fn gap_after(&self, whole: Span, items: &[Span], nth: usize) -> Gap {
        self.gap(items[nth].end, items.get(nth + 1).map_or(whole.end - 1, |next| next.start))
    }

    fn one(&self, new: &New, put: Put<'_>) -> String {
        let key = new.key.as_ref().map(|key| self.write.key(key, put)).unwrap_or_default();
        key + &self.write.value(&new.value, put)
    }

    fn insert(&self, whole: Span, items: &[Span], sibling: Option<&Node>, news: &[New], out: &mut Splices) {
        let (Some(first), Some(last)) = (items.first(), items.last()) else {
            return self.fill(whole, news, out);
        };
        let gap = self.gap(last.end, whole.end - 1);
        let comma = if gap.comma.is_some() { "," } else { "" };
        let start = lines::begins_line(self.text, last.start).or_else(|| lines::begins_line(self.text, first.start));
        let on_lines = self.text[whole.start..first.start].contains('\n');
        if let (true, Some(start)) = (on_lines, start) {
            let indent = self.text[start..].split(|c| c != ' ' && c != '\t').next().unwrap_or_default();
            // Entries that stand on one line each get company of their kind.
            let short = sibling.is_some_and(|node| {
                let text = &self.text[node.span.start..node.span.end];
                text.len() > 2 && text.starts_with('{') && !text.contains('\n')
            });
            if gap.comma.is_none() {
                out.insert(last.end, ",");
            }
            // The line break of this very line, so that all comes back when the line is taken out.
            let eol = match gap.next_line {
                Some(next) if self.text[..next].ends_with("\r\n") => "\r\n",
                Some(_) => "\n",
                None => self.layout.eol,
            };
            for (nth, new) in news.iter().enumerate() {
                let line = self.one(new, Put::Line);
                let text = if short && line.len() <= LINE { line } else { self.one(new, Put::Lines(indent)) };
                let comma = if nth + 1 < news.len() { "," } else { comma };
                out.insert(gap.line_end, format!("{eol}{indent}{text}{comma}"));
            }
        } else {
            let head = &self.text[whole.start + 1..first.start];
            let put = if head.is_empty() && self.is_tight(items) { Put::Tight } else { Put::Line };
            let space = if matches!(put, Put::Tight) { "" } else { " " };
            let new: Vec<String> = news.iter().map(|new| self.one(new, put)).collect();
            let new = new.join(&format!(",{space}"));
            match gap.comma {
                Some(at) => out.insert(at + 1, format!("{space}{new},")),
                None => out.insert(last.end, format!(",{space}{new}")),
            }
        }
    }

    /// True when nothing stands between a key and its value, and between two members.
    fn is_tight(&self, items: &[Span]) -> bool {
        let first = &self.text[items[0].start..items[0].end];
        let apart = items.get(1).map_or("", |second| &self.text[items[0].end..second.start]);
        !first.contains([' ', '\n', '\t']) && !apart.contains([' ', '\n', '\t'])
    }

    /// Puts the first items between brackets.
    fn fill(&self, whole: Span, news: &[New], out: &mut Splices) {
        let (inner, close) = (whole.start + 1, whole.end - 1);
        let gap = self.gap(inner, close);
        let start = self.line_indent(whole.start);
        // An object within a text of one line stays on it.
        let one_line = !self.lines || (whole.start > 0 && start.is_none());
        if one_line && gap.last_comment.is_none() {
            let (put, pad) = match (self.lines, self.text[inner..close].is_empty()) {
                (true, true) if self.text.starts_with("{\"") => (Put::Tight, ""),
                _ => (Put::Line, if self.text.as_bytes()[whole.start] == b'{' { " " } else { "" }),
            };
            let separator = if matches!(put, Put::Tight) { "," } else { ", " };
            let new: Vec<String> = news.iter().map(|new| self.one(new, put)).collect();
            return out.replace(inner, close, format!("{pad}{}{pad}", new.join(separator)));
        }
        let indent = start.unwrap_or_default();
        let deeper = format!("{indent}{}", self.layout.unit);
        let eol = self.layout.eol;
        let put = if self.lines { Put::Lines(&deeper) } else { Put::Line };
        let new: Vec<String> = news.iter().map(|new| format!("{eol}{deeper}{}", self.one(new, put))).collect();
        let from = gap.last_comment.unwrap_or(inner);
        if self.text[from..close].contains('\n') {
            out.insert(from, new.join(","));
        } else {
            out.replace(from, close, format!("{}{eol}{indent}", new.join(",")));
        }
    }

    /// The blanks at the beginning of the line of the bracket at `at`, when nothing but one key stands before it.
    fn line_indent(&self, at: usize) -> Option<&str> {
        // A key is no longer than this, and a line may be as long as the text.
        let from = crate::source::floor_boundary(self.text, at.saturating_sub(MAX_KEY_LINE));
        let before = &self.text[from..at];
        let line = match before.rfind('\n') {
            Some(found) => &before[found + 1..],
            None if from == 0 => before,
            None => return None,
        };
        let body = line.trim_start_matches([' ', '\t']);
        (!body.contains(['{', '['])).then(|| &line[..line.len() - body.len()])
    }

    fn remove(&self, whole: Span, items: &[Span], removed: &[bool], out: &mut Splices) {
        let gaps: BTreeMap<usize, Gap> =
            (0..items.len()).filter(|&nth| removed[nth]).map(|nth| (nth, self.gap_after(whole, items, nth))).collect();
        let head = self.gap(whole.start + 1, items.first().map_or(whole.end - 1, |first| first.start));
        let kept = removed.iter().rposition(|gone| !gone);
        if kept.is_none() && head.last_comment.is_none() && gaps.values().all(|gap| gap.last_comment.is_none()) {
            return out.delete(whole.start + 1, whole.end - 1);
        }
        let last_has_comma = removed.len().checked_sub(1).is_some_and(|last| match gaps.get(&last) {
            Some(gap) => gap.comma.is_some(),
            None => true,
        });
        if let Some(kept) = kept
            && kept + 1 < items.len()
            && !last_has_comma
            && let Some(comma) = self.gap_after(whole, items, kept).comma
        {
            out.delete(comma, comma + 1);
        }
        for (&nth, gap) in &gaps {
            let item = items[nth];
            if let Some(comma) = gap.comma {
                out.delete(comma, comma + 1);
            }
            match (lines::begins_line(self.text, item.start), gap.next_line) {
                (Some(start), Some(next)) => out.delete(start, next),
                _ => {
                    let mut start = item.start;
                    if gap.comma.is_none() || nth + 1 == items.len() {
                        start = self.blank_before(whole, items, nth);
                    }
                    // A comma that begins the line was the only other thing on it.
                    let comma_first = start.checked_sub(1).and_then(|comma| lines::begins_line(self.text, comma));
                    match (comma_first, gap.next_line) {
                        (Some(line), Some(next)) if self.text.as_bytes()[start - 1] == b',' => out.delete(line, next),
                        _ => out.delete(start, item.end),
                    }
                    if let Some(comma) = gap.comma
                        && nth + 1 < items.len()
                    {
                        let behind = &self.text[comma + 1..];
                        out.delete(comma + 1, comma + 1 + behind.len() - behind.trim_start_matches([' ', '\t']).len());
                    }
                }
            }
        }
    }

    /// Where the blanks before an item begin; those that end a comment to the end of the line stay.
    fn blank_before(&self, whole: Span, items: &[Span], nth: usize) -> usize {
        let from = nth.checked_sub(1).map_or(whole.start + 1, |before| items[before].end);
        let gap = self.gap(from, items[nth].start);
        let floor = gap.comma.map_or(from, |comma| comma + 1);
        if nth == 0 {
            return items[nth].start;
        }
        match gap.last_comment {
            Some(end) if end >= floor => items[nth].start,
            _ => floor,
        }
    }
}

/// The longest line that an entry is written on, when its neighbours stand on one line each.
const LINE: usize = 120;

/// The longest line of a key and an opening bracket whose indentation is looked for, in bytes.
const MAX_KEY_LINE: usize = 1024;
