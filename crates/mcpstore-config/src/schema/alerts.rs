//! `alerts`: its rules and its sinks.
#![allow(dead_code, reason = "nothing is made of them but a schema")]

use mcpstore_types::AlertsSpec;
use schemars::{JsonSchema, Schema, json_schema};

use super::duration;
use super::text::{
    AlertKind, Duration, DurationOrZero, Filled, Headers, HttpUrl, MailServer, Mailbox, Percent, Severity, SinkType,
    Template,
};
use crate::alerts::{MAX_PATTERNS, MAX_SINKS};
use crate::patterns::MAX_PATTERN;
use crate::policy::MAX_COUNT;

/// `alerts`: a switch, or settings.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
pub(super) enum AnyAlerts {
    Switch(bool),
    Settings(Box<Alerts>),
}

#[derive(JsonSchema)]
#[schemars(title = "Alerts", rename_all = "camelCase", extend("type" = ["object", "null"]))]
pub(super) struct Alerts {
    /// `false`: nothing fires.
    #[schemars(extend("default" = AlertsSpec::default().enabled))]
    enabled: Option<bool>,
    /// An alert that lasts is told again after this, 1 s to 30 days; or off.
    #[schemars(extend("default" = AlertsSpec::default().repeat.map(duration), "examples" = ["4h", "off"]))]
    repeat: Option<Repeat>,
    /// When an alert of each kind fires and resolves.
    rules: Option<Rules>,
    /// Who is told; default the log of the manager.
    #[schemars(length(max = MAX_SINKS))]
    sinks: Option<Vec<Sink>>,
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
enum Repeat {
    Word(#[schemars(extend("const" = "off"))] String),
    Every(Duration),
    Switch(#[schemars(extend("const" = false))] bool),
}

#[derive(JsonSchema)]
#[schemars(title = "The rules, by kind of alert", extend("type" = ["object", "null"]))]
struct Rules {
    /// It failed as often as its restart policy allows, and is left down.
    #[schemars(extend("default" = true))]
    gave_up: Option<AnyRule>,
    /// Members of its process group survived a kill.
    #[schemars(extend("default" = true))]
    leaked: Option<AnyRule>,
    /// It survived the kill that was to stop it.
    #[schemars(extend("default" = true))]
    stop_failed: Option<AnyRule>,
    /// It was restarted `threshold` times within `window`.
    #[schemars(extend("default" = true))]
    flapping: Option<AnyRule>,
    /// It is down because a dependency it requires is down.
    #[schemars(extend("default" = true))]
    dependency_failed: Option<AnyRule>,
    /// Its probes fail for a while.
    #[schemars(extend("default" = true))]
    probe_degraded: Option<AnyRule>,
    /// It takes longer than `threshold` to start.
    #[schemars(extend("default" = true))]
    start_slow: Option<AnyRule>,
    /// At most `threshold` restarts are left before it gives up.
    #[schemars(extend("default" = true))]
    budget_near: Option<AnyRule>,
    /// More than `threshold` of its calls within `window` failed.
    #[schemars(extend("default" = true))]
    error_rate: Option<AnyRule>,
    /// Its calls within `window` take longer than `threshold`.
    #[schemars(extend("default" = true))]
    latency: Option<AnyRule>,
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
enum AnyRule {
    Switch(bool),
    Settings(Rule),
}

#[derive(JsonSchema)]
#[schemars(title = "When an alert fires and resolves", rename_all = "camelCase", extend("type" = ["object", "null"]))]
struct Rule {
    /// `false`: it never fires.
    #[schemars(extend("default" = true))]
    enabled: Option<bool>,
    /// How grave it is.
    severity: Option<Severity>,
    /// The trouble must last so long before it fires.
    #[schemars(rename = "for")]
    hold: Option<DurationOrZero>,
    /// The trouble must be gone so long before it resolves.
    resolve_after: Option<DurationOrZero>,
    /// How much is too much: restarts, restarts that are left, a share of calls (0.1 or "10%"), or a time ("10s").
    threshold: Option<Quantity>,
    /// The trouble is over when the value falls to this; default in the same relation to `threshold` as usual.
    clear: Option<Quantity>,
    /// The stretch that is looked at, 1 s to 30 days (flapping, error_rate, latency).
    window: Option<Duration>,
    /// The calls in `window` below which it says nothing (error_rate, latency).
    #[schemars(extend("minimum" = 1, "maximum" = MAX_COUNT))]
    min_calls: Option<u32>,
    /// Services, by name or pattern (`web-*`); default all.
    #[schemars(length(min = 1, max = MAX_PATTERNS), inner(length(max = MAX_PATTERN)))]
    services: Option<Vec<Filled>>,
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
enum Quantity {
    Number(#[schemars(range(min = 0))] f64),
    Time(Duration),
    Share(Percent),
}

#[derive(JsonSchema)]
#[schemars(
    title = "A sink", description = "Where alerts go. Each type has fields of its own.", rename_all = "camelCase",
    transform = sink_ways
)]
struct Sink {
    /// Its name, unique among the sinks; default its type and a number.
    #[schemars(length(min = 1, max = 64))]
    name: Option<Filled>,
    /// What it is; `exec` is `command`.
    #[schemars(rename = "type")]
    kind: SinkType,
    /// webhook: where to; better a reference, addresses of chats are secret.
    #[schemars(extend("examples" = ["${ALERTS_URL}"]))]
    url: Option<HttpUrl>,
    /// webhook: the shape of what is sent.
    #[schemars(extend("default" = "generic"))]
    template: Option<Template>,
    /// webhook: headers on top.
    headers: Option<Headers>,
    /// webhook: the key with which Feishu and DingTalk sign; better a reference.
    #[schemars(extend("examples" = ["${ALERTS_SIGN_KEY}"]))]
    sign_key: Option<Filled>,
    /// command: the program, which gets the alert as JSON on its stdin. Never a shell line.
    command: Option<Filled>,
    /// command: its arguments, each as it is.
    args: Option<Vec<String>>,
    /// mail: the server; better with a reference for its password.
    server: Option<MailServer>,
    /// mail: from whom.
    from: Option<Mailbox>,
    /// mail: to whom, one address or a list.
    to: Option<Recipients>,
    /// Alerts milder than this do not go there.
    #[schemars(extend("default" = "info"))]
    min_severity: Option<Severity>,
    /// Only alerts of these kinds go there; default all.
    only: Option<Vec<AlertKind>>,
    /// `false`: not told when an alert resolves.
    #[schemars(extend("default" = true))]
    send_resolved: Option<bool>,
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
enum Recipients {
    One(Mailbox),
    All(#[schemars(length(min = 1))] Vec<Mailbox>),
}

/// What each type of sink cannot be without.
fn sink_ways(schema: &mut Schema) {
    let needs = |words: &[&str], keys: &[&str]| {
        json_schema!({
            "if": { "required": ["type"], "properties": { "type": { "enum": words } } },
            "then": { "required": keys },
        })
    };
    let all = vec![
        needs(&["webhook"], &["url"]),
        needs(&["command", "exec"], &["command"]),
        needs(&["mail"], &["server", "from", "to"]),
    ];
    schema.insert("allOf".to_owned(), all.into());
}
