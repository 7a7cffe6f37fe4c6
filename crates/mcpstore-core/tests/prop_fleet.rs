//! Random fleets, random commands, a world that answers well, badly, late and wrongly: the invariants hold throughout.

mod common;

use std::time::Duration;

use common::fleet_world::{Broken, Checked, World, def, name};
use mcpstore_core::{
    ChangedDef, FleetConfig, InitFailure, Input, Reconfigure, RecycleCause, Report, ServiceDef, SpawnFailure, Target,
};
use mcpstore_types::{DepCondition, DepKind, Dependency, Incarnation, RestartMode, ServiceName};
use proptest::prelude::*;

/// One service in the making: its edges go to services before it, by number.
#[derive(Clone, Debug)]
struct Plan {
    edges: Vec<(usize, usize, usize)>,
    mode: usize,
    max_attempts: u32,
    slow_retry: bool,
    enabled: bool,
    waits: bool,
    lazy: bool,
}

#[derive(Clone, Debug)]
enum Op {
    Start(Vec<usize>),
    StartAll,
    /// Somebody needs it.
    Wake(usize),
    Stop(Vec<usize>, bool),
    StopAll(bool),
    Restart(Vec<usize>, bool),
    Remove(Vec<usize>),
    StopRemove(Vec<usize>, bool),
    Reset(usize),
    /// The service that was removed, or another one new, comes (back).
    Register(usize, Plan),
    /// A new set of definitions: who is another one now (and whether that takes a new life), who goes, and whether the
    /// fleet was started.
    Reload(Vec<(usize, Plan, bool)>, Vec<usize>, bool),
    /// A good answer to whatever the service waits for.
    Answer(usize),
    AnswerAll,
    /// The spawn fails, if one is in flight.
    SpawnFails(usize, usize),
    /// The process moves on, unheard of.
    Moves(usize, bool),
    Tell(usize),
    Dies(usize, bool),
    /// What it waits for outside is there; said of its last wait, or of the one before.
    Met(usize, u64),
    /// A report out of place, but of the present life.
    Chatter(usize, usize),
    /// A report of another life.
    Stale(usize, usize),
    /// To the next deadline, and tick.
    Tick,
    /// Time passes, deadlines with it, and only then comes a tick.
    LateTick(u64),
    /// Time passes with a tick at each deadline.
    Pass(u64),
}

const CHATTER: [Report; 12] = [
    Report::InitOk,
    Report::InitErr(InitFailure::Transient),
    Report::InitErr(InitFailure::AuthRefused),
    Report::InitErr(InitFailure::NeedsLogin),
    Report::Respawn,
    Report::ProbeUp,
    Report::ProbeDown,
    Report::LivenessFail,
    Report::Recycle(RecycleCause::Memory),
    Report::Drained,
    Report::Idle,
    Report::StateLost,
];

fn plan() -> impl Strategy<Value = Plan> {
    // Kinds: mostly `requires`, as people write; then all six.
    let edge = (
        0..12_usize,
        prop_oneof![3 => Just(0_usize), 3 => Just(2), 4 => 0..6_usize],
        prop_oneof![
            5 => Just(1_usize),
            2 => 0..3_usize
        ],
    );
    (
        prop::collection::vec(edge, 0..4),
        0..4_usize,
        1..4_u32,
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.3),
    )
        .prop_map(|(edges, mode, max_attempts, slow_retry, enabled, waits, lazy)| Plan {
            edges,
            mode,
            max_attempts,
            slow_retry,
            enabled,
            waits,
            lazy,
        })
}

fn op() -> impl Strategy<Value = Op> {
    let i = || 0..12_usize;
    let some = || prop::collection::vec(0..12_usize, 1..4);
    let force = || prop::bool::weighted(0.25);
    prop_oneof![
        6 => some().prop_map(Op::Start),
        3 => Just(Op::StartAll),
        6 => i().prop_map(Op::Wake),
        4 => (some(), force()).prop_map(|(s, f)| Op::Stop(s, f)),
        2 => force().prop_map(Op::StopAll),
        4 => (some(), force()).prop_map(|(s, f)| Op::Restart(s, f)),
        1 => some().prop_map(Op::Remove),
        2 => (some(), force()).prop_map(|(s, f)| Op::StopRemove(s, f)),
        1 => i().prop_map(Op::Reset),
        3 => (i(), plan()).prop_map(|(s, p)| Op::Register(s, p)),
        5 => (prop::collection::vec((i(), plan(), any::<bool>()), 0..4), prop::collection::vec(i(), 0..3), any::<bool>())
            .prop_map(|(plans, gone, start)| Op::Reload(plans, gone, start)),
        20 => i().prop_map(Op::Answer),
        8 => Just(Op::AnswerAll),
        2 => (i(), 0..3_usize).prop_map(|(s, k)| Op::SpawnFails(s, k)),
        6 => (i(), any::<bool>()).prop_map(|(s, c)| Op::Moves(s, c)),
        6 => i().prop_map(Op::Tell),
        6 => (i(), prop::bool::weighted(0.3)).prop_map(|(s, c)| Op::Dies(s, c)),
        4 => (i(), 0..3_u64).prop_map(|(s, before)| Op::Met(s, before)),
        6 => (i(), 0..CHATTER.len()).prop_map(|(s, k)| Op::Chatter(s, k)),
        2 => (i(), 0..CHATTER.len()).prop_map(|(s, k)| Op::Stale(s, k)),
        8 => Just(Op::Tick),
        1 => (0..900_u64).prop_map(Op::LateTick),
        3 => (0..90_u64).prop_map(Op::Pass),
    ]
}

fn service(index: usize) -> ServiceName {
    // Names in another order than numbers, so that neither hides behind the other.
    name(["mole", "ant", "bee", "zebra", "cat", "dog", "yak", "elk", "fox", "gnu", "hen", "ibis"][index])
}

fn definition(index: usize, plan: &Plan, world: &World) -> ServiceDef {
    let mut made = def(service(index).as_str());
    for (to, kind, condition) in &plan.edges {
        let to = to % (index + 1);
        let on = service(to);
        if to != index && world.defs.contains_key(&on) {
            let dependency = Dependency { on, kind: DepKind::ALL[*kind], condition: DepCondition::ALL[*condition] };
            made.dependencies.push(dependency);
        }
    }
    made.restart.mode =
        [RestartMode::OnFailure, RestartMode::OnFailure, RestartMode::Always, RestartMode::Never][plan.mode];
    made.restart.max_attempts = plan.max_attempts;
    made.restart.slow_retry = plan.slow_retry.then_some(Duration::from_secs(900));
    made.enabled = plan.enabled;
    made.waits = plan.waits;
    made.lazy = plan.lazy;
    made
}

/// The way to these definitions, as a difference would give it: who is not known is new. What goes is named by none of
/// those that are made anew; where one that stays names it, the reload is refused.
fn reload(world: &World, plans: &[(usize, Plan, bool)], gone: &[usize], start_added: bool) -> Reconfigure {
    let mut change = Reconfigure { start_added, ..Reconfigure::default() };
    let mut seen: Vec<usize> = Vec::new();
    for (index, plan, restart) in plans {
        if seen.contains(index) || gone.contains(index) {
            continue;
        }
        seen.push(*index);
        let mut def = definition(*index, plan, world);
        def.dependencies.retain(|d| gone.iter().all(|g| service(*g) != d.on));
        if world.defs.contains_key(&def.name) {
            change.changed.push(ChangedDef { def, restart: *restart });
        } else {
            change.added.push(def);
        }
    }
    for index in gone {
        if world.defs.contains_key(&service(*index)) && !change.removed.contains(&service(*index)) {
            change.removed.push(service(*index));
            // Whoever stays and names it is made to do without.
            for def in world.defs.values().filter(|d| d.dependencies.iter().any(|d| d.on == service(*index))) {
                let goes = gone.iter().any(|g| service(*g) == def.name);
                if !goes && !change.changed.iter().any(|c| c.def.name == def.name) {
                    let mut def = def.clone();
                    def.dependencies.retain(|d| gone.iter().all(|g| service(*g) != d.on));
                    change.changed.push(ChangedDef { def, restart: false });
                }
            }
        }
    }
    change
}

fn play(world: &mut World, op: &Op) -> Checked<()> {
    let targets = |list: &[usize]| Target::Names(list.iter().map(|i| service(*i)).collect());
    let known = |world: &World, list: &[usize]| -> Vec<usize> {
        list.iter().copied().filter(|i| world.defs.contains_key(&service(*i))).collect()
    };
    let input = match op {
        Op::Start(list) => Input::Start(targets(list)),
        Op::StartAll => Input::Start(Target::All),
        Op::Wake(i) => Input::Wake(service(*i)),
        Op::Stop(list, force) => Input::Stop { target: targets(&known(world, list)), force: *force },
        Op::StopAll(force) => Input::Stop { target: Target::All, force: *force },
        Op::Restart(list, force) => Input::Restart { target: targets(&known(world, list)), force: *force },
        Op::Remove(list) => Input::Remove(targets(&known(world, list))),
        Op::StopRemove(list, force) => Input::StopRemove { target: targets(&known(world, list)), force: *force },
        Op::Reset(i) => Input::ResetFailed(targets(&known(world, &[*i]))),
        Op::Register(i, plan) => Input::Register(vec![definition(*i, plan, world)]),
        Op::Reload(plans, gone, start) => Input::Reconfigure(reload(world, plans, gone, *start)),
        Op::Answer(i) => return world.answer(&service(*i)).map(|_| ()),
        Op::AnswerAll => return world.answer_all(),
        Op::SpawnFails(i, kind) => {
            let failure = [SpawnFailure::Transient, SpawnFailure::Spec, SpawnFailure::Auth][*kind];
            return world.spawn_fails(&service(*i), failure);
        }
        Op::Moves(i, clean) => {
            world.world_moves(&service(*i), *clean);
            return Ok(());
        }
        Op::Tell(i) => return world.tell(&service(*i)).map(|_| ()),
        Op::Dies(i, clean) => return world.dies(&service(*i), *clean),
        Op::Met(i, before) => return world.met(&service(*i), *before),
        Op::Chatter(i, kind) => return world.say(&service(*i), CHATTER[*kind]),
        Op::Stale(i, kind) => {
            Input::Report { service: service(*i), incarnation: Incarnation(1_000_000), report: CHATTER[*kind] }
        }
        Op::Tick => return world.tick_next().map(|_| ()),
        Op::LateTick(seconds) => {
            world.now = world.now.after(Duration::from_secs(*seconds));
            Input::Tick
        }
        Op::Pass(seconds) => return world.pass(Duration::from_secs(*seconds)),
    };
    world.apply(input).map(|_| ())
}

fn prepare(plans: &[Plan], slots: usize) -> World {
    let mut world = World::new(FleetConfig { max_parallel_starts: slots, ..FleetConfig::default() });
    for (index, plan) in plans.iter().enumerate() {
        let def = definition(index, plan, &world);
        world.must(Input::Register(vec![def]));
    }
    world
}

fn fine<T>(checked: Checked<T>) -> Result<T, TestCaseError> {
    checked.map_err(|Broken { invariant, why }| TestCaseError::fail(format!("{invariant}: {why}")))
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    prop::collection::vec(plan(), 1..=12)
}

proptest! {
    // A failure is told by its input; nothing is written into the tree. `PROPTEST_CASES` counts.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// I1 to I12, and that every fleet comes to rest where it is wanted, then down, then away.
    #[test]
    fn the_invariants_hold(
        plans in plans(),
        slots in 1..4_usize,
        ops in prop::collection::vec(op(), 0..80),
    ) {
        let mut world = prepare(&plans, slots);
        for op in &ops {
            fine(play(&mut world, op))?;
        }
        fine(world.settle())?;
        fine(world.check_targets())?;
        fine(world.apply(Input::Stop { target: Target::All, force: false }))?.unwrap();
        fine(world.settle())?;
        prop_assert!(world.fleet.is_down(), "not down after a stop of all: {:?}", world.fleet);
        fine(world.check_targets())?;
        fine(world.apply(Input::StopRemove { target: Target::All, force: false }))?.unwrap();
        fine(world.settle())?;
        prop_assert_eq!(world.fleet.statuses().count(), 0);
        prop_assert_eq!(world.fleet.next_deadline(), None);
        fine(world.check_replay())?;
    }

    /// A stop of all is over in its overall time, and the time of one kill, when nothing answers but spawns.
    #[test]
    fn a_stop_of_all_ends_in_time(
        plans in plans(),
        ops in prop::collection::vec(op(), 0..60),
        force in any::<bool>(),
    ) {
        let mut world = prepare(&plans, 8);
        for op in &ops {
            fine(play(&mut world, op))?;
        }
        // A spawn in flight has no deadline: the driver answers it in any case. Let them be answered.
        let services: Vec<_> = world.defs.keys().cloned().collect();
        fine(world.apply(Input::Stop { target: Target::All, force }))?.unwrap();
        for service in &services {
            if world.shadows.get(service).is_some_and(|s| s.life.is_some_and(|(_, _, told)| told == common::unit_world::Told::Nothing)) {
                fine(world.answer(service))?;
            }
        }
        let kill = Duration::from_secs(2);
        fine(world.pass(world.config.stop_all_timeout + kill))?;
        prop_assert!(
            world.fleet.statuses().all(|s| matches!(
                s.state,
                mcpstore_types::ServiceState::NotStarted
                    | mcpstore_types::ServiceState::Stopped
                    | mcpstore_types::ServiceState::Error
            )),
            "{:?}",
            world.fleet.statuses().collect::<Vec<_>>()
        );
        prop_assert!(world.fleet.is_down());
    }
}
