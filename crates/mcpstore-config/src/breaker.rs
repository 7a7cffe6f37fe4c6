//! `breaker` and `recycle`: of one service, and of `defaults`.

use std::time::Duration;

use mcpstore_types::{BreakerPolicy, RecyclePolicy};

use crate::Code;
use crate::context::Context;
use crate::duration::{MIN, duration};
use crate::fields::{Field, entry, get};
use crate::policy::{MAX_COUNT, set};
use crate::sandbox::MEMORY;
use crate::size::size;
use crate::tree::Node;
use crate::values::{object, whole, wrong_type};
use crate::words::{BREAKER, RECYCLE};

/// The most calls that a breaker looks back on: they are kept.
pub(crate) const MAX_WINDOW: u32 = 1_000;

/// Reads `breaker`: a switch, or settings. What it does not say stays.
pub(crate) fn breaker(cx: &mut Context<'_>, field: Field<'_>, policy: &mut Option<BreakerPolicy>) {
    let object = match &field.value.node {
        Node::Bool(false) => {
            *policy = None;
            return;
        }
        Node::Bool(true) => {
            policy.get_or_insert_default();
            return;
        }
        Node::Object(object) => object,
        _ => {
            let help = "write false to have none, or settings as in { \"failures\": 5, \"openFor\": \"5s\" }";
            wrong_type(cx, "breaker", field.value, "true, false or an object", Some(help));
            return;
        }
    };
    let inner = entry(cx, object, &BREAKER);
    let policy = policy.get_or_insert_default();
    if let Some(field) = get(&inner, "failures") {
        set(&mut policy.failures, whole(cx, "breaker.failures", field, 1, MAX_COUNT));
    }
    if let Some(field) = get(&inner, "window") {
        set(&mut policy.window, whole(cx, "breaker.window", field, 1, MAX_WINDOW));
    }
    if let Some(field) = get(&inner, "failurePercent") {
        let percent = whole(cx, "breaker.failurePercent", field, 1, 100);
        set(&mut policy.failure_percent, percent.and_then(|percent| u8::try_from(percent).ok()));
    }
    open_times(cx, &inner, policy);
    if let Some(field) = get(&inner, "trialTimeout") {
        set(&mut policy.trial_timeout, duration(cx, "breaker.trialTimeout", field, MIN));
    }
}

/// `openFor` and `maxOpenFor` belong together: stating one pulls the inherited other along, stating both wrongly is an error.
fn open_times(cx: &mut Context<'_>, inner: &[Field<'_>], policy: &mut BreakerPolicy) {
    let (open, max) = (get(inner, "openFor"), get(inner, "maxOpenFor"));
    let stated = |cx: &mut Context<'_>, name: &str, field: Option<Field<'_>>| duration(cx, name, field?, MIN);
    match (stated(cx, "breaker.openFor", open), stated(cx, "breaker.maxOpenFor", max)) {
        (Some(shortest), Some(longest)) if shortest > longest => {
            if let (Some(open), Some(max)) = (open, max) {
                let other = cx.place(max.value.at);
                let message = "`breaker.openFor` is longer than `breaker.maxOpenFor`";
                let diagnostic = cx.error_at(open.value, Code::OutOfRange, message);
                cx.push(diagnostic.with_related(other, "the longest time"));
            }
        }
        (Some(shortest), longest) => {
            policy.open_for = shortest;
            policy.max_open_for = longest.unwrap_or(policy.max_open_for.max(shortest));
        }
        (None, Some(longest)) => {
            policy.max_open_for = longest;
            policy.open_for = policy.open_for.min(longest);
        }
        (None, None) => {}
    }
}

/// Reads `recycle`: bounds, or `false` for none. What it does not say stays.
pub(crate) fn recycle(cx: &mut Context<'_>, field: Field<'_>, policy: &mut RecyclePolicy) {
    if let Node::Bool(false) = field.value.node {
        *policy = RecyclePolicy::default();
        return;
    }
    if let Node::Bool(true) = field.value.node {
        let help = "write when, for example { \"maxMemory\": \"512MB\", \"maxAge\": \"24h\" }";
        wrong_type(cx, "recycle", field.value, "an object", Some(help));
        return;
    }
    let Some(object) = object(cx, "recycle", field.value) else { return };
    let inner = entry(cx, object, &RECYCLE);
    if let Some(field) = get(&inner, "maxMemory") {
        let memory = size(cx, "recycle.maxMemory", field, MEMORY, "between 16MiB and 16TiB");
        policy.max_memory = memory.or(policy.max_memory);
    }
    if let Some(field) = get(&inner, "maxAge") {
        policy.max_age = duration(cx, "recycle.maxAge", field, Duration::from_secs(1)).or(policy.max_age);
    }
}
