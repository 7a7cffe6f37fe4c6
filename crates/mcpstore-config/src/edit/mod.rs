//! Changes of a config text that leave everything else of it as it is.
//!
//! [`edit`] takes a text and gives the changed text. Comments, order, blank lines, indentation, the byte order mark, line
//! ends and fields that nobody knows stay byte for byte: nothing is written anew, pieces are put in and taken out. What
//! comes out is read again, and must say exactly what the old text said with the changes made to it; otherwise nothing is
//! changed. So a mistake in here can refuse an edit, and never damage a file.
//!
//! | module | what it is about |
//! |---|---|
//! | `model` | the value of the text, and what it is after the changes |
//! | `op` | what must be done to the text |
//! | `flow` | between brackets: JSON, and parts of the others |
//! | `json`, `toml`, `yaml` | the rest of each format |

mod change;
mod error;
mod flow;
mod gap;
mod json;
mod lines;
mod model;
mod node;
mod number;
mod op;
mod splice;
mod toml;
mod yaml;

pub use change::Change;
pub use error::EditError;

use model::Model;
use op::{Op, Todo};
use splice::Splices;

use crate::source::bom_len;
use crate::{Format, MAX_SOURCE_BYTES, Plain};

/// What is said of a text that is nested deeper than [`MAX_DEPTH`](crate::MAX_DEPTH).
const TOO_DEEP: &str = "too many objects and lists inside each other";

/// The text with these changes made, one after the other, and everything else as it was.
///
/// `container` is the way to the object whose members are the entries (`["mcpServers"]`, `["mcp", "servers"]`), or to the
/// list whose elements are, by their `name`. It is made when it is missing or null. Empty, it is the whole text. A text
/// without any value (blank, or comments alone) is a good start.
///
/// Changes of one kind that follow each other are made in one pass over the text, as long as each is about another entry. A
/// pass takes time linear in the text.
///
/// A comment on the last line of an entry that is taken out goes with it; a comment above it stays.
///
/// ```
/// use mcpstore_config::{Change, Format, Plain, edit};
///
/// let text = "{\n  \"mcpServers\": {\n    \"a\": { \"command\": \"a\" } // mine\n  }\n}\n";
/// let value = Plain::Object(vec![("command".to_owned(), Plain::text("b"))]);
/// let insert = Change::Insert { key: "b", value: &value };
/// assert_eq!(
///     edit(text, Format::Json, &["mcpServers"], &[insert])?,
///     "{\n  \"mcpServers\": {\n    \"a\": { \"command\": \"a\" }, // mine\n    \"b\": { \"command\": \"b\" }\n  }\n}\n",
/// );
/// # Ok::<(), mcpstore_config::EditError>(())
/// ```
///
/// # Errors
///
/// The text is none of its format, or larger than [`MAX_SOURCE_BYTES`]; an entry is there already, or is not; something on
/// the way is no object; a value cannot be written in this format; or the text is written in a way that is not edited
/// (in YAML, for example: several documents, or an anchor, alias or tag where the change is).
pub fn edit(text: &str, format: Format, container: &[&str], changes: &[Change<'_>]) -> Result<String, EditError> {
    let (bom, body) = text.split_at(bom_len(text));
    let mut model = Model::open(format, read_all(body, format)?, container)?;
    let mut edited: Option<String> = None;
    let mut rest = changes;
    while !rest.is_empty() {
        let (pass, later) = rest.split_at(pass_length(rest, model.is_missing()));
        rest = later;
        model.compact();
        let mut ops = Vec::new();
        pass.iter().try_for_each(|change| model.change(change, &mut ops))?;
        if !ops.is_empty() {
            edited = Some(apply(edited.as_deref().unwrap_or(body), format, ops)?);
        }
    }
    let Some(edited) = edited else { return Ok(text.to_owned()) };
    let found = read_all(&edited, format).map_err(|_| EditError::Unsafe)?;
    let expected = model.close();
    let same = match format {
        Format::Json | Format::Yaml => found == expected,
        // The fields of a table stand before its sections, so the order may differ from that of the changes.
        Format::Toml => found.sorted() == expected.sorted(),
    };
    if same { Ok(format!("{bom}{edited}")) } else { Err(EditError::Unsafe) }
}

/// The value of a text. Null when there is nothing but blanks and comments.
///
/// Of a key that stands twice the last one counts. Numbers are as JSON writes them; what JSON has no number for (infinity),
/// dates and times are text.
///
/// # Errors
///
/// The text is none of its format, larger than [`MAX_SOURCE_BYTES`], nested deeper than [`MAX_DEPTH`](crate::MAX_DEPTH), or
/// is YAML with aliases, tags, or several documents.
pub fn read_plain(text: &str, format: Format) -> Result<Plain, EditError> {
    let body = &text[bom_len(text)..];
    if format == Format::Yaml {
        yaml::refuse_odd(body)?;
    }
    read_all(body, format).map(without_doubles)
}

/// The value of a text, with every key of it.
fn read_all(body: &str, format: Format) -> Result<Plain, EditError> {
    if body.len() > MAX_SOURCE_BYTES {
        return Err(EditError::TooLarge { bytes: body.len(), max: MAX_SOURCE_BYTES });
    }
    let plain = |node: Option<node::Node>| node.map_or(Plain::Null, |node| node.to_plain());
    match format {
        Format::Json => json::read(body).map(plain),
        Format::Toml => toml::read(body),
        Format::Yaml => yaml::read(body).map(plain),
    }
}

/// How many of the first changes are made in one pass.
fn pass_length(changes: &[Change<'_>], missing: bool) -> usize {
    let Some(first) = changes.first() else { return 0 };
    if missing {
        // The container is made by the first change.
        return 1;
    }
    let mut keys = std::collections::BTreeSet::new();
    changes.iter().take_while(|change| change.pass() == first.pass() && keys.insert(change.key())).count()
}

fn apply(text: &str, format: Format, ops: Vec<Op>) -> Result<String, EditError> {
    let mut out = Splices::default();
    match format {
        Format::Json => json::apply(text, &Todo::new(ops), &mut out)?,
        Format::Yaml => yaml::apply(text, &Todo::new(ops), &mut out)?,
        Format::Toml => return toml::apply(text, ops),
    }
    out.apply(text).ok_or(EditError::Unsafe)
}

/// Only the last of the members of one key.
fn without_doubles(mut value: Plain) -> Plain {
    match &mut value {
        Plain::Object(members) => {
            let mut seen = std::collections::BTreeSet::new();
            let mut keep: Vec<bool> = members.iter().rev().map(|(key, _)| seen.insert(key.clone())).collect();
            members.retain(|_| keep.pop().unwrap_or(true));
            for (_, value) in members {
                *value = without_doubles(std::mem::replace(value, Plain::Null));
            }
        }
        Plain::List(list) => {
            list.iter_mut().for_each(|value| *value = without_doubles(std::mem::replace(value, Plain::Null)));
        }
        Plain::Null | Plain::Bool(_) | Plain::Number(_) | Plain::Text(_) => {}
    }
    value
}
