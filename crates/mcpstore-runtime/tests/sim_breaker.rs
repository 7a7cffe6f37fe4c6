//! Passive health: what real calls meet opens the circuit, and one trial closes it. In virtual time, at exact instants.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

mod common;

use std::time::Duration;

use common::{SECOND, Sim, ms, name, spec};
use mcpstore_runtime::CallFailure;
use mcpstore_testkit::scripted::{Answering, Happened, Life};
use mcpstore_types::{ConditionKind, ExitStatus, HealthSpec, ServiceSpec};

/// A service whose calls may take a second, and that no probe ends.
fn patient(text: &str) -> ServiceSpec {
    let mut spec = spec(text);
    spec.policy.timeouts.call = SECOND;
    spec.policy.health = HealthSpec { fall: 10_000, ..HealthSpec::default() };
    spec
}

/// How a call of `echo` ends: `ok`, `failed`, or `open N.Ns` when it is refused at once.
async fn call(sim: &Sim, service: &str) -> String {
    let before = sim.supervisor.now();
    match sim.supervisor.call_tool_text(service, "echo", "{}").await {
        Ok(_) => "ok".to_owned(),
        Err(CallFailure::CircuitOpen { retry_in, .. }) => {
            assert_eq!(sim.supervisor.now(), before, "a refusal takes no time");
            format!("open {:.1}s", retry_in.as_secs_f64())
        }
        Err(CallFailure::Call { .. }) => "failed".to_owned(),
        Err(other) => panic!("{other}"),
    }
}

async fn until(sim: &Sim, second: u64) {
    let wait = Duration::from_secs(second).saturating_sub(sim.supervisor.now().since_start());
    sim.pass(wait).await;
}

fn is_open(sim: &Sim, service: &str) -> bool {
    sim.info(service).status.conditions.iter().any(|condition| condition.kind == ConditionKind::CircuitOpen)
}

/// Requests that came to the server while it ran.
fn calls_received(sim: &Sim, service: &str) -> usize {
    sim.when(service, |what| matches!(what, Happened::Called)).len()
}

#[tokio::test(start_paused = true)]
async fn a_mute_service_is_asked_by_one_trial_at_a_time_until_it_answers() {
    let sim = Sim::of(vec![patient("db")]).await;
    sim.script("db", [Life { frozen: Some((10 * SECOND, 60 * SECOND)), ..Life::good() }]);
    sim.up().await;
    assert_eq!(call(&sim, "db").await, "ok");
    until(&sim, 10).await;
    for _ in 0..5 {
        assert!(!is_open(&sim, "db"));
        assert_eq!(call(&sim, "db").await, "failed");
    }
    // Five failures in a row, each of a second.
    assert_eq!(sim.supervisor.now().since_start(), 15 * SECOND);
    assert_eq!(call(&sim, "db").await, "open 5.0s");
    sim.pass(ms(1)).await;
    assert!(is_open(&sim, "db"), "{:?}", sim.info("db").status.conditions);
    until(&sim, 18).await;
    assert_eq!(call(&sim, "db").await, "open 2.0s");
    let asked = calls_received(&sim, "db");

    // Half-open: of three at once, one goes; the others are told when it is over at the latest.
    until(&sim, 20).await;
    let (first, second, third) = tokio::join!(call(&sim, "db"), call(&sim, "db"), call(&sim, "db"));
    assert_eq!([first, second, third], ["failed", "open 10.0s", "open 10.0s"]);
    assert_eq!(calls_received(&sim, "db"), asked + 1);
    // It failed at 21 s: twice as long.
    assert_eq!(call(&sim, "db").await, "open 10.0s");
    until(&sim, 31).await;
    assert_eq!(call(&sim, "db").await, "failed");
    assert_eq!(call(&sim, "db").await, "open 20.0s");
    until(&sim, 52).await;
    assert_eq!(call(&sim, "db").await, "failed");
    assert_eq!(call(&sim, "db").await, "open 40.0s");
    // It answers again from 70 s on; nobody asks before the trial at 93 s.
    until(&sim, 92).await;
    assert_eq!(call(&sim, "db").await, "open 1.0s");
    until(&sim, 93).await;
    assert_eq!(call(&sim, "db").await, "ok");
    sim.pass(ms(1)).await;
    assert!(!is_open(&sim, "db"));
    assert_eq!(call(&sim, "db").await, "ok");
    let report = sim.info("db").report(sim.supervisor.now());
    assert_eq!(report.circuit.opened_total, 1);
    assert_eq!(report.calls.errors["timeout"], 8);
    assert_eq!(report.calls.errors["circuit_open"], 8);
    assert_eq!((report.calls.calls_total, report.calls.errors_total), (19, 16));
    assert_eq!(report.restarts_total, 0, "a circuit stops no process");
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_is_given_up_leaves_room_for_the_next() {
    let sim = Sim::of(vec![patient("db")]).await;
    sim.script("db", [Life { frozen: Some((SECOND, 60 * SECOND)), ..Life::good() }]);
    sim.up().await;
    until(&sim, 1).await;
    for _ in 0..5 {
        call(&sim, "db").await;
    }
    until(&sim, 11).await;
    // A caller with a shorter patience than the service's.
    assert!(tokio::time::timeout(ms(100), call(&sim, "db")).await.is_err());
    let (next, other) = tokio::join!(call(&sim, "db"), call(&sim, "db"));
    assert_eq!((next.as_str(), other.as_str()), ("failed", "open 10.0s"));
}

#[tokio::test(start_paused = true)]
async fn answers_keep_it_closed_whatever_they_say() {
    let sim = Sim::of(vec![patient("db"), patient("said")]).await;
    sim.script("db", [Life { call: Answering::Error(-32000), ..Life::good() }]);
    sim.script("said", [Life { call_result: Some(r#"{"content":[],"isError":true}"#.into()), ..Life::good() }]);
    sim.up().await;
    for _ in 0..40 {
        assert_eq!(call(&sim, "db").await, "failed");
        assert_eq!(call(&sim, "said").await, "ok");
    }
    let report = |service: &str| sim.info(service).report(sim.supervisor.now());
    assert_eq!(report("db").calls.errors["rpc"], 40);
    assert_eq!(report("said").calls.errors["tool"], 40);
    assert_eq!((report("db").circuit.opened_total, report("said").circuit.opened_total), (0, 0));
    assert!(report("db").serving && report("said").serving);
}

#[tokio::test(start_paused = true)]
async fn a_new_life_begins_with_a_closed_circuit() {
    let sim = Sim::of(vec![patient("db")]).await;
    sim.script("db", [Life { call: Answering::Never, ..Life::good() }, Life::good()]);
    sim.up().await;
    for _ in 0..5 {
        assert_eq!(call(&sim, "db").await, "failed");
    }
    assert_eq!(call(&sim, "db").await, "open 5.0s");
    assert!(!sim.info("db").is_serving());
    sim.world.crash(&name("db"), ExitStatus::Signal(9));
    sim.pass(2 * SECOND).await;
    assert!(sim.info("db").is_serving());
    assert_eq!(call(&sim, "db").await, "ok");
}

#[tokio::test(start_paused = true)]
async fn it_can_be_tuned_while_it_runs_and_switched_off() {
    let mut never = patient("never");
    never.policy.breaker = None;
    let sim = Sim::of(vec![never, patient("soon")]).await;
    for service in ["never", "soon"] {
        sim.script(service, [Life { call: Answering::Never, ..Life::good() }]);
    }
    sim.up().await;
    for _ in 0..30 {
        assert_eq!(call(&sim, "never").await, "failed");
    }
    let mut changed = patient("soon");
    changed.policy.breaker.as_mut().unwrap().failures = 2;
    changed.policy.breaker.as_mut().unwrap().open_for = ms(1_500);
    let delta = mcpstore_types::SpecDelta { changed: vec![(changed, Vec::new())], ..Default::default() };
    sim.supervisor.apply(delta, true).await.unwrap();
    assert_eq!(call(&sim, "soon").await, "failed");
    assert_eq!(call(&sim, "soon").await, "failed");
    assert_eq!(call(&sim, "soon").await, "open 1.5s");
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_bring_the_next_probe_forward() {
    let mut quick = spec("db");
    quick.policy.timeouts.call = SECOND;
    quick.policy.health = HealthSpec { interval: 600 * SECOND, timeout: SECOND, fall: 3, ..HealthSpec::default() };
    let mut quiet = quick.clone();
    quiet.name = name("quiet");
    let sim = Sim::of(vec![quick, quiet]).await;
    for service in ["db", "quiet"] {
        sim.script(service, [Life { frozen: Some((1_000 * SECOND, Duration::MAX)), ..Life::good() }, Life::good()]);
    }
    sim.up().await;
    until(&sim, 1_001).await;
    let probes = |service: &str| sim.when(service, |what| matches!(what, Happened::Pinged));
    let before = (probes("db").len(), probes("quiet").len());
    // It fails at 1,002 s: whoever is in doubt is asked at once, and then each second, until it is certain.
    assert_eq!(call(&sim, "db").await, "failed");
    until(&sim, 1_010).await;
    let since = &probes("db")[before.0..];
    let asked: Vec<u64> = since.iter().take(3).map(|at| at.as_secs()).collect();
    assert_eq!(asked, [1_002, 1_004, 1_006], "{since:?}");
    assert_eq!(sim.info("db").status.incarnation.0, 2, "replaced, ten minutes before its probe was due");
    assert_eq!(probes("quiet").len(), before.1, "nobody called the other");
}
