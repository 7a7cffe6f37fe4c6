//! The public transition table as data, and the pages made from it.

use std::fmt::Write as _;
use std::time::Duration;

use mcpstore_types::{
    Desired, ExitStatus, FailKind, Incarnation, Phase, PhaseName, Reason, RestartPolicy, ServiceState, StopKind,
    Timeouts, Timestamp,
};

use crate::unit::{
    Command, Event, InitFailure, RecycleCause, Report, SpawnFailure, StepContext, Then, Unit, UnitPolicy, Verdict,
    deadline, step,
};

/// One edge that a subscriber may see: from and to, `None` for the outside (`[*]`), and whether it is one of the seed's
/// twelve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicEdge {
    /// The state before; `None`: not registered yet.
    pub from: Option<ServiceState>,
    /// The state after; `None`: removed.
    pub to: Option<ServiceState>,
    /// One of the twelve edges of the seed's state model; the other eight were added to make the machine total.
    pub seed: bool,
}

/// The twenty public edges (seed: state model, and eight more). No other is ever shown.
pub const PUBLIC_EDGES: [PublicEdge; 20] = {
    use ServiceState::{Error, NotStarted, Running, Starting, Stopped, Stopping, Unknown};
    const fn seed(from: Option<ServiceState>, to: Option<ServiceState>) -> PublicEdge {
        PublicEdge { from, to, seed: true }
    }
    const fn added(from: ServiceState, to: Option<ServiceState>) -> PublicEdge {
        PublicEdge { from: Some(from), to, seed: false }
    }
    [
        seed(None, Some(NotStarted)),
        seed(Some(NotStarted), Some(Starting)),
        seed(Some(Starting), Some(Running)),
        seed(Some(Starting), Some(Error)),
        seed(Some(Running), Some(Stopping)),
        seed(Some(Running), Some(Error)),
        seed(Some(Stopping), Some(Stopped)),
        seed(Some(Stopping), Some(Error)),
        seed(Some(Error), Some(Starting)),
        seed(Some(Stopped), Some(Starting)),
        seed(Some(Error), None),
        seed(Some(Stopped), None),
        added(Starting, Some(Stopping)),
        added(NotStarted, None),
        added(Error, Some(Stopped)),
        added(Starting, Some(Unknown)),
        added(Running, Some(Unknown)),
        added(Unknown, Some(Starting)),
        added(Unknown, Some(Stopping)),
        added(Unknown, Some(Error)),
    ]
};

/// True when a move between these two is no change, or one of [`PUBLIC_EDGES`].
#[must_use]
pub fn is_public_edge(from: Option<ServiceState>, to: Option<ServiceState>) -> bool {
    from == to || PUBLIC_EDGES.iter().any(|edge| edge.from == from && edge.to == to)
}

/// Every event with the word that the pages use for it.
fn events() -> Vec<(&'static str, Event)> {
    let one = Incarnation(1);
    let command = Event::Command;
    let report = |r| Event::Report(one, r);
    let user = StopKind::ByUser;
    vec![
        ("start", command(Command::Start)),
        ("wake", command(Command::Wake)),
        ("stop", command(Command::Stop { kind: user, force: false })),
        ("kill", command(Command::Stop { kind: user, force: true })),
        ("restart", command(Command::Restart { reason: Reason::RestartAsked, force: false })),
        ("hold", command(Command::Hold { kind: user })),
        ("remove", command(Command::Remove)),
        ("stop and remove", command(Command::StopRemove { force: false })),
        ("reset", command(Command::ResetFailed)),
        ("dependencies ok", Event::DepsOk),
        ("dependency gone", Event::DepGone),
        ("dependency lost", Event::DepLost),
        ("spawn ok", report(Report::SpawnOk)),
        ("spawn failed", report(Report::SpawnErr(SpawnFailure::Transient))),
        ("spec unusable", report(Report::SpawnErr(SpawnFailure::Spec))),
        ("handshake ok", report(Report::InitOk)),
        ("handshake failed", report(Report::InitErr(InitFailure::Transient))),
        ("auth refused", report(Report::InitErr(InitFailure::AuthRefused))),
        ("login needed", report(Report::InitErr(InitFailure::NeedsLogin))),
        ("respawn", report(Report::Respawn)),
        ("probe up", report(Report::ProbeUp)),
        ("probe down", report(Report::ProbeDown)),
        ("liveness failed", report(Report::LivenessFail)),
        ("idle for long", report(Report::Idle)),
        ("age or memory reached", report(Report::Recycle(RecycleCause::Age))),
        ("drained", report(Report::Drained)),
        ("exit 0", report(Report::Exit(ExitStatus::Code(0)))),
        ("exit 1", report(Report::Exit(ExitStatus::Code(1)))),
        ("group empty", report(Report::GroupEmpty)),
        ("state lost", report(Report::StateLost)),
        ("adopted", report(Report::Adopted)),
        ("found gone", report(Report::AdoptGone)),
        ("timeout", Event::Tick),
    ]
}

/// A typical record of each phase: wanted up where it works, stopped by the user where it stops.
fn typical(phase: Phase) -> Unit {
    let (desired, then) = match phase.name() {
        PhaseName::Abort
        | PhaseName::Drain
        | PhaseName::Close
        | PhaseName::Term
        | PhaseName::Kill
        | PhaseName::Reap => (Desired::Down, Then::Stop),
        PhaseName::Idle | PhaseName::Stopped | PhaseName::Removed => (Desired::Down, Then::None),
        PhaseName::Cleanup => (Desired::Up, Then::Retry),
        PhaseName::Wait
        | PhaseName::Spawn
        | PhaseName::Init
        | PhaseName::Probe
        | PhaseName::Ready
        | PhaseName::Degraded
        | PhaseName::BackOff
        | PhaseName::Failed
        | PhaseName::Unknown => (Desired::Up, Then::None),
    };
    Unit { phase, desired, then, incarnation: Incarnation(1), ..Unit::new(Timestamp::ZERO) }
}

fn phases() -> Vec<Phase> {
    let failed = |kind| Phase::Failed { kind };
    vec![
        Phase::Idle,
        Phase::Wait,
        Phase::Spawn,
        Phase::Init,
        Phase::Probe,
        Phase::Ready,
        Phase::Degraded,
        Phase::Abort,
        Phase::Drain,
        Phase::Close,
        Phase::Term,
        Phase::Kill,
        Phase::Reap,
        Phase::Stopped { kind: StopKind::ByUser },
        Phase::Cleanup,
        Phase::BackOff { attempt: 1, until: Timestamp::ZERO },
        failed(FailKind::Exit),
        failed(FailKind::Dependency),
        failed(FailKind::GaveUp),
        Phase::Unknown,
        Phase::Removed,
    ]
}

/// What every event does to a typical record of every phase, one line a cell, as `phase | event | outcome`.
///
/// Made by running [`step`], so it is the machine itself; the tests keep a snapshot of it.
#[must_use]
pub fn transition_matrix() -> String {
    let mut out = String::new();
    for (phase, rows) in matrix() {
        for (event, outcome) in rows {
            let _ = writeln!(out, "{phase} | {event} | {outcome}");
        }
    }
    out
}

fn matrix() -> Vec<(Phase, Vec<(&'static str, String)>)> {
    let policy = UnitPolicy { restart: RestartPolicy::default(), timeouts: Timeouts::default(), jitter_key: 0 };
    let context = StepContext { policy: &policy, window_spent: false };
    let cell = |phase: Phase, event: Event| {
        let unit = typical(phase);
        let now = match event {
            Event::Tick => deadline(&unit, &policy).unwrap_or(Timestamp::ZERO),
            Event::Command(_) | Event::Report(..) | Event::DepsOk | Event::DepGone | Event::DepLost => Timestamp::ZERO,
        };
        let step = step(unit, &context, now, event);
        match step.verdict {
            Verdict::Changed if step.unit.phase == phase => format!("{} ({})", phase, aside(&unit, &step.unit)),
            Verdict::Changed if matches!(step.unit.then, Then::None) => step.unit.phase.to_string(),
            Verdict::Changed => format!("{}, then {}", step.unit.phase, then_word(step.unit.then)),
            Verdict::Unchanged => "no change".to_owned(),
            Verdict::Rejected(why) => format!("rejected: {why}"),
            Verdict::Ignored(_) => "ignored".to_owned(),
        }
    };
    let row = |phase| events().into_iter().map(|(name, event)| (name, cell(phase, event))).collect();
    phases().into_iter().map(|phase| (phase, row(phase))).collect()
}

/// What changed beside the phase.
fn aside(before: &Unit, after: &Unit) -> String {
    let mut words = Vec::new();
    if before.desired != after.desired {
        words.push(format!("desired {}", after.desired));
    }
    if before.then != after.then {
        words.push(format!("then {}", then_word(after.then)));
    }
    if before.forced != after.forced {
        words.push("by force".to_owned());
    }
    if before.stable != after.stable {
        words.push("stable, failures forgotten".to_owned());
    }
    if words.is_empty() { "failures forgotten".to_owned() } else { words.join(", ") }
}

const fn then_word(then: Then) -> &'static str {
    match then {
        Then::None => "nothing",
        Then::Stop => "stopped",
        Then::Restart => "restart",
        Then::Remove => "removed",
        Then::Retry => "retry by policy",
        Then::Complete => "completed",
    }
}

/// The page `docs/states.md`: states, phases, public edges, and what every event does in every phase.
#[must_use]
pub fn states_markdown() -> String {
    let mut out = String::from(
        "<!-- Generated by `cargo xtask codegen` from crates/mcpstore-core/src/table.rs. Do not edit. -->\n# States\n\n\
         A client sees exactly seven states, for ever. Everything richer stands beside the state: phase, reason, desired,\n\
         health, incarnation, conditions.\n\n## Public edges\n\nThe seed's twelve are drawn plain; the eight that make the \
         machine total are marked `+`.\nA compound move (restart, stop while waiting, stop and remove) is shown step by \
         step along these edges.\n\n```mermaid\nstateDiagram-v2\n",
    );
    let word = |state: Option<ServiceState>| state.map_or("[*]", ServiceState::as_str);
    for edge in PUBLIC_EDGES {
        let mark = if edge.seed { "" } else { " : +" };
        let _ = writeln!(out, "    {} --> {}{mark}", word(edge.from), word(edge.to));
    }
    out.push_str("```\n\n## Phases inside the states\n\n| state | phases |\n|---|---|\n");
    for state in ServiceState::ALL {
        let inside: Vec<_> =
            PhaseName::ALL.into_iter().filter(|p| p.state() == Some(state)).map(|p| format!("`{p}`")).collect();
        let _ = writeln!(out, "| {state} | {} |", inside.join(", "));
    }
    out.push_str("| (removed) | `removed`, terminal, no longer listed |\n\n## Deadlines\n\n");
    out.push_str(&deadlines());
    out.push_str(
        "\n## What every event does in every phase\n\nFor a typical record: desired up where it works, stopped by the \
         user where it stops, one failure where it\nbacks off, restart policy `on_failure`. Events that are not listed for \
         a phase have no effect there. A report\nthat carries another incarnation is ignored everywhere.\n",
    );
    for (phase, rows) in matrix() {
        let listed: Vec<_> =
            rows.into_iter().filter(|(_, outcome)| outcome != "ignored" && outcome != "no change").collect();
        let _ = writeln!(out, "\n### {phase}\n");
        if listed.is_empty() {
            out.push_str("Nothing changes it.\n");
            continue;
        }
        out.push_str("| event | becomes |\n|---|---|\n");
        for (event, outcome) in listed {
            let _ = writeln!(out, "| {event} | {outcome} |");
        }
    }
    out
}

fn deadlines() -> String {
    let t = Timeouts::default();
    let seconds = |d: Duration| format!("{} s", d.as_secs());
    let rows = [
        ("wait", t.wait, "failed(dependency)"),
        ("spawn, probe (from the spawn)", t.start, "abort or term, then retry by policy"),
        ("init", t.handshake, "term, then retry by policy"),
        ("drain", t.drain, "close"),
        ("close", t.close, "term"),
        ("term", t.term, "kill"),
        ("kill", t.kill, "failed(stop_failed), leaked"),
        ("reap, cleanup", t.reap, "failed(leaked)"),
    ];
    let mut out = String::from("| phase | default | when it passes |\n|---|---|---|\n");
    for (phase, limit, then) in rows {
        let _ = writeln!(out, "| {phase} | {} | {then} |", seconds(limit));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_of_the_seed_and_eight_more_without_doubles() {
        assert_eq!(PUBLIC_EDGES.iter().filter(|e| e.seed).count(), 12);
        for (i, a) in PUBLIC_EDGES.iter().enumerate() {
            assert!(PUBLIC_EDGES[i + 1..].iter().all(|b| (a.from, a.to) != (b.from, b.to)));
        }
    }
}
