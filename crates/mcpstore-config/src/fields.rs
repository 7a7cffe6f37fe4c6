//! The fields of one object: duplicates and unknown keys are told here, once for all objects.

use std::collections::BTreeMap;

use mcpstore_types::nearest;

use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown, shown_name};
use crate::tree::{At, Member, Object, Value};
use crate::words::{Keys, SINK, SYNONYMS, is_private};
use crate::{Code, Format};

/// One field of an object.
#[derive(Clone, Copy)]
pub(crate) struct Field<'v> {
    pub(crate) key: &'v str,
    pub(crate) key_at: At,
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
    once(cx, object, None)
}

/// The fields of an object whose keys are words of the config language; every key that is none is told.
pub(crate) fn entry<'v>(cx: &mut Context<'_>, object: &'v Object<'v>, keys: &Keys) -> Vec<Field<'v>> {
    let out = once(cx, object, Some(keys));
    check_keys(cx, &out, keys);
    out
}

/// The fields whose keys are read, each once; nothing is told, because [`entry`] told it already.
pub(crate) fn known<'v>(cx: &Context<'_>, object: &'v Object<'v>, keys: &Keys) -> Vec<Field<'v>> {
    let mut out: Vec<Field<'v>> = Vec::new();
    for member in object.members.iter().rev() {
        let key = canonical(cx, member, Some(keys));
        if is_among(key, keys.read) && !out.iter().any(|field| is_same(field.key, key)) {
            out.push(Field { key, key_at: member.key_at, value: &member.value });
        }
    }
    out.reverse();
    out
}

/// Up to how many members are looked through one by one: less than a map costs.
const FEW: usize = 16;

fn once<'v>(cx: &mut Context<'_>, object: &'v Object<'v>, keys: Option<&Keys>) -> Vec<Field<'v>> {
    let mut out: Vec<Field<'v>> = Vec::with_capacity(object.members.len());
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    let mut replaced: Vec<usize> = Vec::new();
    for member in &object.members {
        let key = canonical(cx, member, keys);
        let field = Field { key, key_at: member.key_at, value: &member.value };
        let earlier = if object.members.len() <= FEW {
            out.iter().rposition(|earlier| earlier.key == key)
        } else {
            index.insert(key, out.len())
        };
        if let Some(earlier) = earlier {
            replaced.push(earlier);
            let first = cx.place(out[earlier].key_at);
            cx.push(
                Diagnostic::warning(Code::DuplicateKey, format!("`{}` stands twice; the last one counts", shown(key)))
                    .with_place(cx.place(field.key_at))
                    .with_related(first, "this one is ignored"),
            );
        }
        out.push(field);
    }
    if !replaced.is_empty() {
        replaced.sort_unstable();
        let mut at = 0;
        out.retain(|_| {
            at += 1;
            replaced.binary_search(&(at - 1)).is_err()
        });
    }
    out
}

/// The word a key stands for: TOML and YAML may write `depends_on` for `dependsOn`.
fn canonical<'v>(cx: &Context<'_>, member: &'v Member<'_>, keys: Option<&Keys>) -> &'v str {
    let key: &'v str = &member.key;
    let Some(keys) = keys.filter(|_| cx.text(member.key_at).format != Format::Json && key.contains('_')) else {
        return key;
    };
    let known = keys.read.iter().chain(keys.later).chain(keys.foreign);
    known.copied().find(|word| is_snake_of(key, word)).unwrap_or(key)
}

/// A word in snake case as JSON spells it; `None` when it is none, or the same.
pub(crate) fn camel(snake: &str) -> Option<String> {
    let mut out = String::with_capacity(snake.len());
    let mut up = false;
    for c in snake.chars() {
        match c {
            '_' if !out.is_empty() && !up => up = true,
            'a'..='z' | '0'..='9' if up => {
                out.push(c.to_ascii_uppercase());
                up = false;
            }
            'a'..='z' | '0'..='9' => out.push(c),
            _ => return None,
        }
    }
    (out != snake && !up).then_some(out)
}

/// True when `snake` is `camel` with `_` and a small letter for every capital.
pub(crate) fn is_snake_of(snake: &str, camel: &str) -> bool {
    let mut left = snake.bytes();
    camel.bytes().all(|b| match b {
        b'A'..=b'Z' => left.next() == Some(b'_') && left.next() == Some(b.to_ascii_lowercase()),
        _ => left.next() == Some(b),
    }) && left.next().is_none()
}

/// Equal; decided by the length and the first byte most of the time, which the compiler's comparison does not look at by themselves.
fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.as_bytes().first() == b.as_bytes().first() && a == b
}

fn is_among(key: &str, words: &[&str]) -> bool {
    words.iter().any(|word| is_same(key, word))
}

/// The field of this key; one that is `null` counts as absent, as clients that write every field do.
pub(crate) fn get<'v>(fields: &[Field<'v>], key: &str) -> Option<Field<'v>> {
    fields.iter().find(|f| is_same(f.key, key)).filter(|f| !f.value.is_null()).copied()
}

/// The word for what other programs call by this key, or by one that is near to it.
fn meant(key: &str, keys: &Keys) -> Option<&'static str> {
    let called = near(key, SYNONYMS.iter().map(|(other, _)| *other))?;
    let (_, word) = SYNONYMS.iter().find(|(other, _)| *other == called)?;
    keys.read.contains(word).then_some(*word)
}

/// Tells of every key that is not read: unknown ones, and those of a later version.
pub(crate) fn check_keys(cx: &mut Context<'_>, fields: &[Field<'_>], keys: &Keys) {
    for field in fields {
        let key = field.key;
        if is_among(key, keys.read) || is_among(key, keys.foreign) || is_private(key) {
            continue;
        }
        let place = cx.place(field.key_at);
        let diagnostic = if is_among(key, keys.later) {
            if field.value.is_null() {
                continue;
            }
            Diagnostic::warning(
                Code::NotSupportedYet,
                format!("`{key}` is not supported yet by this version and is ignored"),
            )
        } else {
            let known = keys.read.iter().chain(keys.later);
            // Where the sign behind the key is missing, the key has its value in it; that of a sink is secret.
            let named = if keys.of == SINK.of { shown_name(key) } else { shown(key) };
            let mut diagnostic = Diagnostic::warning(Code::UnknownKey, format!("unknown key `{named}` of {}", keys.of));
            let word = if cx.sink.is_full() { None } else { near(key, known.copied()).or_else(|| meant(key, keys)) };
            match word {
                Some(word) => diagnostic.help = Some(format!("did you mean `{word}`?")),
                // Once for each kind of object: the list is long.
                None if cx.sink.is_first_unknown(keys.of) => {
                    diagnostic = diagnostic.with_note(format!("known keys: {}", keys.read.join(", ")));
                }
                None => {}
            }
            diagnostic
        };
        cx.push(diagnostic.with_place(place));
    }
}
