//! Lives that are replaced because they are old or large, in virtual time.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

mod common;

use std::time::Duration;

use common::{SECOND, Sim, ms, name, needs, spec};
use mcpstore_runtime::{Goal, Target};
use mcpstore_testkit::scripted::{Answering, Happened, Life};
use mcpstore_types::{DepKind, Dependency, Incarnation, PhaseName, Reason, ServiceSpec, ServiceState};

const MB: u64 = 1_000_000;

fn aging(text: &str, seconds: u32) -> ServiceSpec {
    let mut made = spec(text);
    made.policy.recycle.max_age = Some(SECOND * seconds);
    made
}

#[tokio::test(start_paused = true)]
async fn a_life_that_is_old_is_replaced_without_a_charge() {
    let mut old = aging("a", 50);
    // As tight as a budget can be: one failure would end it.
    old.policy.restart.max_attempts = 1;
    old.policy.restart.max_in_window = 1;
    let sim = Sim::of(vec![old, needs("user", &["a"])]).await;
    sim.script("a", [Life::slow(SECOND)]);
    sim.up().await;
    sim.pass(300 * SECOND).await;
    // Its age counts from ready: a second of handshake, 50 of life.
    assert_eq!(sim.launches("a"), [0, 51, 102, 153, 204, 255].map(|at| at * SECOND));
    assert_eq!(sim.moved("a", PhaseName::Drain, Reason::AgeReached)[..2], [51 * SECOND, 102 * SECOND]);
    let status = &sim.info("a").status;
    assert_eq!((status.failures, status.restarts, status.incarnation.0), (0, 5, 6));
    assert_eq!(
        sim.told("a")[6..12],
        [
            "1 running→stopping drain age_reached",
            "1 stopping close age_reached",
            "1 stopping reap age_reached",
            "1 stopping→stopped stopped age_reached",
            "1 stopped→starting wait age_reached",
            "2 starting spawn dependencies_met",
        ]
    );
    assert_eq!((sim.info("user").status.incarnation.0, sim.state("user")), (1, ServiceState::Running));
}

#[tokio::test(start_paused = true)]
async fn it_is_replaced_between_calls() {
    let sim = Sim::of(vec![aging("a", 60)]).await;
    sim.script("a", [Life { call: Answering::After(20 * SECOND), ..Life::good() }]);
    sim.up().await;
    sim.pass(55 * SECOND).await;
    let supervisor = sim.supervisor.clone();
    let call = tokio::spawn(async move { supervisor.call_tool_text("a", "echo", "{}").await });
    sim.pass(19 * SECOND).await;
    assert_eq!((sim.phase("a"), sim.info("a").status.incarnation.0), ("ready".into(), 1));
    call.await.unwrap().unwrap();
    sim.supervisor.wait(&name("a"), Goal::RunningAfter(Incarnation(1)), Some(ms(100))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_is_never_without_a_call_is_drained_after_a_minute() {
    let sim = Sim::of(vec![aging("a", 60)]).await;
    sim.script("a", [Life { call: Answering::After(2 * SECOND), ..Life::good() }]);
    sim.up().await;
    let supervisor = sim.supervisor.clone();
    let callers = tokio::spawn(async move {
        loop {
            let another = supervisor.clone();
            tokio::spawn(async move { another.call_tool_text("a", "echo", "{}").await });
            tokio::time::sleep(SECOND).await;
        }
    });
    sim.supervisor.wait(&name("a"), Goal::RunningAfter(Incarnation(1)), None).await.unwrap();
    callers.abort();
    assert_eq!(sim.moved("a", PhaseName::Drain, Reason::AgeReached), [120 * SECOND]);
    // Those that were under way ended well: no new ones come in while it drains.
    assert!(sim.moved("a", PhaseName::Close, Reason::AgeReached)[0] <= 122 * SECOND);
    let errors = sim.supervisor.metrics_report().services.remove(0).calls.errors;
    assert_eq!(errors.into_keys().collect::<Vec<_>>(), ["not_running"]);
}

#[tokio::test(start_paused = true)]
async fn a_life_that_is_large_is_replaced_and_the_next_is_not_taken_for_it() {
    let mut large = spec("a");
    large.policy.recycle.max_memory = Some(500 * MB);
    let sim = Sim::set_up(vec![large, spec("b")], |config| config.usage_interval = 10 * SECOND).await;
    sim.up().await;
    let pid = |service: &str| sim.info(service).pid.unwrap();
    sim.usage.takes(pid("a"), 499 * MB);
    sim.usage.takes(pid("b"), 900 * MB);
    sim.pass(60 * SECOND).await;
    let process = sim.info("a").process().unwrap();
    assert_eq!((process.resident_bytes, sim.info("a").status.incarnation.0), (499 * MB, 1));
    sim.usage.takes(pid("a"), 500 * MB);
    let from = sim.supervisor.now().since_start();
    sim.pass(11 * SECOND).await;
    let drained = sim.moved("a", PhaseName::Drain, Reason::MemoryReached);
    assert!(drained.len() == 1 && drained[0] - from <= 10 * SECOND, "{drained:?} from {from:?}");
    assert_eq!((sim.phase("a"), sim.info("a").process()), ("ready".into(), None), "not measured yet");
    sim.pass(600 * SECOND).await;
    let lives = ["a", "b"].map(|service| sim.info(service).status.incarnation.0);
    assert_eq!((lives, sim.info("a").status.failures), ([2, 1], 0));
}

#[tokio::test(start_paused = true)]
async fn a_reload_changes_the_age_of_a_life_that_goes_on() {
    let sim = Sim::of(vec![aging("a", 3_600)]).await;
    sim.up().await;
    sim.pass(100 * SECOND).await;
    let change = mcpstore_types::FieldChange { field: "recycle.maxAge", impact: mcpstore_types::ChangeImpact::Live };
    let to = |seconds| mcpstore_types::SpecDelta {
        changed: vec![(aging("a", seconds), vec![change])],
        ..mcpstore_types::SpecDelta::default()
    };
    sim.supervisor.apply(to(150), true).await.unwrap();
    sim.pass(40 * SECOND).await;
    assert_eq!(sim.info("a").status.incarnation.0, 1);
    sim.pass(20 * SECOND).await;
    assert_eq!(sim.launches("a"), [0, 150].map(|at| at * SECOND));
}

#[tokio::test(start_paused = true)]
async fn it_is_never_done_against_a_stop() {
    // The stop of `a` is held for its dependent, which takes its time; meanwhile `a` gets old.
    let sim = Sim::of(vec![aging("a", 60), needs("user", &["a"])]).await;
    sim.script("user", [Life { on_close: None, on_term: Some(4 * SECOND), ..Life::good() }]);
    sim.up().await;
    sim.pass(58 * SECOND).await;
    sim.supervisor.stop(Target::from(name("a")), false).await.unwrap();
    sim.pass(600 * SECOND).await;
    assert_eq!((sim.phase("a"), sim.launches("a").len()), ("stopped(by_user)".into(), 1));
    assert!(sim.moved("a", PhaseName::Drain, Reason::AgeReached).is_empty());
    // And a stop that comes while it is replaced wins.
    let sim = Sim::of(vec![aging("a", 60)]).await;
    sim.script("a", [Life { on_close: None, on_term: Some(SECOND), ..Life::good() }]);
    sim.up().await;
    sim.pass(61 * SECOND).await;
    assert_eq!(sim.phase("a"), "close");
    sim.supervisor.stop(Target::from(name("a")), false).await.unwrap();
    sim.pass(600 * SECOND).await;
    assert_eq!((sim.phase("a"), sim.launches("a").len()), ("stopped(by_user)".into(), 1));
}

#[tokio::test(start_paused = true)]
async fn who_is_bound_to_it_goes_along_only_when_it_is_not_back_in_time() {
    let bound = spec("user").with_dependency(Dependency::new(name("a"), DepKind::BindsTo));
    let sim = Sim::of(vec![aging("a", 60), bound]).await;
    // The first replacement takes 4 s, the second 20.
    sim.script("a", [Life::good(), Life::slow(4 * SECOND), Life::slow(20 * SECOND)]);
    sim.up().await;
    sim.pass(100 * SECOND).await;
    assert_eq!((sim.info("a").status.incarnation.0, sim.info("user").status.incarnation.0), (2, 1));
    sim.pass(70 * SECOND).await;
    // Old at 124 s; the grace is over at 129 s; it is back at 144 s, and the other one with it.
    assert_eq!(sim.moved("a", PhaseName::Drain, Reason::AgeReached), [60 * SECOND, 124 * SECOND]);
    assert_eq!(sim.when("user", |what| what == Happened::InputClosed), [129 * SECOND]);
    assert_eq!((sim.launches("user"), sim.state("user")), (vec![Duration::ZERO, 144 * SECOND], ServiceState::Running));
    assert_eq!(sim.info("user").status.failures, 0);
}
