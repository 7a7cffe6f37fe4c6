//! `defaults`: what holds where a service says nothing.

use mcpstore_types::{EraChoice, Expose, Policy, StdioSpec};

use crate::context::Context;
use crate::fields::{entry, get};
use crate::service::{Use, era, usage};
use crate::tree::Value;
use crate::values::object;
use crate::words::DEFAULTS;
use crate::{policy, sandbox, tools, transport};

/// What holds where a service says nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) policy: Policy,
    pub(crate) era: EraChoice,
    pub(crate) expose: Expose,
    pub(crate) usage: Use,
    /// For servers that are launched: `sandbox`, `limits`, `inheritEnv`, `env`.
    pub(crate) stdio: StdioSpec,
}

pub(crate) fn read(cx: &mut Context<'_>, value: &Value<'_>) -> Defaults {
    let mut out = Defaults::default();
    let Some(object) = object(cx, "defaults", value) else { return out };
    let inner = entry(cx, object, &DEFAULTS);
    policy::apply(cx, &inner, &mut out.policy);
    if let Some(found) = era(cx, &inner) {
        out.era = found;
    }
    if let Some(expose) = get(&inner, "tools").and_then(|field| tools::expose(cx, field)) {
        out.expose = expose;
    }
    out.usage = usage(cx, &inner, out.usage);
    sandbox::apply(cx, &inner, &mut out.stdio);
    if let Some(field) = get(&inner, "env") {
        out.stdio.env = transport::environment(cx, field);
    }
    out
}
