//! The search over all situations of two services of which one is bound to the other.

#![allow(clippy::disallowed_types)] // looked up, never iterated: the order of a hash set cannot show
use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use mcpstore_core::{
    ChangedDef, FleetConfig, InitFailure, Input, Reconfigure, RecycleCause, Report, ServiceDef, SpawnFailure, Target,
    deadline,
};
use mcpstore_types::{Backoff, Phase, PhaseName, Reason, ServiceName, Timeouts, Timestamp};

use super::fleet_world::{Broken, Checked, World, broken, def, name, names};
use super::unit_world::{Told, Truth};

/// What a search saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stats {
    pub(crate) records: usize,
    pub(crate) cells: usize,
}

/// What can happen next.
#[derive(Clone, Debug)]
enum Happening {
    Ask(Input),
    SpawnFails(ServiceName),
    /// The process of this service moves one step towards its end, and the machine hears of it.
    Moves(ServiceName, bool),
    Say(ServiceName, Report),
    /// What this service waits for outside is there: said of its last wait, or of the one before.
    Met(ServiceName, u64),
    Tick,
}

/// A service whose times are all so short that few different moments matter.
fn short(text: &str, unit: u64) -> ServiceDef {
    let mut made = def(text);
    let time = Duration::from_secs(unit);
    made.timeouts = Timeouts {
        wait: 2 * time,
        start: time,
        handshake: time,
        drain: time,
        close: time,
        term: time,
        kill: time,
        reap: time,
        ..made.timeouts
    };
    made.restart.max_attempts = 1;
    made.restart.window = Duration::ZERO;
    made.restart.max_in_window = 1;
    made.restart.stable_after = time;
    made.restart.backoff = Backoff { delay: time, max_delay: time, jitter_percent: 0 };
    made
}

/// `b` bound to `a`, before anything happened.
pub(crate) fn two_bound(config: FleetConfig) -> World {
    let config = FleetConfig { dep_grace: Duration::from_secs(1), stop_all_timeout: Duration::from_secs(3), ..config };
    let mut world = World::new(config);
    world.must(Input::Register(vec![short("a", 1), short("b: a binds_to", 1)]));
    world
}

/// The same; both wait for something outside too.
pub(crate) fn two_waiting(config: FleetConfig) -> World {
    let config = FleetConfig { dep_grace: Duration::from_secs(1), stop_all_timeout: Duration::from_secs(3), ..config };
    let mut world = World::new(config);
    let waiting = |text| ServiceDef { waits: true, ..short(text, 1) };
    world.must(Input::Register(vec![waiting("a"), waiting("b: a binds_to")]));
    world
}

/// Everything reachable from `start` with at most `commands` commands; `None`: with any number of them.
pub(crate) fn search(start: &World, commands: Option<u8>) -> Result<Stats, (Broken, Vec<String>)> {
    let mut seen: HashSet<u128> = HashSet::new();
    let mut queue: VecDeque<(World, u8, usize)> = VecDeque::new();
    // How each situation was reached: the one before, and what happened.
    let mut trail: Vec<(usize, String)> = vec![(0, String::new())];
    let mut cells = 0;
    seen.insert(key(start, 0));
    queue.push_back((start.clone(), 0, 0));
    while let Some((world, asked, at)) = queue.pop_front() {
        let told = |broken: Broken, what: &str, trail: &[(usize, String)]| {
            let mut path = vec![what.to_owned()];
            let mut here = at;
            while here != 0 {
                path.push(trail[here].1.clone());
                here = trail[here].0;
            }
            path.reverse();
            (broken, path)
        };
        check_ends(&world).map_err(|b| told(b, "(at rest)", &trail))?;
        for what in happenings(&world, commands.is_none_or(|most| asked < most)) {
            let mut next = world.clone();
            next.log.clear();
            next.effects.clear();
            cells += 1;
            play(&mut next, &what).map_err(|b| told(b, &format!("{what:?}"), &trail))?;
            let asked = asked + u8::from(commands.is_some() && matches!(what, Happening::Ask(_)));
            if seen.insert(key(&next, asked)) {
                trail.push((at, format!("{what:?}")));
                queue.push_back((next, asked, trail.len() - 1));
            }
        }
    }
    Ok(Stats { records: seen.len(), cells })
}

/// A world that answers everything brings each service where it is wanted; and after a stop of all, all is down within
/// the overall time even when nothing answers but spawns.
fn check_ends(world: &World) -> Checked<()> {
    let mut calm = world.clone();
    calm.settle()?;
    calm.check_targets()?;
    let mut deaf = world.clone();
    deaf.apply(Input::Stop { target: Target::All, force: false }).map(|_| ())?;
    for service in deaf.defs.keys().cloned().collect::<Vec<_>>() {
        if deaf.shadows[&service].life.is_some_and(|(_, truth, _)| truth == Truth::Spawning) {
            deaf.answer(&service)?;
        }
    }
    deaf.pass(Duration::from_secs(4))?;
    if !deaf.fleet.is_down() {
        return broken("I10", "not down in time after a stop of all, in a world that answers nothing");
    }
    Ok(())
}

fn happenings(world: &World, may_ask: bool) -> Vec<Happening> {
    let mut all = Vec::new();
    if may_ask {
        for target in ["a", "b"] {
            if !world.defs.contains_key(&name(target)) {
                continue;
            }
            all.push(Happening::Ask(Input::Start(names(target))));
            all.push(Happening::Ask(Input::Stop { target: names(target), force: false }));
            all.push(Happening::Ask(Input::Restart { target: names(target), force: false }));
            // The same definition with a new command line: what differs in it, the core does not know.
            let changed = vec![ChangedDef { def: world.defs[&name(target)].clone(), restart: true }];
            all.push(Happening::Ask(Input::Reconfigure(Reconfigure { changed, ..Reconfigure::default() })));
        }
        all.push(Happening::Ask(Input::Stop { target: Target::All, force: false }));
        all.push(Happening::Ask(Input::Stop { target: Target::All, force: true }));
        all.push(Happening::Ask(Input::StopRemove { target: Target::All, force: false }));
        all.push(Happening::Ask(Input::ResetFailed(Target::All)));
    }
    for (service, shadow) in &world.shadows {
        if world.defs[service].waits && shadow.last_wait > 0 {
            all.push(Happening::Met(service.clone(), 0));
            if shadow.last_wait > 1 {
                all.push(Happening::Met(service.clone(), 1));
            }
        }
        let mine = |what: &dyn Fn(ServiceName) -> Happening| what(service.clone());
        match shadow.life {
            None => continue,
            Some((_, Truth::Spawning, _)) => {
                all.push(mine(&Happening::SpawnFails));
                all.push(mine(&|s| Happening::Moves(s, false)));
                continue;
            }
            Some((_, Truth::Alive, _)) => {
                all.push(mine(&|s| Happening::Moves(s, false)));
                if shadow.phase == PhaseName::Ready {
                    all.push(mine(&|s| Happening::Moves(s, true)));
                }
            }
            Some((_, Truth::Remnant { .. } | Truth::Empty { .. }, _)) => {
                all.push(mine(&|s| Happening::Moves(s, false)));
            }
        }
        // What means nothing in a phase was tried in the search over one service.
        let reports: &[Report] = match shadow.phase {
            PhaseName::Init => &[Report::InitOk, Report::InitErr(InitFailure::Transient), Report::StateLost],
            PhaseName::Probe => &[Report::ProbeUp],
            PhaseName::Ready => {
                &[Report::ProbeDown, Report::LivenessFail, Report::StateLost, Report::Recycle(RecycleCause::Age)]
            }
            PhaseName::Degraded => &[Report::ProbeUp, Report::Recycle(RecycleCause::Age)],
            PhaseName::Drain => &[Report::Drained],
            PhaseName::Unknown => &[Report::Adopted],
            _ => &[],
        };
        all.extend(reports.iter().map(|r| Happening::Say(service.clone(), *r)));
    }
    if world.fleet.next_deadline().is_some() {
        all.push(Happening::Tick);
    }
    all
}

fn play(world: &mut World, what: &Happening) -> Checked<()> {
    match what {
        Happening::Ask(input) => world.apply(input.clone()).map(|_| ()),
        Happening::SpawnFails(service) => world.spawn_fails(service, SpawnFailure::Transient),
        Happening::Moves(service, clean) => {
            world.world_moves(service, *clean);
            world.tell(service).map(|_| ())
        }
        Happening::Say(service, report) => world.say(service, *report),
        Happening::Met(service, before) => world.met(service, *before),
        Happening::Tick => world.tick_next().map(|_| ()),
    }
}

/// A situation, apart from what cannot matter for what follows: absolute time, counters, old times.
fn key(world: &World, asked: u8) -> u128 {
    let mut halves = [0_u64; 2];
    for (salt, half) in halves.iter_mut().enumerate() {
        let mut h = DefaultHasher::new();
        (salt, asked).hash(&mut h);
        let ahead =
            |at: Option<Timestamp>| at.map(|t| (t.since(world.now), world.now.since(t).min(Duration::from_secs(9))));
        ahead(world.fleet.stop_all_end()).hash(&mut h);
        ahead(world.stop_all_end).hash(&mut h);
        for (service, shadow) in &world.shadows {
            let unit = world.unit(service).unwrap();
            let pending = world.fleet.pending(service.as_str()).unwrap();
            let policy = mcpstore_core::UnitPolicy {
                restart: world.defs[service].restart,
                timeouts: world.defs[service].timeouts,
                jitter_key: 0,
            };
            service.as_str().hash(&mut h);
            // A phase without its times; the deadline stands beside it.
            let phase = if let Phase::BackOff { attempt, .. } = unit.phase {
                Phase::BackOff { attempt, until: Timestamp::ZERO }
            } else {
                unit.phase
            };
            (phase, unit.desired, unit.then, unit.failures, unit.stable, unit.leaked, unit.forced).hash(&mut h);
            // Not told apart: `clean_exit` and `fail_kind`, which under `on_failure` decide nothing once it is down,
            // and whose stop it was.
            (unit.reason == Reason::TimedOut(PhaseName::Wait)).hash(&mut h);
            ahead(deadline(unit, &policy)).hash(&mut h);
            if matches!(unit.phase, Phase::Init) {
                ahead(Some(unit.spawned_at)).hash(&mut h);
            }
            (pending.intent, pending.lost, ahead(pending.grace), pending.missing, pending.queued).hash(&mut h);
            (pending.awaits.is_some(), pending.outside_met, pending.in_vain).hash(&mut h);
            // Whether there was an earlier wait, of which a late answer may come.
            (shadow.outside, shadow.in_vain, shadow.last_wait.min(2)).hash(&mut h);
            let life = shadow.life.map(|(_, truth, told): (_, Truth, Told)| (truth, told));
            (shadow.wanted, life, shadow.completed, shadow.adopted, shadow.restarts).hash(&mut h);
        }
        *half = h.finish();
    }
    u128::from(halves[0]) << 64 | u128::from(halves[1])
}
