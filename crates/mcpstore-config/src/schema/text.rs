//! Single values: texts of a certain form, and words.
#![allow(dead_code, reason = "nothing is made of them but a schema")]

use schemars::JsonSchema;

/// Units of durations; months and years are longer than any duration may be.
const DURATION: &str = concat!(
    r"^\s*(\d+\s*(nanos|nsec|ns|usec|us|µs|millis|msec|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|",
    r"weeks?|wks?|w)\s*)+$"
);

/// The same, and something in it is not zero.
const DURATION_ABOVE_ZERO: &str = concat!(
    r"^(?=.*[1-9])\s*(\d+\s*(nanos|nsec|ns|usec|us|µs|millis|msec|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|",
    r"days?|d|weeks?|wks?|w)\s*)+$"
);

const DURATION_HELP: &str = "write a number and its unit (ms, s, m, h, d), for example \"10s\" or \"250ms\"";

const ABOVE_ZERO_HELP: &str =
    "write a number above zero and its unit (ms, s, m, h, d), for example \"10s\" or \"250ms\"";

const SIZE: &str = r"^\s*\d{1,20}\s*(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)\s*$";

const URL: &str = r"^([Hh][Tt][Tt][Pp][Ss]?://[^\s]+|[Uu][Nn][Ii][Xx]:.+)$|\$\{";

/// A duration above zero.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend("pattern" = DURATION_ABOVE_ZERO, "patternErrorMessage" = ABOVE_ZERO_HELP, "examples" = ["250ms", "10s", "2m"])
)]
pub(super) struct Duration(String);

/// A duration, zero too.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend("pattern" = DURATION, "patternErrorMessage" = DURATION_HELP, "examples" = ["0s", "250ms", "10s", "2m"])
)]
pub(super) struct DurationOrZero(String);

/// A size in bytes.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "type" = ["string", "integer", "null"], "pattern" = SIZE, "minimum" = crate::sandbox::MEMORY[0],
        "maximum" = crate::sandbox::MEMORY[1], "examples" = ["512MB", "1GiB", 536_870_912],
        "patternErrorMessage" = "write a whole number and its unit, for example \"512MB\" or \"1GiB\""
    )
)]
pub(super) struct Memory(String);

/// An address.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "pattern" = URL, "examples" = ["https://mcp.example.com/mcp", "unix:/run/app.sock:/mcp"],
        "patternErrorMessage" = "write an address as in \"https://mcp.example.com/mcp\""
    )
)]
pub(super) struct Url(String);

/// An address that begins with `http://` or `https://`, or has a reference in it.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "pattern" = r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s]+$|\$\{", "examples" = ["http://127.0.0.1:8080/healthz"],
        "patternErrorMessage" = "write an address as in \"http://127.0.0.1:8080/healthz\""
    )
)]
pub(super) struct HttpUrl(String);

/// The address of a mail server.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "pattern" = r"^[Ss][Mm][Tt][Pp]([Ss]|\+[Ss][Tt][Aa][Rr][Tt][Tt][Ll][Ss])?://[^\s]+$|\$\{",
        "examples" = ["smtps://user:${MAIL_PASSWORD}@mail.example.com"],
        "patternErrorMessage" = "write an address as in \"smtps://user:${MAIL_PASSWORD}@mail.example.com\""
    )
)]
pub(super) struct MailServer(String);

/// A mail address.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend("pattern" = r"^[^@]+@.+$|\$\{", "patternErrorMessage" = "write an address as in \"me@example.com\"")
)]
pub(super) struct Mailbox(String);

/// `host:port`.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "pattern" = r"^(\[[^\[\]\s]+\]|[^:/@\s\[\]]+):\d{1,5}$|\$\{", "examples" = ["127.0.0.1:5432"],
        "patternErrorMessage" = "write it as in \"127.0.0.1:5432\""
    )
)]
pub(super) struct Address(String);

/// A share: a number above 0 up to 1, or percent.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = r"^\s*\d+(\.\d+)?\s*%\s*$", "patternErrorMessage" = "write it as in 0.1 or \"10%\""))]
pub(super) struct Percent(String);

/// A text that is not blank.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = r"\S", "patternErrorMessage" = "it is empty"))]
pub(super) struct Filled(String);

/// A pattern for names of variables.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "pattern" = r"^[^\s*=]+\*?$", "examples" = ["AWS_*", "LANGUAGE"],
        "patternErrorMessage" = "write a name, or the beginning of names and a `*`: \"AWS_*\""
    )
)]
pub(super) struct Pattern(String);

/// An absolute path, or one that begins with a reference.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend("pattern" = r"^(/|\$\{)", "patternErrorMessage" = "write the path from the root, or as in \"${HOME}/files\"")
)]
pub(super) struct AbsolutePath(String);

/// Not supported yet: a later version will read it.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "deprecationMessage" = "not supported yet by this version, and ignored",
        "doNotSuggest" = true
    )
)]
pub(super) struct Later(serde_json::Value);

/// Variables by name.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "type" = ["object", "null"], "additionalProperties" = { "type": "string" },
        "propertyNames" = { "pattern": "^[^=]+$", "patternErrorMessage": "a name of a variable is not empty and has no `=`" },
        "examples" = [{ "API_TOKEN": "${API_TOKEN}" }]
    )
)]
pub(super) struct Variables(std::collections::BTreeMap<String, String>);

/// Headers by name (spec: RFC 9110 §5.6.2, token).
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend(
        "type" = ["object", "null"], "additionalProperties" = { "type": "string" },
        "propertyNames" = {
            "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", "patternErrorMessage": "HTTP does not allow this name of a header"
        },
        "examples" = [{ "Authorization": "Bearer ${API_TOKEN}" }]
    )
)]
pub(super) struct Headers(std::collections::BTreeMap<String, String>);

/// After which ends a service is started again.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub(super) enum RestartMode {
    OnFailure,
    Always,
    Never,
}

/// A preset.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub(super) enum Recovery {
    Seed,
}

/// What a probe asks.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub(super) enum ProbeWord {
    Auto,
    Ping,
    Discover,
    List,
}

/// An era of the protocol.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub(super) enum Era {
    Auto,
    Handshake,
    Stateless,
}

/// What a child is kept from.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub(super) enum Sandbox {
    None,
    Basic,
    Restricted,
    Isolated,
}

/// In which way one service depends on another.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub(super) enum DepKind {
    Requires,
    Wants,
    BindsTo,
    PartOf,
    After,
    Conflicts,
}

/// What must hold of a dependency.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub(super) enum DepCondition {
    Started,
    Ready,
    Completed,
}

/// How an input is asked for.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "camelCase")]
pub(super) enum InputType {
    PromptString,
    PickString,
    Command,
}

/// How grave an alert is.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub(super) enum Severity {
    Info,
    Warning,
    Critical,
}

/// What a sink is.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub(super) enum SinkType {
    Log,
    Webhook,
    Command,
    Exec,
    Desktop,
    Mail,
}

/// The shape of what a webhook is sent.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "lowercase")]
pub(super) enum Template {
    Generic,
    Slack,
    Discord,
    Feishu,
    DingTalk,
    WeCom,
    Ntfy,
}

/// A kind of alert, in either spelling.
#[derive(JsonSchema)]
#[schemars(
    inline,
    extend("enum" = mcpstore_types::AlertKind::ALL.iter().flat_map(|kind| {
        let snake = kind.as_str().to_owned();
        [Some(snake), crate::fields::camel(kind.as_str())].into_iter().flatten()
    }).collect::<Vec<_>>())
)]
pub(super) struct AlertKind(String);
