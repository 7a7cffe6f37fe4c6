//! From alerting as it is read back to the `alerts` of a config.

use std::time::Duration;

use mcpstore_types::{AlertKind, AlertRule, AlertSeverity, AlertsSpec, SinkKind, SinkSpec, WebhookTemplate};

use super::{Amount, amount};
use crate::Plain;
use crate::entry::{Members, literal, map, number, time};

/// The `alerts` of a config that read as this: only what differs from the defaults is written. An empty object says that
/// nothing does.
///
/// Secrets stand in it in plain text: it is meant for a file of its owner, never for a screen.
#[must_use]
pub fn alerts_entry(spec: &AlertsSpec) -> Plain {
    let AlertsSpec { enabled, rules, sinks, repeat } = spec;
    let default = AlertsSpec::default();
    let mut out = Members::default();
    out.differing("enabled", enabled, &true, |enabled| Plain::Bool(*enabled));
    out.differing("repeat", repeat, &default.repeat, |repeat| match repeat {
        Some(repeat) => time(repeat),
        None => Plain::Bool(false),
    });
    let mut block = Members::default();
    for written in rules {
        block.block(written.kind.as_str(), rule(written));
    }
    out.block("rules", block);
    out.differing("sinks", sinks, &default.sinks, |sinks| Plain::List(sinks.iter().map(sink).collect()));
    out.object()
}

fn rule(rule: &AlertRule) -> Members {
    let AlertRule {
        kind,
        enabled,
        severity,
        hold,
        resolve_after,
        threshold,
        clear_threshold,
        window,
        min_calls,
        services,
    } = rule;
    let default = AlertRule::new(*kind);
    let mut out = Members::default();
    out.differing("enabled", enabled, &default.enabled, |enabled| Plain::Bool(*enabled));
    out.differing("severity", severity, &default.severity, |severity| Plain::text(severity.as_str()));
    out.differing("for", hold, &default.hold, time);
    out.differing("resolveAfter", resolve_after, &default.resolve_after, time);
    // One alone would pull the other along.
    if (*threshold, *clear_threshold) != (default.threshold, default.clear_threshold) {
        out.put("threshold", quantity(*kind, *threshold));
        out.put("clear", quantity(*kind, *clear_threshold));
    }
    out.differing("window", window, &default.window, time);
    out.differing("minCalls", min_calls, &default.min_calls, |calls| number(*calls));
    out.differing("services", services, &Vec::new(), |services| Plain::texts(services));
    out
}

fn quantity(kind: AlertKind, value: f64) -> Plain {
    match (amount(kind), Duration::try_from_secs_f64(value)) {
        // Only what a duration in words says exactly.
        (Amount::Time, Ok(exact)) if exact.as_secs_f64() == value => time(&exact),
        _ => Plain::Number(value.to_string()),
    }
}

fn sink(sink: &SinkSpec) -> Plain {
    let SinkSpec { name, kind, min_severity, only, send_resolved } = sink;
    let mut out = Members::default();
    out.put("name", Plain::text(name));
    out.put("type", Plain::text(kind.word()));
    match kind {
        SinkKind::Webhook { url, template, headers, sign_key } => {
            out.put("url", literal(url.expose()));
            out.differing("template", template, &WebhookTemplate::default(), |template| Plain::text(template.word()));
            if !headers.is_empty() {
                out.put("headers", map(headers));
            }
            if let Some(key) = sign_key {
                out.put("signKey", literal(key.expose()));
            }
        }
        SinkKind::Command { command, args } => {
            out.put("command", literal(command));
            if !args.is_empty() {
                out.put("args", Plain::List(args.iter().map(|arg| literal(arg)).collect()));
            }
        }
        SinkKind::Mail { server, from, to } => {
            out.put("server", literal(server.expose()));
            out.put("from", literal(from));
            out.put("to", Plain::List(to.iter().map(|to| literal(to)).collect()));
        }
        // Those without settings.
        _ => {}
    }
    out.differing("minSeverity", min_severity, &AlertSeverity::Info, |severity| Plain::text(severity.as_str()));
    if !only.is_empty() {
        out.put("only", Plain::texts(only.iter().map(|kind| kind.as_str())));
    }
    out.differing("sendResolved", send_resolved, &true, |send| Plain::Bool(*send));
    out.object()
}
