//! From YAML to a tree.
//!
//! Plain scalars are read by YAML 1.2's core schema (spec: YAML 1.2.2, 10.3.2), so `yes` and `no` are text. Aliases and merge keys
//! (`<<`) are followed, within a bound: a few of them can stand for a text of any length.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as YamlSpan};

use crate::Code;
use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown};
use crate::source::floor_boundary;
use crate::syntax::MAX_DEPTH;
use crate::tree::{At, Member, Node, Object, Value};

/// How many nodes aliases may repeat in one text.
const MAX_REPEATED: usize = 100_000;

/// The tree of a text; `None` when there is none, and then the reason was pushed.
pub(crate) fn tree<'t>(cx: &mut Context<'_>, source: usize, text: &'t str) -> Option<Value<'t>> {
    let shift = crate::source::bom_len(text);
    let body = &text[shift..];
    let mut reader = Reader {
        source,
        shift,
        text,
        bytes: Bytes::new(body),
        parser: Parser::new_from_str(body),
        anchors: BTreeMap::new(),
        repeated: 0,
    };
    match reader.document() {
        Ok(value) => Some(value),
        Err(Fault { code, at, message, help }) => {
            let start = floor_boundary(text, (at.start as usize).max(shift));
            let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
            let end = floor_boundary(text, at.end as usize).clamp(start, line_end.max(start));
            let place = cx.place(At::new(source, start, end));
            let mut diagnostic = Diagnostic::error(code, message).with_place(place);
            diagnostic.help = help.map(str::to_owned);
            cx.push(diagnostic);
            None
        }
    }
}

/// Why there is no tree.
struct Fault {
    code: Code,
    at: At,
    message: String,
    help: Option<&'static str>,
}

type Outcome<T> = Result<T, Fault>;

struct Reader<'t> {
    source: usize,
    shift: usize,
    /// The whole text.
    text: &'t str,
    bytes: Bytes,
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    anchors: BTreeMap<usize, Value<'t>>,
    repeated: usize,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Outcome<Value<'t>> {
        let mut value = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) if value.is_some() => {
                    return Err(self.fault(span, "a second document begins here; a config is one document"));
                }
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                event => value = Some(self.value(event, span, 0)?),
            }
        }
        // A text of nothing but comments.
        Ok(value.unwrap_or(Value { at: At::new(self.source, self.shift, self.shift), node: Node::Null }))
    }

    fn next(&mut self) -> Outcome<(Event<'t>, YamlSpan)> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Ok((Event::StreamEnd, YamlSpan::default())),
        }
    }

    fn value(&mut self, event: Event<'t>, span: YamlSpan, depth: usize) -> Outcome<Value<'t>> {
        let at = self.at(span);
        if depth > MAX_DEPTH {
            let message = format!("more than {MAX_DEPTH} objects and lists inside each other");
            return Err(Fault { code: Code::TooDeep, at, message, help: None });
        }
        let (value, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor, at),
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let node = if style == ScalarStyle::Plain && !is_text { scalar(text) } else { Node::Text(text) };
                (Value { at, node }, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut list = Vec::new();
                let end = loop {
                    let (event, span) = self.next()?;
                    match event {
                        Event::SequenceEnd => break span,
                        event => list.push(self.value(event, span, depth + 1)?),
                    }
                };
                (Value { at: self.until(at, end), node: Node::List(list) }, anchor)
            }
            Event::MappingStart(anchor, _) => {
                let mut object = Object::default();
                let mut merged = Vec::new();
                let end = loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::MappingEnd) {
                        break span;
                    }
                    let key_at = self.at(span);
                    let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, _) if text == "<<");
                    let Event::Scalar(key, _, 0, _) = event else {
                        return Err(self.fault(span, "a key is plain text, without an anchor"));
                    };
                    let (event, span) = self.next()?;
                    let value = self.value(event, span, depth + 1)?;
                    if is_merge {
                        merged.push(value);
                    } else {
                        object.members.push(Member { key, key_at, value });
                    }
                };
                merge(&mut object, merged)?;
                (Value { at: self.until(at, end), node: Node::Object(object) }, anchor)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(self.fault(span, "the text ends where a value was expected")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    /// What an anchor stands for. Its places stay those of the anchor: that is where it can be mended.
    fn alias(&mut self, anchor: usize, at: At) -> Outcome<Value<'t>> {
        let Some(value) = self.anchors.get(&anchor).cloned() else {
            let message = "this alias stands for something that is not complete yet".to_owned();
            return Err(Fault { code: Code::Syntax, at, message, help: None });
        };
        self.repeated += nodes(&value);
        if self.repeated > MAX_REPEATED {
            let message = format!("aliases repeat more than {MAX_REPEATED} values");
            return Err(Fault { code: Code::TooLarge, at, message, help: None });
        }
        Ok(value)
    }

    fn at(&self, span: YamlSpan) -> At {
        let byte = |index: usize| self.bytes.of(index) + self.shift;
        At::new(self.source, byte(span.start.index()), byte(span.end.index()))
    }

    /// From where something begins to where its end was seen.
    fn until(&self, start: At, end: YamlSpan) -> At {
        At { end: self.at(end).end.max(start.end), ..start }
    }

    fn fault(&self, span: YamlSpan, message: &str) -> Fault {
        Fault { code: Code::Syntax, at: self.at(span), message: message.to_owned(), help: None }
    }

    fn syntax(&self, error: &ScanError) -> Fault {
        let mut at = self.at(YamlSpan::empty(*error.marker()));
        let info = error.info();
        let message = format!("this is no YAML: {}", shown(info));
        let mut help = None;
        if info.contains("tab")
            && let Some(tab) = self.text.get(at.start as usize..).and_then(|rest| rest.find('\t'))
        {
            let tab = at.start as usize + tab;
            (at, help) = (At::new(self.source, tab, tab + 1), Some("indent with spaces; YAML takes no tabs there"));
        } else if info.contains("mapping values are not allowed") {
            help = Some(
                "look at the indentation of this line and the one before; a text with `: ` in it stands in quotes",
            );
        }
        Fault { code: Code::Syntax, at, message, help }
    }
}

/// `<<`: members of other objects, where this one has none of its own, wherever in it they stand. Of two objects the first wins.
fn merge<'t>(object: &mut Object<'t>, from: Vec<Value<'t>>) -> Outcome<()> {
    if from.is_empty() {
        return Ok(());
    }
    let mut known: BTreeSet<Cow<'t, str>> = object.members.iter().map(|member| member.key.clone()).collect();
    for value in from {
        let at = value.at;
        let parts = match value.node {
            Node::List(list) => list,
            node => vec![Value { at, node }],
        };
        for part in parts {
            let Node::Object(from) = part.node else {
                let message = "`<<` takes an object, or a list of objects".to_owned();
                return Err(Fault { code: Code::Syntax, at: part.at, message, help: None });
            };
            let new = from.members.into_iter().filter(|member| known.insert(member.key.clone()));
            object.members.extend(new);
        }
    }
    Ok(())
}

/// A plain scalar by the core schema.
fn scalar(text: Cow<'_, str>) -> Node<'_> {
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => return Node::Null,
        "true" | "True" | "TRUE" => return Node::Bool(true),
        "false" | "False" | "FALSE" => return Node::Bool(false),
        _ => {}
    }
    let radix = |prefix, radix| {
        let digits = text.strip_prefix(prefix)?;
        u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))
    };
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Node::Number(Cow::Owned(number.to_string()));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(&text);
    // Rust reads `inf` and `nan` as numbers, YAML writes them with a dot.
    let is_number = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.bytes().any(|b| b.is_ascii_digit())
        && text.parse::<f64>().is_ok();
    if is_number { Node::Number(text) } else { Node::Text(text) }
}

/// How many nodes a value has.
fn nodes(value: &Value<'_>) -> usize {
    1 + match &value.node {
        Node::List(list) => list.iter().map(nodes).sum(),
        Node::Object(object) => object.members.iter().map(|member| nodes(&member.value)).sum(),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => 0,
    }
}

/// From counts of characters, in which the parser speaks, to bytes.
struct Bytes {
    /// Where every [`Bytes::STEP`]th character begins; empty for a text of ASCII alone.
    starts: Vec<usize>,
    text: String,
}

impl Bytes {
    const STEP: usize = 64;

    fn new(text: &str) -> Self {
        if text.is_ascii() {
            return Self { starts: Vec::new(), text: String::new() };
        }
        let starts = text.char_indices().step_by(Self::STEP).map(|(at, _)| at).collect();
        Self { starts, text: text.to_owned() }
    }

    fn of(&self, character: usize) -> usize {
        if self.starts.is_empty() {
            return character;
        }
        let Some(&start) = self.starts.get(character / Self::STEP) else { return self.text.len() };
        self.text[start..].char_indices().nth(character % Self::STEP).map_or(self.text.len(), |(at, _)| start + at)
    }
}
