//! `restart`, `timeouts`, `health` and `limits`.
#![allow(dead_code, reason = "nothing is made of them but a schema")]

use mcpstore_types::{Backoff, HealthSpec, RestartPolicy, Timeouts as Times};
use schemars::JsonSchema;

use super::duration;
use super::text::{Duration, DurationOrZero, Memory, Probe, RestartMode};
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
enum Off {
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
    /// What is asked: `ping`, or `list` for `tools/list`. `auto` is `ping`.
    #[schemars(extend("default" = "auto"))]
    probe: Option<Probe>,
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
