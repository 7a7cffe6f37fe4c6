//! A YAML text as a tree with places.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput};

use super::scalar::resolve;
use crate::edit::TOO_DEEP;
use crate::edit::error::EditError;
use crate::edit::node::{Member, Node, Shape};
use crate::{Format, MAX_DEPTH, Plain, Span};

/// The value of a text; `None` when there is nothing but blanks and comments. Aliases are not followed: they stand in the
/// tree as odd text.
pub(in crate::edit) fn read(text: &str) -> Result<Option<Node>, EditError> {
    let mut reader = Reader { text, bytes: byte_offsets(text), parser: Parser::new_from_str(text), at: 0 };
    let mut root = None;
    loop {
        match reader.next()? {
            (Event::DocumentStart(explicit), start, end) => {
                if root.is_some() {
                    return Err(EditError::unsupported(text, start, "begins another document"));
                }
                let from = if explicit { end } else { 0 };
                root = Some(reader.node(from, 0)?);
            }
            (Event::StreamEnd, ..) => return Ok(root),
            _ => {}
        }
    }
}

/// Refuses a text with anchors, aliases, or tags.
pub(in crate::edit) fn refuse_odd(text: &str) -> Result<(), EditError> {
    fn first_odd(node: &Node) -> Option<usize> {
        let inner = || match &node.shape {
            Shape::Scalar(_) => None,
            Shape::List(list) => list.iter().find_map(first_odd),
            Shape::Object(members) => members.iter().find_map(|member| first_odd(&member.value)),
        };
        if node.odd { Some(node.span.start) } else { inner() }
    }
    match read(text)?.as_ref().and_then(first_odd) {
        Some(at) => Err(EditError::unsupported(text, at, super::plan::ODD)),
        None => Ok(()),
    }
}

/// The byte of each character; nothing when each has one.
fn byte_offsets(text: &str) -> Vec<u32> {
    if text.is_ascii() {
        return Vec::new();
    }
    // A text is smaller than MAX_SOURCE_BYTES, so its offsets fit.
    text.char_indices().map(|(at, _)| u32::try_from(at).unwrap_or(u32::MAX)).collect()
}

struct Reader<'t> {
    text: &'t str,
    bytes: Vec<u32>,
    parser: Parser<'t, StrInput<'t>>,
    /// Where the last event began.
    at: usize,
}

impl<'t> Reader<'t> {
    fn byte(&self, marker: &Marker) -> usize {
        let at = if self.bytes.is_empty() {
            marker.index()
        } else {
            self.bytes.get(marker.index()).map_or(self.text.len(), |&at| at as usize)
        };
        at.min(self.text.len())
    }

    fn error(&self, error: &ScanError) -> EditError {
        EditError::syntax(Format::Yaml, self.text, self.byte(error.marker()), error.info())
    }

    fn next(&mut self) -> Result<(Event<'t>, usize, usize), EditError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.at = self.byte(&span.start);
                Ok((event, self.at, self.byte(&span.end)))
            }
            Some(Err(error)) => Err(self.error(&error)),
            None => Ok((Event::StreamEnd, self.text.len(), self.text.len())),
        }
    }

    /// The first byte from `from` on that belongs to no blank, line break, or comment.
    fn skip(&self, from: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = from;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => at += 1,
                // A comment has a blank before it.
                b'#' if at == 0 || at == from || bytes[at - 1].is_ascii_whitespace() => {
                    at += self.text[at..].find('\n').unwrap_or(self.text.len() - at);
                }
                _ => break,
            }
        }
        at
    }

    /// Behind `sign`, when it is what comes next.
    fn behind(&self, from: usize, sign: u8) -> Option<usize> {
        let at = self.skip(from);
        (self.text.as_bytes().get(at) == Some(&sign)).then_some(at + 1)
    }

    /// The value that the next events are about, whose text comes after `from`.
    fn node(&mut self, from: usize, depth: usize) -> Result<Node, EditError> {
        let (event, _, end) = self.next()?;
        let start = self.skip(from);
        if depth > MAX_DEPTH {
            return Err(EditError::syntax(Format::Yaml, self.text, start, TOO_DEEP));
        }
        match event {
            Event::Alias(id) => Ok(Node { odd: true, from, ..scalar(start, end, Plain::Text(format!("*{id}"))) }),
            Event::Scalar(value, style, anchor, tag) => {
                Ok(self.single(&value, style, anchor > 0 || tag.is_some(), from, end))
            }
            Event::SequenceStart(anchor, tag) => {
                let odd = anchor > 0 || tag.is_some();
                let flow = !odd && self.text[start..].starts_with('[');
                self.list(Node { odd, flow, from, ..scalar(start, end, Plain::Null) }, depth)
            }
            Event::MappingStart(anchor, tag) => {
                let odd = anchor > 0 || tag.is_some();
                let flow = !odd && self.text[start..].starts_with('{');
                self.object(Node { odd, flow, from, ..scalar(start, end, Plain::Null) }, depth)
            }
            _ => Err(EditError::syntax(Format::Yaml, self.text, self.at, "expected a value")),
        }
    }

    fn single(&self, value: &str, style: ScalarStyle, odd: bool, from: usize, end: usize) -> Node {
        let start = self.skip(from);
        let plain = if style == ScalarStyle::Plain && !odd { resolve(value) } else { Plain::text(value) };
        let end = match style {
            ScalarStyle::Plain if value.is_empty() => from,
            ScalarStyle::Plain => start + self.text[start.min(end)..end].trim_end().len(),
            // The parser counts what follows on the line.
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if odd => end,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => self.quote_end(start).min(end),
            ScalarStyle::Literal | ScalarStyle::Folded => self.block_end(start, end),
        };
        let start = if value.is_empty() && style == ScalarStyle::Plain { from } else { start.min(end) };
        Node { odd, from, ..scalar(start, end.max(start), plain) }
    }

    /// Behind the closing quote of the text that begins at `start`.
    fn quote_end(&self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let Some(&quote) = bytes.get(start) else { return start };
        let mut at = start + 1;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'\\' if quote == b'"' => at += 1,
                b'\'' if quote == b'\'' && bytes.get(at) == Some(&b'\'') => at += 1,
                byte if byte == quote => break,
                _ => {}
            }
        }
        at
    }

    /// Behind the last line of a text that begins with `|` or `>`. Blank lines at its end belong to it only with a `+`.
    fn block_end(&self, start: usize, end: usize) -> usize {
        let header = self.text[start.min(end)..end].lines().next().unwrap_or_default();
        let header = header.split('#').next().unwrap_or_default();
        if header.contains('+') {
            return end;
        }
        let body = self.text[start.min(end)..end].trim_end();
        let behind = start + body.len();
        let line_break = self.text[behind..end].find('\n').map_or(end, |at| behind + at + 1);
        line_break.min(end)
    }

    fn list(&mut self, mut node: Node, depth: usize) -> Result<Node, EditError> {
        let mut list = Vec::new();
        let mut at = if node.flow { node.span.start + 1 } else { node.span.start };
        let mut odd = node.odd;
        loop {
            if let Some(Ok((Event::SequenceEnd, _))) = self.parser.peek() {
                let (_, _, end) = self.next()?;
                let end = if node.flow {
                    self.behind(at, b']').unwrap_or(end)
                } else if odd {
                    end
                } else {
                    at
                };
                node.span.end = end.max(node.span.start);
                break;
            }
            if !node.flow {
                match self.behind(at, b'-') {
                    Some(behind) => at = behind,
                    None => odd = true,
                }
            }
            let item = self.node(at, depth + 1)?;
            at = item.span.end.max(at);
            if node.flow {
                at = self.behind(at, b',').unwrap_or(at);
            }
            list.push(item);
        }
        Ok(Node { shape: Shape::List(list), odd, ..node })
    }

    fn object(&mut self, mut node: Node, depth: usize) -> Result<Node, EditError> {
        let mut members = Vec::new();
        let mut at = if node.flow { node.span.start + 1 } else { node.span.start };
        let mut odd = node.odd;
        loop {
            if let Some(Ok((Event::MappingEnd, _))) = self.parser.peek() {
                let (_, _, end) = self.next()?;
                let end = if node.flow {
                    self.behind(at, b'}').unwrap_or(end)
                } else if odd {
                    end
                } else {
                    at
                };
                node.span.end = end.max(node.span.start);
                break;
            }
            let explicit = self.text[self.skip(at)..].starts_with(['?', ':']);
            let key_node = self.node(at, depth + 1)?;
            let key = match (&key_node.shape, explicit) {
                (Shape::Scalar(_), false) if key_node.odd => return Err(self.odd_key(&key_node)),
                (Shape::Scalar(Plain::Null), false) => "null".to_owned(),
                (Shape::Scalar(Plain::Text(key) | Plain::Number(key)), false) => key.clone(),
                (Shape::Scalar(Plain::Bool(key)), false) => key.to_string(),
                _ => return Err(self.odd_key(&key_node)),
            };
            // As it is written: `1.0` is no other key than the text of it.
            let written = &self.text[key_node.span.start..key_node.span.end];
            let key = if written.starts_with(['"', '\'']) { key } else { written.to_owned() };
            let colon = self.behind(key_node.span.end, b':');
            odd |= colon.is_none() && !node.flow;
            let value = self.node(colon.unwrap_or(key_node.span.end), depth + 1)?;
            at = value.span.end.max(colon.unwrap_or(at)).max(at);
            if node.flow {
                at = self.behind(at, b',').unwrap_or(at);
            }
            members.push(Member { key, key_span: key_node.span, value });
        }
        Ok(Node { shape: Shape::Object(members), odd, ..node })
    }

    fn odd_key(&self, key: &Node) -> EditError {
        EditError::unsupported(self.text, key.span.start, "has a key that is more than a word or a text")
    }
}

fn scalar(start: usize, end: usize, value: Plain) -> Node {
    Node::scalar(Span::new(start, end), value)
}
