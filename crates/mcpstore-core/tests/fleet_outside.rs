//! Scenes of services that wait for something outside, and of lives that are recycled.

mod common;

use common::fleet_world::{World, def, name};
use common::script::running;
use mcpstore_core::{ChangedDef, Effect, FleetConfig, Input, Reconfigure, RecycleCause, Report, ServiceDef};
use mcpstore_types::{ConditionKind, FailKind, Phase, PhaseName, Reason};

fn waiting(text: &str) -> ServiceDef {
    ServiceDef { waits: true, ..def(text) }
}

fn scene(config: FleetConfig, defs: Vec<ServiceDef>) -> World {
    let mut world = World::new(config);
    world.must(Input::Register(defs));
    world
}

/// The numbers of the waits that the driver was told of since effect number `from`.
fn told(world: &World, from: usize) -> Vec<u64> {
    let waits = world.effects[from..].iter().filter_map(|effect| match effect {
        Effect::Await { wait, .. } => Some(*wait),
        Effect::Act { .. } | Effect::Notice { .. } => None,
    });
    waits.collect()
}

fn met(world: &mut World, service: &str, wait: u64) {
    world.must(Input::ConditionsMet { service: name(service), wait });
}

#[test]
fn who_waits_takes_no_start_slot_and_starts_with_the_answer() {
    let one_slot = FleetConfig { max_parallel_starts: 1, ..FleetConfig::default() };
    let mut world = scene(one_slot, vec![waiting("a"), def("b")]);
    world.start("a b");
    assert_eq!((world.phase("a"), world.phase("b")), (PhaseName::Wait, PhaseName::Spawn));
    assert!(world.has("a", ConditionKind::ExternalPending) && !world.has("b", ConditionKind::ExternalPending));
    world.comes_up("b");
    assert_eq!((world.phase("a"), told(&world, 0)), (PhaseName::Wait, vec![1]));
    met(&mut world, "a", 1);
    assert_eq!(world.phase("a"), PhaseName::Spawn);
    assert!(!world.has("a", ConditionKind::ExternalPending));
}

#[test]
fn its_dependencies_and_the_outside_are_both_needed() {
    let mut world = scene(FleetConfig::default(), vec![def("db"), waiting("api: db")]);
    world.start("api");
    met(&mut world, "api", 1);
    assert_eq!(world.phase("api"), PhaseName::Wait, "its dependency is not there");
    world.comes_up("db");
    assert_eq!(world.phase("api"), PhaseName::Spawn, "the answer was kept");
}

#[test]
fn each_wait_is_numbered_and_takes_its_own_answer_alone() {
    let mut world = scene(FleetConfig::default(), vec![waiting("a")]);
    world.start("a");
    world.stop("a");
    assert_eq!(world.phase("a"), PhaseName::Stopped);
    let stale = world.fleet().stale_reports();
    met(&mut world, "a", 1);
    world.start("a");
    assert_eq!(told(&world, 0), [1, 2]);
    met(&mut world, "a", 1);
    met(&mut world, "a", 3);
    assert_eq!((world.phase("a"), world.fleet().stale_reports() - stale), (PhaseName::Wait, 3));
    met(&mut world, "a", 2);
    world.comes_up("a");
    // The next life waits anew.
    world.crash("a");
    world.tick();
    assert_eq!((world.phase("a"), told(&world, 0)), (PhaseName::Wait, vec![1, 2, 3]));
}

#[test]
fn who_waited_in_vain_rests_until_a_start_or_a_reload() {
    let mut world = scene(FleetConfig::default(), vec![waiting("a"), def("child: a")]);
    world.start("child");
    world.seconds(600);
    let failed = Phase::Failed { kind: FailKind::Dependency };
    assert_eq!((world.record("a").phase, world.record("a").reason), (failed, Reason::TimedOut(PhaseName::Wait)));
    assert!(world.has("a", ConditionKind::ExternalPending));
    assert_eq!((world.record("child").phase, world.record("a").failures), (failed, 0));
    assert_eq!(world.fleet().next_deadline(), None, "nothing moves it but somebody who asks");
    let changed = vec![ChangedDef { def: waiting("a"), restart: false }];
    world.must(Input::Reconfigure(Reconfigure { changed, ..Reconfigure::default() }));
    assert_eq!((world.phase("a"), told(&world, 0)), (PhaseName::Wait, vec![1, 2]));
    // Whoever waited for it in vain comes back when it is there.
    assert_eq!(world.phase("child"), PhaseName::Failed);
    met(&mut world, "a", 2);
    world.answers();
    assert_eq!(world.phase("child"), PhaseName::Ready);
}

#[test]
fn a_reload_in_the_middle_of_a_wait_asks_anew_or_not_at_all() {
    let mut world = scene(FleetConfig::default(), vec![waiting("a"), waiting("b")]);
    world.start("a b");
    let from = world.mark();
    let changed = vec![ChangedDef { def: waiting("a"), restart: false }, ChangedDef { def: def("b"), restart: false }];
    world.must(Input::Reconfigure(Reconfigure { changed, ..Reconfigure::default() }));
    assert_eq!((world.phase("a"), world.phase("b"), told(&world, from)), (PhaseName::Wait, PhaseName::Spawn, vec![2]));
    met(&mut world, "a", 1);
    assert_eq!(world.phase("a"), PhaseName::Wait, "what was there before says nothing of what is asked now");
    met(&mut world, "a", 2);
    assert_eq!(world.phase("a"), PhaseName::Spawn);
}

#[test]
fn a_recycled_life_comes_back_without_a_charge_and_disturbs_nobody() {
    let mut world = running(&["a", "user: a", "bound: a binds_to"], "a user bound");
    let from = world.mark();
    world.say(&name("a"), Report::Recycle(RecycleCause::Memory)).unwrap();
    assert_eq!((world.phase("a"), world.record("a").reason), (PhaseName::Drain, Reason::MemoryReached));
    world.answers();
    assert_eq!(world.path(from, "a"), "stopping stopped starting running");
    let record = world.record("a");
    assert_eq!((record.incarnation.0, record.failures, world.status("a").restarts), (2, 0, 1));
    assert_eq!((world.path(from, "user"), world.path(from, "bound")), (String::new(), String::new()));
    // Not back within the grace, those that are bound to it go along.
    world.say(&name("a"), Report::Recycle(RecycleCause::Age)).unwrap();
    while world.phase("a") != PhaseName::Spawn {
        world.step("a");
    }
    world.seconds(5);
    assert_eq!((world.phase("user"), world.phase("bound")), (PhaseName::Ready, PhaseName::Drain));
}

#[test]
fn a_command_that_is_under_way_keeps_it_from_being_recycled() {
    let mut world = running(&["a", "user: a"], "a user");
    // Its restart waits until its dependent is down.
    world.restart("a");
    let before = world.record("a");
    world.say(&name("a"), Report::Recycle(RecycleCause::Age)).unwrap();
    assert_eq!((world.record("a"), before.phase), (before, Phase::Ready));
    world.answers();
    assert_eq!((world.record("a").incarnation.0, world.record("user").incarnation.0), (2, 2));
    // So does a stop, whether it is held or under way.
    world.stop("a");
    world.say(&name("a"), Report::Recycle(RecycleCause::Age)).unwrap();
    world.answers();
    assert_eq!(world.phase("a"), PhaseName::Stopped);
}
