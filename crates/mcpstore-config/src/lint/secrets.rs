//! Secrets in plain text. What they are is never said, only where.

use super::Service;
use crate::Code;
use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown, shown_name};
use crate::expand::reference_at;
use crate::fields::{Field, get, known};
use crate::mask::args;
use crate::mask::keys::is_secret_name;
use crate::mask::shapes::{self, Found, Looks};
use crate::tree::{Node, Value};
use crate::words::{OAUTH, URL_KEYS};

pub(super) fn check(cx: &mut Context<'_>, service: &Service<'_>) {
    let prefix = variable(service.name.as_str());
    env(cx, &service.fields);
    headers(cx, &service.fields, &prefix);
    if let Some(Node::List(list)) = get(&service.fields, "args").map(|field| &field.value.node) {
        args(cx, list, &prefix);
    }
    for key in URL_KEYS.iter().chain(&["command"]) {
        if let Some((text, value)) = service.text(key) {
            by_looks(cx, &format!("`{key}`"), value, text, &prefix);
        }
    }
    if let Some(Node::Object(oauth)) = get(&service.fields, "oauth").map(|field| &field.value.node)
        && let Some(field) = get(&known(cx, oauth, &OAUTH), "clientSecret")
        && field.value.as_text().is_some_and(shapes::is_plain)
    {
        tell(cx, "`oauth.clientSecret`", field.value, None, None, &format!("${{{prefix}_CLIENT_SECRET}}"));
    }
}

/// The headers of a service, or of an alert sink.
pub(super) fn headers(cx: &mut Context<'_>, fields: &[Field<'_>], prefix: &str) {
    if let Some(Node::Object(headers)) = get(fields, "headers").map(|field| &field.value.node) {
        for member in &headers.members {
            let Some(text) = member.value.as_text() else { continue };
            let what = format!("header `{}`", shown_name(&member.key));
            let scheme =
                text.split_once(' ').map(|(scheme, _)| scheme).filter(|s| matches!(*s, "Bearer" | "Basic" | "token"));
            let reference = match scheme {
                Some(scheme) => format!("{scheme} ${{{prefix}_TOKEN}}"),
                None => format!("${{{}}}", named(prefix, &member.key)),
            };
            if is_secret_name(&member.key) && shapes::is_plain(text) {
                tell(cx, &what, &member.value, None, None, &reference);
            } else {
                by_looks(cx, &what, &member.value, text, prefix);
            }
        }
    }
}

/// The variables of a service, or of `defaults`.
pub(super) fn env(cx: &mut Context<'_>, fields: &[Field<'_>]) {
    let Some(Node::Object(env)) = get(fields, "env").map(|field| &field.value.node) else { return };
    for member in &env.members {
        let Some(text) = member.value.as_text() else { continue };
        let what = format!("`env.{}`", shown_name(&member.key));
        if is_secret_name(&member.key) && shapes::is_plain(text) {
            tell(cx, &what, &member.value, None, None, &format!("${{{}}}", shown(&variable(&member.key))));
        } else {
            by_looks(cx, &what, &member.value, text, &variable(&member.key));
        }
    }
}

/// Arguments: one may name the secret that the next one is. The first thing in each is told.
pub(super) fn args(cx: &mut Context<'_>, list: &[Value<'_>], prefix: &str) {
    let mut told = None;
    for (nth, found) in args::find(list.iter().map(Value::as_text)) {
        if let Some((value, text)) = list.get(nth).and_then(|value| Some((value, value.as_text()?)))
            && found.is_certain()
            && told.replace(nth) != Some(nth)
        {
            tell_found(cx, "an argument", value, text, found, prefix);
        }
    }
}

/// The first thing in a text that looks like a secret.
pub(super) fn by_looks(cx: &mut Context<'_>, what: &str, value: &Value<'_>, text: &str, prefix: &str) {
    if let Some(found) = shapes::find(text).into_iter().find(Found::is_certain) {
        tell_found(cx, what, value, text, found, prefix);
    }
}

fn tell_found(cx: &mut Context<'_>, what: &str, value: &Value<'_>, text: &str, found: Found, prefix: &str) {
    let (looks, variable) = match &found.looks {
        Looks::After(flag) => {
            let what = format!("the argument after `{}`", shown(flag));
            return tell(cx, &what, value, None, None, &format!("${{{}}}", named(prefix, flag)));
        }
        Looks::Known(kind) => (format!("looks like {kind}"), format!("{prefix}_TOKEN")),
        Looks::Named(name) | Looks::Header(name) => (format!("`{}` says what it is", shown(name)), named(prefix, name)),
        Looks::Password => ("the password in an address".to_owned(), format!("{prefix}_PASSWORD")),
    };
    let variable = if prefix.ends_with("_TOKEN") || is_secret_name(prefix) { prefix.to_owned() } else { variable };
    tell(cx, what, value, Some((text, found.range)), Some(looks), &format!("${{{variable}}}"));
}

/// A name of a variable for the secret that goes by `name`.
pub(super) fn named(prefix: &str, name: &str) -> String {
    let name = variable(name);
    let name = name.trim_start_matches("X_");
    let name = if name == "AUTHORIZATION" { "TOKEN" } else { name };
    if name.starts_with(prefix) { shown(name) } else { shown(&format!("{prefix}_{name}")) }
}

/// A text as the name of a variable.
pub(super) fn variable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut small = false;
    for c in text.chars() {
        if small && c.is_ascii_uppercase() {
            out.push('_');
        }
        small = c.is_ascii_lowercase();
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_uppercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    let out = out.trim_end_matches('_');
    if out.is_empty() || out.starts_with(|c: char| c.is_ascii_digit()) { format!("MCP_{out}") } else { out.to_owned() }
}

pub(super) fn tell(
    cx: &mut Context<'_>,
    what: &str,
    value: &Value<'_>,
    part: Option<(&str, std::ops::Range<usize>)>,
    label: Option<String>,
    reference: &str,
) {
    let at = match part {
        Some((text, range)) => reference_at(&cx.text(value.at).source.text, value.at, text, &range),
        None => value.at,
    };
    let message = format!("a secret in plain text: {what}");
    let mut diagnostic = Diagnostic::warning(Code::PlainSecret, message).with_place(cx.place(at));
    diagnostic.label = label;
    cx.push(diagnostic.with_help(format!("put it into an environment variable and write `{reference}`")));
}
