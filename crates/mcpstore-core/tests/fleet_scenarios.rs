//! Scenes of several services: order, losses, recoveries. Every input is also held against all invariants.

mod common;

use common::script::{running, scene};
use mcpstore_core::{Action, Input, Report, SpawnFailure, Target};
use mcpstore_types::{ConditionKind, Desired, FailKind, Phase, PhaseName, Reason, ServiceState, StopKind};

/// The seed's example.
const SEED: [&str; 4] = ["api: db, auth", "auth: db", "db", "web: api"];

fn failed(kind: FailKind) -> Phase {
    Phase::Failed { kind }
}

fn stopped(kind: StopKind) -> Phase {
    Phase::Stopped { kind }
}

#[test]
fn each_starts_the_moment_its_own_edges_allow() {
    // Two chains that share nothing: the short one does not wait for the long one, as waves would have it.
    let mut s = scene(&["api: db, auth", "auth: db", "db", "web: api", "cache", "page: cache"]);
    let reply = s.must(Input::Start(Target::All));
    let affected: Vec<_> = reply.affected.iter().map(|n| n.as_str()).collect();
    assert_eq!(affected, ["cache", "db", "auth", "api", "page", "web"]);
    assert_eq!(s.who(0, Action::Spawn), "cache db");
    s.comes_up("cache");
    assert_eq!(s.who(0, Action::Spawn), "cache db page");
    s.comes_up("db");
    s.comes_up("auth");
    s.comes_up("api");
    assert_eq!(s.who(0, Action::Spawn), "cache db page auth api web");
    assert_eq!(s.phase("page"), PhaseName::Spawn);
}

#[test]
fn a_start_pulls_in_what_is_needed_and_nothing_else() {
    let mut s = scene(&SEED);
    s.start("auth");
    s.answers();
    assert_eq!(s.who(0, Action::Spawn), "db auth");
    assert_eq!(s.phase("web"), PhaseName::Idle);
}

#[test]
fn stop_all_goes_in_reverse_order_over_live_edges() {
    let mut s = running(&SEED, "web");
    let from = s.mark();
    s.stop_all();
    // All are wanted down before anyone is signalled.
    assert!(SEED.iter().all(|d| s.record(d.split(':').next().unwrap()).desired == Desired::Down));
    assert_eq!(s.who(from, Action::Drain), "web");
    assert!(s.has("db", ConditionKind::StopHeld));
    s.goes_down("web");
    assert_eq!(s.who(from, Action::Drain), "web api");
    s.goes_down("api");
    s.goes_down("auth");
    s.goes_down("db");
    assert_eq!(s.who(from, Action::Drain), "web api auth db");
    assert!(s.fleet().is_down());
    assert_eq!(s.record("db").phase, stopped(StopKind::ByUser));
}

#[test]
fn stop_all_runs_in_parallel_where_the_order_allows() {
    let mut s = running(&["db", "a: db", "b: db", "c"], "a b c");
    let from = s.mark();
    s.stop_all();
    // Among these there is no order: only `db` has to wait.
    assert_eq!(s.who(from, Action::Drain), "c a b");
    s.goes_down("a");
    assert_eq!(s.phase("db"), PhaseName::Ready);
    s.goes_down("b");
    assert_eq!(s.phase("db"), PhaseName::Drain);
}

#[test]
fn a_plain_dependency_lost_in_mid_run_leaves_its_dependents_running() {
    let mut s = running(&SEED, "web");
    let from = s.mark();
    s.crash("db");
    assert_eq!(s.notice(from, "auth", Reason::DependencyLost).as_deref(), Some("db"));
    assert_eq!(s.notice(from, "api", Reason::DependencyLost).as_deref(), Some("db"));
    assert_eq!(s.notice(from, "web", Reason::DependencyLost), None);
    let status = s.status("api");
    assert_eq!((status.state, status.reason), (ServiceState::Running, Reason::DependencyLost));
    assert!(s.has("api", ConditionKind::DependencyLost));
    let from = s.mark();
    s.tick();
    s.answers();
    assert_eq!(s.phase("db"), PhaseName::Ready);
    assert_eq!(s.notice(from, "api", Reason::DependencyRecovered).as_deref(), Some("db"));
    assert!(!s.has("api", ConditionKind::DependencyLost));
    assert_eq!(s.record("api").incarnation.0, 1);
    assert_eq!(s.record("db").incarnation.0, 2);
    assert_eq!(s.who(from, Action::Spawn), "db");
}

#[test]
fn a_failed_dependency_skips_its_descendants_and_they_come_when_it_recovers() {
    let mut s = scene(&["db", "auth: db", "web: auth", "cache", "page: cache"]);
    s.must(Input::Start(Target::All));
    s.gives_up("db");
    assert_eq!(s.record("db").phase, failed(FailKind::GaveUp));
    s.answers();
    assert_eq!((s.phase("cache"), s.phase("page")), (PhaseName::Ready, PhaseName::Ready));
    for service in ["auth", "web"] {
        assert_eq!(s.record(service).phase, failed(FailKind::Dependency), "{service}");
        assert_eq!(s.record(service).desired, Desired::Up);
        assert_eq!(s.record(service).incarnation.0, 0);
    }
    assert_eq!(s.notice(0, "auth", Reason::DependencyFailed).as_deref(), Some("db"));
    let from = s.mark();
    s.start("db");
    assert_eq!((s.phase("auth"), s.phase("web")), (PhaseName::Wait, PhaseName::Wait));
    s.answers();
    assert_eq!(s.who(from, Action::Spawn), "db auth web");
    assert_eq!(s.phase("web"), PhaseName::Ready);
    assert!(s.notice(from, "auth", Reason::DependencyRecovered).is_some());
}

#[test]
fn a_bound_service_is_undisturbed_by_a_quick_restart() {
    let mut s = running(&["db", "a: db binds_to"], "a");
    let from = s.mark();
    s.crash("db");
    // Back after about one second, inside the grace of five.
    s.tick();
    s.answers();
    s.seconds(30);
    assert_eq!(s.who(from, Action::Spawn), "db");
    assert_eq!((s.phase("a"), s.record("a").incarnation.0), (PhaseName::Ready, 1));
    assert!(s.notice(from, "a", Reason::DependencyRecovered).is_some());
}

#[test]
fn a_slow_loss_stops_bound_services_in_reverse_order_and_brings_them_back() {
    let mut s = running(&["db", "a: db binds_to", "b: a", "c: db"], "b c");
    let from = s.mark();
    s.crash("db");
    s.tick();
    s.step("db");
    // Its handshake takes too long: the grace of five seconds is over meanwhile.
    s.seconds(5);
    assert_eq!(s.who(from, Action::Drain), "b");
    s.goes_down("b");
    assert_eq!(s.who(from, Action::Drain), "b a");
    s.goes_down("a");
    assert_eq!((s.phase("a"), s.phase("b"), s.phase("c")), (PhaseName::Wait, PhaseName::Wait, PhaseName::Ready));
    assert_eq!(s.path(from, "a"), "stopping stopped starting");
    s.answers();
    assert_eq!(s.who(from, Action::Spawn), "db a b");
    assert_eq!((s.phase("a"), s.phase("b")), (PhaseName::Ready, PhaseName::Ready));
    // Never charged as a failure.
    assert_eq!((s.record("a").failures, s.record("b").failures), (0, 0));
}

#[test]
fn bound_services_of_a_dependency_that_gave_up_wait_for_it() {
    let mut s = running(&["db", "a: db binds_to"], "a");
    s.gives_up("db");
    s.answers();
    assert_eq!(s.record("a").phase, failed(FailKind::Dependency));
    s.start("db");
    s.answers();
    assert_eq!((s.phase("a"), s.record("a").incarnation.0), (PhaseName::Ready, 2));
}

#[test]
fn a_loss_acts_also_when_it_comes_after_an_adoption_or_before_ready() {
    // Found again, and then gone before its check passed.
    let mut s = running(&["db", "a: db binds_to"], "a");
    s.say(&common::fleet_world::name("db"), Report::StateLost).unwrap();
    s.seconds(100);
    assert_eq!(s.phase("a"), PhaseName::Ready);
    s.step("db");
    assert_eq!(s.phase("db"), PhaseName::Probe);
    let from = s.mark();
    s.crash("db");
    s.tick();
    s.seconds(5);
    assert_eq!(s.who(from, Action::Drain), "a");
    // Bound to one that need only be started: its crash in the handshake is a loss as well.
    let mut s = scene(&["db", "a: db binds_to started"]);
    s.start("a");
    s.step("db");
    assert_eq!((s.phase("db"), s.phase("a")), (PhaseName::Init, PhaseName::Spawn));
    s.comes_up("a");
    let from = s.mark();
    s.crash("db");
    s.tick();
    assert_eq!(s.phase("db"), PhaseName::Spawn);
    s.seconds(4);
    assert_eq!(s.who(from, Action::Drain), "a");
}

#[test]
fn a_bound_service_whose_dependency_completed_runs_on() {
    let mut s = scene(&["job", "a: job binds_to completed"]);
    s.start("a");
    s.answers();
    assert_eq!((s.phase("job"), s.phase("a")), (PhaseName::Stopped, PhaseName::Ready));
    s.seconds(60);
    assert_eq!(s.record("a").incarnation.0, 1);
}

#[test]
fn part_of_follows_stop_and_restart_only() {
    let mut s = scene(&["main", "side: main part_of"]);
    s.start("side");
    s.answers();
    assert_eq!((s.phase("main"), s.phase("side")), (PhaseName::Idle, PhaseName::Ready));
    s.start("main");
    s.answers();
    // A crash is none of its business.
    s.crash("main");
    s.seconds(60);
    assert_eq!(s.record("side").incarnation.0, 1);
    s.answers();
    let from = s.mark();
    s.restart("main");
    s.answers();
    assert_eq!((s.record("main").incarnation.0, s.record("side").incarnation.0), (3, 2));
    assert!(s.notice(from, "side", Reason::DependencyRestarted).is_some());
    s.stop("main");
    s.answers();
    assert_eq!(s.record("side").phase, stopped(StopKind::ByDependency));
}

#[test]
fn wants_pulls_in_waits_for_the_first_try_and_runs_without() {
    let mut s = scene(&["cache", "api: cache wants"]);
    s.start("api");
    assert_eq!(s.who(0, Action::Spawn), "cache");
    s.spawn_fails(&common::fleet_world::name("cache"), SpawnFailure::Transient).unwrap();
    // It failed once: that is enough waiting.
    assert_eq!(s.who(0, Action::Spawn), "cache api");
    s.comes_up("api");
    assert!(s.has("api", ConditionKind::DependencyMissing));
    s.tick();
    s.answers();
    assert!(!s.has("api", ConditionKind::DependencyMissing));
    // A stop of it is not the other's.
    s.stop("cache");
    s.answers();
    assert_eq!((s.phase("cache"), s.phase("api")), (PhaseName::Stopped, PhaseName::Ready));
}

#[test]
fn after_only_orders() {
    let mut s = scene(&["first", "second: first after"]);
    s.start("second");
    assert_eq!(s.who(0, Action::Spawn), "second");
    s.stop("second");
    s.answers();
    let from = s.mark();
    s.must(Input::Start(Target::All));
    assert_eq!(s.who(from, Action::Spawn), "first");
    s.answers();
    assert_eq!(s.who(from, Action::Spawn), "first second");
    let from = s.mark();
    s.stop_all();
    s.answers();
    assert_eq!(s.who(from, Action::Drain), "second first");
}

#[test]
fn a_job_is_completed_before_its_dependent_starts_and_not_run_again() {
    let mut s = scene(&["migrate", "api: migrate completed"]);
    s.start("api");
    s.comes_up("migrate");
    assert_eq!(s.phase("api"), PhaseName::Wait);
    s.completes("migrate");
    assert_eq!(s.record("migrate").phase, stopped(StopKind::Completed));
    assert_eq!(s.phase("api"), PhaseName::Spawn);
    s.comes_up("api");
    s.crash("api");
    s.tick();
    s.answers();
    assert_eq!((s.record("api").incarnation.0, s.record("migrate").incarnation.0), (2, 1));
    s.stop("api");
    s.answers();
    s.start("api");
    s.answers();
    assert_eq!((s.record("api").incarnation.0, s.record("migrate").incarnation.0), (3, 1));
}

#[test]
fn a_restart_takes_dependents_down_first_and_brings_them_up_after() {
    let mut s = running(&SEED, "web");
    let from = s.mark();
    s.restart("db");
    s.answers();
    assert_eq!(s.who(from, Action::Drain), "web api auth db");
    assert_eq!(s.who(from, Action::Spawn), "db auth api web");
    for service in ["db", "auth", "api", "web"] {
        assert_eq!(s.path(from, service), "stopping stopped starting running", "{service}");
        assert_eq!(s.record(service).incarnation.0, 2, "{service}");
    }
    assert!(s.notice(from, "web", Reason::DependencyRestarted).is_some());
}

#[test]
fn a_restart_does_not_revive_what_a_user_stopped() {
    let mut s = running(&SEED, "web");
    s.stop("web");
    s.answers();
    s.restart("db");
    s.answers();
    assert_eq!(s.record("web").phase, stopped(StopKind::ByUser));
    assert_eq!(s.phase("api"), PhaseName::Ready);
}

#[test]
fn a_service_that_a_start_kept_goes_along_with_a_restart_that_was_pending() {
    // The dependency is to restart; the dependent, which was to go first, is stopped and then started again.
    let mut s = running(&["db", "a: db", "b: a"], "b");
    s.restart("db");
    s.stop("a");
    s.start("a");
    let from = s.mark();
    s.answers();
    assert_eq!(s.record("db").incarnation.0, 2);
    assert_eq!((s.phase("a"), s.record("a").incarnation.0), (PhaseName::Ready, 2));
    assert_eq!(s.who(from, Action::Drain), "a db");
}

#[test]
fn a_stop_that_is_held_survives_a_crash() {
    let mut s = running(&["db", "a: db"], "a");
    s.stop("db");
    assert_eq!((s.phase("db"), s.phase("a")), (PhaseName::Ready, PhaseName::Drain));
    s.crash("db");
    assert_eq!(s.record("db").phase, stopped(StopKind::ByUser));
    s.answers();
    s.seconds(120);
    assert_eq!(s.record("a").phase, stopped(StopKind::ByDependency));
    assert!(s.fleet().is_down());
    assert_eq!(s.who(0, Action::Spawn), "db a");
}

#[test]
fn a_held_service_that_was_lost_from_sight_is_not_stopped_early_when_it_is_found() {
    let mut s = running(&["db", "a: db"], "a");
    s.say(&common::fleet_world::name("db"), Report::StateLost).unwrap();
    s.stop("db");
    s.say(&common::fleet_world::name("db"), Report::Adopted).unwrap();
    assert_eq!(s.phase("db"), PhaseName::Unknown);
    s.goes_down("a");
    assert_eq!(s.phase("db"), PhaseName::Term);
    s.answers();
    assert!(s.fleet().is_down());
}

#[test]
fn a_bound_service_out_of_sight_goes_along_with_the_loss() {
    let mut s = running(&["db", "a: db binds_to", "b: a"], "b");
    s.say(&common::fleet_world::name("b"), Report::StateLost).unwrap();
    s.crash("db");
    s.tick();
    let from = s.mark();
    s.seconds(5);
    assert_eq!((s.phase("b"), s.phase("a")), (PhaseName::Term, PhaseName::Ready));
    s.answers();
    assert_eq!(s.who(from, Action::Spawn), "a b");
    assert_eq!((s.phase("a"), s.phase("b")), (PhaseName::Ready, PhaseName::Ready));
}
