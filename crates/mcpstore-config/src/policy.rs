//! `restart`, `recovery`, `timeouts`, `health`, and what else belongs to a policy: of one service, and of `defaults`.

use std::time::Duration;

use crate::tree::Node;
use mcpstore_types::{HealthSpec, Policy, RestartMode, RestartPolicy, Timeouts};

use crate::Code;
use crate::breaker::{breaker, recycle};
use crate::context::Context;
use crate::duration::{MIN, duration};
use crate::fields::{Field, entry, get};
use crate::probe::probe;
use crate::values::{number, object, out_of_range, whole, word, wrong_type};
use crate::words::{HEALTH, RESTART, TIMEOUTS};

/// The largest count a policy may state.
pub(crate) const MAX_COUNT: u32 = 1_000_000;

/// Writes what these fields say over `policy`; what they do not say stays.
pub(crate) fn apply(cx: &mut Context<'_>, entry: &[Field<'_>], policy: &mut Policy) {
    if let Some(field) = get(entry, "recovery")
        && word(cx, "recovery", field.value, &[("seed", ())]).is_some()
    {
        // Only what the seed's recovery is about: the mode and the window stay as they are.
        let seed = RestartPolicy::seed();
        policy.restart.max_attempts = seed.max_attempts;
        policy.restart.backoff = seed.backoff;
    }
    if let Some(field) = get(entry, "restart") {
        restart(cx, field, &mut policy.restart);
    }
    if let Some(field) = get(entry, "timeouts") {
        timeouts(cx, field, &mut policy.timeouts);
    }
    if let Some(field) = get(entry, "health") {
        health(cx, field, &mut policy.health);
    }
    if let Some(field) = get(entry, "breaker") {
        breaker(cx, field, &mut policy.breaker);
    }
    if let Some(field) = get(entry, "recycle") {
        recycle(cx, field, &mut policy.recycle);
    }
}

fn restart(cx: &mut Context<'_>, field: Field<'_>, policy: &mut RestartPolicy) {
    let modes = RestartMode::ALL.map(|mode| (mode.as_str(), mode));
    if let Node::Text(_) = field.value.node {
        let help = "write { \"policy\": \"…\" }";
        wrong_type(cx, "restart", field.value, "an object", Some(help));
        return;
    }
    let Some(object) = object(cx, "restart", field.value) else { return };
    let entry = entry(cx, object, &RESTART);
    if let Some(field) = get(&entry, "policy") {
        set(&mut policy.mode, word(cx, "restart.policy", field.value, &modes));
    }
    if let Some(field) = get(&entry, "maxAttempts") {
        set(&mut policy.max_attempts, whole(cx, "restart.maxAttempts", field, 1, MAX_COUNT));
    }
    if let Some(field) = get(&entry, "window") {
        set(&mut policy.window, duration(cx, "restart.window", field, MIN));
    }
    if let Some(field) = get(&entry, "maxInWindow") {
        set(&mut policy.max_in_window, whole(cx, "restart.maxInWindow", field, 1, MAX_COUNT));
    }
    delays(cx, &entry, policy);
    if let Some(field) = get(&entry, "jitter")
        && let Some(jitter) = number(cx, "restart.jitter", field)
    {
        if (0.0..=1.0).contains(&jitter) {
            // Between 0 and 100, as just checked; finer steps than a percent do not matter.
            policy.backoff.jitter_percent = (jitter * 100.0).round() as u8;
        } else {
            out_of_range(cx, "restart.jitter", field, "between 0 and 1");
        }
    }
    if let Some(field) = get(&entry, "stableAfter") {
        set(&mut policy.stable_after, duration(cx, "restart.stableAfter", field, MIN));
    }
    if let Some(field) = get(&entry, "slowRetry") {
        match &field.value.node {
            Node::Bool(false) => policy.slow_retry = None,
            Node::Text(word) if word == "off" => policy.slow_retry = None,
            Node::Bool(true) => {
                let help = "write how often, for example \"10m\"";
                wrong_type(cx, "restart.slowRetry", field.value, "a duration or \"off\"", Some(help));
            }
            _ => {
                let found = duration(cx, "restart.slowRetry", field, Duration::from_secs(1));
                policy.slow_retry = found.or(policy.slow_retry);
            }
        }
    }
}

/// `delay` and `maxDelay` belong together: stating one pulls the inherited other along, stating both wrongly is an error.
fn delays(cx: &mut Context<'_>, entry: &[Field<'_>], policy: &mut RestartPolicy) {
    let delay_field = get(entry, "delay");
    let max_field = get(entry, "maxDelay");
    let delay = delay_field.and_then(|field| duration(cx, "restart.delay", field, Duration::ZERO));
    let max = max_field.and_then(|field| duration(cx, "restart.maxDelay", field, Duration::ZERO));
    match (delay, max) {
        (Some(delay), Some(max)) if delay > max => {
            if let (Some(delay), Some(max)) = (delay_field, max_field) {
                let other = cx.place(max.value.at);
                let message = "`restart.delay` is longer than `restart.maxDelay`";
                let diagnostic = cx.error_at(delay.value, Code::OutOfRange, message);
                cx.push(diagnostic.with_related(other, "the longest delay"));
            }
        }
        (Some(delay), max) => {
            policy.backoff.delay = delay;
            policy.backoff.max_delay = max.unwrap_or(policy.backoff.max_delay.max(delay));
        }
        (None, Some(max)) => {
            policy.backoff.max_delay = max;
            policy.backoff.delay = policy.backoff.delay.min(max);
        }
        (None, None) => {}
    }
}

fn timeouts(cx: &mut Context<'_>, field: Field<'_>, timeouts: &mut Timeouts) {
    let Some(object) = object(cx, "timeouts", field.value) else { return };
    let entry = entry(cx, object, &TIMEOUTS);
    // Of the steps of a stop those may be skipped that only wait for a server to go of its own will.
    let skip = Duration::ZERO;
    let Timeouts { wait, start, handshake, list, call, call_total, drain, close, term, kill, reap } = timeouts;
    let rows: [(&str, &str, &mut Duration, Duration); 11] = [
        ("wait", "timeouts.wait", wait, MIN),
        ("start", "timeouts.start", start, MIN),
        ("handshake", "timeouts.handshake", handshake, MIN),
        ("list", "timeouts.list", list, MIN),
        ("call", "timeouts.call", call, MIN),
        ("callTotal", "timeouts.callTotal", call_total, MIN),
        ("drain", "timeouts.drain", drain, skip),
        ("close", "timeouts.close", close, skip),
        ("term", "timeouts.term", term, skip),
        ("kill", "timeouts.kill", kill, MIN),
        ("reap", "timeouts.reap", reap, MIN),
    ];
    for (key, name, target, min) in rows {
        if let Some(field) = get(&entry, key) {
            set(target, duration(cx, name, field, min));
        }
    }
}

fn health(cx: &mut Context<'_>, field: Field<'_>, health: &mut HealthSpec) {
    let Some(object) = object(cx, "health", field.value) else { return };
    let entry = entry(cx, object, &HEALTH);
    if let Some(field) = get(&entry, "probe") {
        set(&mut health.probe, probe(cx, "health.probe", field));
    }
    if let Some(field) = get(&entry, "readiness") {
        health.readiness = match field.value.node {
            Node::Bool(false) => None,
            _ => probe(cx, "health.readiness", field).or(health.readiness.take()),
        };
    }
    if let Some(field) = get(&entry, "interval") {
        set(&mut health.interval, duration(cx, "health.interval", field, Duration::from_millis(100)));
    }
    if let Some(field) = get(&entry, "timeout") {
        set(&mut health.timeout, duration(cx, "health.timeout", field, MIN));
    }
    if let Some(field) = get(&entry, "rise") {
        set(&mut health.rise, whole(cx, "health.rise", field, 1, MAX_COUNT));
    }
    if let Some(field) = get(&entry, "fall") {
        set(&mut health.fall, whole(cx, "health.fall", field, 1, MAX_COUNT));
    }
    if let Some(field) = get(&entry, "startup") {
        set(&mut health.startup, duration(cx, "health.startup", field, Duration::from_millis(10)));
    }
}

/// Takes a value over, if there is one.
pub(crate) fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}
