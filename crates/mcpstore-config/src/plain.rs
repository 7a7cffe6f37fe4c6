//! A value without places: what is written into a config.

use std::fmt::{self, Write as _};

use crate::context::{Context, Text};
use crate::inputs::Inputs;
use crate::sink::Sink;
use crate::{Nothing, Source, syntax};

/// A value of a config text, without its place. Objects keep the order of their members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plain {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number, as it is written (JSON).
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Plain>),
    /// An object: its members in order, each key once.
    Object(Vec<(String, Plain)>),
}

impl Plain {
    /// The value of a text, in whatever format it is written; `None` when its syntax has an error.
    #[must_use]
    pub fn of(source: &Source) -> Option<Self> {
        let texts = [Text::new(source)];
        let (mut sink, inputs) = (Sink::new(false), Inputs::new());
        let mut cx = Context { texts: &texts, outside: &Nothing, sink: &mut sink, inputs: &inputs };
        let value = syntax::tree(&mut cx, 0, texts[0].format, &source.text)?.plain();
        (sink.errors() == 0).then_some(value)
    }

    /// Text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of text.
    #[must_use]
    pub fn texts<I, T>(texts: I) -> Self
    where
        I: IntoIterator<Item = T>,
        T: Into<String>,
    {
        Self::List(texts.into_iter().map(|text| Self::Text(text.into())).collect())
    }

    /// The member of an object; `None` when there is none, or this is no object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The same value whatever the order of the members: every object sorted by its keys.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        match &mut self {
            Self::Object(members) => {
                members.iter_mut().for_each(|(_, value)| *value = std::mem::replace(value, Self::Null).sorted());
                members.sort_by(|a, b| a.0.cmp(&b.0));
            }
            Self::List(list) => {
                list.iter_mut().for_each(|value| *value = std::mem::replace(value, Self::Null).sorted())
            }
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => {}
        }
        self
    }

    /// As JSON on several lines, two spaces a level; lists of up to 100 characters stand on one line.
    #[must_use]
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        self.write_pretty(&mut out, "");
        out
    }

    /// As JSON on one line, without a blank that needs not be there.
    pub(crate) fn compact(&self) -> String {
        let mut out = String::new();
        self.write_compact(&mut out);
        out
    }

    fn write_compact(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => out.push_str(number),
            Self::Text(text) => push_quoted(out, text),
            Self::List(list) => {
                out.push('[');
                for (nth, value) in list.iter().enumerate() {
                    if nth > 0 {
                        out.push(',');
                    }
                    value.write_compact(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (nth, (key, value)) in members.iter().enumerate() {
                    if nth > 0 {
                        out.push(',');
                    }
                    push_quoted(out, key);
                    out.push(':');
                    value.write_compact(out);
                }
                out.push('}');
            }
        }
    }

    fn write_pretty(&self, out: &mut String, indent: &str) {
        const LINE: usize = 100;
        let inner = format!("{indent}  ");
        match self {
            Self::List(list) if !list.is_empty() => {
                let line = self.to_string();
                if line.len() <= LINE {
                    out.push_str(&line);
                    return;
                }
                out.push('[');
                for (nth, value) in list.iter().enumerate() {
                    out.push_str(if nth == 0 { "\n" } else { ",\n" });
                    out.push_str(&inner);
                    value.write_pretty(out, &inner);
                }
                out.extend(["\n", indent, "]"]);
            }
            Self::Object(members) if !members.is_empty() => {
                out.push('{');
                for (nth, (key, value)) in members.iter().enumerate() {
                    out.push_str(if nth == 0 { "\n" } else { ",\n" });
                    out.push_str(&inner);
                    push_quoted(out, key);
                    out.push_str(": ");
                    value.write_pretty(out, &inner);
                }
                out.extend(["\n", indent, "}"]);
            }
            other => {
                // Writing to a text cannot fail.
                let _ = write!(out, "{other}");
            }
        }
    }
}

/// As JSON on one line, with a space after colons and commas.
impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(number),
            Self::Text(text) => {
                let mut out = String::with_capacity(text.len() + 2);
                push_quoted(&mut out, text);
                f.write_str(&out)
            }
            Self::List(list) => {
                f.write_str("[")?;
                for (nth, value) in list.iter().enumerate() {
                    write!(f, "{}{value}", if nth == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Object(members) if members.is_empty() => f.write_str("{}"),
            Self::Object(members) => {
                f.write_str("{ ")?;
                for (nth, (key, value)) in members.iter().enumerate() {
                    let mut text = String::new();
                    push_quoted(&mut text, key);
                    write!(f, "{}{text}: {value}", if nth == 0 { "" } else { ", " })?;
                }
                f.write_str(" }")
            }
        }
    }
}

/// Appends `text` in double quotes, as JSON, TOML (basic strings) and YAML (double-quoted scalars) read it: what one of them
/// does not take as it is, or counts as a line break, is escaped.
pub(crate) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_format_has_a_value() {
        let of = |name: &str, text: &str| Plain::of(&Source::new(name, text)).map(|value| value.to_string());
        let wanted = Some(r#"{ "a": { "b": [1, "x"] } }"#.to_owned());
        assert_eq!(of("x.json", "{ \"a\": { \"b\": [1, \"x\"], }, } // c"), wanted);
        assert_eq!(of("x.toml", "[a]\nb = [1, \"x\"]"), wanted);
        assert_eq!(of("x.yaml", "a:\n  b: [1, x]"), wanted);
        assert_eq!(of("x.json", "{ \"a\" 1 }"), None);
    }

    #[test]
    fn values_are_written_as_json() {
        let value = Plain::Object(vec![
            ("b".into(), Plain::texts(["x\"y\\", "\u{1}\n"])),
            ("a".into(), Plain::Object(vec![("n".into(), Plain::Number("1.50".into()))])),
            ("e".into(), Plain::Object(Vec::new())),
            ("f".into(), Plain::List(Vec::new())),
            ("t".into(), Plain::Bool(true)),
            ("z".into(), Plain::Null),
        ]);
        let line = r#"{ "b": ["x\"y\\", "\u0001\n"], "a": { "n": 1.50 }, "e": {}, "f": [], "t": true, "z": null }"#;
        assert_eq!(value.to_string(), line);
        let compact = r#"{"b":["x\"y\\","\u0001\n"],"a":{"n":1.50},"e":{},"f":[],"t":true,"z":null}"#;
        assert_eq!(value.compact(), compact);
        let pretty = value.pretty();
        assert!(
            pretty.starts_with("{\n  \"b\": [\"x\\\"y\\\\\", \"\\u0001\\n\"],\n  \"a\": {\n    \"n\": 1.50\n  },\n")
        );
        assert!(pretty.ends_with("\"z\": null\n}"), "{pretty}");
        assert_eq!(value.clone().sorted().get("a"), value.get("a"));
    }
}
