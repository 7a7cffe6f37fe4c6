//! Steps of the core over a very large fleet: registration, start of all, single events.
//!
//! The reference is petgraph's own `toposort` over the same edges, graph built first: what merely ordering them costs.

use std::time::{Duration, Instant};

use mcpstore::state_machine::{Effect, Fleet, FleetConfig, Input, Report, ServiceDef, Target};
use mcpstore::types::{ServiceSpec, Timestamp};

use super::graph::{EDGES, Input as Services, SERVICES, input, plain_toposort};
use super::samples::{Samples, in_turns};
use super::table::Row;

const RUNS: usize = 20;

/// Register, start all, one event.
pub(super) fn run() -> Vec<Row> {
    let services = input(SERVICES, EDGES);
    let defs = defs(&services);
    let plain = || plain_toposort(SERVICES, &services.edges);
    let (reference, register) = in_turns(RUNS, plain, || registered(&defs));
    let row = |what: &str, measured| Row {
        what: format!("fleet: {what}, {SERVICES} services, {EDGES} edges"),
        reference: "petgraph's toposort over numbers, without names".into(),
        reference_time: reference.p50(),
        measured,
    };
    let (start_all, events) = run_to_the_top(&defs);
    vec![
        row("register all and check", register),
        row("accept a start of all", start_all),
        row("one event on the way up (spawned, shaken hands, probed), effects and successors included", events),
    ]
}

fn defs(services: &Services) -> Vec<ServiceDef> {
    let def = |(name, list): &(_, Vec<_>)| {
        let mut spec = ServiceSpec::in_process(Clone::clone(name), "bench");
        spec.dependencies.clone_from(list);
        ServiceDef::from(&spec)
    };
    services.services.iter().map(def).collect()
}

fn registered(defs: &[ServiceDef]) -> Fleet {
    let mut fleet = Fleet::new(FleetConfig::default());
    let taken = fleet.apply(Timestamp::ZERO, Input::Register(defs.to_vec()), &mut Vec::new());
    assert!(taken.is_ok(), "the fleet rejected sound services");
    fleet
}

/// Brings the whole fleet up, answering each effect at once, and times every event on the way.
fn run_to_the_top(defs: &[ServiceDef]) -> (Samples, Samples) {
    let mut starts: Vec<Duration> = Vec::new();
    let mut events: Vec<Duration> = Vec::new();
    for _ in 0..3 {
        let mut fleet = registered(defs);
        let mut effects = Vec::new();
        let began = Instant::now();
        let taken = fleet.apply(Timestamp::from_secs(1), Input::Start(Target::All), &mut effects);
        starts.push(began.elapsed());
        assert!(taken.is_ok(), "the fleet rejected a start of all");
        let mut ready = 0;
        while let Some(effect) = effects.pop() {
            let Effect::Act { service, incarnation, action } = effect else { continue };
            let Some(report) = answer(action) else { continue };
            ready += usize::from(report == Report::ProbeUp);
            let began = Instant::now();
            let input = Input::Report { service, incarnation, report };
            let taken = fleet.apply(Timestamp::from_secs(1), input, &mut effects);
            events.push(began.elapsed());
            assert!(taken.is_ok(), "the fleet rejected a report");
        }
        assert_eq!(ready, defs.len(), "not every service came up");
    }
    (Samples::new(starts), Samples::new(events))
}

fn answer(action: mcpstore::state_machine::Action) -> Option<Report> {
    use mcpstore::state_machine::Action;
    match action {
        Action::Spawn => Some(Report::SpawnOk),
        Action::Handshake => Some(Report::InitOk),
        Action::Probe => Some(Report::ProbeUp),
        _ => None,
    }
}
