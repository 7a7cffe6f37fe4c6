//! From a spec back to the entry of a config.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use mcpstore_types::{
    Backoff, BreakerPolicy, DepCondition, DepKind, Dependency, Era, EraChoice, Expose, HealthSpec, HttpSpec, Isolation,
    Limits, OAuthSpec, Policy, ProbeKind, RecyclePolicy, RestartPolicy, Sandbox, Secret, ServiceSpec, StartMode,
    StdioSpec, Timeouts, ToolRules, TransportSpec, WaitCondition,
};

use crate::{Plain, Source};

/// The entry of a config that reads as this spec, whatever the `defaults` beside it say nothing about: only what differs from the
/// defaults of the config language is written. `None` for a server inside the process: no config states one.
///
/// Secrets stand in it in plain text: it is meant for a file of its owner, never for a screen.
#[must_use]
pub fn entry(spec: &ServiceSpec) -> Option<Plain> {
    let ServiceSpec {
        name: _,
        transport,
        era,
        dependencies,
        wait_for,
        policy,
        enabled,
        tags,
        description,
        tools,
        isolation,
        start,
        idle_stop,
        // Made while it runs; no config says so.
        instance_of: _,
    } = spec;
    let mut out = Members::default();
    match transport {
        TransportSpec::Stdio(stdio) => launched(&mut out, stdio),
        TransportSpec::Http(http) => reached(&mut out, "http", http),
        TransportSpec::Sse(http) => reached(&mut out, "sse", http),
        TransportSpec::Other(other) => {
            out.put("type", Plain::text(&other.kind));
            out.put("settings", map(&other.settings));
        }
        _ => return None,
    }
    match era {
        EraChoice::Auto => {}
        EraChoice::Only(Era::Handshake) => out.put("era", Plain::text("handshake")),
        EraChoice::Only(Era::Stateless) => out.put("era", Plain::text("stateless")),
    }
    if !dependencies.is_empty() {
        out.put("dependsOn", Plain::List(dependencies.iter().map(dependency).collect()));
    }
    if !wait_for.is_empty() {
        out.put("waitFor", Plain::List(wait_for.iter().map(condition).collect()));
    }
    behaviour(&mut out, policy);
    if !enabled {
        out.put("enabled", Plain::Bool(false));
    }
    if !tags.is_empty() {
        out.put("tags", Plain::texts(tags));
    }
    if let Some(description) = description {
        out.put("description", Plain::text(description));
    }
    out.block("tools", tool_rules(tools));
    out.differing("isolation", isolation, &Isolation::default(), |isolation| Plain::text(isolation.as_str()));
    out.differing("start", start, &StartMode::default(), |start| Plain::text(start.as_str()));
    out.differing("idleStop", idle_stop, &None, |idle| idle.map_or(Plain::Null, |idle| time(&idle)));
    Some(out.object())
}

/// Members of an object that is being made.
#[derive(Default)]
pub(crate) struct Members(Vec<(String, Plain)>);

impl Members {
    pub(crate) fn put(&mut self, key: &str, value: Plain) {
        self.0.push((key.to_owned(), value));
    }

    /// A block, unless it is empty.
    pub(crate) fn block(&mut self, key: &str, block: Self) {
        if !block.0.is_empty() {
            self.put(key, block.object());
        }
    }

    pub(crate) fn differing<T: PartialEq>(&mut self, key: &str, value: &T, default: &T, written: impl Fn(&T) -> Plain) {
        if value != default {
            self.put(key, written(value));
        }
    }

    pub(crate) fn object(self) -> Plain {
        Plain::Object(self.0)
    }
}

fn tool_rules(rules: &ToolRules) -> Members {
    let ToolRules { allow, deny, rename, describe, expose } = rules;
    let mut out = Members::default();
    out.differing("allow", allow, &Vec::new(), |patterns| Plain::texts(patterns));
    out.differing("deny", deny, &Vec::new(), |patterns| Plain::texts(patterns));
    let by_tool = |texts: &BTreeMap<String, String>| {
        Plain::Object(texts.iter().map(|(tool, text)| (tool.clone(), Plain::text(text))).collect())
    };
    out.differing("rename", rename, &BTreeMap::new(), by_tool);
    out.differing("describe", describe, &BTreeMap::new(), by_tool);
    out.differing("expose", expose, &Expose::default(), |expose| Plain::text(expose.as_str()));
    out
}

fn launched(out: &mut Members, stdio: &StdioSpec) {
    let StdioSpec { command, args, env, cwd, inherit_env, sandbox, sandbox_read, sandbox_write, limits } = stdio;
    out.put("command", literal(command));
    if !args.is_empty() {
        out.put("args", Plain::List(args.iter().map(|arg| literal(arg)).collect()));
    }
    if !env.is_empty() {
        out.put("env", map(env));
    }
    if let Some(cwd) = cwd {
        out.put("cwd", literal(&cwd.to_string_lossy()));
    }
    if !inherit_env.is_empty() {
        out.put("inheritEnv", Plain::texts(inherit_env));
    }
    out.differing("sandbox", sandbox, &Sandbox::default(), |sandbox| Plain::text(sandbox.word()));
    let paths = |paths: &Vec<PathBuf>| Plain::List(paths.iter().map(|path| literal(&path.to_string_lossy())).collect());
    out.differing("sandboxRead", sandbox_read, &Vec::new(), paths);
    out.differing("sandboxWrite", sandbox_write, &Vec::new(), paths);
    let Limits { memory, files, processes } = limits;
    let mut block = Members::default();
    for (key, value) in [("memory", memory), ("files", files), ("processes", processes)] {
        block.differing(key, value, &None, |value| value.map_or(Plain::Null, number));
    }
    out.block("limits", block);
}

fn reached(out: &mut Members, kind: &str, http: &HttpSpec) {
    let HttpSpec { url, headers, oauth, ca_file } = http;
    out.put("type", Plain::text(kind));
    out.put("url", literal(url));
    if !headers.is_empty() {
        out.put("headers", map(headers));
    }
    if let Some(file) = ca_file {
        out.put("caFile", literal(&file.to_string_lossy()));
    }
    let OAuthSpec { client_id, client_secret, issuer, client_metadata_url, scopes, callback_port } = oauth;
    let mut block = Members::default();
    let secret = client_secret.as_ref().map(Secret::expose);
    for (key, value) in [
        ("clientId", client_id.as_deref()),
        ("clientSecret", secret),
        ("issuer", issuer.as_deref()),
        ("clientMetadataUrl", client_metadata_url.as_deref()),
    ] {
        if let Some(value) = value {
            block.put(key, literal(value));
        }
    }
    if !scopes.is_empty() {
        block.put("scopes", Plain::texts(scopes));
    }
    if let Some(port) = callback_port {
        block.put("callbackPort", number(*port));
    }
    out.block("oauth", block);
}

fn dependency(dependency: &Dependency) -> Plain {
    let Dependency { on, kind, condition } = dependency;
    if *kind == DepKind::default() && *condition == DepCondition::Ready {
        return Plain::text(on.as_str());
    }
    let mut out = Members::default();
    out.put("on", Plain::text(on.as_str()));
    out.differing("kind", kind, &DepKind::default(), |kind| Plain::text(kind.as_str()));
    out.differing("condition", condition, &DepCondition::Ready, |condition| Plain::text(condition.as_str()));
    out.object()
}

fn behaviour(out: &mut Members, policy: &Policy) {
    let Policy { restart, timeouts, health, breaker, recycle } = policy;
    let RestartPolicy { mode, max_attempts, window, max_in_window, backoff, stable_after, slow_retry } = restart;
    let Backoff { delay, max_delay, jitter_percent } = backoff;
    let default = RestartPolicy::default();
    let mut block = Members::default();
    block.differing("policy", mode, &default.mode, |mode| Plain::text(mode.as_str()));
    block.differing("maxAttempts", max_attempts, &default.max_attempts, |count| number(*count));
    block.differing("window", window, &default.window, time);
    block.differing("maxInWindow", max_in_window, &default.max_in_window, |count| number(*count));
    // One alone would pull the other along.
    let delays = (*delay, *max_delay);
    if delays != (default.backoff.delay, default.backoff.max_delay) {
        block.put("delay", time(delay));
        block.put("maxDelay", time(max_delay));
    }
    block.differing("jitter", jitter_percent, &default.backoff.jitter_percent, |percent| {
        Plain::Number((f64::from(*percent) / 100.0).to_string())
    });
    block.differing("stableAfter", stable_after, &default.stable_after, time);
    block.differing("slowRetry", slow_retry, &None, |slow| slow.map_or(Plain::Null, |slow| time(&slow)));
    out.block("restart", block);

    let Timeouts { wait, start, handshake, list, call, call_total, drain, close, term, kill, reap } = timeouts;
    let default = Timeouts::default();
    let mut block = Members::default();
    for (key, value, default) in [
        ("wait", wait, default.wait),
        ("start", start, default.start),
        ("handshake", handshake, default.handshake),
        ("list", list, default.list),
        ("call", call, default.call),
        ("callTotal", call_total, default.call_total),
        ("drain", drain, default.drain),
        ("close", close, default.close),
        ("term", term, default.term),
        ("kill", kill, default.kill),
        ("reap", reap, default.reap),
    ] {
        block.differing(key, value, &default, time);
    }
    out.block("timeouts", block);

    let HealthSpec { probe, readiness, interval, timeout, rise, fall, startup } = health;
    let default = HealthSpec::default();
    let mut block = Members::default();
    block.differing("probe", probe, &default.probe, probe_value);
    block.differing("readiness", readiness, &None, |probe| probe.as_ref().map_or(Plain::Null, probe_value));
    block.differing("interval", interval, &default.interval, time);
    block.differing("timeout", timeout, &default.timeout, time);
    block.differing("rise", rise, &default.rise, |count| number(*count));
    block.differing("fall", fall, &default.fall, |count| number(*count));
    block.differing("startup", startup, &default.startup, time);
    out.block("health", block);

    breaker_settings(out, breaker.as_ref());
    let RecyclePolicy { max_memory, max_age } = recycle;
    let mut block = Members::default();
    block.differing("maxMemory", max_memory, &None, |bytes| bytes.map_or(Plain::Null, number));
    block.differing("maxAge", max_age, &None, |age| age.map_or(Plain::Null, |age| time(&age)));
    out.block("recycle", block);
}

fn breaker_settings(out: &mut Members, breaker: Option<&BreakerPolicy>) {
    let Some(breaker) = breaker else {
        out.put("breaker", Plain::Bool(false));
        return;
    };
    let BreakerPolicy { failures, window, failure_percent, open_for, max_open_for, trial_timeout } = breaker;
    let default = BreakerPolicy::default();
    let mut block = Members::default();
    block.differing("failures", failures, &default.failures, |count| number(*count));
    block.differing("window", window, &default.window, |count| number(*count));
    block.differing("failurePercent", failure_percent, &default.failure_percent, |percent| number(*percent));
    // One alone would pull the other along.
    if (open_for, max_open_for) != (&default.open_for, &default.max_open_for) {
        block.put("openFor", time(open_for));
        block.put("maxOpenFor", time(max_open_for));
    }
    block.differing("trialTimeout", trial_timeout, &default.trial_timeout, time);
    out.block("breaker", block);
}

fn probe_value(probe: &ProbeKind) -> Plain {
    let mut out = Members::default();
    match probe {
        ProbeKind::Tool { name, args } => {
            out.put("tool", Plain::text(name));
            // Code may have built any text; what is no object of JSON says nothing to a server.
            let args =
                Plain::of(&Source::new("args.json", args.as_str())).filter(|args| *args != Plain::Object(Vec::new()));
            if let Some(args @ Plain::Object(_)) = args {
                out.put("args", escaped(args));
            }
        }
        ProbeKind::Http { url } => out.put("http", literal(url)),
        ProbeKind::Tcp { address } => out.put("tcp", literal(address)),
        ProbeKind::Exec { command, args } => out.put("exec", exec(command, args)),
        word => return Plain::text(word.word()),
    }
    out.object()
}

fn condition(condition: &WaitCondition) -> Plain {
    let value = match condition {
        WaitCondition::Tcp { address } => literal(address),
        WaitCondition::Http { url } => literal(url),
        WaitCondition::File { path } => literal(&path.to_string_lossy()),
        WaitCondition::Exec { command, args } => exec(command, args),
        // A condition that is newer than this function.
        _ => Plain::Null,
    };
    Plain::Object(vec![(condition.word().to_owned(), value)])
}

fn exec(command: &str, args: &[String]) -> Plain {
    Plain::List(std::iter::once(command).chain(args.iter().map(String::as_str)).map(literal).collect())
}

/// Text in a value that is meant as it stands.
fn escaped(value: Plain) -> Plain {
    match value {
        Plain::Text(text) => literal(&text),
        Plain::List(list) => Plain::List(list.into_iter().map(escaped).collect()),
        Plain::Object(members) => {
            Plain::Object(members.into_iter().map(|(key, value)| (key, escaped(value))).collect())
        }
        other => other,
    }
}

pub(crate) fn map(values: &BTreeMap<String, Secret>) -> Plain {
    Plain::Object(values.iter().map(|(key, value)| (key.clone(), literal(value.expose()))).collect())
}

/// Text that is meant as it stands: what begins like a reference is escaped.
pub(crate) fn literal(text: &str) -> Plain {
    Plain::Text(text.replace("${", "$${"))
}

pub(crate) fn number(number: impl Into<u64>) -> Plain {
    Plain::Number(number.into().to_string())
}

pub(crate) fn time(time: &Duration) -> Plain {
    Plain::Text(humantime::format_duration(*time).to_string())
}
