//! Scenes of reloads: new definitions meet whatever is under way.

mod common;

use std::time::Duration;

use common::fleet_world::{World, def, name, names};
use common::script::{running, scene};
use mcpstore_core::{Action, ChangedDef, Input, Outcome, Reconfigure, Rejected, Rejection, Reply, ServiceDef, Target};
use mcpstore_types::{ConditionKind, Desired, FailKind, Phase, PhaseName, Reason, StopKind};

fn disabled(text: &str) -> ServiceDef {
    ServiceDef { enabled: false, ..def(text) }
}

fn changed(defs: Vec<ServiceDef>, restart: bool) -> Reconfigure {
    let changed = defs.into_iter().map(|def| ChangedDef { def, restart }).collect();
    Reconfigure { changed, start_added: true, ..Reconfigure::default() }
}

/// These are taken over while they run.
fn live(defs: &[&str]) -> Reconfigure {
    changed(defs.iter().map(|text| def(text)).collect(), false)
}

/// These need a new life.
fn anew(defs: &[&str]) -> Reconfigure {
    changed(defs.iter().map(|text| def(text)).collect(), true)
}

fn told(reply: &Reply) -> String {
    reply.outcomes.iter().map(|(name, outcome)| format!("{name} {outcome}")).collect::<Vec<_>>().join(", ")
}

impl World {
    #[track_caller]
    fn reload(&mut self, change: Reconfigure) -> String {
        told(&self.must(Input::Reconfigure(change)))
    }
}

#[test]
fn nothing_to_do_does_nothing() {
    let mut s = running(&["a"], "a");
    let (before, from) = (s.record("a"), s.mark());
    assert_eq!(s.must(Input::Reconfigure(Reconfigure::default())), Reply::default());
    assert_eq!((s.record("a"), s.mark()), (before, from));
}

#[test]
fn a_name_is_new_once_and_what_goes_is_not_changed() {
    let mut s = running(&["a", "b"], "a b");
    s.must(Input::StopRemove { target: names("b"), force: false });
    let add = |what: &str| Reconfigure { added: vec![def(what)], ..Reconfigure::default() };
    assert_eq!(s.rejected(Input::Reconfigure(add("a"))), Rejection::Exists { name: name("a") });
    let removing = Rejection::Refused { name: name("b"), rejected: Rejected::Removing };
    assert_eq!(s.rejected(Input::Reconfigure(add("b"))), removing);
    assert_eq!(s.rejected(Input::Reconfigure(anew(&["b"]))), removing);
    let both = Reconfigure { removed: vec![name("a")], ..anew(&["a"]) };
    assert!(matches!(s.rejected(Input::Reconfigure(both)), Rejection::Refused { rejected: Rejected::Removing, .. }));
    let twice = Reconfigure { added: vec![def("x"), def("x")], ..Reconfigure::default() };
    assert!(matches!(s.rejected(Input::Reconfigure(twice)), Rejection::Graph { .. }));
    // To remove what is being removed is nothing new.
    let again = Reconfigure { removed: vec![name("b")], ..Reconfigure::default() };
    assert_eq!(s.reload(again), "b removed");
}

#[test]
fn a_shorter_time_counts_from_when_the_phase_began() {
    let mut s = running(&["a"], "a");
    s.stop("a");
    let mut short = def("a");
    short.timeouts.drain = Duration::from_secs(1);
    assert_eq!(s.reload(changed(vec![short], false)), "a updated");
    s.seconds(1);
    assert_eq!(s.phase("a"), PhaseName::Close);
}

#[test]
fn what_leaked_has_the_new_spec_and_nothing_is_spawned_beside_it() {
    let mut s = running(&["a"], "a");
    s.restart("a");
    s.seconds(60);
    assert_eq!(s.record("a").phase, Phase::Failed { kind: FailKind::StopFailed });
    assert_eq!(s.reload(anew(&["a"])), "a stored");
    assert_eq!(s.record("a").phase, Phase::Failed { kind: FailKind::StopFailed });
}

#[test]
fn a_job_that_is_done_is_done_again_and_those_after_it_too() {
    let mut s = scene(&["job", "api: job completed"]);
    s.start("api");
    s.answers();
    assert_eq!((s.phase("job"), s.phase("api")), (PhaseName::Stopped, PhaseName::Ready));
    assert_eq!(s.reload(anew(&["job"])), "job restarted, api restarted");
    s.answers();
    assert_eq!((s.record("job").incarnation.0, s.record("api").incarnation.0), (2, 2));
    assert_eq!((s.phase("job"), s.phase("api")), (PhaseName::Stopped, PhaseName::Ready));
}

#[test]
fn who_runs_without_a_failed_dependency_is_left_alone_when_that_is_mended() {
    let mut s = running(&["db", "api: db"], "db api");
    s.gives_up("db");
    assert!(s.has("api", ConditionKind::DependencyLost));
    assert_eq!(s.reload(anew(&["db"])), "db restarted");
    assert_eq!((s.record("db").failures, s.record("db").reason), (0, Reason::DependenciesMet));
    s.answers();
    assert_eq!((s.phase("db"), s.record("api").incarnation.0), (PhaseName::Ready, 1));
    assert!(!s.has("api", ConditionKind::DependencyLost));
}

#[test]
fn who_waits_in_vain_starts_when_it_may_do_without() {
    let mut s = scene(&["db", "api: db"]);
    s.start("api");
    s.gives_up("db");
    assert_eq!(s.record("api").phase, Phase::Failed { kind: FailKind::Dependency });
    assert_eq!(s.reload(live(&["api"])), "api stored");
    assert_eq!(s.phase("api"), PhaseName::Spawn);
}

#[test]
fn who_went_down_with_a_dependency_comes_back_without_it() {
    let mut s = running(&["db", "api: db", "web: api"], "web");
    s.stop("db");
    s.answers();
    // As long as it needs what a user stopped, it stays.
    assert_eq!(s.reload(live(&["api: db binds_to"])), "api stored");
    assert_eq!(s.reload(live(&["api"])), "api started");
    assert_eq!(s.record("db").phase, Phase::Stopped { kind: StopKind::ByUser });
}

#[test]
fn a_stop_that_is_held_takes_along_who_needs_it_now() {
    let mut s = running(&["db", "web: db", "api"], "web api");
    s.stop("db");
    assert!(s.fleet().is_held("db"));
    assert_eq!(s.reload(live(&["api: db"])), "api stopped");
    let from = s.mark();
    s.goes_down("web");
    assert_eq!(s.who(from, Action::Drain), "");
    s.goes_down("api");
    assert_eq!(s.who(from, Action::Drain), "db");
    s.answers();
    assert_eq!(s.record("api").phase, Phase::Stopped { kind: StopKind::ByDependency });
}

#[test]
fn a_stop_that_is_held_goes_ahead_when_nobody_needs_it_any_more() {
    let mut s = running(&["db", "web: db"], "web");
    s.stop("db");
    let from = s.mark();
    // And who went down with it comes back without it.
    assert_eq!(s.reload(live(&["web"])), "web started");
    assert_eq!(s.who(from, Action::Drain), "db");
}

#[test]
fn of_two_new_rivals_the_one_that_was_changed_goes() {
    let mut s = running(&["a", "b", "user: b"], "a user");
    assert_eq!(s.reload(live(&["b: a conflicts"])), "b stopped, user stopped");
    s.answers();
    assert_eq!(s.record("b").phase, Phase::Stopped { kind: StopKind::Conflict });
    assert_eq!((s.phase("a"), s.record("a").incarnation.0), (PhaseName::Ready, 1));
    // Rivals no longer: what kept it down is gone. (Who went down with it was not changed, and waits for a start.)
    assert_eq!(s.reload(live(&["b"])), "b started");
}

#[test]
fn nobody_makes_way_for_what_is_new() {
    let mut s = running(&["a"], "a");
    let change = Reconfigure { added: vec![def("b: a conflicts")], start_added: true, ..Reconfigure::default() };
    let reply = s.must(Input::Reconfigure(change));
    assert_eq!(told(&reply), "b stored");
    let conflict = Rejection::Conflict { name: name("b"), with: name("a") };
    assert_eq!(reply.refused, [(name("b"), conflict)]);
    // When the rival goes by the same reload, it starts once that is down.
    let change = Reconfigure { removed: vec![name("a")], ..live(&["b"]) };
    assert_eq!(s.reload(change), "a removed, b started");
    s.answers();
    assert_eq!(s.phase("b"), PhaseName::Ready);
}

#[test]
fn what_was_pulled_in_goes_with_the_last_that_needs_it() {
    let mut s = World::new(mcpstore_core::FleetConfig::default());
    s.must(Input::Register(vec![disabled("db"), def("a: db"), def("b: db wants")]));
    s.must(Input::Start(Target::All));
    s.answers();
    let gone = |what| Reconfigure { removed: vec![name(what)], ..Reconfigure::default() };
    assert_eq!(s.reload(gone("a")), "a removed");
    assert_eq!(s.reload(gone("b")), "db stopped, b removed");
    let from = s.mark();
    s.answers();
    assert_eq!(s.who(from, Action::Close), "a b db");
    assert_eq!(s.record("db").phase, Phase::Stopped { kind: StopKind::ByConfig });
}

#[test]
fn an_unrelated_reload_stops_nothing_that_is_up_for_no_reason() {
    let mut s = World::new(mcpstore_core::FleetConfig::default());
    s.must(Input::Register(vec![disabled("db"), def("a: db"), def("c"), def("never")]));
    s.start("a");
    s.answers();
    s.stop("a");
    s.answers();
    assert_eq!(s.reload(live(&["c: never after"])), "c stored");
    assert_eq!((s.phase("db"), s.record("a").desired), (PhaseName::Ready, Desired::Down));
    assert_eq!(s.phase("never"), PhaseName::Idle);
}

#[test]
fn a_restart_that_is_held_takes_the_new_spec_and_is_not_doubled() {
    let mut s = running(&["db", "web: db"], "web");
    s.restart("db");
    assert!(s.fleet().is_held("db"));
    assert_eq!(s.reload(anew(&["db"])), "db restarted");
    s.answers();
    assert_eq!((s.record("db").incarnation.0, s.record("web").incarnation.0), (2, 2));
    assert_eq!(s.must(Input::Reconfigure(anew(&["db", "web: db"]))).outcomes[1].1, Outcome::Restarted);
}
