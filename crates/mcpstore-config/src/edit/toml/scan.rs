//! The statements of a TOML text: headers, and keys with values.

use std::collections::BTreeMap;

use toml_parser::decoder::ScalarKind;
use toml_parser::parser::{Event, EventKind, parse_document};
use toml_parser::{Source, Span as TomlSpan};

use crate::edit::lines;
use crate::edit::node::{Member, Node, Shape};
use crate::edit::number;
use crate::edit::op::Step;
use crate::{Plain, Span};

/// One statement.
#[derive(Debug)]
pub(super) struct Statement {
    /// The beginning of its first line.
    pub(super) line: usize,
    /// Its first byte.
    pub(super) start: usize,
    /// Behind the line break of its last line.
    pub(super) next: usize,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a statement is.
#[derive(Debug)]
pub(super) enum Kind {
    /// The header of a section.
    Header,
    /// A key with a value.
    Pair {
        /// How long the path of its section is.
        section: usize,
        /// Its value.
        value: Node,
    },
}

/// A table, a list of tables, or what a key with a value sets: everything that has a path.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// All statements about it and what is in it, in order.
    pub(super) statements: Vec<usize>,
    /// Its header.
    pub(super) header: Option<usize>,
    /// The statement that sets it.
    pub(super) pair: Option<usize>,
    /// The last key with a value that stands under its header (or, of the whole text, before any header).
    pub(super) last: Option<usize>,
    /// What is in it.
    pub(super) inside: BTreeMap<Step, Table>,
}

/// The statements of a text that is known to be TOML, and the tables they make. None when they cannot be understood.
pub(super) fn scan(text: &str) -> Option<(Vec<Statement>, Table)> {
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    let mut events: Vec<Event> = Vec::new();
    let mut keep = |event: Event| {
        use EventKind as K;
        if !matches!(event.kind(), K::Whitespace | K::Comment | K::Newline | K::KeySep) {
            events.push(event);
        }
    };
    parse_document(&tokens, &mut keep, &mut ());
    let mut scan = Scan { text, source, events: events.into_iter().peekable() };
    let mut statements = Vec::new();
    let mut root = Table::default();
    let mut section: Vec<Step> = Vec::new();
    let mut lists: BTreeMap<Vec<Step>, usize> = BTreeMap::new();
    while let Some(event) = scan.events.peek() {
        let number = statements.len();
        match event.kind() {
            EventKind::StdTableOpen | EventKind::ArrayTableOpen => {
                let open = scan.events.next()?;
                let keys = scan.keys()?;
                let close = scan.events.next()?;
                section = resolve(&keys, open.kind() == EventKind::ArrayTableOpen, &mut lists);
                enter(&mut root, &section, number).header = Some(number);
                statements.push(scan.statement(open.span().start(), close.span().end(), Kind::Header));
            }
            EventKind::SimpleKey => {
                let start = event.span().start();
                let keys = scan.keys()?;
                scan.expect(EventKind::KeyValSep)?;
                let value = scan.value()?;
                let path: Vec<Step> =
                    section.iter().cloned().chain(keys.into_iter().map(|(key, _)| Step::Key(key))).collect();
                enter(&mut root, &path, number).pair = Some(number);
                find(&mut root, &section).last = Some(number);
                let end = value.span.end;
                statements.push(scan.statement(start, end, Kind::Pair { section: section.len(), value }));
            }
            _ => return None,
        }
    }
    Some((statements, root))
}

/// The path of a header: into the last element of every list of tables on the way.
fn resolve(keys: &[(String, Span)], array: bool, lists: &mut BTreeMap<Vec<Step>, usize>) -> Vec<Step> {
    let mut path = Vec::new();
    for (nth, (key, _)) in keys.iter().enumerate() {
        path.push(Step::Key(key.clone()));
        if array && nth + 1 == keys.len() {
            let count = lists.entry(path.clone()).or_default();
            path.push(Step::Index(*count));
            *count += 1;
        } else if let Some(count) = lists.get(&path) {
            path.push(Step::Index(count.saturating_sub(1)));
        }
    }
    path
}

/// The table at `path`; the statement is noted down with every table on the way.
fn enter<'t>(root: &'t mut Table, path: &[Step], statement: usize) -> &'t mut Table {
    root.statements.push(statement);
    path.iter().fold(root, |table, step| {
        let inner = table.inside.entry(step.clone()).or_default();
        inner.statements.push(statement);
        inner
    })
}

fn find<'t>(root: &'t mut Table, path: &[Step]) -> &'t mut Table {
    path.iter().fold(root, |table, step| table.inside.entry(step.clone()).or_default())
}

struct Scan<'t> {
    text: &'t str,
    source: Source<'t>,
    events: std::iter::Peekable<std::vec::IntoIter<Event>>,
}

impl Scan<'_> {
    fn statement(&self, start: usize, end: usize, kind: Kind) -> Statement {
        let line = lines::begins_line(self.text, start).unwrap_or(start);
        Statement { line, start, next: lines::next_line(self.text, end), kind }
    }

    fn expect(&mut self, kind: EventKind) -> Option<Event> {
        self.events.next_if(|event| event.kind() == kind)
    }

    /// One or more keys.
    fn keys(&mut self) -> Option<Vec<(String, Span)>> {
        let mut keys = Vec::new();
        while let Some(event) = self.expect(EventKind::SimpleKey) {
            let mut key = String::new();
            let raw = self.source.get(event)?;
            raw.decode_key(&mut key, &mut ());
            keys.push((key, span(event.span())));
        }
        (!keys.is_empty()).then_some(keys)
    }

    fn value(&mut self) -> Option<Node> {
        let event = self.events.next()?;
        match event.kind() {
            EventKind::Scalar => {
                let mut text = String::new();
                let raw = self.source.get(event)?;
                let value = match raw.decode_scalar(&mut text, &mut ()) {
                    ScalarKind::Boolean(value) => Plain::Bool(value),
                    ScalarKind::Float | ScalarKind::Integer(_) => {
                        number::to_json(raw.as_str()).map_or_else(|| Plain::text(raw.as_str()), Plain::Number)
                    }
                    ScalarKind::String | ScalarKind::DateTime => Plain::Text(text),
                };
                Some(Node::scalar(span(event.span()), value))
            }
            EventKind::ArrayOpen => {
                let mut list = Vec::new();
                loop {
                    let next = self.events.peek()?;
                    match next.kind() {
                        EventKind::ArrayClose => break,
                        EventKind::ValueSep => drop(self.events.next()),
                        _ => list.push(self.value()?),
                    }
                }
                Some(bracketed(&event, &self.events.next()?, Shape::List(list)))
            }
            EventKind::InlineTableOpen => {
                let mut members = Vec::new();
                loop {
                    let next = self.events.peek()?;
                    match next.kind() {
                        EventKind::InlineTableClose => break,
                        EventKind::ValueSep => drop(self.events.next()),
                        _ => {
                            let keys = self.keys()?;
                            self.expect(EventKind::KeyValSep)?;
                            let value = self.value()?;
                            members.extend(dotted(keys, value));
                        }
                    }
                }
                Some(bracketed(&event, &self.events.next()?, Shape::Object(members)))
            }
            _ => None,
        }
    }
}

/// A member between brackets. One with a dotted key is odd: the object it is in has no brackets of its own.
fn dotted(mut keys: Vec<(String, Span)>, mut value: Node) -> Option<Member> {
    while let Some((key, key_span)) = keys.pop() {
        let end = value.span.end;
        let member = Member { key, key_span, value };
        if keys.is_empty() {
            return Some(member);
        }
        let span = Span::new(key_span.start, end);
        value = Node { span, from: span.start, shape: Shape::Object(vec![member]), flow: false, odd: true };
    }
    None
}

fn bracketed(open: &Event, close: &Event, shape: Shape) -> Node {
    let span = Span::new(open.span().start(), close.span().end());
    Node { span, from: span.start, shape, flow: true, odd: false }
}

fn span(span: TomlSpan) -> Span {
    Span::new(span.start(), span.end())
}
