//! What `top`, `why`, `critical-chain` and the alert commands ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mcpstore::config::hide_secrets;
use mcpstore::monitor::{AlertStage, AlertView, Silence};
use mcpstore::types::Timestamp;
use mcpstore::{DepKind, ServiceInfo, ServiceState, Snapshot, Supervisor};
use serde::{Deserialize, Serialize};

use super::protocol::{Request, SilenceWish};
use super::server::Context;
use super::story::Story;
use crate::critical::{ChainModel, ServiceStart};
use crate::exit::{Exit, Failure};
use crate::output::{EventDoc, condition_docs, event_doc, stderr_of};
use crate::top::{FiringAlert, RestartBudget, ServiceFacts, TopModel};
use crate::why::{AlertNote, Before, WhyModel, launch};

/// How many events stand beside a service.
const EVENTS: usize = 5;
/// What is longer ago is no longer told of one that runs.
const BEFORE: Duration = Duration::from_secs(600);
/// How deep the chain of dependencies is followed: a graph is not deeper in earnest.
const DEEPEST: usize = 64;

/// What one sink said to a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SinkAnswer {
    pub(crate) sink: String,
    /// Why it did not take it; none: it did.
    pub(crate) error: Option<String>,
}

/// What the sinks said to a test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SinkAnswers {
    pub(crate) sinks: Vec<SinkAnswer>,
}

/// Everything that `top` shows.
pub(super) fn top(context: &Context) -> TopModel {
    let supervisor = context.store.supervisor();
    let snapshot = supervisor.snapshot();
    let report = context.observer.metrics();
    let at_ms = report.at_ms;
    let events = last_events(supervisor);
    let facts = snapshot.services().iter().map(|info| {
        let mine = events.iter().filter(|event| event.service == info.name().as_str());
        facts(supervisor, info, newest(mine.cloned().collect()))
    });
    let firing = |view: AlertView| {
        (view.stage == AlertStage::Firing).then(|| FiringAlert {
            for_seconds: at_ms.saturating_sub(view.fired_ms.unwrap_or(at_ms)) / 1_000,
            service: view.service,
            kind: view.kind,
            severity: view.severity,
        })
    };
    let alerts = context.observer.alerts().alerts.into_iter().filter_map(firing).collect();
    TopModel { report, facts: facts.collect(), alerts }
}

fn facts(supervisor: &Supervisor, info: &ServiceInfo, events: Vec<EventDoc>) -> ServiceFacts {
    let policy = &info.spec.policy.restart;
    let now = supervisor.now();
    ServiceFacts {
        service: info.name().clone(),
        why: info.why(),
        desired: info.status.desired,
        retry_in_seconds: info.status.retry_at.map(|at| at.since(now).as_secs_f64()),
        budget: RestartBudget {
            failures: info.status.failures,
            max_attempts: policy.max_attempts,
            in_window: info.restarts_within(now, policy.window),
            max_in_window: policy.max_in_window,
            window_seconds: policy.window.as_secs_f64(),
        },
        conditions: condition_docs(supervisor, &info.status),
        depends_on: info.spec.dependencies.clone(),
        events,
    }
}

/// All notices that are kept, as documents, oldest first.
fn last_events(supervisor: &Supervisor) -> Vec<EventDoc> {
    // A few per service are wanted; the last thousands hold them, and the rest need not be looked through each second.
    let from = supervisor.events().last_seq().saturating_sub(2_000);
    let notices = supervisor.events().since(from);
    notices.iter().map(|notice| event_doc(notice, supervisor.notice_time(notice))).collect()
}

fn newest(mut events: Vec<EventDoc>) -> Vec<EventDoc> {
    let first = events.len().saturating_sub(EVENTS);
    events.split_off(first)
}

/// Why one service is where it is, with those it waits for.
pub(super) fn why(request: &Request, context: &Context) -> Result<WhyModel, Failure> {
    let supervisor = context.store.supervisor();
    let snapshot = supervisor.snapshot();
    let name = request.service.as_deref().unwrap_or_default();
    let Some(info) = snapshot.get(name) else {
        let message = format!("no service `{name}`{}", snapshot.hint(name));
        return Err(Failure::new(Exit::NoSuchService, message).next("mcpstore ls"));
    };
    let alerts = context.observer.alerts().alerts;
    Ok(explained(supervisor, &snapshot, info, &alerts, &mut BTreeSet::new()))
}

fn explained(
    supervisor: &Supervisor,
    snapshot: &Snapshot,
    info: &Arc<ServiceInfo>,
    alerts: &[AlertView],
    seen: &mut BTreeSet<String>,
) -> WhyModel {
    let (now, status) = (supervisor.now(), &info.status);
    seen.insert(info.name().to_string());
    let story = Story::of(supervisor, info);
    let mut because = Vec::new();
    // What it merely wants keeps it from nothing, but may be what it runs without.
    let runs = matches!(status.state, ServiceState::Running);
    let bears = |kind: DepKind| kind.is_hard() || (runs && kind == DepKind::Wants);
    for dependency in info.spec.dependencies.iter().filter(|dependency| bears(dependency.kind)) {
        let other = snapshot.get(dependency.on.as_str());
        let down = other.filter(|other| !matches!(other.status.state, ServiceState::Running));
        if let Some(other) = down.filter(|other| seen.len() < DEEPEST && !seen.contains(other.name().as_str())) {
            because.push(explained(supervisor, snapshot, other, alerts, seen));
        }
    }
    // What ended the life before tells something of one that runs again, for a while.
    let before = story.before.filter(|before| runs && now.since(before.at) < BEFORE).map(|before| Before {
        reason: before.reason,
        detail: before.detail,
        seconds_ago: now.since(before.at).as_secs_f64(),
        restarts: info.restarts_within(now, BEFORE),
    });
    let firing = alerts.iter().filter(|view| view.stage == AlertStage::Firing && view.service == *info.name());
    let note = |view: &AlertView| AlertNote {
        kind: view.kind,
        severity: view.severity,
        // The lines below say why the service is where it is, which is told here better.
        detail: view.value.and_then(|_| view.detail.lines().next()).unwrap_or_default().to_owned(),
    };
    WhyModel {
        service: info.name().clone(),
        state: status.state,
        phase: status.phase,
        reason: status.reason,
        failure: story.failure,
        detail: info.detail.as_deref().map(str::to_owned),
        for_seconds: now.since(status.since).as_secs_f64(),
        desired: status.desired,
        enabled: info.spec.enabled,
        failures: status.failures,
        max_attempts: info.spec.policy.restart.max_attempts,
        restart_policy: info.spec.policy.restart.mode,
        retry_in_seconds: status.retry_at.map(|at| at.since(now).as_secs_f64()),
        last_exit: story.last_exit,
        stderr: stderr_of(info),
        health: status.health,
        probe_error: story.probe_error,
        before,
        alerts: firing.map(note).collect(),
        circuit: info.report(now).circuit,
        conditions: condition_docs(supervisor, status),
        leaked_pids: Vec::new(),
        events: newest(story.events),
        launch: launch(&info.spec.transport),
        because,
    }
}

/// Where a remote server is: its host. Whatever follows may be a secret, and so may the user in front.
fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return hide_secrets(url) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{}", authority.rsplit('@').next().unwrap_or_default())
}

/// When the steps of each first start began: restarts since say nothing of what made the start slow.
pub(super) fn starts(snapshot: &Snapshot) -> ChainModel {
    let seconds = |at: Option<Timestamp>| at.map(|at| at.since_start().as_secs_f64());
    let start = |info: &Arc<ServiceInfo>| {
        let times = &info.first_start;
        // One that was never asked is left out.
        Some(ServiceStart {
            service: info.name().clone(),
            depends_on: info.spec.dependencies.clone(),
            asked: seconds(times.waiting)?,
            spawn: seconds(times.spawning),
            init: seconds(times.handshaking),
            probe: seconds(times.checking),
            ready: seconds(times.running),
        })
    };
    ChainModel { services: snapshot.services().iter().filter_map(start).collect() }
}

/// What of this process's environment decides which programs are found and whether they reach the network.
pub(super) fn environment() -> BTreeMap<String, String> {
    const PLAIN: [&str; 2] = ["PATH", "NO_PROXY"];
    const ADDRESSES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let plain = PLAIN.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    // A proxy may be written with a password.
    let addresses = ADDRESSES.iter().flat_map(|name| [(*name).to_owned(), name.to_lowercase()]);
    let addresses = addresses.filter_map(|name| std::env::var(&name).ok().map(|value| (name, shown_url(&value))));
    plain.chain(addresses).collect()
}

/// Makes or ends a silence.
pub(super) fn silence(request: &Request, context: &Context) -> Result<Option<Silence>, Failure> {
    let Some(wish) = request.silence.clone() else {
        return Err(
            Failure::new(Exit::Usage, "a silence needs to be told how long").next("mcpstore alerts silence --help")
        );
    };
    match wish {
        SilenceWish::End { id } => {
            if context.observer.unsilence(id) {
                return Ok(None);
            }
            let message = format!("there is no silence {id}");
            Err(Failure::new(Exit::Usage, message).next("mcpstore alerts ls"))
        }
        SilenceWish::Begin { kind, services, for_ms, comment } => {
            let made = context.observer.silence(kind, services, Duration::from_millis(for_ms), comment);
            let refused = |error: mcpstore::observe::SilenceError| Failure::new(Exit::Refused, error.to_string());
            made.map(Some).map_err(|error| refused(error).next("mcpstore alerts ls"))
        }
    }
}

/// Sends a test to the sinks.
pub(super) async fn test_sinks(request: &Request, context: &Context) -> Result<SinkAnswers, Failure> {
    let answers = context.observer.test_sinks(request.sink.as_deref()).await;
    if answers.is_empty() {
        let message = "there is no sink to test: the config's `alerts.sinks` is empty";
        return Err(Failure::new(Exit::Refused, message).next("mcpstore config explain"));
    }
    let sinks = answers.into_iter().map(|(sink, answer)| SinkAnswer { sink, error: answer.err() });
    Ok(SinkAnswers { sinks: sinks.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_not_shown() {
        assert_eq!(shown_url("https://me:pw@host:1/key/x?k=1"), "https://host:1");
    }
}
