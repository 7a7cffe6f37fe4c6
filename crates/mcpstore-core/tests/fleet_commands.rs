//! Scenes of commands: what they refuse, how they overtake each other, limits and budgets.

mod common;

use std::time::Duration;

use common::fleet_world::{World, def, name, names};
use common::script::{running, scene};
use mcpstore_core::{Action, FleetConfig, InitFailure, Input, Rejected, Rejection, Report, Target};
use mcpstore_types::{Backoff, Desired, FailKind, Phase, PhaseName, Reason, RestartMode, RestartPolicy, StopKind};

fn failed(kind: FailKind) -> Phase {
    Phase::Failed { kind }
}

/// One service `a` that restarts after exactly one second each time.
fn steady(restart: RestartPolicy) -> World {
    let second = Duration::from_secs(1);
    let mut world = World::new(FleetConfig::default());
    let mut a = def("a");
    a.restart = RestartPolicy { backoff: Backoff { delay: second, max_delay: second, jitter_percent: 0 }, ..restart };
    world.must(Input::Register(vec![a]));
    world.start("a");
    world.answers();
    world
}

#[test]
fn the_better_known_name_is_told() {
    let mut s = scene(&["filesystem", "memory"]);
    let rejection = s.rejected(Input::Start(names("filesytem")));
    assert_eq!(rejection.to_string(), "no service `filesytem`; did you mean `filesystem`?");
    let rejection = s.rejected(Input::Stop { target: names("memory zzz"), force: false });
    assert_eq!(rejection.to_string(), "no service `zzz`; 2 are registered");
    assert_eq!(s.record("memory").desired, Desired::Down);
}

#[test]
fn a_name_is_registered_once_and_all_or_none_are_taken() {
    let mut s = scene(&["a"]);
    let exists = s.rejected(Input::Register(vec![def("b"), def("a")]));
    assert_eq!(exists, Rejection::Exists { name: name("a") });
    let graph = s.rejected(Input::Register(vec![def("b: c"), def("c: b"), def("d: nobody")]));
    assert!(matches!(&graph, Rejection::Graph { errors } if errors.len() == 2), "{graph}");
    assert_eq!(s.fleet().statuses().count(), 1);
}

#[test]
fn what_others_need_is_not_removed() {
    let mut s = scene(&["db", "a: db", "b: db wants"]);
    let rejection = s.rejected(Input::Remove(names("db")));
    assert_eq!(rejection, Rejection::InUse { name: name("db"), by: vec![name("a"), name("b")] });
    s.must(Input::Remove(names("db a b")));
    assert_eq!(s.fleet().statuses().count(), 0);
    assert_eq!(s.fleet().next_deadline(), None);
}

#[test]
fn what_is_active_is_not_removed_and_keeps_what_it_needs() {
    let mut s = running(&["db", "a: db"], "a");
    let refused = s.must(Input::Remove(names("a"))).refused;
    assert_eq!(refused, [(name("a"), Rejection::Refused { name: name("a"), rejected: Rejected::Active })]);
    s.stop("db");
    s.answers();
    s.must(Input::Restart { target: names("a"), force: false });
    s.answers();
    // Back up. The dependency itself is down in a moment, and still named by one that stays.
    s.crash("db");
    let refused = s.must(Input::Remove(names("db a"))).refused;
    let why: Vec<String> = refused.iter().map(|(_, why)| why.to_string()).collect();
    assert_eq!(
        why,
        [
            "service `a` refused: it is active; stop it first, or remove it with force",
            "service `db` is needed by `a`; remove them too, or change their dependencies"
        ]
    );
}

#[test]
fn stop_and_remove_takes_dependents_first_even_when_the_dependency_is_down_already() {
    let mut s = running(&["db", "a: db"], "a");
    s.crash("db");
    assert_eq!(s.phase("db"), PhaseName::BackOff);
    let from = s.mark();
    s.must(Input::StopRemove { target: names("a db"), force: false });
    assert_eq!(s.fleet().statuses().count(), 2);
    // Taken back by nothing: not by a start, nor by a new service that would need it.
    let refused = s.start("db").refused;
    assert_eq!(refused, [(name("db"), Rejection::Refused { name: name("db"), rejected: Rejected::Removing })]);
    let rejection = s.rejected(Input::Register(vec![def("late: db")]));
    assert_eq!(rejection, Rejection::Refused { name: name("db"), rejected: Rejected::Removing });
    s.answers();
    assert_eq!(s.fleet().statuses().count(), 0);
    assert_eq!(s.path(from, "a"), "stopping stopped [*]");
    assert_eq!(s.fleet().next_deadline(), None);
}

#[test]
fn a_removal_waits_for_the_last_of_a_leak() {
    let mut s = running(&["db", "a: db"], "a");
    s.must(Input::StopRemove { target: names("a db"), force: false });
    s.seconds(15);
    assert_eq!((s.record("a").phase, s.record("a").leaked), (failed(FailKind::StopFailed), true));
    s.goes_down("db");
    assert_eq!(s.phase("db"), PhaseName::Stopped);
    s.answers();
    assert_eq!(s.fleet().statuses().count(), 0);
}

#[test]
fn a_removal_outlives_a_leak_of_both() {
    let mut s = running(&["db", "a: db"], "a");
    s.must(Input::StopRemove { target: names("a db"), force: false });
    s.seconds(40);
    assert!(s.record("a").leaked && s.record("db").leaked);
    s.goes_down("a");
    assert_eq!(s.fleet().statuses().count(), 1);
    s.answers();
    assert_eq!(s.fleet().statuses().count(), 0);
}

#[test]
fn a_removal_of_a_leak_completes_with_the_leak() {
    let mut s = running(&["a"], "a");
    s.stop("a");
    s.seconds(20);
    assert!(s.record("a").leaked);
    let refused = s.must(Input::Remove(names("a"))).refused;
    assert_eq!(refused, [(name("a"), Rejection::Refused { name: name("a"), rejected: Rejected::Leaked })]);
    assert!(s.must(Input::StopRemove { target: names("a"), force: false }).refused.is_empty());
    let refused = s.start("a").refused;
    assert_eq!(refused, [(name("a"), Rejection::Refused { name: name("a"), rejected: Rejected::Removing })]);
    s.answers();
    assert_eq!(s.fleet().statuses().count(), 0);
}

#[test]
fn who_cannot_start_stops_no_rival() {
    let mut s = running(&["old", "new: old conflicts"], "new");
    s.stop("new");
    s.seconds(20);
    assert!(s.record("new").leaked);
    s.start("old");
    // `old` waits until the leak is gone. A start of `new` is refused, and changes nothing about that.
    s.start("new");
    assert_eq!((s.phase("old"), s.record("old").desired), (PhaseName::Wait, Desired::Up));
}

#[test]
fn a_start_stops_what_conflicts_and_waits_until_it_is_down() {
    let mut s = running(&["old", "user: old", "new: old conflicts"], "user");
    let from = s.mark();
    s.start("new");
    assert_eq!(s.phase("new"), PhaseName::Wait);
    s.answers();
    assert_eq!(s.actions(from).iter().filter(|a| a.ends_with(" drain")).count(), 2);
    assert_eq!(s.record("old").phase, Phase::Stopped { kind: StopKind::Conflict });
    assert_eq!(s.record("user").phase, Phase::Stopped { kind: StopKind::ByDependency });
    assert_eq!(s.phase("new"), PhaseName::Ready);
    assert_eq!(s.notice(from, "old", Reason::ConflictStarted).as_deref(), Some(""));
}

#[test]
fn a_start_of_all_refuses_the_later_of_two_that_conflict() {
    let mut s = scene(&["b: a conflicts", "a", "c: b"]);
    let refused = s.must(Input::Start(Target::All)).refused;
    let why: Vec<String> = refused.iter().map(|(_, why)| why.to_string()).collect();
    assert_eq!(
        why,
        [
            "service `b` conflicts with `a`, which is to be started too",
            "service `b` conflicts with `a`, which is to be started too"
        ]
    );
    s.answers();
    assert_eq!((s.phase("a"), s.phase("b"), s.phase("c")), (PhaseName::Ready, PhaseName::Idle, PhaseName::Idle));
    let rejection = s.rejected(Input::Start(names("a c")));
    assert!(matches!(rejection, Rejection::Conflict { .. }), "{rejection}");
}

#[test]
fn no_more_start_at_once_than_there_are_slots() {
    let config = FleetConfig { max_parallel_starts: 2, ..FleetConfig::default() };
    let mut s = World::with(config, &["e", "d", "c", "b", "a"]);
    s.must(Input::Start(Target::All));
    assert_eq!(s.who(0, Action::Spawn), "a b");
    s.comes_up("b");
    assert_eq!(s.who(0, Action::Spawn), "a b c");
    s.stop("a");
    assert_eq!(s.who(0, Action::Spawn), "a b c d");
    s.answers();
    assert_eq!(s.who(0, Action::Spawn), "a b c d e");
}

#[test]
fn gives_up_after_as_many_restarts_as_the_policy_has_and_a_start_resets() {
    let mut s = steady(RestartPolicy { max_attempts: 3, ..RestartPolicy::default() });
    for attempt in 1..=3 {
        s.crash("a");
        assert!(matches!(s.record("a").phase, Phase::BackOff { attempt: n, .. } if n == attempt));
        s.tick();
        s.answers();
    }
    s.crash("a");
    assert_eq!(s.record("a").phase, failed(FailKind::GaveUp));
    assert_eq!(s.fleet().next_deadline(), None);
    s.start("a");
    assert_eq!((s.record("a").failures, s.phase("a")), (0, PhaseName::Spawn));
    s.answers();
    s.crash("a");
    assert_eq!(s.phase("a"), PhaseName::BackOff);
}

#[test]
fn gives_up_when_the_window_is_spent_though_each_life_was_stable() {
    // Eleven crashes in ten minutes; between them the service is stable each time.
    let mut s = steady(RestartPolicy { stable_after: Duration::from_secs(20), ..RestartPolicy::default() });
    for restart in 1..=10 {
        s.seconds(30);
        s.crash("a");
        assert_eq!(s.phase("a"), PhaseName::BackOff, "restart {restart}");
        s.tick();
        s.answers();
        assert_eq!(s.phase("a"), PhaseName::Ready, "restart {restart}");
    }
    s.seconds(30);
    s.crash("a");
    assert_eq!(s.record("a").phase, failed(FailKind::GaveUp));
    // A start clears the window too.
    s.start("a");
    s.answers();
    s.seconds(30);
    s.crash("a");
    assert_eq!(s.phase("a"), PhaseName::BackOff);
}

#[test]
fn old_restarts_leave_the_window() {
    let mut s = steady(RestartPolicy { stable_after: Duration::from_secs(20), ..RestartPolicy::default() });
    for restart in 1..=40 {
        s.seconds(61);
        s.crash("a");
        assert_eq!(s.phase("a"), PhaseName::BackOff, "restart {restart}");
        s.tick();
        s.answers();
    }
    assert_eq!(s.status("a").restarts, 40);
}

#[test]
fn a_stable_life_that_crashes_is_restarted_at_once_and_counts_as_one() {
    let mut s = steady(RestartPolicy::default());
    s.crash("a");
    s.tick();
    s.answers();
    s.crash("a");
    assert_eq!(s.record("a").failures, 2);
    s.tick();
    s.answers();
    s.seconds(60);
    assert_eq!((s.record("a").failures, s.record("a").stable), (0, true));
    s.crash("a");
    let now = s.now;
    assert_eq!(s.record("a").phase, Phase::BackOff { attempt: 1, until: now });
    assert_eq!(s.fleet().next_deadline(), Some(now));
    s.tick();
    assert_eq!((s.now, s.phase("a")), (now, PhaseName::Spawn));
}

#[test]
fn slow_retry_tries_again_and_gives_up_again_at_once() {
    let quarter = Duration::from_secs(900);
    let policy = RestartPolicy { max_attempts: 1, slow_retry: Some(quarter), ..RestartPolicy::default() };
    let mut s = steady(policy);
    s.gives_up("a");
    let gave_up = s.now;
    s.tick();
    assert_eq!((s.now, s.phase("a")), (gave_up.after(quarter), PhaseName::Spawn));
    s.answers();
    s.crash("a");
    assert_eq!(s.record("a").phase, failed(FailKind::GaveUp));
    s.stop("a");
    assert_eq!(s.fleet().next_deadline(), None);
}

#[test]
fn never_and_always_do_as_they_say() {
    let mut s = steady(RestartPolicy { mode: RestartMode::Never, ..RestartPolicy::default() });
    s.crash("a");
    assert_eq!(s.record("a").phase, failed(FailKind::Exit));
    let mut s = steady(RestartPolicy { mode: RestartMode::Always, ..RestartPolicy::default() });
    s.completes("a");
    assert_eq!(s.phase("a"), PhaseName::BackOff);
    let mut s = steady(RestartPolicy::default());
    s.completes("a");
    assert_eq!(s.record("a").phase, Phase::Stopped { kind: StopKind::Completed });
}

#[test]
fn what_no_retry_would_help_is_not_retried() {
    for (report, kind) in [
        (Report::SpawnErr(mcpstore_core::SpawnFailure::Spec), FailKind::Config),
        (Report::SpawnErr(mcpstore_core::SpawnFailure::Auth), FailKind::Auth),
    ] {
        let mut s = scene(&["a"]);
        s.start("a");
        let Report::SpawnErr(failure) = report else { unreachable!() };
        s.spawn_fails(&name("a"), failure).unwrap();
        assert_eq!(s.record("a").phase, failed(kind));
    }
    for (failure, reason) in
        [(InitFailure::AuthRefused, Reason::AuthRefused), (InitFailure::NeedsLogin, Reason::NeedsAuth)]
    {
        let mut s = scene(&["a"]);
        s.start("a");
        s.step("a");
        s.say(&name("a"), Report::InitErr(failure)).unwrap();
        s.answers();
        assert_eq!((s.record("a").phase, s.record("a").reason), (failed(FailKind::Auth), reason));
    }
}

#[test]
fn a_stop_cancels_a_back_off_and_a_wait() {
    let mut s = running(&["db", "a: db"], "a");
    s.crash("a");
    let from = s.mark();
    s.stop("a");
    assert_eq!(s.path(from, "a"), "stopped");
    s.seconds(3600);
    assert_eq!(s.who(from, Action::Spawn), "");
    let mut s = scene(&["db", "a: db"]);
    s.start("a");
    let from = s.mark();
    s.stop("a");
    assert_eq!(s.path(from, "a"), "stopping stopped");
    s.answers();
    assert_eq!((s.phase("db"), s.phase("a")), (PhaseName::Ready, PhaseName::Stopped));
}

#[test]
fn a_start_while_stopping_brings_it_back_after_it_is_down() {
    let mut s = running(&["a"], "a");
    let from = s.mark();
    s.stop("a");
    s.start("a");
    assert_eq!(s.phase("a"), PhaseName::Drain);
    s.answers();
    assert_eq!(s.path(from, "a"), "stopping stopped starting running");
    assert_eq!(s.record("a").incarnation.0, 2);
    // The last word counts.
    s.stop("a");
    s.start("a");
    s.stop("a");
    s.answers();
    assert_eq!(s.phase("a"), PhaseName::Stopped);
}

#[test]
fn a_start_takes_a_held_stop_back() {
    let mut s = running(&["db", "a: db"], "a");
    s.stop("db");
    s.start("a");
    s.answers();
    assert_eq!((s.phase("db"), s.record("db").incarnation.0), (PhaseName::Ready, 1));
    assert_eq!((s.phase("a"), s.record("a").incarnation.0), (PhaseName::Ready, 2));
}

#[test]
fn force_kills_in_the_same_order() {
    let mut s = running(&["db", "a: db"], "a");
    let from = s.mark();
    s.must(Input::Stop { target: Target::All, force: true });
    assert_eq!(s.actions(from), ["a kill"]);
    s.goes_down("a");
    assert_eq!(s.actions(from), ["a kill", "a sweep", "db kill"]);
}

#[test]
fn a_service_is_down_in_seventeen_seconds_when_nothing_answers() {
    let mut s = running(&["a"], "a");
    s.stop("a");
    let from = s.mark();
    s.seconds(15);
    assert_eq!(s.actions(from), ["a close", "a term", "a kill"]);
    assert_eq!(s.record("a").phase, failed(FailKind::StopFailed));
    let refused = s.start("a").refused;
    assert_eq!(refused, [(name("a"), Rejection::Refused { name: name("a"), rejected: Rejected::Leaked })]);
    let refused = s.restart("a").refused;
    assert_eq!(refused, [(name("a"), Rejection::Refused { name: name("a"), rejected: Rejected::Leaked })]);
    s.answers();
    assert!(!s.record("a").leaked);
    s.start("a");
    s.answers();
    assert_eq!(s.phase("a"), PhaseName::Ready);
}

#[test]
fn what_is_left_at_the_end_of_a_stop_of_all_is_killed() {
    // A chain of four, each of which would take fifteen seconds.
    let mut s = running(&["a", "b: a", "c: b", "d: c"], "d");
    let from = s.mark();
    s.stop_all();
    s.seconds(29);
    // `d` and its neighbour got their time, the others still stand.
    assert_eq!((s.phase("d"), s.phase("a"), s.phase("b")), (PhaseName::Failed, PhaseName::Ready, PhaseName::Ready));
    s.seconds(1);
    assert_eq!(s.who(from, Action::Kill), "d c a b");
    s.seconds(2);
    assert!(s.fleet().is_down());
    assert!(["a", "b", "c", "d"].iter().all(|n| s.record(n).leaked));
}

#[test]
fn a_report_of_a_removed_service_is_counted_and_passed_over() {
    let mut s = scene(&["a"]);
    s.must(Input::Remove(names("a")));
    let before = s.fleet().stale_reports();
    let input =
        Input::Report { service: name("a"), incarnation: mcpstore_types::Incarnation(1), report: Report::GroupEmpty };
    s.must(input);
    assert_eq!(s.fleet().stale_reports(), before + 1);
}

#[test]
fn disabled_services_are_left_out_of_a_start_of_all() {
    let mut s = World::new(FleetConfig::default());
    let mut off = def("off");
    off.enabled = false;
    s.must(Input::Register(vec![off, def("on")]));
    s.must(Input::Start(Target::All));
    s.answers();
    assert_eq!((s.phase("on"), s.phase("off")), (PhaseName::Ready, PhaseName::Idle));
    s.start("off");
    s.answers();
    assert_eq!(s.phase("off"), PhaseName::Ready);
}

#[test]
fn a_restart_of_all_revives_none_that_a_user_stopped() {
    let mut s = running(&["a", "b"], "a b");
    s.must(Input::Stop { target: names("b"), force: false });
    s.answers();
    s.must(Input::Restart { target: Target::All, force: false });
    s.answers();
    assert_eq!((s.phase("a"), s.phase("b")), (PhaseName::Ready, PhaseName::Stopped));
    assert_eq!((s.record("a").incarnation.0, s.record("b").incarnation.0), (2, 1));
}
