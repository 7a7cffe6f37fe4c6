//! What must happen to get from one set of specs to another.
//!
//! Every struct of a spec is taken apart field by field, without `..`: a new field does not compile until its impact is
//! stated here.

use std::collections::BTreeMap;

use mcpstore_types::{
    Backoff, ChangeImpact, FieldChange, HealthSpec, HttpSpec, InProcessSpec, Limits, OtherSpec, Policy, RecyclePolicy,
    RestartPolicy, ServiceName, ServiceSpec, SpecDelta, StdioSpec, Timeouts, ToolRules, TransportSpec,
};

use ChangeImpact::{Live, None as NoImpact, Restart};

/// The difference of two sets of specs; each list is sorted by name. Of a name that a set has twice, the last spec counts.
///
/// Impacts: words for people have none; policy, dependencies and `enabled` are taken over while the service runs; what the
/// server is launched or reached with needs a restart. The delta is empty exactly when both sets hold equal specs.
#[must_use]
pub fn diff(old: &[ServiceSpec], new: &[ServiceSpec]) -> SpecDelta {
    let by_name = |specs: &'_ [ServiceSpec]| -> BTreeMap<ServiceName, usize> {
        specs.iter().enumerate().map(|(index, spec)| (spec.name.clone(), index)).collect()
    };
    let (before, after) = (by_name(old), by_name(new));
    let mut delta = SpecDelta::default();
    for (name, &index) in &after {
        let spec = &new[index];
        match before.get(name) {
            None => delta.added.push(spec.clone()),
            Some(&earlier) => {
                let changes = changes(&old[earlier], spec);
                if !changes.is_empty() {
                    delta.changed.push((spec.clone(), changes));
                }
            }
        }
    }
    delta.removed = before.into_keys().filter(|name| !after.contains_key(name)).collect();
    delta
}

/// The specs after a delta: those that stay keep their order, new ones follow by name.
///
/// `apply(&diff(old, new), old)` holds equal specs to `new`, in whatever order.
#[must_use]
pub fn apply(delta: &SpecDelta, old: &[ServiceSpec]) -> Vec<ServiceSpec> {
    let changed: BTreeMap<&ServiceName, &ServiceSpec> =
        delta.changed.iter().map(|(spec, _)| (&spec.name, spec)).collect();
    let stays = old.iter().filter(|spec| delta.removed.binary_search(&spec.name).is_err());
    let now = stays.map(|spec| changed.get(&spec.name).map_or_else(|| spec.clone(), |new| (*new).clone()));
    now.chain(delta.added.iter().cloned()).collect()
}

/// Collects the fields that differ.
#[derive(Default)]
pub(crate) struct Changes(Vec<FieldChange>);

impl Changes {
    pub(crate) fn note<T: PartialEq>(&mut self, field: &'static str, impact: ChangeImpact, old: &T, new: &T) {
        if old != new {
            self.0.push(FieldChange { field, impact });
        }
    }

    pub(crate) fn into_fields(self) -> Vec<FieldChange> {
        self.0
    }
}

fn changes(old: &ServiceSpec, new: &ServiceSpec) -> Vec<FieldChange> {
    let mut out = Changes::default();
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
        instance_of,
    } = old;
    transport_changes(&mut out, transport, &new.transport);
    out.note("era", Restart, era, &new.era);
    out.note("dependsOn", Live, dependencies, &new.dependencies);
    out.note("waitFor", Live, wait_for, &new.wait_for);
    policy_changes(&mut out, policy, &new.policy);
    out.note("enabled", Live, enabled, &new.enabled);
    out.note("tags", NoImpact, tags, &new.tags);
    out.note("description", NoImpact, description, &new.description);
    let ToolRules { allow, deny, rename, describe, expose } = tools;
    out.note("tools.allow", Live, allow, &new.tools.allow);
    out.note("tools.deny", Live, deny, &new.tools.deny);
    out.note("tools.rename", Live, rename, &new.tools.rename);
    out.note("tools.describe", Live, describe, &new.tools.describe);
    out.note("tools.expose", Live, expose, &new.tools.expose);
    out.note("isolation", Live, isolation, &new.isolation);
    out.note("start", Live, start, &new.start);
    out.note("idleStop", Live, idle_stop, &new.idle_stop);
    out.note("instance", Restart, instance_of, &new.instance_of);
    out.0
}

fn transport_changes(out: &mut Changes, old: &TransportSpec, new: &TransportSpec) {
    match (old, new) {
        (TransportSpec::Stdio(old), TransportSpec::Stdio(new)) => {
            let StdioSpec { command, args, env, cwd, inherit_env, sandbox, sandbox_read, sandbox_write, limits } = old;
            out.note("command", Restart, command, &new.command);
            out.note("args", Restart, args, &new.args);
            out.note("env", Restart, env, &new.env);
            out.note("cwd", Restart, cwd, &new.cwd);
            out.note("inheritEnv", Restart, inherit_env, &new.inherit_env);
            out.note("sandbox", Restart, sandbox, &new.sandbox);
            out.note("sandboxRead", Restart, sandbox_read, &new.sandbox_read);
            out.note("sandboxWrite", Restart, sandbox_write, &new.sandbox_write);
            let Limits { memory, files, processes } = limits;
            out.note("limits.memory", Restart, memory, &new.limits.memory);
            out.note("limits.files", Restart, files, &new.limits.files);
            out.note("limits.processes", Restart, processes, &new.limits.processes);
        }
        (TransportSpec::Http(old), TransportSpec::Http(new)) | (TransportSpec::Sse(old), TransportSpec::Sse(new)) => {
            let HttpSpec { url, headers, ca_file, oauth } = old;
            out.note("url", Restart, url, &new.url);
            out.note("headers", Restart, headers, &new.headers);
            out.note("caFile", Restart, ca_file, &new.ca_file);
            out.note("oauth", Restart, oauth, &new.oauth);
        }
        (TransportSpec::InProcess(old), TransportSpec::InProcess(new)) => {
            let InProcessSpec { factory } = old;
            out.note("factory", Restart, factory, &new.factory);
        }
        (TransportSpec::Other(old), TransportSpec::Other(new)) => {
            let OtherSpec { kind, settings } = old;
            out.note("type", Restart, kind, &new.kind);
            out.note("settings", Restart, settings, &new.settings);
        }
        // Another kind of transport, or one that is newer than this function.
        (old, new) => out.note("type", Restart, old, new),
    }
}

fn policy_changes(out: &mut Changes, old: &Policy, new: &Policy) {
    let Policy { restart, timeouts, health, breaker, recycle } = old;
    out.note("breaker", Live, breaker, &new.breaker);
    let RecyclePolicy { max_memory, max_age } = recycle;
    out.note("recycle.maxMemory", Live, max_memory, &new.recycle.max_memory);
    out.note("recycle.maxAge", Live, max_age, &new.recycle.max_age);

    let RestartPolicy { mode, max_attempts, window, max_in_window, backoff, stable_after, slow_retry } = restart;
    let to = &new.restart;
    out.note("restart.policy", Live, mode, &to.mode);
    out.note("restart.maxAttempts", Live, max_attempts, &to.max_attempts);
    out.note("restart.window", Live, window, &to.window);
    out.note("restart.maxInWindow", Live, max_in_window, &to.max_in_window);
    let Backoff { delay, max_delay, jitter_percent } = backoff;
    out.note("restart.delay", Live, delay, &to.backoff.delay);
    out.note("restart.maxDelay", Live, max_delay, &to.backoff.max_delay);
    out.note("restart.jitter", Live, jitter_percent, &to.backoff.jitter_percent);
    out.note("restart.stableAfter", Live, stable_after, &to.stable_after);
    out.note("restart.slowRetry", Live, slow_retry, &to.slow_retry);

    let Timeouts { wait, start, handshake, list, call, call_total, drain, close, term, kill, reap } = timeouts;
    let to = &new.timeouts;
    out.note("timeouts.wait", Live, wait, &to.wait);
    out.note("timeouts.start", Live, start, &to.start);
    out.note("timeouts.handshake", Live, handshake, &to.handshake);
    out.note("timeouts.list", Live, list, &to.list);
    out.note("timeouts.call", Live, call, &to.call);
    out.note("timeouts.callTotal", Live, call_total, &to.call_total);
    out.note("timeouts.drain", Live, drain, &to.drain);
    out.note("timeouts.close", Live, close, &to.close);
    out.note("timeouts.term", Live, term, &to.term);
    out.note("timeouts.kill", Live, kill, &to.kill);
    out.note("timeouts.reap", Live, reap, &to.reap);

    let HealthSpec { probe, readiness, interval, timeout, rise, fall, startup } = health;
    let to = &new.health;
    out.note("health.probe", Live, probe, &to.probe);
    out.note("health.readiness", Live, readiness, &to.readiness);
    out.note("health.interval", Live, interval, &to.interval);
    out.note("health.timeout", Live, timeout, &to.timeout);
    out.note("health.rise", Live, rise, &to.rise);
    out.note("health.fall", Live, fall, &to.fall);
    out.note("health.startup", Live, startup, &to.startup);
}
