//! The top level of a config.
#![allow(dead_code, reason = "nothing is made of them but a schema")]

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::alerts::AnyAlerts;
use super::exposure::{DefaultTools, Gateway, IdleStop, Isolation, Start, ViewTools};
use super::policy::{AnyBreaker, AnyRecycle, Health, Limits, Restart, Timeouts};
use super::service::Service;
use super::text::{Era, Filled, InputType, Pattern, Recovery, Sandbox, Variables};

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
    /// How the one endpoint for all services is reached, and how many start at a time.
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
    /// How tools are named.
    tools: Option<DefaultTools>,
    /// Whether clients of the gateway share the servers; `auto`: until that cannot be.
    #[schemars(extend("default" = mcpstore_types::Isolation::default().as_str()))]
    isolation: Option<Isolation>,
    /// When services are started: with the manager, or with their first use.
    #[schemars(extend("default" = mcpstore_types::StartMode::default().as_str()))]
    start: Option<Start>,
    /// Services are stopped after so long without use, at least 1 s, and started with the next one.
    #[schemars(extend("default" = "off", "examples" = ["off", "10m"]))]
    idle_stop: Option<IdleStop>,
}

#[derive(JsonSchema)]
#[schemars(title = "A named choice of services", rename_all = "camelCase")]
struct Profile {
    /// Names of services, or `tag:WORD`.
    #[schemars(extend("examples" = [["database", "tag:prod"]]))]
    services: Option<Vec<Filled>>,
    /// Which of their tools its clients see, at the path of the gateway that ends in its name.
    tools: Option<ViewTools>,
    /// What it is for.
    description: Option<String>,
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
