//! What clients of the gateway see, and how they reach it.
#![allow(dead_code, reason = "nothing is made of them but a schema")]

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, json_schema};

use super::policy::Off;
use super::text::{Duration, Filled};
use crate::gateway::MAX_NAMES;
use crate::parse::{MAX_PARALLEL_STARTS, MAX_PARALLEL_STARTS_DEFAULT};
use crate::patterns::MAX_PATTERN;
use crate::policy::MAX_COUNT;
use crate::tools::{MAX_NAME, MAX_TOOLS};

/// `tools` of a service: rules, or the list that Copilot writes.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
pub(super) enum AnyTools {
    Rules(Tools),
    Allowed(Patterns),
}

/// Patterns for names of tools.
#[derive(JsonSchema)]
#[schemars(inline, extend("type" = ["array", "null"]))]
pub(super) struct Patterns(#[schemars(length(max = MAX_TOOLS), inner(length(max = MAX_PATTERN)))] Vec<Filled>);

/// Patterns for names of tools, at least one.
#[derive(JsonSchema)]
#[schemars(inline, extend("type" = ["array", "null"]))]
struct SomePatterns(#[schemars(length(min = 1, max = MAX_TOOLS), inner(length(max = MAX_PATTERN)))] Vec<Filled>);

#[derive(JsonSchema)]
#[schemars(title = "Which tools are offered, and how", rename_all = "camelCase", extend("type" = ["object", "null"]))]
pub(super) struct Tools {
    /// Patterns (`*`, `?`) for the tools that are offered, as the server calls them; default all.
    #[schemars(extend("examples" = [["search_*"]]))]
    allow: Option<SomePatterns>,
    /// Patterns for tools that are left out, whatever `allow` says.
    #[schemars(extend("examples" = [["delete_*"]]))]
    deny: Option<Patterns>,
    /// Other names, by the server's name of the tool; no prefix is added to them.
    #[schemars(extend("examples" = [{ "search_files": "find" }], "propertyNames" = one_tool()))]
    rename: Option<BTreeMap<String, ToolName>>,
    /// Other descriptions, by the server's name of the tool.
    #[schemars(extend("propertyNames" = one_tool()))]
    describe: Option<BTreeMap<String, String>>,
    /// `prefixed`: as `service__tool`; `plain`: as the server calls them.
    #[schemars(extend("default" = mcpstore_types::Expose::default().as_str()))]
    expose: Option<Expose>,
}

fn one_tool() -> Schema {
    json_schema!({
        "pattern": r"^[^*?]*[^*?\s][^*?]*$", "maxLength": MAX_PATTERN,
        "patternErrorMessage": "write the name as the server has it, one for each tool"
    })
}

/// A name under which a tool can be offered.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "pattern" = format!("^[A-Za-z0-9_-]{{1,{MAX_NAME}}}$"),
        "patternErrorMessage" = format!("write 1 to {MAX_NAME} letters, digits, `_` and `-`")
    )
)]
struct ToolName(String);

#[derive(JsonSchema)]
#[schemars(
    title = "How tools are named where a service says nothing", rename_all = "camelCase", extend("type" = ["object", "null"])
)]
pub(super) struct DefaultTools {
    /// `prefixed`: as `service__tool`; `plain`: as the server calls them.
    #[schemars(extend("default" = mcpstore_types::Expose::default().as_str()))]
    expose: Option<Expose>,
}

#[derive(JsonSchema)]
#[schemars(
    title = "Which tools the clients of a profile see", rename_all = "camelCase", extend("type" = ["object", "null"])
)]
pub(super) struct ViewTools {
    /// Patterns (`*`, `?`) for tools, as the gateway offers them; default all of its services.
    #[schemars(extend("examples" = [["search__*"]]))]
    allow: Option<SomePatterns>,
    /// Patterns for tools that are left out, whatever `allow` says.
    #[schemars(extend("examples" = [["*__delete_*"]]))]
    deny: Option<Patterns>,
}

/// How tools are named.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
enum Expose {
    Prefixed,
    Plain,
}

/// Whether clients share one server.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub(super) enum Isolation {
    Auto,
    Shared,
    PerSession,
}

/// When a service is started.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub(super) enum Start {
    Eager,
    Lazy,
}

/// `idleStop`: after how long, or never.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
pub(super) enum IdleStop {
    Word(Off),
    After(Duration),
    Switch(#[schemars(extend("const" = false))] bool),
}

/// `resumeWait` and `pollAfter`: how long, or not at all.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
enum Resuming {
    Word(Off),
    For(Duration),
    Switch(#[schemars(extend("const" = false))] bool),
}

#[derive(JsonSchema)]
#[schemars(title = "The gateway", rename_all = "camelCase", extend("type" = ["object", "null"]))]
pub(super) struct Gateway {
    /// How many services may be between spawn and ready at one time.
    #[schemars(extend("default" = MAX_PARALLEL_STARTS_DEFAULT, "minimum" = 1, "maximum" = MAX_PARALLEL_STARTS))]
    max_parallel_starts: Option<u32>,
    /// Where it listens: an IP address and a port, or `none`. Other addresses than those of this machine alone want `tls`.
    listen: Option<Listen>,
    /// Who may speak to it: who has the token, or everybody on this machine.
    #[schemars(extend("default" = "token"))]
    auth: Option<Auth>,
    /// Origins of web pages that may speak to it, beside its own.
    #[schemars(length(max = MAX_NAMES), extend("examples" = [["https://app.example.com"]]))]
    origins: Option<Vec<Filled>>,
    /// Names under which it may be asked for, beside its address and `localhost`.
    #[schemars(length(max = MAX_NAMES), extend("examples" = [["tools.example.com"]]))]
    hosts: Option<Vec<Filled>>,
    /// The files of its certificate.
    tls: Option<Tls>,
    /// How many requests clients with the same credentials may make in a minute; `off` for any number.
    #[schemars(extend("default" = "off"))]
    requests_per_minute: Option<Rate>,
    /// How long an answer that streams waits for its client when the connection that carries it broke; `off`: a client that
    /// disconnects takes its requests back.
    #[schemars(extend("default" = "off"))]
    resume_wait: Option<Resuming>,
    /// After how long the connection of such a stream is closed, for the client to ask for the rest; wants `resumeWait`.
    #[schemars(extend("default" = "off"))]
    poll_after: Option<Resuming>,
    /// Whether the tools of a service that is down stay in the lists, marked as stale.
    #[schemars(extend("default" = "keep"))]
    stale_tools: Option<StaleTools>,
    /// What becomes of a tool that is not what it was when it was seen first or approved last: held back until
    /// `mcpstore approve` (`strict`: also one that is new), told, or nothing.
    #[schemars(extend("default" = "quarantine"))]
    tool_changes: Option<ToolChanges>,
    /// Whether what clients do is noted in the audit log.
    #[schemars(extend("default" = true))]
    audit: Option<bool>,
}

/// An address of the gateway.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "pattern" = r"^(none|localhost:\d{1,5}|\d{1,3}(\.\d{1,3}){3}:\d{1,5}|\[[0-9A-Fa-f:.%]+\]:\d{1,5})$|\$\{",
        "examples" = ["127.0.0.1:8420", "none"],
        "patternErrorMessage" = "write an IP address and a port, as in \"127.0.0.1:8420\", or \"none\""
    )
)]
struct Listen(String);

/// Who may speak to the gateway.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
enum Auth {
    Token,
    None,
}

/// What becomes of the tools of a service that is down.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
enum StaleTools {
    Keep,
    LeaveOut,
}

/// What becomes of a tool that is not what it was.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
enum ToolChanges {
    Quarantine,
    Strict,
    Warn,
    Off,
}

/// A number of requests, or no bound.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
enum Rate {
    Word(Off),
    Count(#[schemars(extend("minimum" = 1, "maximum" = MAX_COUNT))] u32),
    Switch(#[schemars(extend("const" = false))] bool),
}

#[derive(JsonSchema)]
#[schemars(title = "The certificate of the gateway", rename_all = "camelCase")]
struct Tls {
    /// The chain of certificates (PEM).
    cert: Filled,
    /// Its private key (PEM).
    key: Filled,
}
