//! `restart`, `timeouts`, `health`, `breaker`, `recycle` and `limits`.
#![allow(dead_code, reason = "nothing is made of them but a schema")]

use mcpstore_types::{Backoff, BreakerPolicy, HealthSpec, RestartPolicy, Timeouts as Times};
use schemars::{JsonSchema, Schema, json_schema};

use super::duration;
use super::text::{Address, Duration, DurationOrZero, Filled, HttpUrl, Memory, ProbeWord, RestartMode};
use crate::policy::MAX_COUNT;

#[derive(JsonSchema)]
#[schemars(title = "When a service is restarted", rename_all = "camelCase", extend("type" = ["object", "null"]))]
pub(super) struct Restart {
    /// After which ends it is started again; a clean exit is no failure.
    #[schemars(extend("default" = RestartPolicy::default().mode.as_str()))]
    policy: Option<RestartMode>,
    /// Automatic restarts in a row; the failure after the last gives up.
    #[schemars(extend("default" = RestartPolicy::default().max_attempts, "minimum" = 1, "maximum" = MAX_COUNT))]
    max_attempts: Option<u32>,
    /// The window of `maxInWindow`; at most 30 days.
    #[schemars(extend("default" = duration(RestartPolicy::default().window)))]
    window: Option<Duration>,
    /// Automatic restarts allowed in the window; the next one gives up instead.
    #[schemars(extend("default" = RestartPolicy::default().max_in_window, "minimum" = 1, "maximum" = MAX_COUNT))]
    max_in_window: Option<u32>,
    /// The wait before the first restart; it doubles with each attempt.
    #[schemars(extend("default" = duration(Backoff::default().delay)))]
    delay: Option<DurationOrZero>,
    /// The longest wait. Equal to `delay`: a fixed wait.
    #[schemars(extend("default" = duration(Backoff::default().max_delay)))]
    max_delay: Option<DurationOrZero>,
    /// Each wait is multiplied by something between 1 − jitter and 1 + jitter.
    #[schemars(extend("default" = f64::from(Backoff::default().jitter_percent) / 100.0, "minimum" = 0, "maximum" = 1))]
    jitter: Option<f64>,
    /// After so long in phase `ready`, failures are forgotten.
    #[schemars(extend("default" = duration(RestartPolicy::default().stable_after)))]
    stable_after: Option<Duration>,
    /// After giving up, one more attempt at this interval, 1 s to 30 days; or off.
    #[schemars(extend("default" = "off", "examples" = ["off", "10m"]))]
    slow_retry: Option<SlowRetry>,
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
enum SlowRetry {
    Word(Off),
    Every(Duration),
    Switch(#[schemars(extend("const" = false))] bool),
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
pub(super) enum Off {
    Off,
}

#[derive(JsonSchema)]
#[schemars(title = "How long each step may take", rename_all = "camelCase", extend("type" = ["object", "null"]))]
pub(super) struct Timeouts {
    /// Waiting for dependencies and a start slot.
    #[schemars(extend("default" = duration(Times::default().wait)))]
    wait: Option<Duration>,
    /// From the spawn to a passed start-up check.
    #[schemars(extend("default" = duration(Times::default().start)))]
    start: Option<Duration>,
    /// The MCP handshake, inside `start`.
    #[schemars(extend("default" = duration(Times::default().handshake)))]
    handshake: Option<Duration>,
    /// One page of a list request.
    #[schemars(extend("default" = duration(Times::default().list)))]
    list: Option<Duration>,
    /// A call without a sign of life; progress starts it anew.
    #[schemars(extend("default" = duration(Times::default().call)))]
    call: Option<Duration>,
    /// A call in all.
    #[schemars(extend("default" = duration(Times::default().call_total)))]
    call_total: Option<Duration>,
    /// Stop: calls in flight may end. "0s" skips the step.
    #[schemars(extend("default" = duration(Times::default().drain)))]
    drain: Option<DurationOrZero>,
    /// Stop: from closing its input to SIGTERM. "0s" skips the step.
    #[schemars(extend("default" = duration(Times::default().close)))]
    close: Option<DurationOrZero>,
    /// Stop: from SIGTERM to SIGKILL. "0s" skips the step.
    #[schemars(extend("default" = duration(Times::default().term)))]
    term: Option<DurationOrZero>,
    /// Stop: from SIGKILL to the end of the main process.
    #[schemars(extend("default" = duration(Times::default().kill)))]
    kill: Option<Duration>,
    /// Stop and crash: the rest of what it started has gone.
    #[schemars(extend("default" = duration(Times::default().reap)))]
    reap: Option<Duration>,
}

#[derive(JsonSchema)]
#[schemars(title = "How a service is probed", rename_all = "camelCase", extend("type" = ["object", "null"]))]
pub(super) struct Health {
    /// What is asked: failing at first it makes the service degraded, `fall` times in a row it has it replaced.
    #[schemars(extend("default" = "auto"))]
    probe: Option<AnyProbe>,
    /// What is asked too, for readiness alone. It belongs to the start-up check; once the service ran, failing it makes it degraded
    /// and never has it replaced.
    #[schemars(extend("default" = false))]
    readiness: Option<Readiness>,
    /// Between two probes, 100 ms to 30 days; 1 s (or this, when shorter) while the verdict is in doubt.
    #[schemars(extend("default" = duration(HealthSpec::default().interval)))]
    interval: Option<Duration>,
    /// For one probe.
    #[schemars(extend("default" = duration(HealthSpec::default().timeout)))]
    timeout: Option<Duration>,
    /// Passes in a row that make a failing service healthy again.
    #[schemars(extend("default" = HealthSpec::default().rise, "minimum" = 1, "maximum" = MAX_COUNT))]
    rise: Option<u32>,
    /// Failures in a row that make it unhealthy, and so restarted.
    #[schemars(extend("default" = HealthSpec::default().fall, "minimum" = 1, "maximum" = MAX_COUNT))]
    fall: Option<u32>,
    /// Between two start-up probes, 10 ms to 30 days.
    #[schemars(extend("default" = duration(HealthSpec::default().startup)))]
    startup: Option<Duration>,
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
enum AnyProbe {
    Word(ProbeWord),
    Object(Probe),
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
enum Readiness {
    Word(ProbeWord),
    Object(Probe),
    Switch(#[schemars(extend("const" = false))] bool),
}

#[derive(JsonSchema)]
#[schemars(
    title = "A probe", description = "It asks one thing: `tool`, `http`, `tcp` or `exec`.", rename_all = "camelCase",
    transform = probe_ways
)]
struct Probe {
    /// A call of this tool; an answer that says `isError` is a failure.
    tool: Option<Filled>,
    /// The arguments of the tool; default none.
    #[schemars(extend("type" = ["object", "null"]))]
    args: Option<std::collections::BTreeMap<String, serde_json::Value>>,
    /// `GET` of this address; 200 to 399 passes.
    http: Option<HttpUrl>,
    /// A TCP connection to `host:port`.
    tcp: Option<Address>,
    /// A program and its arguments; exit code 0 passes. Never a shell line.
    exec: Option<Exec>,
}

/// A probe asks one thing, and only a tool has arguments.
fn probe_ways(schema: &mut Schema) {
    one_of(schema, &["tool", "http", "tcp", "exec"]);
    schema.insert("dependencies".to_owned(), json_schema!({ "args": ["tool"] }).into());
}

/// An object has one of these keys. `oneOf` would call a text, which has none of them, one of all.
pub(super) fn one_of(schema: &mut Schema, keys: &[&str]) {
    let one: Vec<_> = keys.iter().map(|key| json_schema!({ "required": [key] })).collect();
    schema.insert("anyOf".to_owned(), one.into());
    let alone = |(nth, key): (usize, &&str)| {
        let others: serde_json::Map<String, serde_json::Value> = keys[nth + 1..]
            .iter()
            .map(|other| {
                let message = format!("both `{key}` and `{other}`; it is one thing");
                ((*other).to_owned(), json_schema!({ "not": {}, "errorMessage": message }).into())
            })
            .collect();
        json_schema!({ "if": { "type": "object", "required": [key] }, "then": { "properties": others } })
    };
    let all: Vec<_> = keys.iter().enumerate().take(keys.len().saturating_sub(1)).map(alone).collect();
    schema.insert("allOf".to_owned(), all.into());
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
pub(super) enum Exec {
    Program(Filled),
    Line(#[schemars(length(min = 1))] Vec<String>),
}

/// `breaker`: a switch, or settings.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
pub(super) enum AnyBreaker {
    Switch(bool),
    Settings(Breaker),
}

#[derive(JsonSchema)]
#[schemars(title = "When calls fail at once", rename_all = "camelCase", extend("type" = ["object", "null"]))]
pub(super) struct Breaker {
    /// Transport failures in a row that open it.
    #[schemars(extend("default" = BreakerPolicy::default().failures, "minimum" = 1, "maximum" = MAX_COUNT))]
    failures: Option<u32>,
    /// The last so many calls that `failurePercent` looks at.
    #[schemars(extend("default" = BreakerPolicy::default().window, "minimum" = 1, "maximum" = crate::breaker::MAX_WINDOW))]
    window: Option<u32>,
    /// Percent of the last `window` calls that failed and open it.
    #[schemars(extend("default" = BreakerPolicy::default().failure_percent, "minimum" = 1, "maximum" = 100))]
    failure_percent: Option<u32>,
    /// How long it stays open at first; it doubles each time a trial fails.
    #[schemars(extend("default" = duration(BreakerPolicy::default().open_for)))]
    open_for: Option<Duration>,
    /// The longest it stays open between two trials.
    #[schemars(extend("default" = duration(BreakerPolicy::default().max_open_for)))]
    max_open_for: Option<Duration>,
    /// How long the one trial call may take.
    #[schemars(extend("default" = duration(BreakerPolicy::default().trial_timeout)))]
    trial_timeout: Option<Duration>,
}

/// `recycle`: bounds, or `false`.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
pub(super) enum AnyRecycle {
    Settings(Recycle),
    Switch(#[schemars(extend("const" = false))] bool),
}

#[derive(JsonSchema)]
#[schemars(title = "When a life is replaced by a fresh one", rename_all = "camelCase", extend("type" = ["object", "null"]))]
pub(super) struct Recycle {
    /// Resident memory of all its processes: a size with its unit, or a number of bytes; 16 MiB to 16 TiB. Default none.
    max_memory: Option<Memory>,
    /// Time in which it was ready, 1 s to 30 days. Default none.
    max_age: Option<Duration>,
}

#[derive(JsonSchema)]
#[schemars(title = "How much a server may take", rename_all = "camelCase", extend("type" = ["object", "null"]))]
pub(super) struct Limits {
    /// Private writable memory of each process: a size with its unit, or a number of bytes; 16 MiB to 16 TiB.
    memory: Option<Memory>,
    /// Open files of each process.
    #[schemars(extend("minimum" = crate::sandbox::FILES[0], "maximum" = crate::sandbox::FILES[1]))]
    files: Option<u32>,
    /// Processes and threads of the user, whoever started them; does not bind root.
    #[schemars(extend("minimum" = crate::sandbox::PROCESSES[0], "maximum" = crate::sandbox::PROCESSES[1]))]
    processes: Option<u32>,
}
