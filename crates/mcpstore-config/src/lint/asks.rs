//! What probes ask and starts wait for: programs that are not there, secrets, paths, a probe that asks the same twice.

use mcpstore_types::Policy;

use super::paths::{is_relative, shell_only, tell_relative, tell_shell};
use super::program::{self, Launchers};
use super::secrets;
use crate::Code;
use crate::context::Context;
use crate::diagnostic::{Diagnostic, shown_name};
use crate::fields::{Field, get, known};
use crate::mask::keys::is_secret_name;
use crate::mask::shapes;
use crate::tree::{Node, Value};
use crate::words::{CONDITION, HEALTH, PROBE};

/// Looks over the probes and conditions in `fields`, of a service or of `defaults`; `policy` is what came of them, and
/// `prefix` begins the names of variables that are proposed.
pub(super) fn check(
    cx: &mut Context<'_>,
    fields: &[Field<'_>],
    policy: &Policy,
    prefix: &str,
    launchers: &mut Launchers,
) {
    if let Some(health) = get(fields, "health").and_then(|field| field.value.as_object()) {
        let health = known(cx, health, &HEALTH);
        for block in ["probe", "readiness"] {
            let Some(object) = get(&health, block).and_then(|field| field.value.as_object()) else { continue };
            for field in known(cx, object, &PROBE) {
                one(cx, &format!("health.{block}.{}", field.key), field, prefix, launchers);
            }
        }
        if let Some(field) = get(&health, "readiness")
            && policy.health.readiness.as_ref() == Some(&policy.health.probe)
        {
            let message = "`health.readiness` asks the same as `health.probe`, so it has no effect";
            let diagnostic = Diagnostic::warning(Code::NoEffect, message).with_place(cx.place(field.value.at));
            cx.push(diagnostic.with_help("take it out, or ask for what readiness needs beside life"));
        }
    }
    let Some(field) = get(fields, "waitFor") else { return };
    let list = match &field.value.node {
        Node::List(list) => list.as_slice(),
        _ => std::slice::from_ref(field.value),
    };
    for object in list.iter().filter_map(Value::as_object) {
        for field in known(cx, object, &CONDITION) {
            one(cx, &format!("waitFor.{}", field.key), field, prefix, launchers);
        }
    }
}

fn one(cx: &mut Context<'_>, what: &str, field: Field<'_>, prefix: &str, launchers: &mut Launchers) {
    let text = field.value.as_text();
    match (field.key, &field.value.node) {
        ("exec", node) => {
            program::beside(cx, what, false, field.value, launchers);
            if let Node::List(list) = node {
                secrets::args(cx, list, prefix);
            }
        }
        ("http", _) => {
            if let Some(text) = text {
                secrets::by_looks(cx, &format!("`{what}`"), field.value, text, prefix);
            }
        }
        ("file", _) => {
            if let Some(fault) = text.and_then(shell_only) {
                tell_shell(cx, &format!("`{what}`"), fault, field.value);
            } else if text.is_some_and(is_relative) {
                tell_relative(cx, format!("`{what}` is a relative path"), field.value);
            }
        }
        ("args", Node::Object(args)) => {
            for member in &args.members {
                let plain = member.value.as_text().filter(|text| shapes::is_plain(text));
                if plain.is_some() && is_secret_name(&member.key) {
                    let what = format!("`{what}.{}`", shown_name(&member.key));
                    let reference = format!("${{{}}}", secrets::named(prefix, &member.key));
                    secrets::tell(cx, &what, &member.value, None, None, &reference);
                }
            }
        }
        _ => {}
    }
}
