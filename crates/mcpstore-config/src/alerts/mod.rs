//! `alerts`: what is worth waking someone for, and who is told.

mod rules;
mod sinks;
mod write;

use std::time::Duration;

use mcpstore_types::AlertsSpec;

use crate::context::Context;
use crate::duration::duration;
use crate::fields::{entry, get};
use crate::tree::{Node, Value};
use crate::values::{boolean, wrong_type};
use crate::words::ALERTS;

use rules::{Amount, amount};
pub(crate) use rules::{MAX_PATTERNS, kind_of};
#[cfg(feature = "schema")]
pub(crate) use sinks::MAX_SINKS;
pub use write::alerts_entry;

/// The shortest `alerts.repeat`.
const MIN_REPEAT: Duration = Duration::from_secs(1);

/// Reads `alerts`. What has an error keeps its default; a sink that has one is left out.
pub(crate) fn read(cx: &mut Context<'_>, value: &Value<'_>) -> AlertsSpec {
    let mut out = AlertsSpec::default();
    let object = match &value.node {
        Node::Bool(enabled) => {
            out.enabled = *enabled;
            return out;
        }
        Node::Object(object) => object,
        _ => {
            let help = "write false to have none, or settings as in { \"sinks\": [{ \"type\": \"log\" }] }";
            wrong_type(cx, "alerts", value, "true, false or an object", Some(help));
            return out;
        }
    };
    let inner = entry(cx, object, &ALERTS);
    if let Some(enabled) = get(&inner, "enabled").and_then(|field| boolean(cx, "alerts.enabled", field.value)) {
        out.enabled = enabled;
    }
    if let Some(field) = get(&inner, "repeat") {
        match &field.value.node {
            Node::Bool(false) => out.repeat = None,
            Node::Text(word) if word == "off" => out.repeat = None,
            Node::Bool(true) => {
                let help = "write how often, for example \"4h\"";
                wrong_type(cx, "alerts.repeat", field.value, "a duration or \"off\"", Some(help));
            }
            _ => out.repeat = duration(cx, "alerts.repeat", field, MIN_REPEAT).or(out.repeat),
        }
    }
    if let Some(field) = get(&inner, "rules") {
        rules::read(cx, field.value, &mut out.rules);
    }
    if let Some(field) = get(&inner, "sinks") {
        out.sinks = sinks::read(cx, field.value).unwrap_or(out.sinks);
    }
    out
}
