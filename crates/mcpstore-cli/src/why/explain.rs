//! An explanation: one sentence, the chain of causes below it, and what to do.

use std::time::Duration;

use mcpstore::ServiceState;
use mcpstore::monitor::CircuitState;
use mcpstore::types::{ExitStatus, FailKind, Phase};
use serde::Serialize;

use super::cause::Cause;
use super::find::{Finding, find};
use super::fix::fixes;
use super::model::{Before, LaunchFacts, WhyModel};
use crate::output::{EventDoc, brief, clean_line, short_duration};

/// How deep the chain of dependencies is followed.
const MAX_DEPTH: usize = 16;
/// How many links the chain may have in all; a wide graph of broken services tells no more with more.
const MAX_CHAIN: usize = 60;
/// How many lines of stderr are shown of each service.
const STDERR_LINES: usize = 5;

/// `mcpstore.why/1`, but for its schema word.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Explanation {
    pub(crate) service: String,
    pub(crate) state: String,
    /// The word of the cause: one of [`Cause::ALL`].
    pub(crate) cause: &'static str,
    /// The answer in one sentence.
    pub(crate) answer: String,
    /// What led to it, from the effect to its cause.
    pub(crate) chain: Vec<Because>,
    /// What to do, in this order.
    pub(crate) fix: Vec<Fix>,
    /// How it is started or reached, with what may be secret masked.
    pub(crate) launch: LaunchFacts,
    /// What happened to it last, oldest first.
    pub(crate) events: Vec<EventDoc>,
}

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Because {
    /// How deep it stands below the answer: 0 for the facts of the service itself, and for what it depends on; 1 for the
    /// facts of that, and so on.
    pub(crate) depth: usize,
    /// Whose fact it is.
    pub(crate) service: String,
    pub(crate) text: String,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fix {
    /// What, in words.
    pub(crate) say: String,
    /// The command that does it, or shows what is needed for it.
    pub(crate) run: Option<String>,
}

/// Explains where a service is.
pub(crate) fn explain(model: &WhyModel) -> Explanation {
    let finding = find(model);
    let mut chain = Vec::new();
    follow(model, &finding, 0, &mut chain);
    chain.truncate(MAX_CHAIN);
    Explanation {
        service: model.service.to_string(),
        state: model.state.as_str().to_owned(),
        cause: finding.cause.as_str(),
        answer: answer(model, &finding),
        chain,
        fix: fixes(model, &finding),
        launch: model.launch.clone(),
        events: model.events.clone(),
    }
}

/// One sentence: where it is, and why.
fn answer(model: &WhyModel, finding: &Finding) -> String {
    let name = format!("`{}`", model.service);
    let cause = phrase(finding);
    let subject = match (model.phase, model.retry_in_seconds) {
        (Phase::Failed { kind: FailKind::GaveUp }, retry) => {
            let next = retry.map_or_else(String::new, |left| format!("; it is tried again in {}", time(left)));
            let failures = counted(model.failures, "failure", "failures");
            return format!("{name} gave up after {failures} in a row: it {cause}{next}");
        }
        (Phase::BackOff { .. }, Some(left)) => {
            return format!("{name} is down, and tried again in {}: it {cause}", time(left));
        }
        (Phase::Failed { kind: FailKind::Dependency }, _) if finding.cause == Cause::ExternalPending => {
            let what = object_or(finding, "something outside of mcpstore");
            return format!("{name} is down: it waited in vain for {what}");
        }
        (Phase::Failed { kind: FailKind::Dependency | FailKind::Leaked | FailKind::StopFailed }, _) => name,
        (Phase::Failed { .. }, _) => format!("{name} is down and stays so: it"),
        _ => name,
    };
    format!("{subject} {cause}")
}

fn object_or<'a>(finding: &'a Finding, other: &'a str) -> &'a str {
    finding.object.as_deref().unwrap_or(other)
}

/// The cause with what it is about.
fn phrase(finding: &Finding) -> String {
    let object = finding.object.as_deref();
    match (finding.cause, object) {
        (Cause::ProgramMissing, Some(program)) => {
            format!("has a program, `{program}`, that is not installed, or not on the PATH of the manager")
        }
        (Cause::ModuleMissing, Some(module)) => format!("misses the module `{module}`, which its program needs"),
        (Cause::PackageMissing, Some(package)) => format!("is a package, `{package}`, that the registry does not have"),
        (Cause::AddressInUse, Some(port)) => format!("wants port {port}, which another program has"),
        (Cause::PermissionDenied, Some(path)) => format!("is not allowed to use `{path}`"),
        (Cause::VariableMissing, Some(name)) => format!("misses the environment variable {name}"),
        (Cause::Unreachable, Some(address)) => format!("cannot reach {address}"),
        (Cause::ExternalPending, Some(what)) => format!("is waiting for {what}"),
        (Cause::AlertFiring, Some(words)) => format!("is running, but {words}"),
        (Cause::Recycled, Some(why)) => format!("is running, after it was replaced by a fresh life: {why}"),
        (Cause::ProbeFailing, Some(words)) if !words.is_empty() => format!("does not pass its check: {words}"),
        (Cause::WaitsForDependency, Some(on)) => format!("waits for `{on}`, which it depends on"),
        (Cause::DependencyDown, Some(on)) => format!("is down because `{on}`, which it cannot be without, is down"),
        (Cause::DependencyMissing, Some(on)) => format!("runs, but without `{on}`, which it depends on"),
        (cause, _) => cause.summary().to_owned(),
    }
}

/// The facts below the answer, and below them the answers of the dependencies with theirs.
fn follow(model: &WhyModel, finding: &Finding, depth: usize, chain: &mut Vec<Because>) {
    let link = |of: &WhyModel, text| Because { depth, service: of.service.to_string(), text };
    chain.extend(facts(model, finding).into_iter().map(|text| link(model, text)));
    for dependency in &model.because {
        if depth == MAX_DEPTH || chain.len() >= MAX_CHAIN {
            return;
        }
        let finding = find(dependency);
        let text = format!("because {}", answer(dependency, &finding));
        chain.push(link(dependency, text));
        follow(dependency, &finding, depth + 1, chain);
    }
}

fn facts(model: &WhyModel, finding: &Finding) -> Vec<String> {
    let mut facts = Vec::new();
    let is_down = matches!(model.state, ServiceState::Error | ServiceState::Unknown);
    let reason = clean_line(&model.telling_reason().to_string());
    let detail = model.detail.as_deref().map(|text| clean_line(brief(text))).unwrap_or_default();
    let answered = finding.cause == Cause::ExternalPending
        && finding.object.as_ref().is_some_and(|what| detail == format!("waiting for {what}"));
    let restated = answered || detail.is_empty() || reason.ends_with(&detail);
    let because = if restated { reason } else { format!("{reason}: {detail}") };
    let told_how = |status: &ExitStatus| because.contains(&status.to_string());
    let ended = model.last_exit.filter(|status| is_down && !told_how(status));
    facts.push(format!("{} for {}: {because}", model.phase.name().as_str(), time(model.for_seconds)));
    if let Some(status) = ended {
        facts.push(format!("its last life ended: {status}"));
    }
    if finding.cause == Cause::Killed {
        facts.push(match model.last_exit {
            Some(ExitStatus::Signal(9)) => {
                "not by mcpstore: by somebody else, or by the kernel for want of memory".to_owned()
            }
            Some(ExitStatus::Signal(4 | 6 | 7 | 8 | 11)) => "a fault in the program itself".to_owned(),
            _ => "not by mcpstore".to_owned(),
        });
    }
    if model.never_again() {
        facts.push("nobody starts it again: its `restart.policy` is `never`".to_owned());
    }
    if is_down && model.failures > 0 && !model.stays_down() {
        facts.push(format!("{} of {} failures in a row", model.failures, model.max_attempts.saturating_add(1)));
    }
    if let Some(before) = &model.before {
        facts.push(words_before(before));
    }
    // The first stands in the answer.
    let told = model.gravest_alert().filter(|_| finding.cause == Cause::AlertFiring);
    for alert in model.alerts.iter().filter(|alert| told.is_none_or(|told| told != *alert)) {
        facts.push(format!("alert: {} {}: {}", alert.severity, alert.kind, alert.words()));
    }
    let failing = is_down || finding.cause == Cause::ProbeFailing;
    let told = |error: &str| because.contains(error) || finding.object.as_deref() == Some(&clean_line(error));
    if let Some(error) = model.probe_error.as_deref().filter(|error| failing && !told(error)) {
        facts.push(format!("its last failed check: {}", clean_line(error)));
    }
    match (model.circuit.state, model.circuit.retry_in_seconds) {
        (CircuitState::Closed, _) => {}
        (CircuitState::Open, Some(left)) => {
            facts.push(format!("its circuit is open; a call is tried in {}", time(left)))
        }
        (CircuitState::Open, None) => facts.push("its circuit is open".to_owned()),
        (CircuitState::HalfOpen, _) => facts.push("its circuit is half open: one call is tried".to_owned()),
    }
    // That what it needs is there goes without saying.
    for fact in model.conditions.iter().filter(|fact| !(fact.status && fact.kind == "dependencies_met")) {
        // What is waited for stands in the answer, or below it as a cause of its own.
        let told = match fact.kind.as_str() {
            "external_pending" => finding.cause == Cause::ExternalPending,
            "dependencies_met" => !model.because.is_empty(),
            _ => false,
        };
        if !told {
            facts.push(clean_line(&fact.message));
        }
    }
    if !model.leaked_pids.is_empty() {
        facts.push(format!("still there: {}", pids(&model.leaked_pids)));
    }
    let told = finding.line.as_deref();
    if is_down || told.is_some() {
        let from = model.stderr.len().saturating_sub(STDERR_LINES);
        let tail = model.stderr[from..].iter().map(|line| clean_line(line)).filter(|line| !line.is_empty());
        let tail: Vec<String> = tail.collect();
        if let Some(line) = told.filter(|line| !tail.iter().any(|shown| shown == line) && *line != detail) {
            facts.push(format!("stderr | {line}"));
            if !tail.is_empty() {
                facts.push("stderr | …".to_owned());
            }
        }
        facts.extend(tail.into_iter().map(|line| format!("stderr | {line}")));
    }
    facts
}

/// How the life before ended, which is no reason for where the service is now.
fn words_before(before: &Before) -> String {
    let mut words = format!("before, {} ago: {}", time(before.seconds_ago), before.reason);
    if let Some(detail) = before.detail.as_deref().map(clean_line).filter(|detail| !words.ends_with(detail.as_str())) {
        words.push_str(&format!(": {detail}"));
    }
    if before.restarts > 0 {
        words.push_str(&format!("; started again {} in ten minutes", counted(before.restarts, "time", "times")));
    }
    words
}

pub(super) fn pids(pids: &[u32]) -> String {
    let word = if pids.len() == 1 { "pid" } else { "pids" };
    let list: Vec<String> = pids.iter().map(ToString::to_string).collect();
    format!("{word} {}", list.join(", "))
}

/// A length of time from the wire: never negative, whole seconds from one on.
pub(super) fn time(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let time = Duration::try_from_secs_f64(if seconds < 1.0 { seconds } else { seconds.floor() });
    short_duration(time.unwrap_or_default())
}

fn counted(count: u32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
