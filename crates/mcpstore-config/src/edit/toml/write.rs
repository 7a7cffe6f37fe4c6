//! Values as TOML.

use crate::Plain;
use crate::edit::flow::{Put, Write};
use crate::edit::op::Step;
use crate::plain::push_quoted;

/// Writes values between brackets, always on one line: that is what every version of TOML reads.
pub(super) struct Inline;

impl Write for Inline {
    fn key(&self, key: &str, _: Put<'_>) -> String {
        format!("{} = ", self::key(key))
    }

    fn value(&self, value: &Plain, _: Put<'_>) -> String {
        let mut out = String::new();
        inline(value, &mut out);
        out
    }
}

fn inline(value: &Plain, out: &mut String) {
    match value {
        Plain::List(list) => {
            out.push('[');
            for (nth, value) in list.iter().enumerate() {
                out.push_str(if nth == 0 { "" } else { ", " });
                inline(value, out);
            }
            out.push(']');
        }
        Plain::Object(members) if members.is_empty() => out.push_str("{}"),
        Plain::Object(members) => {
            for (nth, (name, value)) in members.iter().enumerate() {
                out.extend([if nth == 0 { "{ " } else { ", " }, &key(name), " = "]);
                inline(value, out);
            }
            out.push_str(" }");
        }
        Plain::Text(text) => push_quoted(out, text),
        // Null does not get here: it was taken out.
        Plain::Null | Plain::Bool(_) | Plain::Number(_) => out.push_str(&value.to_string()),
    }
}

/// A key, in quotes where it needs them.
pub(super) fn key(key: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if !key.is_empty() && key.bytes().all(bare) {
        return key.to_owned();
    }
    let mut out = String::new();
    push_quoted(&mut out, key);
    out
}

/// Keys with dots between them.
pub(super) fn path(steps: &[Step]) -> String {
    let keys = steps.iter().filter_map(|step| match step {
        Step::Key(name) => Some(key(name)),
        Step::Index(_) => None,
    });
    keys.collect::<Vec<_>>().join(".")
}

/// The longest object between brackets; a longer one becomes a section of its own.
pub(super) const LINE: usize = 100;

/// An object as a section, with sections for the large objects in it. Each line ends with `eol`.
pub(super) fn section(at: &[Step], members: &[(String, Plain)], indent: &str, eol: &str) -> String {
    let mut out = String::new();
    let array = matches!(at.last(), Some(Step::Index(_)));
    let is_object = |value: &Plain| matches!(value, Plain::Object(_));
    // A table with nothing but tables in it needs no header.
    let implied = !array && !members.is_empty() && members.iter().all(|(_, value)| is_object(value));
    let mut inner = Vec::new();
    if !implied {
        let (open, close) = if array { ("[[", "]]") } else { ("[", "]") };
        out.extend([indent, open, &path(at), close, eol]);
    }
    for (name, value) in members {
        let line = Inline.value(value, Put::Line);
        match value {
            Plain::Object(members) if implied || line.len() > LINE => inner.push((name, members)),
            _ => out.extend([indent, &key(name), " = ", &line, eol]),
        }
    }
    for (name, members) in inner {
        if !out.is_empty() {
            out.push_str(eol);
        }
        let at = [at, &[Step::Key(name.clone())]].concat();
        out.push_str(&section(&at, members, indent, eol));
    }
    out
}
