//! Where the changes of a TOML text go.

use super::scan::{Kind, Statement, Table, scan};
use super::write::{Inline, LINE, key, path, section};
use crate::Plain;
use crate::edit::error::EditError;
use crate::edit::flow::{Flow, Put, Write as _};
use crate::edit::gap::Comments;
use crate::edit::lines::{self, Layout};
use crate::edit::op::{Action, New, Op, Step, Todo};
use crate::edit::splice::Splices;

/// Adds to `out` what must be done, and gives what must be done after that: a section that becomes a plain value is taken
/// out first.
pub(super) fn plan(text: &str, todo: &Todo, out: &mut Splices) -> Result<Vec<Op>, EditError> {
    let (statements, root) = scan(text).ok_or(EditError::Unsafe)?;
    let layout = Layout::of(text);
    let flow = Flow {
        text,
        layout,
        comments: Comments::Hash,
        lines: false,
        odd: "has a dotted key between brackets",
        write: Inline,
    };
    let mut plan = Plan { text, layout, statements: &statements, flow, later: Vec::new() };
    plan.table(&root, &mut Vec::new(), todo, out)?;
    Ok(plan.later)
}

/// How the entries are written that a new one is put beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Company {
    /// By dotted keys, from outside of their table.
    Dotted,
    /// Between brackets, under the header of their table.
    Brackets,
    /// As sections, or not at all.
    Sections,
}

/// True when a new member is written as a section.
fn wants_section(company: Company, table: &Table, new: &New) -> bool {
    match company {
        Company::Dotted => false,
        Company::Brackets if new.section => false,
        Company::Sections if new.section => true,
        Company::Brackets | Company::Sections => {
            table.header.is_none() || Inline.value(&new.value, Put::Line).len() > LINE
        }
    }
}

struct Plan<'t> {
    text: &'t str,
    layout: Layout<'t>,
    statements: &'t [Statement],
    flow: Flow<'t, Inline>,
    later: Vec<Op>,
}

impl Plan<'_> {
    fn table(&mut self, table: &Table, at: &mut Vec<Step>, todo: &Todo, out: &mut Splices) -> Result<(), EditError> {
        if let Some(pair) = table.pair {
            let Kind::Pair { value, .. } = &self.statements[pair].kind else { return Err(EditError::Unsafe) };
            return self.flow.edit(value, todo, out);
        }
        for (step, todo) in &todo.into {
            let inner = table.inside.get(step).ok_or(EditError::Unsafe)?;
            at.push(step.clone());
            self.table(inner, at, todo, out)?;
            at.pop();
        }
        for step in &todo.remove {
            self.delete(table.inside.get(step).ok_or(EditError::Unsafe)?, out);
        }
        for (step, new) in &todo.replace {
            let inner = table.inside.get(step).ok_or(EditError::Unsafe)?;
            let here = [at.as_slice(), std::slice::from_ref(step)].concat();
            if !self.replace(inner, &here, &new.value, out)? {
                let action = Action::Insert(new.value.clone());
                self.later.push(Op { at: at.clone(), step: step.clone(), action, section: new.section });
            }
        }
        let mut fields: Vec<&New> = Vec::new();
        let mut sections = Vec::new();
        let company = if todo.insert.is_empty() { Company::Brackets } else { self.company(table, at.len()) };
        let indent = if company == Company::Sections { self.header_indent(table) } else { "" };
        for new in &todo.insert {
            match &new.value {
                Plain::Object(members) if wants_section(company, table, new) => {
                    let step = new.key.clone().map_or(Step::Index(0), Step::Key);
                    let here = [at.as_slice(), &[step]].concat();
                    sections.push(section(&here, members, indent, self.layout.eol));
                }
                _ => fields.push(new),
            }
        }
        if !fields.is_empty() {
            self.fields(table, at, &fields, out)?;
        }
        if !sections.is_empty() {
            let place = table.statements.last().map_or(self.text.len(), |&last| self.statements[last].next);
            // The whole text: behind the comments at its end, too.
            let place = if at.is_empty() { self.text.len() } else { place };
            let apart = if self.text[..place].trim().is_empty() { "" } else { self.layout.eol };
            self.lines(place, format!("{apart}{}", sections.join(self.layout.eol)), out);
        }
        Ok(())
    }

    /// How the entries of a table are written.
    fn company(&self, table: &Table, depth: usize) -> Company {
        if self.is_dotted(table, depth).is_some() {
            return Company::Dotted;
        }
        let in_brackets = |inner: &Table| inner.pair.is_some_and(|pair| self.is_object(pair));
        let only_brackets = table.header.is_some()
            && table.inside.values().any(in_brackets)
            && table.inside.values().all(|inner| inner.pair.is_some());
        if only_brackets { Company::Brackets } else { Company::Sections }
    }

    fn is_object(&self, pair: usize) -> bool {
        let Kind::Pair { value, .. } = &self.statements[pair].kind else { return false };
        self.text[value.span.start..].starts_with('{')
    }

    /// The last statement that sets something in this table by a dotted key from outside of it.
    fn is_dotted(&self, table: &Table, depth: usize) -> Option<usize> {
        let from_outside =
            |&&at: &&usize| matches!(self.statements[at].kind, Kind::Pair { section, .. } if section < depth);
        if table.header.is_some() || depth == 0 { None } else { table.statements.iter().rfind(from_outside).copied() }
    }

    fn header_indent(&self, table: &Table) -> &str {
        let header = table.statements.iter().find(|&&at| matches!(self.statements[at].kind, Kind::Header));
        header.map_or("", |&at| self.indent(at))
    }

    fn indent(&self, statement: usize) -> &str {
        &self.text[self.statements[statement].line..self.statements[statement].start]
    }

    /// Puts whole lines at the beginning of a line, or at the end of a text whose last line does not end.
    fn lines(&self, place: usize, new: String, out: &mut Splices) {
        if place == self.text.len() && !self.text.is_empty() && !self.text.ends_with('\n') {
            let eol = self.layout.eol;
            out.insert(place, format!("{eol}{}", new.strip_suffix(eol).unwrap_or(&new)));
        } else {
            out.insert(place, new);
        }
    }

    /// Adds keys with values to a table.
    fn fields(&self, table: &Table, at: &[Step], fields: &[&New], out: &mut Splices) -> Result<(), EditError> {
        let eol = self.layout.eol;
        let write = |prefix: &str, indent: &str| {
            let line = |new: &&New| {
                let name = key(new.key.as_deref().unwrap_or_default());
                format!("{indent}{prefix}{name} = {}{eol}", Inline.value(&new.value, Put::Line))
            };
            fields.iter().map(line).collect::<String>()
        };
        if let Some(last) = self.is_dotted(table, at.len()) {
            let Kind::Pair { section, .. } = self.statements[last].kind else { return Err(EditError::Unsafe) };
            let prefix = format!("{}.", path(&at[section..]));
            self.lines(self.statements[last].next, write(&prefix, self.indent(last)), out);
        } else if let Some(last) = table.last.or(table.header) {
            self.lines(self.statements[last].next, write("", self.indent(last)), out);
        } else if let Some(&first) = table.statements.first() {
            // Before the first section: of the whole text, or of a table that only its sections name.
            let header = if at.is_empty() { String::new() } else { format!("[{}]{eol}", path(at)) };
            let place = self.above(self.statements[first].line);
            out.insert(place, format!("{header}{}{eol}", write("", "")));
        } else {
            self.lines(self.text.len(), write("", ""), out);
        }
        Ok(())
    }

    /// The beginning of the comments right above a line.
    fn above(&self, mut line: usize) -> usize {
        while line > 0 {
            let before = lines::line_start(self.text, line - 1);
            if !self.text[before..line].trim_start().starts_with('#') {
                break;
            }
            line = before;
        }
        line
    }

    /// Statements that follow each other, as lines.
    fn runs(&self, table: &Table) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        let mut before = None;
        for &at in &table.statements {
            let statement = &self.statements[at];
            match runs.last_mut() {
                Some(run) if before == at.checked_sub(1) => run.1 = statement.next,
                _ => runs.push((statement.line, statement.next)),
            }
            before = Some(at);
        }
        runs
    }

    fn delete(&self, table: &Table, out: &mut Splices) {
        let section = |line: usize| self.text[line..].trim_start_matches([' ', '\t']).starts_with('[');
        for (mut start, mut end) in self.runs(table) {
            if section(start) {
                // One of the blank lines goes, too.
                let before = &self.text[..start];
                let blank = before.strip_suffix('\n').map(|rest| rest.strip_suffix('\r').unwrap_or(rest));
                match blank {
                    Some(rest) if rest.is_empty() || rest.ends_with('\n') => start = rest.len(),
                    None => {
                        let behind = &self.text[end..];
                        let rest = behind.strip_prefix("\r\n").or_else(|| behind.strip_prefix('\n'));
                        end = rest.map_or(end, |rest| self.text.len() - rest.len());
                    }
                    Some(_) => {}
                }
            }
            if end == self.text.len() && !self.text.ends_with('\n') {
                let before = &self.text[..start];
                let before = before.strip_suffix('\n').unwrap_or(before);
                start = before.strip_suffix('\r').unwrap_or(before).len();
            }
            out.delete(start, end);
        }
    }

    /// Writes a member anew. False when it was taken out and must be added to its table.
    fn replace(&self, table: &Table, at: &[Step], value: &Plain, out: &mut Splices) -> Result<bool, EditError> {
        if let Some(pair) = table.pair {
            let Kind::Pair { value: old, .. } = &self.statements[pair].kind else { return Err(EditError::Unsafe) };
            out.replace(old.span.start, old.span.end, Inline.value(value, Put::Line));
            return Ok(true);
        }
        let eol = self.layout.eol;
        let Some(&first) = table.statements.first() else { return Err(EditError::Unsafe) };
        let new = match (value, self.is_dotted(table, at.len())) {
            (_, Some(last)) => {
                let Kind::Pair { section, .. } = self.statements[last].kind else { return Err(EditError::Unsafe) };
                let indent = self.indent(first);
                format!("{indent}{} = {}{eol}", path(&at[section..]), Inline.value(value, Put::Line))
            }
            (Plain::Object(members), None) => section(at, members, self.header_indent(table), eol),
            _ => {
                self.delete(table, out);
                return Ok(false);
            }
        };
        for (start, end) in self.runs(table) {
            out.delete(start, end);
        }
        let last_line = self.runs(table).last().is_some_and(|&(_, end)| end == self.text.len());
        let new = match new.strip_suffix(eol) {
            Some(open) if last_line && !self.text.ends_with('\n') => open.to_owned(),
            _ => new,
        };
        out.insert(self.statements[first].line, new);
        Ok(true)
    }
}
