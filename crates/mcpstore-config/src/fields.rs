//! The fields of one object: duplicates and unknown keys are told here, once for all objects.

use std::collections::BTreeMap;

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged;
use mcpstore_types::nearest;

use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown};
use crate::words::{Keys, is_private};
use crate::{Code, Span};

/// One field of an object.
#[derive(Clone, Copy)]
pub(crate) struct Field<'v> {
    pub(crate) key: &'v str,
    pub(crate) key_span: Span,
    pub(crate) value: &'v Value<'v>,
}

/// The longest word for which a near one is searched, in bytes; the search costs the square of it.
const MAX_NEAREST_LEN: usize = 64;

/// The known word nearest to `word`, if it has a sensible length.
pub(crate) fn near<'a, I, S>(word: &str, known: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a S>,
    S: AsRef<str> + ?Sized + 'a,
{
    if word.len() > MAX_NEAREST_LEN { None } else { nearest(word, known) }
}

/// The fields in the order of the text. Of a key that stands twice only the last counts, and a warning is pushed.
pub(crate) fn fields<'v>(cx: &mut Context<'_>, object: &'v Object<'v>) -> Vec<Field<'v>> {
    let mut out: Vec<Field<'v>> = Vec::with_capacity(object.properties.len());
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    let mut replaced = false;
    for property in &object.properties {
        let key = property.name.as_str();
        let field = Field { key, key_span: cx.span(property.name.range()), value: &property.value };
        if let Some(earlier) = index.insert(key, out.len()) {
            replaced = true;
            let first = cx.place(out[earlier].key_span);
            cx.push(
                Diagnostic::warning(Code::DuplicateKey, format!("`{}` stands twice; the last one counts", shown(key)))
                    .with_place(cx.place(field.key_span))
                    .with_related(first, "this one is ignored"),
            );
        }
        out.push(field);
    }
    if replaced {
        let mut at = 0;
        out.retain(|field| {
            at += 1;
            index.get(field.key) == Some(&(at - 1))
        });
    }
    out
}

/// The field of this key; one that is `null` counts as absent, as clients that write every field do.
pub(crate) fn get<'v>(fields: &[Field<'v>], key: &str) -> Option<Field<'v>> {
    fields.iter().find(|f| f.key == key).filter(|f| !matches!(f.value, Value::NullKeyword(_))).copied()
}

/// Tells of every key that is not read: unknown ones, and those of a later version.
pub(crate) fn check_keys(cx: &mut Context<'_>, fields: &[Field<'_>], keys: &Keys) {
    for field in fields {
        let key = field.key;
        if keys.read.contains(&key) || keys.foreign.contains(&key) || is_private(key) {
            continue;
        }
        let place = cx.place(field.key_span);
        let diagnostic = if keys.later.contains(&key) {
            if matches!(field.value, Value::NullKeyword(_)) {
                continue;
            }
            Diagnostic::warning(
                Code::NotSupportedYet,
                format!("`{key}` is not supported yet by this version and is ignored"),
            )
        } else {
            let known = keys.read.iter().chain(keys.later);
            let mut diagnostic =
                Diagnostic::warning(Code::UnknownKey, format!("unknown key `{}` of {}", shown(key), keys.of));
            match near(key, known.copied()) {
                Some(word) => diagnostic.help = Some(format!("did you mean `{word}`?")),
                None => diagnostic = diagnostic.with_note(format!("known keys: {}", keys.read.join(", "))),
            }
            diagnostic
        };
        cx.push(diagnostic.with_place(place));
    }
}
