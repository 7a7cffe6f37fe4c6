//! Values as YAML.

use super::scalar;
use super::style::Style;
use crate::Plain;
use crate::edit::flow::{Put, Write};

/// The longest list between brackets.
const LINE: usize = 100;

/// Writes values between brackets, on one line.
pub(super) struct Brackets;

impl Write for Brackets {
    fn key(&self, key: &str, _: Put<'_>) -> String {
        format!("{}: ", scalar::text_or_quoted(key))
    }

    fn value(&self, value: &Plain, put: Put<'_>) -> String {
        match value {
            Plain::List(list) => {
                let list: Vec<String> = list.iter().map(|value| self.value(value, put)).collect();
                format!("[{}]", list.join(", "))
            }
            Plain::Object(members) if members.is_empty() => "{}".to_owned(),
            Plain::Object(members) => {
                let one = |(key, value): &(String, Plain)| self.key(key, put) + &self.value(value, put);
                format!("{{ {} }}", members.iter().map(one).collect::<Vec<_>>().join(", "))
            }
            scalar => scalar::write(scalar),
        }
    }
}

impl Style<'_> {
    /// A value as it stands behind its key on one line; `None` when it is a block.
    pub(super) fn on_line(&self, value: &Plain) -> Option<String> {
        match value {
            Plain::List(list) if !list.is_empty() => {
                let line = Brackets.value(value, Put::Line);
                (self.brackets && line.len() <= LINE).then_some(line)
            }
            Plain::Object(members) if !members.is_empty() => None,
            other => Some(Brackets.value(other, Put::Line)),
        }
    }

    /// The lines of a member, each with its line break.
    pub(super) fn member(&self, key: &str, value: &Plain, indent: &str, out: &mut String) {
        out.extend([indent, &scalar::text_or_quoted(key), ":"]);
        match self.on_line(value) {
            Some(line) => out.extend([" ", &line, self.eol]),
            None => {
                out.push_str(self.eol);
                self.block(value, indent, out);
            }
        }
    }

    /// The lines of a list or an object that stands below a key with this indentation.
    pub(super) fn block(&self, value: &Plain, indent: &str, out: &mut String) {
        match value {
            Plain::List(list) => {
                let deeper = format!("{indent}{}", self.list);
                list.iter().for_each(|value| self.item(value, &deeper, out));
            }
            Plain::Object(members) => {
                let deeper = format!("{indent}{}", self.unit);
                members.iter().for_each(|(key, value)| self.member(key, value, &deeper, out));
            }
            // A single value is no block.
            Plain::Null | Plain::Bool(_) | Plain::Number(_) | Plain::Text(_) => {}
        }
    }

    /// The lines of an element of a list, whose dash has this indentation.
    pub(super) fn item(&self, value: &Plain, indent: &str, out: &mut String) {
        let deeper = format!("{indent}  ");
        match value {
            Plain::Object(members) if !members.is_empty() => {
                let from = out.len();
                members.iter().for_each(|(key, value)| self.member(key, value, &deeper, out));
                // The first line begins with the dash.
                out.replace_range(from..from + deeper.len(), &format!("{indent}- "));
            }
            other => out.extend([indent, "- ", &Brackets.value(other, Put::Line), self.eol]),
        }
    }
}
