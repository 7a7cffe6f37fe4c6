//! JSON, with comments and trailing commas.

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, parse_to_ast};

use super::error::EditError;
use super::flow::{Flow, Put, Write};
use super::gap::Comments;
use super::lines::Layout;
use super::node::{Member, Node, Shape};
use super::op::Todo;
use super::splice::Splices;
use crate::json::{STRICT, error_words, too_deep};
use crate::plain::push_quoted;
use crate::{Format, Plain, Span};

/// The value of a text; `None` when there is nothing but blanks and comments.
pub(super) fn read(text: &str) -> Result<Option<Node>, EditError> {
    if let Some(at) = too_deep(text) {
        return Err(EditError::syntax(Format::Json, text, at, super::TOO_DEEP));
    }
    let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT)
        .map_err(|error| EditError::syntax(Format::Json, text, error.range().start, error_words(error.kind()).0))?;
    Ok(parsed.value.map(|value| node(&value)))
}

fn node(value: &Value<'_>) -> Node {
    let span = Span::new(value.start(), value.end());
    let shape = match value {
        Value::NullKeyword(_) => Shape::Scalar(Plain::Null),
        Value::BooleanLit(literal) => Shape::Scalar(Plain::Bool(literal.value)),
        Value::NumberLit(literal) => Shape::Scalar(Plain::Number(literal.value.to_owned())),
        Value::StringLit(literal) => Shape::Scalar(Plain::text(&*literal.value)),
        Value::Array(array) => Shape::List(array.elements.iter().map(node).collect()),
        Value::Object(object) => Shape::Object(
            object
                .properties
                .iter()
                .map(|property| Member {
                    key: property.name.as_str().to_owned(),
                    key_span: Span::new(property.name.start(), property.name.end()),
                    value: node(&property.value),
                })
                .collect(),
        ),
    };
    Node { span, from: span.start, shape, flow: true, odd: false }
}

/// Does what is to be done.
pub(super) fn apply(text: &str, todo: &Todo, out: &mut Splices) -> Result<(), EditError> {
    let layout = Layout::of(text);
    let Some(root) = read(text)? else {
        let mut new = Json { layout }.value(&todo.inserted(), Put::Lines(""));
        new.push_str(layout.eol);
        if text.trim().is_empty() {
            out.replace(0, text.len(), new);
        } else {
            let apart = if text.ends_with('\n') { "" } else { layout.eol };
            out.insert(text.len(), format!("{apart}{new}"));
        }
        return Ok(());
    };
    let flow =
        Flow { text, layout, comments: Comments::Slashes, lines: true, odd: "is no JSON", write: Json { layout } };
    flow.edit(&root, todo, out)
}

struct Json<'t> {
    layout: Layout<'t>,
}

impl Write for Json<'_> {
    fn key(&self, key: &str, put: Put<'_>) -> String {
        let mut out = String::new();
        push_quoted(&mut out, key);
        out.push_str(if matches!(put, Put::Tight) { ":" } else { ": " });
        out
    }

    fn value(&self, value: &Plain, put: Put<'_>) -> String {
        match put {
            Put::Line => value.to_string(),
            Put::Tight => {
                let mut out = String::new();
                self.tight(value, &mut out);
                out
            }
            Put::Lines(indent) => {
                let mut out = String::new();
                self.lines(value, indent, &mut out);
                out
            }
        }
    }
}

impl Json<'_> {
    fn tight(&self, value: &Plain, out: &mut String) {
        match value {
            Plain::List(list) => {
                out.push('[');
                for (nth, value) in list.iter().enumerate() {
                    out.push_str(if nth == 0 { "" } else { "," });
                    self.tight(value, out);
                }
                out.push(']');
            }
            Plain::Object(members) => {
                out.push('{');
                for (nth, (key, value)) in members.iter().enumerate() {
                    out.push_str(if nth == 0 { "" } else { "," });
                    out.push_str(&self.key(key, Put::Tight));
                    self.tight(value, out);
                }
                out.push('}');
            }
            scalar => out.push_str(&scalar.to_string()),
        }
    }

    /// On several lines; lists of up to 100 characters stand on one.
    fn lines(&self, value: &Plain, indent: &str, out: &mut String) {
        let deeper = format!("{indent}{}", self.layout.unit);
        let eol = self.layout.eol;
        match value {
            Plain::List(list) if !list.is_empty() => {
                let line = value.to_string();
                if line.len() <= LINE {
                    return out.push_str(&line);
                }
                for (nth, value) in list.iter().enumerate() {
                    out.extend([if nth == 0 { "[" } else { "," }, eol, &deeper]);
                    self.lines(value, &deeper, out);
                }
                out.extend([eol, indent, "]"]);
            }
            Plain::Object(members) if !members.is_empty() => {
                for (nth, (key, value)) in members.iter().enumerate() {
                    out.extend([if nth == 0 { "{" } else { "," }, eol, &deeper]);
                    out.push_str(&self.key(key, Put::Line));
                    self.lines(value, &deeper, out);
                }
                out.extend([eol, indent, "}"]);
            }
            scalar => out.push_str(&scalar.to_string()),
        }
    }
}

/// The longest list on one line.
const LINE: usize = 100;
