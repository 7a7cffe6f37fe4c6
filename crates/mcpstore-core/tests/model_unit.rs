//! All reachable records of one service: every event in every record, and the planted faults that must be caught.
#![allow(clippy::print_stdout)] // the counts are asked for

mod common;

use common::unit_search::{Stats, Violation, search};
use common::unit_world::{Machine, policy};
use mcpstore_core::{Command, Event, Report, Step, StepContext, Then, Unit, Verdict, step};
use mcpstore_types::{Desired, Phase, RestartMode, StopKind, Timestamp};

/// Searches the real machine, prints what was seen, and holds it against the counts of the last time somebody looked.
#[track_caller]
fn explore(mode: RestartMode, max_attempts: u32, slow_retry: bool, expected: [usize; 3]) {
    let Stats { records, nodes, cells } = match search(&step, &policy(mode, max_attempts, slow_retry), true) {
        Ok(stats) => stats,
        Err(Violation { invariant, detail }) => panic!("{invariant}: {detail}"),
    };
    let mode = mode.as_str();
    println!(
        "{mode}, {max_attempts} attempts, slow retry {slow_retry}: {records} records ({nodes} with their worlds), {cells} cells"
    );
    assert_eq!(
        [records, nodes, cells],
        expected,
        "the reachable records changed: look why, then write the counts anew"
    );
}

#[test]
fn on_failure_keeps_every_invariant() {
    explore(RestartMode::OnFailure, 2, false, [36220, 140953, 11415826]);
}

#[test]
fn on_failure_with_a_third_attempt_and_slow_retry_keeps_every_invariant() {
    explore(RestartMode::OnFailure, 3, true, [48434, 262922, 21257012]);
}

#[test]
fn always_keeps_every_invariant() {
    explore(RestartMode::Always, 2, true, [37553, 176504, 14289858]);
}

#[test]
fn never_keeps_every_invariant() {
    explore(RestartMode::Never, 2, false, [23601, 59865, 4878024]);
}

/// The search must find that `machine` breaks one of these invariants.
#[track_caller]
fn must_catch(machine: Machine<'_>, invariants: &[&str]) {
    match search(machine, &policy(RestartMode::OnFailure, 2, false), false) {
        Ok(stats) => panic!("a planted fault was not caught: {stats:?}"),
        Err(Violation { invariant, detail }) => {
            println!("{invariant}: {}", detail.lines().next().unwrap_or_default());
            assert!(invariants.contains(&invariant), "caught as {invariant}: {detail}");
        }
    }
}

fn is_stop(event: Event) -> bool {
    matches!(event, Event::Command(Command::Stop { .. }))
}

/// A step that did nothing, but counts as taken.
fn taken(unit: Unit) -> Step {
    Step { unit, verdict: Verdict::Changed, moves: Default::default(), action: None, restarted: false }
}

#[test]
fn catches_that_the_incarnation_is_not_checked() {
    must_catch(
        &|unit: Unit, context: &StepContext<'_>, now: Timestamp, event: Event| {
            let taken_for_mine = match event {
                Event::Report(_, report) => step(unit, context, now, Event::Report(unit.incarnation, report)),
                other => return step(unit, context, now, other),
            };
            if taken_for_mine.unit == unit { step(unit, context, now, event) } else { taken_for_mine }
        },
        &["I8"],
    );
}

#[test]
fn catches_that_a_stop_does_not_cancel_back_off() {
    must_catch(
        &|unit: Unit, context: &StepContext<'_>, now: Timestamp, event: Event| {
            if is_stop(event) && matches!(unit.phase, Phase::BackOff { .. }) {
                return taken(Unit { desired: Desired::Down, ..unit });
            }
            step(unit, context, now, event)
        },
        &["I3", "I6"],
    );
}

#[test]
fn catches_that_a_stop_does_not_cancel_wait() {
    must_catch(
        &|unit: Unit, context: &StepContext<'_>, now: Timestamp, event: Event| {
            if is_stop(event) && matches!(unit.phase, Phase::Wait) {
                return taken(Unit { desired: Desired::Down, ..unit });
            }
            step(unit, context, now, event)
        },
        &["I3", "I6"],
    );
}

#[test]
fn catches_that_an_earlier_restart_beats_a_later_stop() {
    must_catch(
        &|unit: Unit, context: &StepContext<'_>, now: Timestamp, event: Event| {
            let mut outcome = step(unit, context, now, event);
            if is_stop(event) && unit.then == Then::Restart && outcome.unit.then == Then::Stop {
                outcome.unit.then = Then::Restart;
            }
            outcome
        },
        &["I3", "I6"],
    );
}

#[test]
fn catches_a_restart_before_the_group_is_empty() {
    must_catch(
        &|unit: Unit, context: &StepContext<'_>, now: Timestamp, event: Event| {
            let mut first = step(unit, context, now, event);
            if !matches!(event, Event::Report(_, Report::Exit(_))) || first.verdict != Verdict::Changed {
                return first;
            }
            // The main process is gone: taken for "the service is down".
            let second = step(first.unit, context, now, Event::Report(unit.incarnation, Report::GroupEmpty));
            first.moves.extend(second.moves);
            Step { moves: first.moves, ..second }
        },
        &["I1", "I7"],
    );
}

#[test]
fn catches_that_a_crash_in_hold_restarts() {
    must_catch(
        &|unit: Unit, context: &StepContext<'_>, now: Timestamp, event: Event| {
            let stop = Event::Command(Command::Stop { kind: StopKind::ByUser, force: false });
            match event {
                // A hold that only waits, and leaves the service wanted up.
                Event::Command(Command::Hold { .. }) if step(unit, context, now, stop).action.is_some() => taken(unit),
                other => step(unit, context, now, other),
            }
        },
        &["I6"],
    );
}
