//! Dependencies that are well formed and cannot do what they say.

use std::collections::BTreeMap;

use mcpstore_types::{DepCondition, DepKind, RestartMode, ServiceName, ServiceSpec, TransportSpec};

use super::Service;
use crate::Code;
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::fields::{get, known};
use crate::tree::{At, Node, Value};
use crate::words::{DEPENDENCY, RESTART, URL_KEYS};

pub(super) fn check(
    cx: &mut Context<'_>,
    service: &Service<'_>,
    spec: &ServiceSpec,
    services: &BTreeMap<&ServiceName, Service<'_>>,
) {
    if !spec.enabled || spec.dependencies.is_empty() {
        return;
    }
    let Some(field) = get(&service.fields, "dependsOn") else { return };
    let mut elements: BTreeMap<&str, (At, Option<At>)> = BTreeMap::new();
    let list = match &field.value.node {
        Node::List(list) => list.as_slice(),
        _ => std::slice::from_ref(field.value),
    };
    for element in list {
        if let Some((name, at, condition)) = read(cx, element) {
            elements.entry(name).or_insert((at, condition));
        }
    }
    for dependency in &spec.dependencies {
        let Some(&(at, condition)) = elements.get(dependency.on.as_str()) else { continue };
        let Some(other) = services.get(&dependency.on) else { continue };
        let Some(target) = other.spec else { continue };
        if !target.enabled && !matches!(dependency.kind, DepKind::PartOf | DepKind::Conflicts) {
            disabled(cx, service.name, dependency.kind, at, other);
        } else if let Some(condition) = condition.filter(|_| dependency.condition == DepCondition::Completed) {
            never_completes(cx, condition, other, target);
        }
    }
}

/// The name of a dependency, its place, and that of its condition.
fn read<'v>(cx: &Context<'_>, element: &'v Value<'v>) -> Option<(&'v str, At, Option<At>)> {
    match &element.node {
        Node::Text(name) => Some((name, element.at, None)),
        Node::Object(object) => {
            let fields = known(cx, object, &DEPENDENCY);
            let on = get(&fields, "on")?.value;
            Some((on.as_text()?, on.at, get(&fields, "condition").map(|field| field.value.at)))
        }
        _ => None,
    }
}

fn disabled(cx: &mut Context<'_>, service: &ServiceName, kind: DepKind, at: At, other: &Service<'_>) {
    let switch = get(&other.fields, "enabled").or_else(|| get(&other.fields, "disabled"));
    let related = cx.place(switch.map_or(other.name_at, |field| field.key_at));
    let on = other.name;
    let message = format!("`{service}` depends on `{on}`, which is disabled");
    let diagnostic = Diagnostic::warning(Code::DisabledDependency, message)
        .with_place(cx.place(at))
        .with_related(related, "disabled here");
    let diagnostic = if kind.pulls_in() {
        diagnostic.with_note(format!("a start of `{service}` starts `{on}` all the same"))
    } else {
        diagnostic.with_note(format!("`{on}` runs only when somebody starts it by hand"))
    };
    cx.push(diagnostic.with_help(format!("enable `{on}`, or take the dependency out")));
}

fn never_completes(cx: &mut Context<'_>, condition: At, other: &Service<'_>, target: &ServiceSpec) {
    let on = other.name;
    let restart = get(&other.fields, "restart").and_then(|field| field.value.as_object());
    let (why, related) = if matches!(target.transport, TransportSpec::Http(_) | TransportSpec::Sse(_)) {
        let url = URL_KEYS.iter().find_map(|key| get(&other.fields, key));
        (format!("`{on}` is reached by its address, so it never ends"), url.map(|field| field.key_at))
    } else if target.policy.restart.mode == RestartMode::Always {
        let policy = restart.and_then(|object| get(&known(cx, object, &RESTART), "policy"));
        (format!("`{on}` is restarted whenever it ends"), policy.map(|field| field.value.at))
    } else {
        return;
    };
    let related = cx.place(related.unwrap_or(other.name_at));
    let diagnostic =
        Diagnostic::warning(Code::UnreachableCondition, format!("`{on}` never completes, so this never starts"))
            .with_place(cx.place(condition))
            .with_label("this condition is never met")
            .with_related(related, why);
    cx.push(diagnostic.with_help("wait for `ready` or `started` instead"));
}
