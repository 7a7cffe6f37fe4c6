//! A server of a kind that is not built in: `type` names the adapter, `settings` is what that needs to know.

use std::collections::BTreeMap;

use mcpstore_types::{OtherSpec, Secret, TransportSpec};

use crate::Code;
use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown};
use crate::expand::expanded;
use crate::fields::{Field, fields, get};
use crate::transport::{KINDS, contradiction, no_effect, no_nul};
use crate::values::{nonempty, object, text};
use crate::words::URL_KEYS;

/// The transport of an entry that has `settings`; `None` when something is wrong with it.
pub(crate) fn other(cx: &mut Context<'_>, entry: &[Field<'_>], settings: Field<'_>) -> Option<TransportSpec> {
    let before = cx.sink.errors();
    for field in ["command"].iter().chain(URL_KEYS).filter_map(|key| get(entry, key)) {
        let message = format!("both `settings` and `{}`; `settings` belong to a kind that is not built in", field.key);
        contradiction(cx, field, settings, message);
    }
    let kind = kind(cx, entry, settings);
    let settings = read(cx, settings);
    no_effect(cx, entry, &["args", "env", "cwd", "headers"], "a server of a kind that is not built in");
    let kind = kind.filter(|_| cx.sink.errors() == before)?;
    Some(TransportSpec::Other(OtherSpec { kind, settings }))
}

/// The word of the kind.
fn kind(cx: &mut Context<'_>, entry: &[Field<'_>], settings: Field<'_>) -> Option<String> {
    let Some(field) = get(entry, "type").or_else(|| get(entry, "transport")) else {
        let message = "`settings` without a `type`: nothing says which adapter they are for";
        let diagnostic = Diagnostic::error(Code::NoTransport, message).with_place(cx.place(settings.key_at));
        cx.push(diagnostic.with_help("name its kind: \"type\": \"…\""));
        return None;
    };
    let found = nonempty(cx, field.key, field.value)?;
    if found == "in_process" || KINDS.iter().any(|(word, _)| *word == found) {
        let message = format!("`{}` says {found}, which is built in and has no `settings`", field.key);
        contradiction(cx, field, settings, message);
        return None;
    }
    Some(found.to_owned())
}

fn read(cx: &mut Context<'_>, field: Field<'_>) -> BTreeMap<String, Secret> {
    let mut out = BTreeMap::new();
    let Some(object) = object(cx, "settings", field.value) else { return out };
    for field in fields(cx, object) {
        let name = format!("settings.{}", shown(field.key));
        let Some(found) = text(cx, &name, field.value) else { continue };
        if let Some(value) = expanded(cx, &name, field.value, found)
            && no_nul(cx, &name, field.value, &value)
        {
            out.insert(field.key.to_owned(), Secret::new(value));
        }
    }
    out
}
