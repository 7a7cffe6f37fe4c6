//! Random fleets of scripted services under random commands, in virtual time. The seed of a failure is printed and kept.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{SECOND, Sim, ms, name, spec};
use mcpstore_runtime::Target;
use mcpstore_testkit::scripted::{Answering, Happened, Life};
use mcpstore_transport::HandshakeError;
use mcpstore_types::{
    DepKind, Dependency, Desired, ExitStatus, Phase, PhaseName, ProbeKind, ServiceSpec, ServiceState, StopKind,
    WaitCondition,
};
use proptest::prelude::*;

/// Nobody depends on it, nobody commands it, and nothing is wrong with it.
const LONE: &str = "lone";

/// One service: whom it depends on, and what its lives are like. The last life repeats.
#[derive(Clone, Debug)]
struct Service {
    dependencies: Vec<(usize, DepKind)>,
    /// It waits for something outside before each start.
    waits: bool,
    /// The same outside is its readiness.
    readiness: bool,
    lives: Vec<Life>,
}

#[derive(Clone, Debug)]
enum Deed {
    Start(usize),
    Stop(usize, bool),
    Restart(usize, bool),
    Reset(usize),
    Crash(usize),
    ToolsChanged(usize),
    Call(usize),
    Check(usize),
    /// What a service waits for outside comes or goes.
    Outside(usize, bool),
}

#[derive(Clone, Debug)]
struct Story {
    services: Vec<Service>,
    slots: usize,
    /// What is done, each so many milliseconds after the one before.
    deeds: Vec<(u64, Deed)>,
}

fn service_name(index: usize) -> String {
    format!("s{index}")
}

fn exit() -> impl Strategy<Value = ExitStatus> {
    prop_oneof![3 => Just(ExitStatus::Code(1)), 3 => Just(ExitStatus::Signal(9)), 1 => Just(ExitStatus::Code(0))]
}

fn answering() -> impl Strategy<Value = Answering> {
    prop_oneof![
        4 => (0..200_u64).prop_map(|after| Answering::After(ms(after))),
        1 => Just(Answering::Error(-32_000)),
        1 => Just(Answering::Never),
    ]
}

/// Some time, mostly short, seldom for ever.
fn span(longest: u64) -> impl Strategy<Value = Duration> {
    prop_oneof![4 => Just(Duration::ZERO), 4 => (0..longest).prop_map(ms), 1 => Just(Duration::MAX)]
}

/// How it reacts to being asked to end; `None`: not at all.
fn reaction() -> impl Strategy<Value = Option<Duration>> {
    prop_oneof![4 => Just(Some(Duration::ZERO)), 2 => (0..9_000_u64).prop_map(|after| Some(ms(after))), 1 => Just(None)]
}

/// Manners at the end, with which any life may be.
fn ending(life: Life) -> impl Strategy<Value = Life> {
    let lingers = prop_oneof![5 => Just(Duration::ZERO), 1 => (0..5_000_u64).prop_map(ms)];
    (reaction(), reaction(), lingers).prop_map(move |(on_close, on_term, linger)| Life {
        on_close,
        on_term,
        linger,
        ..life.clone()
    })
}

/// A life in which everything may be wrong.
fn bad_life() -> impl Strategy<Value = Life> {
    let launch = prop_oneof![6 => Just(Life::good()), 1 => Just(Life::not_found("nodee"))];
    let refused = HandshakeError::Rejected { code: -1, message: "not today".into() };
    let handshake_error = prop_oneof![6 => Just(None), 1 => Just(Some(refused))];
    let exits = prop::option::of((span(100_000), exit()));
    let frozen = prop::option::weighted(0.2, (span(50_000), span(60_000)));
    let closes_output = prop::option::weighted(0.1, span(50_000));
    let times = (span(3_000), span(5_000));
    let answers = (answering(), answering(), answering());
    let rest = (exits, frozen, closes_output, handshake_error);
    // A process that survives even a kill is rare.
    let immortal = prop::bool::weighted(0.03);
    (launch, times, answers, rest, immortal)
        .prop_map(|(life, (spawn, handshake), (ping, list, call), rest, immortal)| {
            let (exit, frozen, closes_output, handshake_error) = rest;
            let on_kill = (!immortal).then_some(Duration::ZERO);
            Life { spawn, handshake, handshake_error, exit, ping, list, call, frozen, closes_output, on_kill, ..life }
        })
        .prop_flat_map(ending)
}

/// A life that comes up in the end, or never does: what a fleet can come to rest with.
fn last_life() -> impl Strategy<Value = Life> {
    prop_oneof![
        8 => (0..3_000_u64).prop_map(|handshake| Life::slow(ms(handshake))),
        1 => Just(Life::not_found("nodee")),
        1 => (0..5_000_u64, exit()).prop_map(|(after, status)| Life::crashes_after(ms(after), status)),
        1 => Just(Life::hangs_in_handshake()),
    ]
    .prop_flat_map(ending)
}

fn service(index: usize) -> impl Strategy<Value = Service> {
    let kind = prop_oneof![
        4 => Just(DepKind::Requires),
        2 => Just(DepKind::BindsTo),
        1 => Just(DepKind::Wants),
        1 => Just(DepKind::After),
    ];
    let dependencies = prop::collection::btree_map(0..index.max(1), kind, 0..=index.min(3));
    let lives = (prop::collection::vec(bad_life(), 0..3), last_life());
    let outside = (prop::bool::weighted(0.3), prop::bool::weighted(0.3));
    (dependencies, outside, lives).prop_map(move |(dependencies, (waits, readiness), (mut lives, last))| {
        lives.push(last);
        let dependencies = dependencies.into_iter().filter(|(on, _)| *on < index).collect();
        Service { dependencies, waits, readiness, lives }
    })
}

fn deed(services: usize) -> impl Strategy<Value = Deed> {
    (0..services, any::<bool>(), 0..16_u8).prop_map(|(who, force, what)| match what {
        0..=3 => Deed::Start(who),
        4 => Deed::Stop(who, force),
        5 => Deed::Restart(who, force),
        6 => Deed::Reset(who),
        7 | 8 => Deed::Crash(who),
        9 => Deed::ToolsChanged(who),
        10 | 11 => Deed::Call(who),
        12..=14 => Deed::Outside(who, force),
        _ => Deed::Check(who),
    })
}

fn story() -> impl Strategy<Value = Story> {
    (1..=8_usize).prop_flat_map(|count| {
        let services: Vec<_> = (0..count).map(service).collect();
        let pause = prop_oneof![3 => Just(0), 3 => 0..100_u64, 3 => 0..10_000_u64, 1 => 0..120_000_u64];
        let deeds = prop::collection::vec((pause, deed(count)), 0..25);
        (services, 1..=4_usize, deeds).prop_map(|(services, slots, deeds)| Story { services, slots, deeds })
    })
}

fn specs(story: &Story) -> Vec<ServiceSpec> {
    let mut specs = vec![spec(LONE)];
    for (index, service) in story.services.iter().enumerate() {
        let mut spec = spec(&service_name(index));
        for (on, kind) in &service.dependencies {
            spec = spec.with_dependency(Dependency::new(name(&service_name(*on)), *kind));
        }
        if service.waits {
            spec.wait_for.push(outside(index));
        }
        if service.readiness {
            spec.policy.health.readiness = Some(ProbeKind::Tcp { address: service_name(index) });
        }
        specs.push(spec);
    }
    specs
}

/// What a service waits for outside.
fn outside(index: usize) -> WaitCondition {
    WaitCondition::Tcp { address: service_name(index) }
}

/// Plays the story, and holds what is seen against what must hold.
async fn play(story: &Story) {
    let sim = Sim::set_up(specs(story), |config| config.fleet.max_parallel_starts = story.slots).await;
    for (index, service) in story.services.iter().enumerate() {
        sim.script(&service_name(index), service.lives.clone());
    }
    sim.supervisor.start_and_wait(&name(LONE)).await.unwrap();
    let (lone, told) = (sim.info(LONE), sim.told(LONE));
    let mut asked = Vec::new();
    for (pause, deed) in &story.deeds {
        sim.pass(ms(*pause)).await;
        do_it(&sim, deed, &mut asked).await;
    }
    come_to_rest(&sim, story).await;
    // S1: whatever was asked was answered.
    assert!(asked.iter().all(tokio::task::JoinHandle::is_finished), "a call has no answer");
    // S6: what went on beside it touched it nowhere.
    let lone_now = sim.info(LONE);
    assert_eq!((&lone_now.status, lone_now.pid, sim.told(LONE)), (&lone.status, lone.pid, told));
    assert_eq!(sim.supervisor.metrics(LONE, None).unwrap().availability, Some(1.0));
    spawns_were_due(&sim, story);
    shut_down(&sim, story).await;
    assert!(sim.world.most_alive_at_once() <= 1, "two lives at once");
}

async fn do_it(sim: &Sim, deed: &Deed, asked: &mut Vec<tokio::task::JoinHandle<()>>) {
    let supervisor = sim.supervisor.clone();
    let target = |who: &usize| Target::from(name(&service_name(*who)));
    let text = |who: &usize| service_name(*who);
    match deed {
        Deed::Start(who) => drop(supervisor.start(target(who)).await.unwrap()),
        Deed::Stop(who, force) => drop(supervisor.stop(target(who), *force).await.unwrap()),
        Deed::Restart(who, force) => drop(supervisor.restart(target(who), *force).await.unwrap()),
        Deed::Reset(who) => drop(supervisor.reset(target(who)).await.unwrap()),
        Deed::Crash(who) => {
            sim.world.crash(&name(&text(who)), ExitStatus::Signal(11));
        }
        Deed::Outside(who, there) => {
            let how = if *there { Answering::default() } else { Answering::Error(0) };
            sim.outside.answer(&outside(*who), how);
        }
        Deed::ToolsChanged(who) => sim.world.tools_changed(&name(&text(who))),
        Deed::Call(who) => {
            let who = text(who);
            asked.push(tokio::spawn(async move {
                if let Err(error) = supervisor.call_tool_text(&who, "echo", "{}").await {
                    assert!(error.to_string().contains(&who), "{error}");
                }
            }));
        }
        Deed::Check(who) => {
            let who = text(who);
            asked.push(tokio::spawn(async move {
                let report = supervisor.check_service(&who).await.unwrap();
                assert!(report.healthy || report.error.is_some(), "{report:?}");
            }));
        }
    }
}

/// The faults are over. L1: every service that shall be up gets to running, or to error with a reason.
async fn come_to_rest(sim: &Sim, story: &Story) {
    let at_rest = |sim: &Sim| {
        sim.supervisor.snapshot().services().iter().all(|info| {
            matches!(info.status.phase, Phase::Idle | Phase::Ready | Phase::Stopped { .. } | Phase::Failed { .. })
        })
    };
    for index in 0..story.services.len() {
        sim.outside.answer(&outside(index), Answering::default());
    }
    // Longer than any call may take, and than a crash may be scripted to wait.
    sim.pass(700 * SECOND).await;
    for _ in 0..120 {
        if at_rest(sim) {
            break;
        }
        sim.pass(60 * SECOND).await;
    }
    assert!(at_rest(sim), "no rest after two hours: {:#?}", sim.supervisor.snapshot());
    for (index, service) in story.services.iter().enumerate() {
        let info = sim.info(&service_name(index));
        if matches!(info.status.desired, Desired::Down) {
            assert_ne!(info.status.state, ServiceState::Running, "{info:?}");
            continue;
        }
        match info.status.phase {
            Phase::Ready | Phase::Stopped { kind: StopKind::Completed } => {}
            Phase::Failed { .. } => {
                assert!(info.detail.is_some(), "{} says nothing: {info:?}", info.why());
                // Whoever had only finitely many faults, nothing leaked, and all it needs, is running.
                let needs_down = service
                    .dependencies
                    .iter()
                    .any(|(on, kind)| kind.is_hard() && sim.state(&service_name(*on)) != ServiceState::Running);
                // What it waits for outside may have been away for longer than it waits.
                let in_vain = service.waits && info.why().contains("waited 600s for a connection");
                // Or its readiness failed at one start-up after the other.
                let unready = service.readiness && info.why().contains("readiness probe failed");
                assert!(
                    needs_down || in_vain || unready || !ends_well(service),
                    "{} shall be up: {info:?}",
                    info.name()
                );
            }
            other => panic!("{} is at rest in {other}", info.name()),
        }
    }
}

/// Its last life works, and no life before it is one that bars the next.
fn ends_well(service: &Service) -> bool {
    let (last, before) = service.lives.split_last().unwrap();
    let bars = |life: &Life| life.on_kill.is_none() || life.spawn_error.is_some();
    last.spawn_error.is_none() && last.exit.is_none() && last.handshake != Duration::MAX && !before.iter().any(bars)
}

/// I4: at every spawn, what the service cannot be without was ready at that moment.
fn spawns_were_due(sim: &Sim, story: &Story) {
    let mut phases: BTreeMap<String, PhaseName> = BTreeMap::new();
    for notice in sim.notices() {
        if matches!(notice.phase, PhaseName::Spawn) && notice.service != LONE {
            let index: usize = notice.service.as_str()[1..].parse().unwrap();
            for (on, kind) in &story.services[index].dependencies {
                let phase = phases.get(&service_name(*on));
                assert!(!kind.is_hard() || phase == Some(&PhaseName::Ready), "{notice:?} while s{on} was in {phase:?}");
            }
        }
        phases.insert(notice.service.to_string(), notice.phase);
    }
    // The same as the world saw it: nobody was launched before its dependency had ever shaken hands.
    let records = sim.world.records();
    for (at, record) in records.iter().enumerate() {
        let Happened::Launched { .. } = record.what else { continue };
        let Some(index) = record.service.as_str().strip_prefix('s') else { continue };
        let service = &story.services[index.parse::<usize>().unwrap()];
        for (on, _) in service.dependencies.iter().filter(|(_, kind)| kind.is_hard()) {
            let there = |r: &mcpstore_testkit::scripted::Record| {
                r.service == service_name(*on).as_str() && r.what == Happened::Initialised
            };
            assert!(records[..at].iter().any(there), "{record:?} before s{on}");
        }
    }
}

/// L3: shutdown ends within its deadline whatever the servers do, and what it could not kill is told.
async fn shut_down(sim: &Sim, story: &Story) {
    sim.supervisor.start(Target::All).await.unwrap();
    sim.pass(ms(500)).await;
    let start = sim.supervisor.now();
    sim.supervisor.stop_all_and_wait(false).await.unwrap();
    let took = sim.supervisor.now().since(start);
    // The deadline; then a kill and the group may take their time, and a launch its grace.
    assert!(took <= 35 * SECOND, "{took:?}");
    let immortal = |service: &Service| service.lives.iter().any(|life| life.on_kill.is_none());
    for alive in sim.world.alive() {
        let index: usize = alive.as_str()[1..].parse().unwrap();
        assert!(immortal(&story.services[index]), "{alive} lives on");
        let info = sim.info(alive.as_str());
        assert!(matches!(info.status.phase, Phase::Failed { .. }) && info.detail.is_some(), "{info:?}");
    }
    let launches = sim.world.records().len();
    sim.pass(3_600 * SECOND).await;
    let later = sim.world.records();
    assert!(!later[launches..].iter().any(|r| matches!(r.what, Happened::Launched { .. })), "someone came back");
    sim.notices();
}

proptest! {
    #[test]
    fn any_fleet_keeps_the_rules(story in story()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(&story));
    }
}
