//! From what is known of a service to its cause.

use mcpstore::monitor::CircuitState;
use mcpstore::types::{ExitStatus, FailKind, Phase, PhaseName, Reason, StopKind};

use super::cause::Cause;
use super::model::WhyModel;
use super::words::{Told, told};
use crate::output::{brief, clean_line};

/// A cause, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) cause: Cause,
    /// Which program, module, port, path, variable or address.
    pub(super) object: Option<String>,
    /// The server's words that told it.
    pub(super) line: Option<String>,
}

impl Finding {
    fn plain(cause: Cause) -> Self {
        Self { cause, object: None, line: None }
    }

    fn about(cause: Cause, object: Option<String>) -> Self {
        Self { cause, object, line: None }
    }
}

/// The cause of where this service is.
pub(super) fn find(model: &WhyModel) -> Finding {
    match model.phase {
        Phase::Ready | Phase::Degraded => running(model),
        Phase::Idle if !model.enabled => Finding::plain(Cause::Disabled),
        Phase::Idle if matches!(model.reason, Reason::Lazy) => Finding::plain(Cause::Asleep),
        Phase::Idle => Finding::plain(Cause::NeverStarted),
        Phase::Wait => waiting(model),
        Phase::Spawn | Phase::Init | Phase::Probe => Finding::plain(Cause::Starting),
        Phase::Abort | Phase::Drain | Phase::Close | Phase::Term | Phase::Kill | Phase::Reap => {
            Finding::plain(Cause::Stopping)
        }
        Phase::Stopped { kind } => Finding::plain(match kind {
            StopKind::ByUser => Cause::StoppedByUser,
            StopKind::ByDependency => Cause::StoppedWithDependency,
            StopKind::Completed => Cause::Completed,
            StopKind::Conflict => Cause::Conflict,
            StopKind::ByConfig => Cause::ConfigChanged,
            StopKind::Idle => Cause::Asleep,
        }),
        Phase::Failed { kind: FailKind::Dependency } if waited_outside(model) => outside(model),
        Phase::Failed { kind: FailKind::Dependency } => {
            let first = model.because.first().map(|dependency| dependency.service.to_string());
            Finding::about(Cause::DependencyDown, first)
        }
        Phase::Failed { kind: FailKind::Leaked } => Finding::plain(Cause::Leaked),
        Phase::Failed { kind: FailKind::StopFailed } => Finding::plain(Cause::StopFailed),
        Phase::Failed { .. } | Phase::BackOff { .. } | Phase::Cleanup => failed(model),
        Phase::Unknown => Finding::plain(Cause::Unseen),
        Phase::Removed => Finding::plain(Cause::Removed),
    }
}

fn running(model: &WhyModel) -> Finding {
    if model.circuit.state != CircuitState::Closed {
        return Finding::plain(Cause::CircuitOpen);
    }
    if model.phase == Phase::Degraded {
        return Finding::about(Cause::ProbeFailing, model.probe_error.as_deref().map(clean_line));
    }
    let missing = model.holding("dependency_missing").or_else(|| model.holding("dependency_lost"));
    if missing.is_some() {
        return Finding::about(Cause::DependencyMissing, model.because.first().map(|one| one.service.to_string()));
    }
    if let Some(alert) = model.gravest_alert() {
        return Finding::about(Cause::AlertFiring, Some(alert.words()));
    }
    if let Some(before) = &model.before
        && matches!(before.reason, Reason::AgeReached | Reason::MemoryReached)
    {
        return Finding::about(Cause::Recycled, Some(before.reason.meaning().to_owned()));
    }
    Finding::plain(Cause::Running)
}

/// What it waits or waited for outside.
fn outside(model: &WhyModel) -> Finding {
    let known = |what: &&str| !what.starts_with("what it waits for");
    let vain = model.detail.as_deref().map(brief).filter(|_| model.reason == Reason::TimedOut(PhaseName::Wait));
    // Behind the time it waited.
    let vain = vain.and_then(|words| words.strip_prefix("waited ")?.split_once(" for ").map(|(_, what)| what));
    let what = model.missing_outside().filter(known).or(vain);
    Finding::about(Cause::ExternalPending, what.map(clean_line))
}

fn waited_outside(model: &WhyModel) -> bool {
    let waited = model.detail.as_deref().is_some_and(|words| words.starts_with("waited "));
    model.holding("external_pending").is_some() || (model.reason == Reason::TimedOut(PhaseName::Wait) && waited)
}

fn waiting(model: &WhyModel) -> Finding {
    if model.holding("external_pending").is_some() {
        return outside(model);
    }
    if model.waits_for_dependencies() || !model.because.is_empty() {
        return Finding::about(Cause::WaitsForDependency, model.because.first().map(|one| one.service.to_string()));
    }
    Finding::plain(Cause::WaitsForSlot)
}

/// Why it failed: first what the system or the manager know for sure, then the server's words, then how it ended.
fn failed(model: &WhyModel) -> Finding {
    let reason = model.telling_reason();
    match reason {
        Reason::NeedsAuth => return Finding::plain(Cause::LoginNeeded),
        Reason::AuthRefused => return Finding::plain(Cause::AuthRefused),
        Reason::LivenessFailed => return Finding::about(Cause::Hung, model.probe_error.as_deref().map(clean_line)),
        Reason::AgeReached | Reason::MemoryReached => return Finding::plain(Cause::Recycled),
        Reason::SpawnFailed | Reason::SpecUnusable => return not_launched(model),
        Reason::TimedOut(PhaseName::Probe) => {
            if let Some(words) = check_words(model) {
                return Finding::about(Cause::ProbeFailing, Some(words));
            }
        }
        _ => {}
    }
    if let Some(Told { cause, object, line }) = told(&words(model)) {
        return Finding { cause, object, line: Some(line) };
    }
    let ended = |status: ExitStatus| match status {
        // What a shell says of a program that it does not find, or may not run (POSIX, exit status of commands).
        ExitStatus::Code(127) => Cause::ProgramMissing,
        ExitStatus::Code(126) => Cause::PermissionDenied,
        ExitStatus::Code(0) => Cause::Completed,
        ExitStatus::Code(_) => Cause::Crashed,
        ExitStatus::Signal(_) => Cause::Killed,
        ExitStatus::Closed => Cause::ConnectionLost,
        ExitStatus::Unknown => Cause::Unclear,
    };
    Finding::plain(match (reason, model.last_exit) {
        (Reason::TimedOut(PhaseName::Init), _) => Cause::HandshakeTimeout,
        (Reason::TimedOut(_), _) => Cause::StartTimeout,
        (Reason::HandshakeFailed, _) if says(model, "did not answer the handshake") => Cause::HandshakeTimeout,
        (Reason::HandshakeFailed, _) if says(model, "cannot be reached") => Cause::Unreachable,
        (Reason::HandshakeFailed, Some(status)) if says(model, "exited during the handshake") => ended(status),
        (Reason::HandshakeFailed, _) => Cause::HandshakeFailed,
        (Reason::ProbeFailed, _) => Cause::ProbeFailing,
        (Reason::Exited(status), _) | (_, Some(status)) => ended(status),
        _ => Cause::Unclear,
    })
}

/// What the check said that a start waited for: behind the time that was up.
fn check_words(model: &WhyModel) -> Option<String> {
    let told = model.detail.as_deref().map(brief).and_then(|words| words.split_once("did not pass within "));
    let told = told.and_then(|(_, rest)| rest.split_once(": ")).map(|(_, words)| words);
    told.or(model.probe_error.as_deref()).map(clean_line)
}

/// A launch that failed, by the manager's own words for it.
fn not_launched(model: &WhyModel) -> Finding {
    let detail = model.detail.as_deref().map(clean_line).unwrap_or_default();
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    if detail.contains("no program `") {
        return Finding::about(Cause::ProgramMissing, quoted(&detail));
    }
    if detail.contains("is not executable") || detail.to_ascii_lowercase().contains("permission denied") {
        return Finding::about(Cause::PermissionDenied, quoted(&detail));
    }
    if detail.contains("cannot be reached") {
        return Finding::about(Cause::Unreachable, quoted(&detail));
    }
    Finding::plain(Cause::Unusable)
}

/// The lines that may tell: what the last change was about, then what the server said.
fn words(model: &WhyModel) -> Vec<String> {
    let detail = model.detail.iter().flat_map(|text| text.lines());
    detail.chain(model.stderr.iter().map(String::as_str)).map(clean_line).collect()
}

fn says(model: &WhyModel, words: &str) -> bool {
    model.detail.as_deref().is_some_and(|detail| detail.contains(words))
}
