//! The value of a TOML text.

use toml_edit::{Document, Item, TableLike, Value};

use crate::edit::error::EditError;
use crate::edit::number;
use crate::{Format, Plain};

/// The value of the whole text: always an object.
pub(in crate::edit) fn read(text: &str) -> Result<Plain, EditError> {
    let document = Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        EditError::syntax(Format::Toml, text, at, error.message())
    })?;
    Ok(table(text, document.as_table()))
}

fn table(text: &str, table: &dyn TableLike) -> Plain {
    Plain::Object(table.iter().map(|(key, value)| (key.to_owned(), item(text, value))).collect())
}

fn item(text: &str, item: &Item) -> Plain {
    match item {
        Item::None => Plain::Null,
        Item::Value(value) => plain(text, value),
        Item::Table(inner) => table(text, inner),
        Item::ArrayOfTables(list) => Plain::List(list.iter().map(|inner| table(text, inner)).collect()),
    }
}

fn plain(text: &str, value: &Value) -> Plain {
    let raw = || value.span().and_then(|span| text.get(span)).unwrap_or_default();
    match value {
        Value::String(found) => Plain::text(found.value()),
        Value::Boolean(found) => Plain::Bool(*found.value()),
        Value::Integer(_) | Value::Float(_) => number::to_json(raw()).map_or_else(|| Plain::text(raw()), Plain::Number),
        Value::Datetime(_) => Plain::text(raw()),
        Value::Array(list) => Plain::List(list.iter().map(|value| plain(text, value)).collect()),
        Value::InlineTable(inner) => table(text, inner),
    }
}
