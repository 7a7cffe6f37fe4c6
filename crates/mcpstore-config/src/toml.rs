//! From TOML to a tree.

use std::borrow::Cow;

use toml_edit::{Document, Item, Table, Value as Toml};

use crate::Code;
use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown};
use crate::source::floor_boundary;
use crate::tree::{At, Member, Node, Object, Value};

/// The tree of a text; `None` when there is none, and then the reason was pushed.
pub(crate) fn tree<'t>(cx: &mut Context<'_>, source: usize, text: &'t str) -> Option<Value<'t>> {
    let shift = crate::source::bom_len(text);
    match Document::parse(&text[shift..]) {
        Ok(document) => {
            let reader = Reader { source, shift };
            let whole = At::new(source, shift, text.len());
            Some(Value { at: whole, node: Node::Object(reader.table(document.as_table(), whole)) })
        }
        Err(error) => {
            let range = error.span().unwrap_or(0..0);
            let start = floor_boundary(text, range.start + shift);
            let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
            let end = floor_boundary(text, range.end + shift).clamp(start, line_end.max(start));
            // The parser's words quote keys of the text.
            let words = shown(error.message().lines().next().unwrap_or_default());
            let message =
                if words.is_empty() { "this is no TOML".to_owned() } else { format!("this is no TOML: {words}") };
            let place = cx.place(At::new(source, start, end));
            cx.push(Diagnostic::error(Code::Syntax, message).with_place(place));
            None
        }
    }
}

struct Reader {
    source: usize,
    shift: usize,
}

impl Reader {
    fn at(&self, span: Option<std::ops::Range<usize>>, otherwise: At) -> At {
        span.map_or(otherwise, |range| At::new(self.source, range.start + self.shift, range.end + self.shift))
    }

    fn table<'t>(&self, table: &Table, parent: At) -> Object<'t> {
        let members = table.iter().filter_map(|(key, item)| {
            let key_at = self.at(table.key(key).and_then(toml_edit::Key::span), parent);
            Some(Member { key: Cow::Owned(key.to_owned()), key_at, value: self.item(item, key_at)? })
        });
        Object { members: members.collect() }
    }

    fn item<'t>(&self, item: &Item, parent: At) -> Option<Value<'t>> {
        Some(match item {
            Item::None => return None,
            Item::Value(value) => self.value(value, parent),
            Item::Table(table) => {
                let at = self.at(table.span(), parent);
                Value { at, node: Node::Object(self.table(table, at)) }
            }
            Item::ArrayOfTables(list) => {
                let at = self.at(list.span(), parent);
                let tables = list.iter().map(|table| {
                    let at = self.at(table.span(), at);
                    Value { at, node: Node::Object(self.table(table, at)) }
                });
                Value { at, node: Node::List(tables.collect()) }
            }
        })
    }

    fn value<'t>(&self, value: &Toml, parent: At) -> Value<'t> {
        let at = self.at(value.span(), parent);
        let node = match value {
            Toml::String(text) => Node::Text(Cow::Owned(text.value().clone())),
            Toml::Integer(number) => Node::Number(Cow::Owned(number.value().to_string())),
            Toml::Float(number) => Node::Number(Cow::Owned(number.value().to_string())),
            Toml::Boolean(value) => Node::Bool(*value.value()),
            Toml::Datetime(time) => Node::Text(Cow::Owned(time.value().to_string())),
            Toml::Array(list) => Node::List(list.iter().map(|value| self.value(value, at)).collect()),
            Toml::InlineTable(table) => {
                let members = table.iter().map(|(key, value)| {
                    let key_at = self.at(table.key(key).and_then(toml_edit::Key::span), at);
                    Member { key: Cow::Owned(key.to_owned()), key_at, value: self.value(value, key_at) }
                });
                Node::Object(Object { members: members.collect() })
            }
        };
        Value { at, node }
    }
}
