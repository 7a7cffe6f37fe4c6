//! One service.
#![allow(dead_code, reason = "nothing is made of them but a schema")]

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::exposure::{AnyTools, IdleStop, Isolation, Patterns, Start};
use super::policy::{AnyBreaker, AnyRecycle, Exec, Health, Limits, Restart, Timeouts, one_of};
use super::text::{
    AbsolutePath, Address, DepCondition, DepKind, Era, Filled, Headers, HttpUrl, Later, Pattern, Recovery, Sandbox,
    Url, Variables,
};
use crate::transport::KINDS;
use crate::words::URL_KEYS;

#[derive(JsonSchema)]
#[schemars(
    title = "A service",
    description = "It has a `command` (a program to launch) or a `url` (an address to reach), not both. An entry in a later \
                   file that has neither changes single fields of an earlier one.",
    rename_all = "camelCase",
    transform = ways
)]
pub(super) struct Service {
    /// The program: a name looked up in `PATH`, or a path (relative to `cwd`). Never a shell line.
    #[schemars(extend("examples" = ["npx", "uvx", "docker"]))]
    command: Option<Filled>,
    /// Its arguments, each as it is.
    #[schemars(extend("examples" = [["-y", "@modelcontextprotocol/server-filesystem", "/srv/files"]]))]
    args: Option<Vec<String>>,
    /// Variables on top of those a child gets.
    env: Option<Variables>,
    /// A file of variables, `NAME=value` a line; those of `env` win.
    #[schemars(extend("examples" = ["${workspaceFolder}/.env"]))]
    env_file: Option<Filled>,
    /// Its working directory; default the manager's.
    cwd: Option<Filled>,
    /// Variables of the manager that it gets too: names, or beginnings of names with a `*`.
    inherit_env: Option<Vec<Pattern>>,
    /// What it is kept from.
    #[schemars(extend("default" = mcpstore_types::Sandbox::default().word()))]
    sandbox: Option<Sandbox>,
    /// Absolute paths that it may read, for the sandboxes `restricted` and `isolated`.
    sandbox_read: Option<Vec<AbsolutePath>>,
    /// Absolute paths that it may read and change, for the sandboxes `restricted` and `isolated`.
    sandbox_write: Option<Vec<AbsolutePath>>,
    /// How much it may take.
    limits: Option<Limits>,
    /// Where the server is: `http://`, `https://` or `unix:`.
    url: Option<Url>,
    /// The same as `url`, in the words of other clients.
    server_url: Option<Url>,
    /// The same as `url`, in the words of other clients.
    http_url: Option<Url>,
    /// HTTP headers, for a `url`.
    headers: Option<Headers>,
    /// A file of certificates (PEM) that are trusted beside the system's, for a `url`.
    ca_file: Option<Filled>,
    /// How to log in, for a `url` that wants a login; rarely needed.
    oauth: Option<OAuth>,
    /// What the adapter of a kind that is not built in needs to know; `type` names the kind.
    settings: Option<Settings>,
    /// How it is launched or reached; by default the rest says it.
    #[schemars(rename = "type")]
    kind: Option<String>,
    /// The same as `type`.
    transport: Option<String>,
    /// Which era of the protocol the server is spoken to in; `auto` asks it.
    #[schemars(extend("default" = "auto"))]
    era: Option<Era>,
    /// What it depends on: names, or objects that say in which way.
    #[schemars(extend("examples" = ["database", ["database", { "on": "search", "kind": "wants" }]]))]
    depends_on: Option<DependsOn>,
    /// `false`: registered, but not part of a start of all.
    #[schemars(extend("default" = true))]
    enabled: Option<bool>,
    /// Other clients' word for `"enabled": false`.
    #[schemars(extend("default" = false))]
    disabled: Option<bool>,
    /// Words to select services by: `tag:prod`.
    tags: Option<Vec<Filled>>,
    /// What it is for.
    description: Option<String>,
    /// When it is restarted.
    restart: Option<Restart>,
    /// A preset of `restart`: a fixed wait of 5 s, 3 attempts. Single fields of `restart` still win.
    recovery: Option<Recovery>,
    /// How long each step may take.
    timeouts: Option<Timeouts>,
    /// How it is probed.
    health: Option<Health>,
    /// When calls to it fail at once instead of being tried: settings, or `false` for never.
    #[schemars(extend("default" = true))]
    breaker: Option<AnyBreaker>,
    /// When a running life is replaced by a fresh one, between calls; `false` for never.
    #[schemars(extend("default" = false))]
    recycle: Option<AnyRecycle>,
    /// What it waits for outside of mcpstore before each start: one condition, or a list of them.
    #[schemars(extend("examples" = [[{ "tcp": "127.0.0.1:5432" }]]))]
    wait_for: Option<WaitFor>,
    /// Which of its tools the gateway offers, and under which names. A list is the same as `allow`.
    #[schemars(extend("examples" = [{ "allow": ["search_*"] }]))]
    tools: Option<AnyTools>,
    /// Other clients' word for `tools.allow`.
    enabled_tools: Option<Patterns>,
    /// Other clients' word for `tools.allow`.
    include_tools: Option<Patterns>,
    /// Other clients' word for `tools.deny`.
    disabled_tools: Option<Patterns>,
    /// Other clients' word for `tools.deny`.
    exclude_tools: Option<Patterns>,
    /// Whether clients of the gateway share its server; `auto`: until that cannot be.
    #[schemars(extend("default" = mcpstore_types::Isolation::default().as_str()))]
    isolation: Option<Isolation>,
    /// When it is started: with the manager, or with its first use.
    #[schemars(extend("default" = mcpstore_types::StartMode::default().as_str()))]
    start: Option<Start>,
    /// It is stopped after so long without use, at least 1 s, and started with the next one.
    #[schemars(extend("default" = "off", "examples" = ["off", "10m"]))]
    idle_stop: Option<IdleStop>,
    profiles: Option<Later>,
    alerts: Option<Later>,
    auth: Option<Later>,
    headers_helper: Option<Later>,
    oauth_resource: Option<Later>,
    request_init: Option<Later>,
    request_options: Option<Later>,
    sandbox_enabled: Option<Later>,
}

/// A service is launched or reached, and its `type` is one of the words, unless it brings an adapter of its own.
fn ways(schema: &mut Schema) {
    let names = ["command"].iter().chain(URL_KEYS).chain(&["settings"]);
    let one: Vec<_> = names.map(|name| json_schema!({ "required": [name] })).collect();
    let words: Vec<&str> = KINDS.iter().filter(|(_, kind)| kind.is_spoken()).map(|(word, _)| *word).collect();
    let word = json_schema!({ "enum": words.iter().copied().map(Some).chain([None]).collect::<Vec<_>>() });
    schema.insert("anyOf".to_owned(), one.into());
    schema.insert("if".to_owned(), json_schema!({ "required": ["settings"] }).into());
    schema.insert(
        "then".to_owned(),
        json_schema!({ "anyOf": [{ "required": ["type"] }, { "required": ["transport"] }] }).into(),
    );
    schema.insert("else".to_owned(), json_schema!({ "properties": { "type": word, "transport": word } }).into());
    // Told at the second of the two.
    let never = |message: &str| json_schema!({ "not": {}, "errorMessage": message });
    let both = json_schema!({
        "properties": {
            "url": never("both `command` and `url`; a server is launched or reached"),
            "serverUrl": never("both `command` and `serverUrl`; a server is launched or reached"),
            "httpUrl": never("both `command` and `httpUrl`; a server is launched or reached"),
            "settings": never("both `command` and `settings`; `settings` belong to a kind that is not built in"),
        }
    });
    let branch = json_schema!({ "if": { "required": ["command"], "properties": { "command": { "type": "string" } } }, "then": both });
    schema.insert("allOf".to_owned(), vec![branch].into());
}

/// Settings by name.
struct Settings;

impl JsonSchema for Settings {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Settings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
enum DependsOn {
    One(Element),
    All(Vec<Element>),
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
enum Element {
    Name(Filled),
    Object(Dependency),
}

#[derive(JsonSchema)]
#[schemars(title = "A dependency", rename_all = "camelCase")]
struct Dependency {
    /// A service of this config.
    on: Filled,
    /// In which way.
    #[schemars(extend("default" = mcpstore_types::DepKind::default().as_str()))]
    kind: Option<DepKind>,
    /// What must hold of it first; without effect on `part_of` and `conflicts`.
    #[schemars(extend("default" = mcpstore_types::DepCondition::default().as_str()))]
    condition: Option<DepCondition>,
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
enum WaitFor {
    One(Condition),
    All(Vec<Condition>),
}

#[derive(JsonSchema)]
#[schemars(
    title = "Something to wait for", description = "It is one thing: `tcp`, `http`, `file` or `exec`.", rename_all = "camelCase",
    transform = condition_ways
)]
struct Condition {
    /// A TCP connection to `host:port` is accepted.
    tcp: Option<Address>,
    /// `GET` of this address gives 200 to 399.
    http: Option<HttpUrl>,
    /// A file or folder is there.
    file: Option<Filled>,
    /// A program ends with exit code 0. Never a shell line.
    exec: Option<Exec>,
}

fn condition_ways(schema: &mut Schema) {
    one_of(schema, crate::words::CONDITION.read);
}

#[derive(JsonSchema)]
#[schemars(title = "How to log in", rename_all = "camelCase", extend("type" = ["object", "null"]))]
struct OAuth {
    /// The client id, when we were registered beforehand.
    client_id: Option<Filled>,
    /// The secret that belongs to it; better a reference.
    #[schemars(extend("examples" = ["${CLIENT_SECRET}"]))]
    client_secret: Option<Filled>,
    /// The authorisation server that both belong to.
    issuer: Option<Url>,
    /// The address of a client metadata document.
    client_metadata_url: Option<Url>,
    /// The scopes to ask for: a list, or one text; default what the server asks for.
    scopes: Option<Scopes>,
    /// The port of the redirect address; default any free one.
    #[schemars(extend("minimum" = 1, "maximum" = u16::MAX))]
    callback_port: Option<u32>,
    auth_server_metadata_url: Option<Later>,
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
enum Scopes {
    Text(String),
    List(Vec<String>),
}
