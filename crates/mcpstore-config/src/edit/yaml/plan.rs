//! Where the changes of a YAML text go.

use std::collections::BTreeMap;

use super::read::read;
use super::style::Style;
use super::write::Brackets;
use crate::Plain;
use crate::edit::error::EditError;
use crate::edit::flow::{Flow, Put, Write as _};
use crate::edit::gap::Comments;
use crate::edit::lines::{self, Layout};
use crate::edit::node::{Member, Node, Shape};
use crate::edit::op::{Step, Todo};
use crate::edit::splice::Splices;

/// Why a place is not edited.
pub(super) const ODD: &str = "has an anchor, an alias, a tag, or a `?` for a key";
const LAYOUT: &str = "is laid out in a way that is not edited";
const COMMENT: &str = "has a comment in the way";

/// Does what is to be done.
pub(in crate::edit) fn apply(text: &str, todo: &Todo, out: &mut Splices) -> Result<(), EditError> {
    let root = read(text)?;
    let style = Style::of(text, root.as_ref());
    let layout = Layout { eol: style.eol, unit: style.unit };
    let flow = Flow { text, layout, comments: Comments::Hash, lines: false, odd: ODD, write: Brackets };
    let plan = Plan { text, style, flow };
    match root {
        Some(root) => plan.node(&root, Slot::Root, todo, out),
        None => {
            plan.append(&todo.inserted(), out);
            Ok(())
        }
    }
}

/// What a value is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot<'i> {
    /// Nothing: it is the whole text.
    Root,
    /// A key with this indentation.
    Key(&'i str),
    /// The dash of a list.
    Dash,
}

struct Plan<'t> {
    text: &'t str,
    style: Style<'t>,
    flow: Flow<'t, Brackets>,
}

impl Plan<'_> {
    fn refuse<T>(&self, at: usize, why: &'static str) -> Result<T, EditError> {
        Err(EditError::unsupported(self.text, at, why))
    }

    fn node(&self, node: &Node, slot: Slot<'_>, todo: &Todo, out: &mut Splices) -> Result<(), EditError> {
        if node.odd {
            return self.refuse(node.span.start, ODD);
        }
        let text = &self.text[node.span.start..node.span.end];
        match &node.shape {
            Shape::Scalar(_) => self.start(node, slot, &todo.inserted(), out),
            Shape::Object(members) if members.is_empty() && !text.contains('\n') && slot != Slot::Dash => {
                self.start(node, slot, &todo.inserted(), out)
            }
            _ if node.flow => self.flow.edit(node, todo, out),
            Shape::Object(members) => self.object(node, members, slot, todo, out),
            Shape::List(list) => self.list(node, list, slot, todo, out),
        }
    }

    /// Makes an object of a null or of `{}`.
    fn start(&self, node: &Node, slot: Slot<'_>, value: &Plain, out: &mut Splices) -> Result<(), EditError> {
        match slot {
            Slot::Root if node.span.start == node.span.end => self.append(value, out),
            Slot::Root => {
                let mut new = String::new();
                self.members(value, "", &mut new);
                let keep = new.len() - self.style.eol.len();
                let line = lines::line_end(self.text, node.span.end);
                let alone = lines::begins_line(self.text, node.span.start).is_some()
                    && self.text[node.span.end..line].trim().is_empty();
                if alone {
                    out.replace(node.span.start, node.span.end, &new[..keep]);
                } else {
                    // A comment or a `---` on the line stays above.
                    out.delete(node.span.start, node.span.end);
                    out.insert(line, format!("{}{}", self.style.eol, &new[..keep]));
                }
            }
            Slot::Key(indent) => self.replace(node, value, indent, out)?,
            Slot::Dash => return self.refuse(node.from, LAYOUT),
        }
        Ok(())
    }

    fn members(&self, value: &Plain, indent: &str, out: &mut String) {
        if let Plain::Object(members) = value {
            members.iter().for_each(|(key, value)| self.style.member(key, value, indent, out));
        }
    }

    /// Writes the first value of a text that has none.
    fn append(&self, value: &Plain, out: &mut Splices) {
        let mut new = String::new();
        self.members(value, "", &mut new);
        if self.text.trim().is_empty() {
            out.replace(0, self.text.len(), new);
        } else {
            let apart = if self.text.ends_with('\n') { "" } else { self.style.eol };
            out.insert(self.text.len(), format!("{apart}{new}"));
        }
    }

    /// The indentation of what begins at `at`; dashes before it count as blanks.
    fn indent(&self, at: usize) -> Result<String, EditError> {
        let line = &self.text[lines::line_start(self.text, at)..at];
        if line.bytes().all(|b| matches!(b, b' ' | b'-')) {
            Ok(" ".repeat(line.len()))
        } else {
            self.refuse(at, LAYOUT)
        }
    }

    /// Behind the last line of what ends at `end`.
    fn behind(&self, end: usize) -> usize {
        if end > 0 && self.text[..end].ends_with('\n') { end } else { lines::next_line(self.text, end) }
    }

    /// Behind the comments that follow the line of `end` and are indented more than `indent`: they are about what ends there.
    fn with_comments(&self, end: usize, indent: usize) -> usize {
        let mut place = end;
        loop {
            let line = &self.text[self.behind(place)..];
            let body = line.trim_start_matches(' ');
            if !body.starts_with('#') || line.len() - body.len() <= indent || self.behind(place) == self.text.len() {
                return place;
            }
            place = self.text.len() - line.len() + line.find('\n').unwrap_or(line.len());
        }
    }

    /// Puts whole lines behind the last line of what ends at `end`.
    fn add(&self, end: usize, new: &str, out: &mut Splices) {
        let place = self.behind(end);
        if self.text[..place].ends_with('\n') {
            out.insert(place, new);
        } else {
            let eol = self.style.eol;
            out.insert(place, format!("{eol}{}", new.strip_suffix(eol).unwrap_or(new)));
        }
    }

    /// Takes whole lines out, from the beginning of a line.
    fn cut(&self, start: usize, end: usize, out: &mut Splices) {
        let end = self.behind(end);
        let open = end == self.text.len() && !self.text.ends_with('\n');
        let before = &self.text[..start];
        let before = if open { before.strip_suffix('\n').unwrap_or(before) } else { before };
        let before = if open { before.strip_suffix('\r').unwrap_or(before) } else { before };
        out.delete(before.len(), end);
    }

    fn object(
        &self,
        node: &Node,
        members: &[Member],
        slot: Slot<'_>,
        todo: &Todo,
        out: &mut Splices,
    ) -> Result<(), EditError> {
        let (Some(first), Some(end)) = (members.first(), members.last()) else { return Err(EditError::Unsafe) };
        let indent = self.indent(first.key_span.start)?;
        // Of a key that stands twice the last one counts.
        let last: BTreeMap<&str, &Node> = members.iter().map(|member| (member.key.as_str(), &member.value)).collect();
        let find = |step: &Step| match step {
            Step::Key(key) => last.get(key.as_str()).copied().ok_or(EditError::Unsafe),
            Step::Index(_) => Err(EditError::Unsafe),
        };
        for (step, todo) in &todo.into {
            self.node(find(step)?, Slot::Key(&indent), todo, out)?;
        }
        for (step, new) in &todo.replace {
            self.replace(find(step)?, &new.value, &indent, out)?;
        }
        if !todo.remove.is_empty() {
            let gone: Vec<bool> =
                members.iter().map(|member| todo.remove.contains(&Step::Key(member.key.clone()))).collect();
            self.remove(node, members, &gone, slot, out)?;
        }
        if !todo.insert.is_empty() {
            let mut new = String::new();
            for one in &todo.insert {
                self.style.member(one.key.as_deref().unwrap_or_default(), &one.value, &indent, &mut new);
            }
            self.add(self.with_comments(end.value.span.end, indent.len()), &new, out);
        }
        Ok(())
    }

    fn remove(
        &self,
        node: &Node,
        members: &[Member],
        gone: &[bool],
        slot: Slot<'_>,
        out: &mut Splices,
    ) -> Result<(), EditError> {
        let all = gone.iter().all(|gone| *gone);
        for (nth, member) in members.iter().enumerate().filter(|(nth, _)| gone[*nth]) {
            let (start, end) = (member.key_span.start, member.value.span.end);
            if member.value.any_odd() {
                return self.refuse(start, ODD);
            }
            match lines::begins_line(self.text, start) {
                Some(line) if all && slot == Slot::Root && nth == 0 => {
                    let behind = self.behind(end);
                    let eol = if self.text[..behind].ends_with('\n') { self.style.eol } else { "" };
                    out.replace(line, behind, format!("{}{eol}", "{}"));
                }
                Some(line) => self.cut(line, self.with_comments(end, start - line), out),
                // The first member, behind the dash of a list.
                None => {
                    let (to, new) = match members.get(nth + 1) {
                        Some(next) if !gone[nth + 1] => (next.key_span.start, ""),
                        None => (end, "{}"),
                        Some(_) => return self.refuse(start, LAYOUT),
                    };
                    if !self.text[end..to].trim().is_empty() {
                        return self.refuse(start, COMMENT);
                    }
                    out.replace(start, to, new);
                }
            }
        }
        match slot {
            Slot::Key(_) if all => out.insert(node.from, " {}"),
            Slot::Dash if all && lines::begins_line(self.text, node.span.start).is_some() => {
                return self.refuse(node.span.start, LAYOUT);
            }
            _ => {}
        }
        Ok(())
    }

    fn list(
        &self,
        node: &Node,
        list: &[Node],
        slot: Slot<'_>,
        todo: &Todo,
        out: &mut Splices,
    ) -> Result<(), EditError> {
        let Some(end) = list.last() else { return Err(EditError::Unsafe) };
        let find = |step: &Step| match step {
            Step::Index(at) => list.get(*at).ok_or(EditError::Unsafe),
            Step::Key(_) => Err(EditError::Unsafe),
        };
        for (step, todo) in &todo.into {
            self.node(find(step)?, Slot::Dash, todo, out)?;
        }
        for (step, new) in &todo.replace {
            let old = find(step)?;
            if old.any_odd() {
                return self.refuse(old.span.start, ODD);
            }
            if old.flow {
                out.replace(old.span.start, old.span.end, Brackets.value(&new.value, Put::Line));
                continue;
            }
            let line = self.dash_line(old)?;
            let mut lines = String::new();
            self.style.item(&new.value, &self.text[line..old.from - 1], &mut lines);
            let behind = self.behind(old.span.end);
            let open = !self.text[..behind].ends_with('\n');
            let keep = lines.len() - if open { self.style.eol.len() } else { 0 };
            out.replace(line, behind, &lines[..keep]);
        }
        let all = todo.remove.len() == list.len();
        for (nth, step) in todo.remove.iter().enumerate() {
            let old = find(step)?;
            if old.any_odd() {
                return self.refuse(old.span.start, ODD);
            }
            let line = self.dash_line(old)?;
            if all && slot == Slot::Root && nth == 0 {
                let behind = self.behind(old.span.end);
                let eol = if self.text[..behind].ends_with('\n') { self.style.eol } else { "" };
                out.replace(line, behind, format!("[]{eol}"));
            } else {
                self.cut(line, self.with_comments(old.span.end, old.from - 1 - line), out);
            }
        }
        if all && slot != Slot::Root && !todo.remove.is_empty() {
            out.insert(node.from, " []");
        }
        if !todo.insert.is_empty() {
            let indent = self.indent(end.from - 1)?;
            let mut new = String::new();
            todo.insert.iter().for_each(|one| self.style.item(&one.value, &indent, &mut new));
            self.add(self.with_comments(end.span.end, indent.len()), &new, out);
        }
        Ok(())
    }

    /// The beginning of the line of an element's dash, when nothing stands before it.
    fn dash_line(&self, item: &Node) -> Result<usize, EditError> {
        let dash = item.from.checked_sub(1).ok_or(EditError::Unsafe)?;
        match lines::begins_line(self.text, dash) {
            Some(line) => Ok(line),
            None => self.refuse(dash, LAYOUT),
        }
    }

    /// Writes the value of a key anew; `indent` is that of the key.
    fn replace(&self, old: &Node, new: &Plain, indent: &str, out: &mut Splices) -> Result<(), EditError> {
        if old.any_odd() {
            return self.refuse(old.span.start, ODD);
        }
        let eol = self.style.eol;
        let line = self.style.on_line(new);
        let mut block = String::new();
        if line.is_none() {
            self.style.block(new, indent, &mut block);
        }
        let text = &self.text[old.span.start..old.span.end];
        if matches!(old.shape, Shape::Scalar(_)) && text.starts_with(['|', '>']) {
            let open = if text.ends_with('\n') { "" } else { eol };
            let new = line.map_or(format!("{eol}{block}"), |line| format!(" {line}{eol}"));
            out.replace(old.from, old.span.end, new.strip_suffix(open).unwrap_or(&new));
        } else if matches!(old.shape, Shape::Scalar(_)) || old.flow {
            match line {
                Some(line) if text.is_empty() => out.insert(old.from, format!(" {line}")),
                Some(line) => out.replace(old.span.start, old.span.end, line),
                None => {
                    out.delete(old.from, old.span.end);
                    let place = lines::line_end(self.text, old.span.end);
                    out.insert(place, format!("{eol}{}", block.strip_suffix(eol).unwrap_or(&block)));
                }
            }
        } else {
            let Some(start) = lines::begins_line(self.text, old.span.start) else {
                return self.refuse(old.span.start, LAYOUT);
            };
            match line {
                Some(line) => {
                    out.insert(old.from, format!(" {line}"));
                    self.cut(start, old.span.end, out);
                }
                None => {
                    let behind = self.behind(old.span.end);
                    let open = if self.text[..behind].ends_with('\n') { "" } else { eol };
                    out.replace(start, behind, block.strip_suffix(open).unwrap_or(&block));
                }
            }
        }
        Ok(())
    }
}
