//! The top level of a config.
#![allow(dead_code, reason = "nothing is made of them but a schema")]

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::alerts::AnyAlerts;
use super::policy::{AnyBreaker, AnyRecycle, Health, Limits, Restart, Timeouts};
use super::service::Service;
use super::text::{Era, Filled, InputType, Later, Pattern, Recovery, Sandbox, Variables};
use crate::parse::{MAX_PARALLEL_STARTS, MAX_PARALLEL_STARTS_DEFAULT};

/// What a name of a service may be; its length too.
const NAME: &str = r"^(?!.* $)[A-Za-z0-9_@][A-Za-z0-9_@./ -]{0,63}$";

#[derive(JsonSchema)]
#[schemars(
    title = "Config of mcpstore",
    description = "The `mcpServers` that MCP clients share, with mcpstore's own fields beside the standard ones.",
    rename_all = "camelCase",
    extend("allowComments" = true, "allowTrailingCommas" = true),
    transform = something
)]
pub(super) struct Top {
    /// The schema of this file, for editors.
    #[schemars(rename = "$schema")]
    schema: Option<String>,
    /// The services, by name.
    mcp_servers: Option<Services>,
    /// The services, by name, as VS Code calls them.
    servers: Option<Services>,
    /// What holds where a service says nothing.
    defaults: Option<Defaults>,
    /// Settings of the manager.
    gateway: Option<Gateway>,
    /// Named choices of services.
    profiles: Option<BTreeMap<String, Profile>>,
    /// What `${input:id}` refers to, as VS Code has it.
    inputs: Option<Vec<Input>>,
    /// What is worth waking someone for, and who is told; `false` for nothing.
    #[schemars(extend("default" = true))]
    alerts: Option<AnyAlerts>,
}

/// A text states something.
fn something(schema: &mut Schema) {
    let names = ["mcpServers", "servers", "defaults", "gateway", "profiles", "inputs", "alerts"];
    let one: Vec<_> = names.iter().map(|name| json_schema!({ "required": [name] })).collect();
    schema.insert("anyOf".to_owned(), one.into());
}

/// Services by name, or in a list with a `name` each.
struct Services;

impl JsonSchema for Services {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Services".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let service = generator.subschema_for::<Service>();
        let message =
            "a name has 1 to 64 characters: first a letter, digit, `_` or `@`, then also `-`, `.`, `/` and spaces";
        let name = json_schema!({ "type": "string", "pattern": NAME, "patternErrorMessage": message });
        json_schema!({
            "type": ["object", "array", "null"],
            "additionalProperties": service,
            "propertyNames": name,
            "items": { "allOf": [service], "required": ["name"], "properties": { "name": name } },
        })
    }
}

#[derive(JsonSchema)]
#[schemars(title = "What holds where a service says nothing", rename_all = "camelCase", extend("type" = ["object", "null"]))]
struct Defaults {
    /// When services are restarted.
    restart: Option<Restart>,
    /// A preset of `restart`: a fixed wait of 5 s, 3 attempts.
    recovery: Option<Recovery>,
    /// How long each step may take.
    timeouts: Option<Timeouts>,
    /// How services are probed.
    health: Option<Health>,
    /// When calls fail at once instead of being tried: settings, or `false` for never.
    #[schemars(extend("default" = true))]
    breaker: Option<AnyBreaker>,
    /// When a running life is replaced by a fresh one, between calls; `false` for never.
    #[schemars(extend("default" = false))]
    recycle: Option<AnyRecycle>,
    /// Which era of the protocol servers are spoken to in.
    #[schemars(extend("default" = "auto"))]
    era: Option<Era>,
    /// What servers are kept from.
    #[schemars(extend("default" = mcpstore_types::Sandbox::default().word()))]
    sandbox: Option<Sandbox>,
    /// How much servers may take.
    limits: Option<Limits>,
    /// Variables of the manager that servers get too.
    inherit_env: Option<Vec<Pattern>>,
    /// Variables of every server that is launched; those of a service win.
    env: Option<Variables>,
    start: Option<Later>,
    idle_stop: Option<Later>,
    tools: Option<Later>,
    isolation: Option<Later>,
}

#[derive(JsonSchema)]
#[schemars(title = "Settings of the manager", rename_all = "camelCase", extend("type" = ["object", "null"]))]
struct Gateway {
    /// How many services may be between spawn and ready at one time.
    #[schemars(extend("default" = MAX_PARALLEL_STARTS_DEFAULT, "minimum" = 1, "maximum" = MAX_PARALLEL_STARTS))]
    max_parallel_starts: Option<u32>,
    listen: Option<Later>,
    auth: Option<Later>,
}

#[derive(JsonSchema)]
#[schemars(title = "A named choice of services", rename_all = "camelCase")]
struct Profile {
    /// Names of services, or `tag:WORD`.
    #[schemars(extend("examples" = [["database", "tag:prod"]]))]
    services: Option<Vec<Filled>>,
    /// What it is for.
    description: Option<String>,
    tools: Option<Later>,
}

#[derive(JsonSchema)]
#[schemars(title = "An input", rename_all = "camelCase")]
struct Input {
    /// What `${input:id}` names.
    id: Filled,
    /// How it is asked for.
    #[schemars(rename = "type")]
    kind: Option<InputType>,
    /// What it is for.
    description: Option<String>,
    /// What counts when nobody gives a value.
    default: Option<String>,
    /// Whether it is secret.
    password: Option<bool>,
}
