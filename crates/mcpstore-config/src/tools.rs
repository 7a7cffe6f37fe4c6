//! `tools`: which tools of a service are offered, and under which names; and what other clients say about that.

use std::collections::BTreeMap;

use mcpstore_types::{Expose, ToolRules, glob_matches};

use crate::Code;
use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown};
use crate::fields::{Field, entry, fields, get};
use crate::patterns::{MAX_PATTERN, patterns};
use crate::transport::contradiction;
use crate::tree::{Node, Value};
use crate::values::{object, text, word, wrong_type};
use crate::words::{DEFAULT_TOOLS, TOOLS, VIEW_TOOLS};

/// The most patterns in one list, and the most tools with another name or description.
pub(crate) const MAX_TOOLS: usize = 500;

/// The longest name under which a tool is offered, in characters: clients put words of their own before it.
pub(crate) const MAX_NAME: usize = 64;

/// The longest description that is put in place of a server's, in bytes.
const MAX_DESCRIPTION: usize = 16 << 10;

/// The words for `expose`.
const EXPOSE: [(&str, Expose); 2] = [("prefixed", Expose::Prefixed), ("plain", Expose::Plain)];

/// Other clients' words for `tools.allow`, and for `tools.deny`. A list under `tools` is Copilot's.
const THEIR_ALLOW: [&str; 2] = ["enabledTools", "includeTools"];
const THEIR_DENY: [&str; 2] = ["disabledTools", "excludeTools"];

/// Which tools an entry offers; `expose` is what holds where it says nothing.
pub(crate) fn tools(cx: &mut Context<'_>, entry: &[Field<'_>], expose: Expose) -> ToolRules {
    let mut out = ToolRules { expose, ..ToolRules::default() };
    let own = get(entry, "tools");
    let inner = match own.map(|field| (field, &field.value.node)) {
        Some((_, Node::Object(object))) => self::entry(cx, object, &TOOLS),
        Some((_, Node::List(_))) | None => Vec::new(),
        Some((field, _)) => {
            let help = "write which, for example { \"allow\": [\"search_*\"] }";
            wrong_type(cx, "tools", field.value, "an object", Some(help));
            Vec::new()
        }
    };
    let mut allowed = get(&inner, "allow");
    if let Some(field) = allowed {
        out.allow = allow(cx, "tools.allow", field);
    }
    if let Some(field) = get(&inner, "deny") {
        out.deny = patterns(cx, "tools.deny", field, MAX_TOOLS);
    }
    let listed = own.filter(|field| matches!(field.value.node, Node::List(_)));
    for field in listed.into_iter().chain(THEIR_ALLOW.iter().filter_map(|key| get(entry, key))) {
        if let Some(first) = allowed {
            let name = if first.key == "allow" { "tools.allow" } else { first.key };
            contradiction(cx, field, first, format!("both `{name}` and `{}` say which tools are offered", field.key));
            continue;
        }
        allowed = Some(field);
        their_allow(cx, field, &mut out);
    }
    for field in THEIR_DENY.iter().filter_map(|key| get(entry, key)) {
        for pattern in patterns(cx, field.key, field, MAX_TOOLS) {
            if !out.deny.contains(&pattern) {
                out.deny.push(pattern);
            }
        }
    }
    if let Some(field) = get(&inner, "allow") {
        allowed_and_denied(cx, field, &out.deny);
    }
    if let Some(field) = get(&inner, "rename") {
        out.rename = rename(cx, field);
        idle(cx, "rename", field, &out.rename, &out);
    }
    if let Some(field) = get(&inner, "describe") {
        out.describe = describe(cx, field);
        idle(cx, "describe", field, &out.describe, &out);
    }
    out.expose = get(&inner, "expose").and_then(|field| expose_word(cx, field)).unwrap_or(expose);
    out
}

/// `defaults.tools`: how names are exposed, and nothing else; which tools there are, each service says for itself.
pub(crate) fn expose(cx: &mut Context<'_>, field: Field<'_>) -> Option<Expose> {
    let object = object(cx, "defaults.tools", field.value)?;
    let inner = entry(cx, object, &DEFAULT_TOOLS);
    get(&inner, "expose").and_then(|field| expose_word(cx, field))
}

/// `tools` of a profile: what it allows, and what it denies.
pub(crate) fn of_view(cx: &mut Context<'_>, field: Field<'_>) -> (Vec<String>, Vec<String>) {
    let Node::Object(object) = &field.value.node else {
        let help = "write which, for example { \"allow\": [\"search__*\"] }";
        wrong_type(cx, "tools", field.value, "an object", Some(help));
        return (Vec::new(), Vec::new());
    };
    let inner = entry(cx, object, &VIEW_TOOLS);
    let allow = get(&inner, "allow").map_or_else(Vec::new, |field| allow(cx, "tools.allow", field));
    let deny = get(&inner, "deny").map_or_else(Vec::new, |field| patterns(cx, "tools.deny", field, MAX_TOOLS));
    if let Some(field) = get(&inner, "allow") {
        allowed_and_denied(cx, field, &deny);
    }
    (allow, deny)
}

fn expose_word(cx: &mut Context<'_>, field: Field<'_>) -> Option<Expose> {
    word(cx, "tools.expose", field.value, &EXPOSE)
}

/// A list of what is allowed. One without elements is no way to say none: somebody may mean all by it.
fn allow(cx: &mut Context<'_>, name: &str, field: Field<'_>) -> Vec<String> {
    if matches!(&field.value.node, Node::List(list) if list.is_empty()) {
        let diagnostic = cx.error_at(field.value, Code::Empty, format!("`{name}` names no tool"));
        cx.push(diagnostic.with_help("write [\"*\"] for all of them; for none, \"deny\": [\"*\"]"));
    }
    patterns(cx, name, field, MAX_TOOLS)
}

/// A list of what is allowed in other clients' words: without elements it allows nothing there.
fn their_allow(cx: &mut Context<'_>, field: Field<'_>, out: &mut ToolRules) {
    let found = patterns(cx, field.key, field, MAX_TOOLS);
    if matches!(&field.value.node, Node::List(list) if list.is_empty()) && !out.deny.iter().any(|one| one == "*") {
        out.deny.push("*".to_owned());
    }
    if found.iter().any(|pattern| pattern == "*") {
        return;
    }
    // Gemini CLI takes `name(…)` for the name.
    let name = |pattern: String| match pattern.split_once('(') {
        Some((name, _)) if field.key == "includeTools" && !name.is_empty() => name.to_owned(),
        _ => pattern,
    };
    for pattern in found.into_iter().map(name) {
        if !out.allow.contains(&pattern) {
            out.allow.push(pattern);
        }
    }
}

/// A tool that is named in both lists.
fn allowed_and_denied(cx: &mut Context<'_>, field: Field<'_>, deny: &[String]) {
    let Node::List(list) = &field.value.node else { return };
    for value in list.iter().take(MAX_TOOLS) {
        let Some(tool) = value.as_text().filter(|text| text.len() <= MAX_PATTERN && !is_pattern(text)) else {
            continue;
        };
        if deny.iter().any(|pattern| glob_matches(pattern, tool)) {
            let message = format!("`{}` is allowed and denied; it is left out", shown(tool));
            let diagnostic = Diagnostic::warning(Code::Contradiction, message).with_place(cx.place(value.at));
            cx.push(diagnostic.with_help("keep it in one of the two lists"));
        }
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// True for a name under which a tool can be offered to every client.
pub(crate) fn is_tool_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The members of a block that has tools for keys, each with its text.
fn by_tool<'v>(cx: &mut Context<'_>, name: &str, field: Field<'v>) -> Vec<(Field<'v>, &'v str)> {
    let Some(object) = object(cx, name, field.value) else { return Vec::new() };
    let members = fields(cx, object);
    if members.len() > MAX_TOOLS {
        let message = format!("`{name}` has {} tools; {MAX_TOOLS} are the most", members.len());
        cx.push(cx.error_at(field.value, Code::OutOfRange, message));
        return Vec::new();
    }
    let mut out = Vec::with_capacity(members.len());
    for field in members.into_iter().filter(|field| !field.value.is_null()) {
        let place = cx.place(field.key_at);
        if field.key.trim().is_empty() {
            let message = format!("the name of a tool in `{name}` is empty");
            cx.push(Diagnostic::error(Code::Empty, message).with_place(place));
        } else if field.key.len() > MAX_PATTERN || is_pattern(field.key) {
            let message = format!("`{}` is the name of no tool; `{name}` takes no patterns", shown(field.key));
            let diagnostic = Diagnostic::error(Code::BadPattern, message).with_place(place);
            cx.push(diagnostic.with_help("write the name as the server has it, one for each tool"));
        } else if let Some(found) = text(cx, &format!("{name}.{}", shown(field.key)), field.value) {
            out.push((field, found));
        }
    }
    out
}

fn rename(cx: &mut Context<'_>, field: Field<'_>) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let mut taken: BTreeMap<&str, &Value<'_>> = BTreeMap::new();
    for (field, name) in by_tool(cx, "tools.rename", field) {
        if !is_tool_name(name) {
            let message = format!("no tool can be offered as `{}`", shown(name));
            let diagnostic = cx.error_at(field.value, Code::BadToolName, message);
            cx.push(diagnostic.with_help(format!("write 1 to {MAX_NAME} letters, digits, `_` and `-`")));
        } else if let Some(first) = taken.get(name) {
            let related = cx.place(first.at);
            let message = format!("two tools are renamed to `{name}`");
            let diagnostic = cx.error_at(field.value, Code::SameToolName, message);
            cx.push(diagnostic.with_related(related, "the other one").with_help("give one of them another name"));
        } else {
            taken.insert(name, field.value);
            out.insert(field.key.to_owned(), name.to_owned());
        }
    }
    out
}

fn describe(cx: &mut Context<'_>, field: Field<'_>) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (field, found) in by_tool(cx, "tools.describe", field) {
        if found.len() > MAX_DESCRIPTION {
            let message = format!("the description has {} bytes; {MAX_DESCRIPTION} are the most", found.len());
            cx.push(cx.error_at(field.value, Code::OutOfRange, message));
        } else {
            out.insert(field.key.to_owned(), found.to_owned());
        }
    }
    out
}

/// Tells of another name, or another description, for a tool that is not offered.
fn idle(cx: &mut Context<'_>, block: &str, field: Field<'_>, texts: &BTreeMap<String, String>, rules: &ToolRules) {
    let Some(object) = field.value.as_object() else { return };
    for member in &object.members {
        if texts.contains_key(member.key.as_ref()) && !rules.offers(&member.key) {
            let tool = shown(&member.key);
            let message = format!("`tools.{block}.{tool}` has no effect: `{tool}` is not offered");
            let diagnostic = Diagnostic::warning(Code::NoEffect, message).with_place(cx.place(member.key_at));
            cx.push(diagnostic.with_help("take it out, or offer the tool"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_every_client_takes() {
        for name in ["a", "search_files", "a-B_9", &"x".repeat(MAX_NAME)] {
            assert!(is_tool_name(name), "{name}");
        }
        for name in ["", " ", "a b", "a.b", "a/b", "é", "a*", &"x".repeat(MAX_NAME + 1)] {
            assert!(!is_tool_name(name), "{name}");
        }
    }
}
