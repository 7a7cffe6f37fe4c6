//! Recovery by policy, with exact instants, in virtual time.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{SECOND, SEED, Sim, ms, name, spec};
use mcpstore_core::{backoff_delay, jitter_key};
use mcpstore_runtime::{Goal, Target};
use mcpstore_testkit::scripted::{Answering, Happened, Life};
use mcpstore_types::{
    Backoff, ExitStatus, Incarnation, PhaseName, ProbeKind, Reason, RestartPolicy, ServiceSpec, ServiceState,
    WaitCondition,
};
use proptest::prelude::*;

const CRASH: ExitStatus = ExitStatus::Code(1);

fn with_restart(text: &str, change: impl FnOnce(&mut RestartPolicy)) -> ServiceSpec {
    let mut made = spec(text);
    change(&mut made.policy.restart);
    made
}

/// Timers count in whole milliseconds, and never come early.
fn up(pause: Duration) -> Duration {
    ms(u64::try_from(pause.as_nanos().div_ceil(1_000_000)).unwrap())
}

/// The launches of a service that crashes at once, until it gives up.
async fn series(seed: u64) -> Vec<Duration> {
    let sim = Sim::set_up(vec![spec("a")], |config| config.fleet.seed = seed).await;
    sim.script("a", [Life::crashes_after(ms(10), CRASH)]);
    sim.start("a").await;
    sim.pass(120 * SECOND).await;
    assert_eq!(sim.phase("a"), "failed(gave_up)");
    sim.launches("a")
}

#[tokio::test(start_paused = true)]
async fn the_waits_are_a_hash_of_the_seed_within_their_bounds() {
    let launches = series(SEED).await;
    // The first attempt and five more.
    let key = jitter_key(SEED, &name("a"));
    let expected = (1..=5).scan(Duration::ZERO, |at, attempt| {
        *at += ms(10) + up(backoff_delay(&Backoff::default(), key, attempt));
        Some(*at)
    });
    let first = launches[0];
    assert_eq!(launches[1..].iter().map(|at| *at - first).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    for (index, pair) in launches.windows(2).enumerate() {
        let (wait, ideal) = ((pair[1] - pair[0] - ms(10)).as_secs_f64(), f64::from(1_u32 << index));
        assert!(wait >= 0.8 * ideal && wait <= 1.2 * ideal + 0.001, "attempt {index}: {wait}");
    }
    assert_eq!(series(SEED).await, launches, "the same seed gives the same waits");
    assert_ne!(series(SEED + 1).await, launches);
}

#[tokio::test(start_paused = true)]
async fn the_recovery_of_the_seed_is_three_attempts_five_seconds_apart() {
    let sim = Sim::of(vec![with_restart("a", |restart| *restart = RestartPolicy::seed())]).await;
    sim.script("a", [Life::crashes_after(ms(500), CRASH)]);
    sim.start("a").await;
    sim.pass(60 * SECOND).await;
    assert_eq!(sim.launches("a"), [0, 5_500, 11_000, 16_500].map(ms));
    assert_eq!(sim.moved("a", PhaseName::Failed, Reason::GaveUp), [ms(17_000)]);
    sim.pass(3_600 * SECOND).await;
    assert_eq!(sim.launches("a").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn who_flaps_slowly_is_given_up_by_the_window() {
    // Each life is stable in its eyes, so that no row of failures ever grows.
    let sim = Sim::of(vec![with_restart("a", |restart| restart.stable_after = 30 * SECOND)]).await;
    sim.script("a", [Life::crashes_after(45 * SECOND, CRASH)]);
    sim.up().await;
    sim.supervisor.wait(&name("a"), Goal::State(ServiceState::Error), None).await.unwrap();
    sim.pass(3_600 * SECOND).await;
    // Restarted at once ten times; the eleventh within ten minutes is one too many.
    assert_eq!(sim.launches("a"), (0..=10).map(|life| SECOND * 45 * life).collect::<Vec<_>>());
    assert_eq!(sim.moved("a", PhaseName::Failed, Reason::GaveUp), [495 * SECOND]);
    assert_eq!((sim.phase("a"), sim.info("a").status.failures), ("failed(gave_up)".into(), 1));
}

#[tokio::test(start_paused = true)]
async fn a_stable_minute_makes_good() {
    let sim = Sim::of(vec![spec("a")]).await;
    let dies = Life::crashes_after(ms(10), CRASH);
    let lasts = |seconds| Life::crashes_after(SECOND * seconds, CRASH);
    sim.script("a", [dies.clone(), dies.clone(), dies, lasts(59), lasts(61), Life::good()]);
    sim.start("a").await;
    let failures = |sim: &Sim| sim.info("a").status.failures;
    sim.supervisor.wait(&name("a"), Goal::RunningAfter(Incarnation(3)), None).await.unwrap();
    assert_eq!(failures(&sim), 3);
    // A life of 59 s is not stable: its failure is the fourth in a row, and waits eight seconds.
    sim.supervisor.wait(&name("a"), Goal::RunningAfter(Incarnation(4)), None).await.unwrap();
    assert_eq!(failures(&sim), 4);
    let launches = sim.launches("a");
    let wait = launches[4] - launches[3] - 59 * SECOND;
    assert!(wait >= ms(6_400) && wait <= ms(9_601), "{wait:?}");
    // One of 61 s is: forgotten after a minute, restarted at once, counted as one.
    sim.pass(ms(60_001)).await;
    assert_eq!(failures(&sim), 0);
    sim.supervisor.wait(&name("a"), Goal::RunningAfter(Incarnation(5)), None).await.unwrap();
    assert_eq!(sim.launches("a")[5] - launches[4], 61 * SECOND);
    assert_eq!(failures(&sim), 1);
}

#[tokio::test(start_paused = true)]
async fn who_gave_up_is_tried_now_and_then_where_that_is_wanted() {
    let quarter = 900 * SECOND;
    let slow = with_restart("a", |restart| {
        *restart = RestartPolicy { slow_retry: Some(quarter), ..RestartPolicy::seed() };
    });
    let sim = Sim::of(vec![slow]).await;
    let dies = Life::crashes_after(ms(500), CRASH);
    sim.script("a", [dies.clone(), dies.clone(), dies.clone(), dies.clone(), dies.clone(), dies, Life::good()]);
    sim.start("a").await;
    sim.pass(4 * quarter).await;
    // It gives up at 17 s; each later try gives up again at once, until one works.
    let first = 17 * SECOND + quarter;
    let launches = sim.launches("a");
    assert_eq!(launches[4..], [first, first + ms(500) + quarter, first + 2 * (ms(500) + quarter)]);
    assert_eq!((sim.phase("a"), sim.info("a").status.failures), ("ready".into(), 0), "and a stable minute makes good");
}

#[tokio::test(start_paused = true)]
async fn fifty_that_crash_together_come_back_spread_and_within_the_slots() {
    let names: Vec<String> = (0..50).map(|index| format!("s{index}")).collect();
    let sim = Sim::of(names.iter().map(|name| spec(name)).collect()).await;
    for name in &names {
        sim.script(name, [Life::slow(ms(20))]);
    }
    sim.up().await;
    sim.pass(5 * SECOND).await;
    let at = sim.supervisor.now().since_start();
    for name in &names {
        sim.world.crash(&common::name(name), CRASH);
    }
    sim.pass(5 * SECOND).await;
    let mut quarters = [0; 4];
    let mut instants = BTreeSet::new();
    for service in &names {
        assert_eq!((sim.phase(service), sim.info(service).status.incarnation.0), ("ready".into(), 2), "{service}");
        // When its wait was over; the launch itself may wait for a slot.
        let due = sim.moved(service, PhaseName::Wait, Reason::RetryDue)[0] - at;
        assert!(due >= ms(800) && due <= ms(1_201), "{service}: {due:?}");
        quarters[usize::try_from((due - ms(800)).as_millis() / 101).unwrap()] += 1;
        instants.insert(due);
    }
    assert!(instants.len() >= 40, "{} different instants", instants.len());
    assert!(quarters.iter().all(|quarter| (5..=22).contains(quarter)), "{quarters:?}");
    let (mut starting, mut most) = (0_i32, 0);
    for notice in sim.notices() {
        match notice.phase {
            PhaseName::Spawn => starting += 1,
            PhaseName::Ready => starting -= 1,
            _ => {}
        }
        most = most.max(starting);
    }
    assert_eq!((starting, most), (0, 8), "start slots");
}

/// What happens around a stop, each so many milliseconds after the one before.
#[derive(Clone, Copy, Debug)]
enum Blow {
    Crash,
    /// Its probe fails from now on, or passes again.
    Probe(bool),
    /// Its processes take this many megabytes.
    Grows(u64),
    Call,
}

fn blows() -> impl Strategy<Value = Vec<(u64, Blow)>> {
    let blow = prop_oneof![
        3 => Just(Blow::Crash),
        3 => any::<bool>().prop_map(Blow::Probe),
        2 => (0..200_u64).prop_map(Blow::Grows),
        1 => Just(Blow::Call),
    ];
    prop::collection::vec((0..9_000_u64, blow), 0..12)
}

async fn play(sim: &Sim, blows: &[(u64, Blow)]) {
    let probe = WaitCondition::Tcp { address: "a:1".into() };
    for (after, blow) in blows {
        sim.pass(ms(*after)).await;
        match blow {
            Blow::Crash => {
                sim.world.crash(&name("a"), CRASH);
            }
            Blow::Probe(passes) => {
                let how = if *passes { Answering::default() } else { Answering::Error(0) };
                sim.outside.answer(&probe, how);
            }
            Blow::Grows(megabytes) => {
                if let Some(pid) = sim.info("a").pid {
                    sim.usage.takes(pid, megabytes * 1_000_000);
                }
            }
            Blow::Call => {
                let supervisor = sim.supervisor.clone();
                tokio::spawn(async move { supervisor.call_tool_text("a", "echo", "{}").await });
            }
        }
    }
}

async fn a_stop_is_kept(before: Vec<(u64, Blow)>, after: Vec<(u64, Blow)>, force: bool, term: u64) {
    let mut made = spec("a");
    made.policy.health.probe = ProbeKind::Tcp { address: "a:1".into() };
    made.policy.health.interval = SECOND;
    made.policy.recycle.max_age = Some(20 * SECOND);
    made.policy.recycle.max_memory = Some(100_000_000);
    made.policy.restart.slow_retry = Some(60 * SECOND);
    let sim = Sim::set_up(vec![made], |config| config.usage_interval = SECOND).await;
    sim.script(
        "a",
        [Life { on_close: None, on_term: Some(ms(term)), call: Answering::After(2 * SECOND), ..Life::good() }],
    );
    sim.start("a").await;
    play(&sim, &before).await;
    sim.supervisor.stop(Target::from(name("a")), force).await.unwrap();
    let launches = sim.launches("a").len();
    let tries = sim.when("a", |what| matches!(what, Happened::Launched { .. })).len();
    play(&sim, &after).await;
    sim.pass(1_200 * SECOND).await;
    assert_eq!((sim.state("a"), sim.launches("a").len()), (ServiceState::Stopped, launches), "{:#?}", sim.told("a"));
    assert_eq!((sim.world.alive(), tries), (vec![], launches));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stop_by_a_user_is_never_undone(
        before in blows(),
        after in blows(),
        force in any::<bool>(),
        term in 0..6_000_u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(a_stop_is_kept(before, after, force, term));
    }
}
