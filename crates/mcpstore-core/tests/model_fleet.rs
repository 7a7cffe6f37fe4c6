//! All situations of two services, `b` bound to `a`, and the planted faults of the fleet that must be caught.
#![allow(clippy::print_stdout)] // the counts are asked for

mod common;

use common::fleet_search::{Stats, search, two_bound, two_waiting};
use common::fleet_world::{Checked, World, broken, name, names};
use mcpstore_core::{Faults, FleetConfig, Input};
use mcpstore_types::PhaseName;

fn with(faults: Faults) -> FleetConfig {
    FleetConfig { faults, ..FleetConfig::default() }
}

#[test]
fn two_bound_services_keep_every_invariant() {
    // Without optimisation the full search takes minutes; two commands at any two moments take seconds.
    let (commands, expected) = if cfg!(debug_assertions) {
        (Some(2), Stats { records: 45243, cells: 219047 })
    } else {
        (None, Stats { records: 92020, cells: 1388382 })
    };
    match search(&two_bound(FleetConfig::default()), commands) {
        Ok(stats) => {
            println!("{} records, {} cells with {commands:?} commands (None: any number)", stats.records, stats.cells);
            assert_eq!(stats, expected, "what can be reached changed: look why, then write the counts anew");
        }
        Err((broken, path)) => panic!("{} broken: {}\nby {path:#?}", broken.invariant, broken.why),
    }
}

#[test]
fn two_bound_services_that_wait_for_the_outside_keep_every_invariant() {
    match search(&two_waiting(FleetConfig::default()), Some(1)) {
        Ok(stats) => {
            println!("{} records, {} cells with one command", stats.records, stats.cells);
            let expected = Stats { records: 20008, cells: 126591 };
            assert_eq!(stats, expected, "what can be reached changed: look why, then write the counts anew");
        }
        Err((broken, path)) => panic!("{} broken: {}\nby {path:#?}", broken.invariant, broken.why),
    }
}

#[test]
fn catches_that_an_answer_to_an_earlier_wait_counts() {
    let config = with(Faults { old_waits_count: true, ..Faults::default() });
    match search(&two_waiting(config), Some(1)) {
        Ok(stats) => panic!("a planted fault was not caught: {stats:?}"),
        Err((broken, path)) => {
            println!("{}: {} by {path:?}", broken.invariant, broken.why);
            assert!(["I4", "I8"].contains(&broken.invariant), "{}: {}\nby {path:#?}", broken.invariant, broken.why);
        }
    }
}

/// The search must find that this fault breaks one of these invariants.
#[track_caller]
fn must_catch(faults: Faults, invariants: &[&str]) {
    match search(&two_bound(with(faults)), Some(2)) {
        Ok(stats) => panic!("a planted fault was not caught: {stats:?}"),
        Err((broken, path)) => {
            println!("{}: {} by {path:?}", broken.invariant, broken.why);
            assert!(invariants.contains(&broken.invariant), "{}: {}\nby {path:#?}", broken.invariant, broken.why);
        }
    }
}

#[test]
fn catches_that_a_stop_is_not_held_for_its_dependents() {
    must_catch(Faults { no_stop_hold: true, ..Faults::default() }, &["I5"]);
}

#[test]
fn catches_that_a_held_service_stays_wanted_up() {
    must_catch(Faults { held_stays_up: true, ..Faults::default() }, &["I6"]);
}

/// `b` waits for the one start slot, with its dependency ready; when the slot is free, the dependency is gone.
fn dependency_is_lost_in_the_queue(config: FleetConfig) -> Checked<PhaseName> {
    let config = FleetConfig { max_parallel_starts: 1, ..config };
    let mut world = World::with(config, &["a", "b: a binds_to", "slow"]);
    world.apply(Input::Start(names("a"))).map(|_| ())?;
    world.answer_all()?;
    world.apply(Input::Start(names("slow"))).map(|_| ())?;
    world.apply(Input::Start(names("b"))).map(|_| ())?;
    if world.fleet.pending("b").is_none_or(|pending| !pending.queued) {
        return broken("scene", "`b` does not wait for a slot");
    }
    world.dies(&name("a"), false)?;
    while world.answer(&name("slow"))? {}
    Ok(world.shadows[&name("b")].phase)
}

#[test]
fn catches_that_dependencies_are_not_evaluated_again_at_the_spawn() {
    assert_eq!(dependency_is_lost_in_the_queue(FleetConfig::default()).unwrap(), PhaseName::Wait);
    let faults = Faults { no_second_look: true, ..Faults::default() };
    let broken = dependency_is_lost_in_the_queue(with(faults)).unwrap_err();
    assert_eq!(broken.invariant, "I4", "{}", broken.why);
}
