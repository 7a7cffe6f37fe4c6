//! `dependsOn`: names and kinds, checked against the services that there are.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{Node, Value};
use mcpstore_types::{DepCondition, DepKind, Dependency, InvalidName, ServiceName};

use crate::context::Context;
use crate::diagnostic::{Diagnostic, push_visible, shown};
use crate::fields::{Field, entry, get, near};
use crate::values::{text, word, wrong_type};
use crate::words::DEPENDENCY;
use crate::{Code, Place};

/// The names of all services of a config, whether their entries are good or not.
pub(crate) type Names = BTreeSet<ServiceName>;

/// The dependencies of `service`, each with the place of the name it states.
pub(crate) fn dependencies(
    cx: &mut Context<'_>,
    service: &ServiceName,
    field: Field<'_>,
    names: &Names,
) -> Vec<(Dependency, Place)> {
    let elements: &[Value<'_>] = match &field.value.node {
        Node::List(list) => list,
        // One name, or one object, without brackets.
        Node::Text(_) | Node::Object(_) => std::slice::from_ref(field.value),
        Node::Null | Node::Bool(_) | Node::Number(_) => {
            let help = "write [\"name\"] or [{ \"on\": \"name\", \"kind\": \"wants\" }]";
            wrong_type(cx, "dependsOn", field.value, "a list of names or objects", Some(help));
            return Vec::new();
        }
    };
    let mut out: Vec<(Dependency, Place)> = Vec::with_capacity(elements.len());
    let mut seen: BTreeMap<ServiceName, usize> = BTreeMap::new();
    for element in elements {
        let Some((dependency, place)) = read(cx, element) else { continue };
        if dependency.on == *service {
            let message = format!("`{service}` depends on itself");
            cx.push(Diagnostic::error(Code::SelfDependency, message).with_place(place).with_help("take it out"));
        } else if !names.contains(&dependency.on) {
            unknown(cx, service, &dependency.on, place, names);
        } else if let Some(&earlier) = seen.get(&dependency.on) {
            twice(cx, &dependency, place, &out[earlier]);
        } else {
            seen.insert(dependency.on.clone(), out.len());
            out.push((dependency, place));
        }
    }
    out
}

/// One element: a name, or an object with `on`.
fn read(cx: &mut Context<'_>, element: &Value<'_>) -> Option<(Dependency, Place)> {
    let object = match &element.node {
        Node::Text(_) => {
            let (on, place) = name(cx, "an element of dependsOn", element)?;
            return Some((Dependency::requires(on), place));
        }
        Node::Object(object) => object,
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::List(_) => {
            let help = "write \"name\" or { \"on\": \"name\", \"kind\": \"wants\" }";
            wrong_type(cx, "an element of dependsOn", element, "a name or an object", Some(help));
            return None;
        }
    };
    let entry = entry(cx, object, &DEPENDENCY);
    let before = cx.sink.errors();
    let kind = get(&entry, "kind")
        .and_then(|field| word(cx, "dependsOn.kind", field.value, &DepKind::ALL.map(|kind| (kind.as_str(), kind))));
    let condition = get(&entry, "condition").and_then(|field| {
        let known = DepCondition::ALL.map(|condition| (condition.as_str(), condition));
        Some((word(cx, "dependsOn.condition", field.value, &known)?, field))
    });
    let Some(on) = get(&entry, "on") else {
        let message = "this dependency does not say on what";
        let diagnostic = cx.error_at(element, Code::Empty, message);
        cx.push(diagnostic.with_help("write { \"on\": \"name\" }"));
        return None;
    };
    let (on, place) = name(cx, "dependsOn.on", on.value)?;
    if cx.sink.errors() > before {
        return None;
    }
    let mut dependency = Dependency::new(on, kind.unwrap_or_default());
    if let Some((condition, field)) = condition {
        if matches!(dependency.kind, DepKind::PartOf | DepKind::Conflicts) {
            let message = format!("`condition` has no effect on a dependency of kind `{}`", dependency.kind);
            let at = cx.place(field.key_at);
            cx.push(Diagnostic::warning(Code::NoEffect, message).with_place(at));
        } else {
            dependency.condition = condition;
        }
    }
    Some((dependency, place))
}

/// A service name and its place.
fn name(cx: &mut Context<'_>, what: &str, value: &Value<'_>) -> Option<(ServiceName, Place)> {
    let found = text(cx, what, value)?;
    match ServiceName::new(found) {
        Ok(name) => Some((name, cx.place(value.at))),
        Err(error) => {
            cx.push(cx.error_at(value, Code::InvalidName, name_error(&error)));
            None
        }
    }
}

/// The service whose name is nearest to a word.
pub(crate) fn nearest_service<'n>(cx: &mut Context<'_>, word: &str, names: &'n Names) -> Option<&'n str> {
    cx.sink.may_search_names().then(|| likely(word, names, None)).flatten()
}

/// The nearest name but `other_than`: a service that depends on itself is never meant.
fn likely<'n>(word: &str, names: &'n Names, other_than: Option<&ServiceName>) -> Option<&'n str> {
    // What `nearest` would accept differs in length by at most a third, or begins with the word.
    let length = word.len();
    let likely = names
        .iter()
        .filter(|name| Some(*name) != other_than)
        .map(ServiceName::as_str)
        .filter(|name| name.len().abs_diff(length) <= (name.len().max(length) / 3).max(1) || name.len() > length);
    near(word, likely)
}

fn unknown(cx: &mut Context<'_>, service: &ServiceName, on: &ServiceName, place: Place, names: &Names) {
    let mut diagnostic =
        Diagnostic::error(Code::UnknownDependency, format!("unknown dependency `{on}`")).with_place(place);
    if cx.sink.may_search_names() {
        if let Some(name) = likely(on.as_str(), names, Some(service)) {
            diagnostic = diagnostic.with_help(format!("did you mean `{name}`?"));
        } else if names.len() <= 12 {
            let known: Vec<&str> = names.iter().map(ServiceName::as_str).collect();
            diagnostic = diagnostic.with_note(format!("known services: {}", known.join(", ")));
        }
    }
    cx.push(diagnostic);
}

/// The same service a second time: harmless when it says the same, an error when it says something else.
fn twice(cx: &mut Context<'_>, dependency: &Dependency, place: Place, earlier: &(Dependency, Place)) {
    let on = &dependency.on;
    let diagnostic = if *dependency == earlier.0 {
        Diagnostic::warning(Code::DuplicateDependency, format!("dependency `{on}` is stated twice"))
    } else {
        Diagnostic::error(Code::DuplicateDependency, format!("dependency `{on}` is stated twice, and differently"))
            .with_help("keep one of the two")
    };
    cx.push(diagnostic.with_place(place).with_related(earlier.1, "stated here first"));
}

/// A name error, fit for a message whatever was in the name.
pub(crate) fn name_error(error: &InvalidName) -> String {
    match error {
        InvalidName::TooLong { text, .. } => error.to_string().replace(text.as_str(), &shown(text)),
        _ => error.to_string().chars().fold(String::new(), |mut out, c| {
            push_visible(&mut out, c);
            out
        }),
    }
}
