//! Times that do not fit together. Only what somebody wrote is told, never a default.

use std::time::Duration;

use humantime::format_duration;
use mcpstore_types::Policy;

use crate::Code;
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::fields::{Field, get, known};
use crate::words::{HEALTH, Keys, RECYCLE, RESTART, TIMEOUTS};

/// A time and the one that bounds it, each with its block and key.
struct Pair {
    inner: (&'static str, &'static str, Duration),
    outer: (&'static str, &'static str, Duration),
    why: &'static str,
}

/// Holds the times that stand in `fields` against each other; `policy` is what came of them.
pub(super) fn check(cx: &mut Context<'_>, fields: &[Field<'_>], policy: &Policy) {
    let (health, timeouts) = (&policy.health, &policy.timeouts);
    let pairs = [
        Pair {
            inner: ("health", "timeout", health.timeout),
            outer: ("health", "interval", health.interval),
            why: "a probe is to be over before the next one begins",
        },
        Pair {
            inner: ("health", "startup", health.startup),
            outer: ("timeouts", "start", timeouts.start),
            why: "the start is over before the second look at it",
        },
        Pair {
            inner: ("timeouts", "handshake", timeouts.handshake),
            outer: ("timeouts", "start", timeouts.start),
            why: "the handshake is a part of the start, which is over first",
        },
        Pair {
            inner: ("timeouts", "call", timeouts.call),
            outer: ("timeouts", "callTotal", timeouts.call_total),
            why: "a call is over before it may have been silent for so long",
        },
        Pair {
            inner: ("restart", "stableAfter", policy.restart.stable_after),
            outer: ("recycle", "maxAge", policy.recycle.max_age.unwrap_or(Duration::MAX)),
            why: "a life is replaced before it is old enough for its failures to be forgotten",
        },
    ];
    for Pair { inner, outer, why } in pairs {
        if inner.2 <= outer.2 {
            continue;
        }
        let (long, short) = (stated(cx, fields, inner.0, inner.1), stated(cx, fields, outer.0, outer.1));
        let [inner_name, outer_name] = [inner, outer].map(|(block, key, _)| format!("`{block}.{key}`"));
        let message = format!(
            "{inner_name} ({}) is longer than {outer_name} ({})",
            format_duration(inner.2),
            format_duration(outer.2)
        );
        let at = |place| Diagnostic::warning(Code::ImpossibleTime, message).with_place(place).with_label(why);
        let unstated = |name: &str, time| format!("{name} is not stated here: {} holds", format_duration(time));
        let diagnostic = match (long, short) {
            (Some(long), Some(short)) => {
                at(cx.place(long.value.at)).with_related(cx.place(short.value.at), "the shorter one")
            }
            (Some(long), None) => at(cx.place(long.value.at)).with_note(unstated(&outer_name, outer.2)),
            // Nobody states a default that he has no thought of, but this bound alone is stated on purpose.
            (None, Some(short)) if outer.0 == "recycle" => {
                at(cx.place(short.value.at)).with_note(unstated(&inner_name, inner.2))
            }
            (None, _) => continue,
        };
        cx.push(diagnostic.with_help(format!("shorten {inner_name}, or lengthen {outer_name}")));
    }
}

/// A field of a block, when it is stated.
fn stated<'v>(cx: &Context<'_>, fields: &[Field<'v>], block: &str, key: &str) -> Option<Field<'v>> {
    let keys: &Keys = match block {
        "health" => &HEALTH,
        "restart" => &RESTART,
        "recycle" => &RECYCLE,
        _ => &TIMEOUTS,
    };
    let object = get(fields, block)?.value.as_object()?;
    get(&known(cx, object, keys), key)
}
