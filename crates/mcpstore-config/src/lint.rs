//! What is well formed and still most likely a mistake. Warnings all: nothing is left out for them.
//!
//! Each check looks at every entry once, so that all of them together take time as the texts are long.

use std::collections::BTreeMap;

use mcpstore_types::{ServiceName, ServiceSpec, StdioSpec, TransportSpec};

use crate::context::Context;
use crate::defaults::Defaults;
use crate::fields::{Field, get, known};
use crate::merge::Entry;
use crate::tree::{At, Value};
use crate::words::{DEFAULTS, SERVICE};
use crate::{Config, Format};

mod alerts;
mod asks;
mod depends;
mod names;
mod paths;
mod program;
mod rest;
mod secrets;
mod times;
mod tools;

/// A service as the checks see it.
struct Service<'a> {
    name: &'a ServiceName,
    name_at: At,
    /// Its fields, as they are written.
    fields: Vec<Field<'a>>,
    /// What became of them; `None` when the entry has an error.
    spec: Option<&'a ServiceSpec>,
}

impl<'a> Service<'a> {
    /// How it is launched, if it is and the entry has no error.
    fn stdio(&self) -> Option<&'a StdioSpec> {
        match self.spec.map(|spec| &spec.transport) {
            Some(TransportSpec::Stdio(stdio)) => Some(stdio),
            _ => None,
        }
    }

    /// The value of a field that is text.
    fn text(&self, key: &str) -> Option<(&'a str, &'a Value<'a>)> {
        let value = get(&self.fields, key)?.value;
        Some((value.as_text()?, value))
    }
}

/// The blocks of the top level, as they are written.
pub(crate) struct Blocks<'a> {
    pub(crate) defaults: Option<&'a Value<'a>>,
    pub(crate) gateway: Option<&'a Value<'a>>,
    pub(crate) alerts: Option<&'a Value<'a>>,
}

/// Looks over a whole config, once it is read; `defaults` is what became of the block of this name.
pub(crate) fn all(
    cx: &mut Context<'_>,
    config: &Config,
    entries: &[(ServiceName, Entry<'_>)],
    blocks: &Blocks<'_>,
    defaults: &Defaults,
) {
    let specs: BTreeMap<&ServiceName, &ServiceSpec> = config.services.iter().map(|spec| (&spec.name, spec)).collect();
    let mut services: BTreeMap<&ServiceName, Service<'_>> = BTreeMap::new();
    for (name, entry) in entries {
        let fields = entry.value.as_object().map_or_else(Vec::new, |object| known(cx, object, &SERVICE));
        services.insert(name, Service { name, name_at: entry.name_at, fields, spec: specs.get(name).copied() });
    }
    let block = blocks.defaults.and_then(Value::as_object).map_or_else(Vec::new, |object| known(cx, object, &DEFAULTS));
    times::check(cx, &block, &defaults.policy);
    secrets::env(cx, &block);
    names::check(cx, entries);
    if let Some(value) = blocks.gateway {
        paths::gateway(cx, value);
    }
    let keepers = rest::Keepers::of(config);
    let mut tools = tools::Names::default();
    let mut launchers = program::Launchers::default();
    asks::check(cx, &block, &defaults.policy, "MCP", &mut launchers);
    for (name, _) in entries {
        let Some(service) = services.get(name) else { continue };
        cx.sink.about(Some(name.clone()));
        program::check(cx, service, &mut launchers);
        paths::check(cx, service);
        secrets::check(cx, service);
        if let Some(spec) = service.spec {
            times::check(cx, &service.fields, &spec.policy);
            depends::check(cx, service, spec, &services);
            if spec.enabled {
                keepers.check(cx, service, spec);
                tools.check(cx, service, spec);
                let prefix = secrets::variable(name.as_str());
                asks::check(cx, &service.fields, &spec.policy, &prefix, &mut launchers);
            }
        }
    }
    cx.sink.about(None);
    if let Some(value) = blocks.alerts {
        let names = entries.iter().map(|(name, _)| name.clone()).collect();
        alerts::check(cx, value, &names, &mut launchers);
    }
}

/// How one writes `key` with this text in the format of what stands there.
fn written(cx: &Context<'_>, at: At, key: &str, value: &str) -> String {
    match cx.text(at).format {
        Format::Json => format!("\"{key}\": {value}"),
        Format::Toml => format!("{key} = {value}"),
        Format::Yaml => format!("{key}: {value}"),
    }
}
