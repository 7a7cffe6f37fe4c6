//! From text to a tree, whatever the format, within bounds.

use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::source::bom_len;
use crate::tree::{At, Value};
use crate::{Code, Format, json, toml, yaml};

/// The largest config text that is read, in bytes.
pub const MAX_SOURCE_BYTES: usize = 16 * 1024 * 1024;

/// How many objects and lists may stand inside each other.
pub const MAX_DEPTH: usize = 128;

/// The tree of the text of this index; `None` when there is none, and then the reason was pushed.
pub(crate) fn tree<'t>(cx: &mut Context<'_>, source: usize, format: Format, text: &'t str) -> Option<Value<'t>> {
    let shift = bom_len(text);
    let beginning = At::new(source, shift, shift);
    if text.len() > MAX_SOURCE_BYTES {
        let message = format!("the text has {} bytes; at most {MAX_SOURCE_BYTES} are read", text.len());
        cx.push(Diagnostic::error(Code::TooLarge, message).with_place(cx.place(beginning)));
        return None;
    }
    let value = match format {
        Format::Json => json::tree(cx, source, text),
        Format::Toml => toml::tree(cx, source, text),
        Format::Yaml => yaml::tree(cx, source, text),
    }?;
    if value.is_null() {
        let (what, help) = match format {
            Format::Json => ("expected an object", "write `{ \"mcpServers\": { } }`"),
            Format::Toml | Format::Yaml => ("expected services", "write `mcpServers:` and the services below it"),
        };
        let diagnostic = Diagnostic::error(Code::Syntax, format!("the text is empty; {what}"));
        cx.push(diagnostic.with_place(cx.place(beginning)).with_help(help));
        return None;
    }
    Some(value)
}
