//! What services wait for outside before they start, in virtual time.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

mod common;

use std::time::Duration;

use common::{SECOND, SEED, Sim, ms, name, spec};
use mcpstore_core::{backoff_delay, jitter_key};
use mcpstore_runtime::{Goal, Target};
use mcpstore_testkit::scripted::Answering;
use mcpstore_types::{
    Backoff, ChangeImpact, ConditionKind, ExitStatus, FieldChange, PhaseName, Reason, ServiceSpec, ServiceState,
    SpecDelta, WaitCondition,
};

fn tcp(port: u16) -> WaitCondition {
    WaitCondition::Tcp { address: format!("db:{port}") }
}

fn waits(text: &str, ports: &[u16]) -> ServiceSpec {
    ServiceSpec { wait_for: ports.iter().map(|port| tcp(*port)).collect(), ..spec(text) }
}

fn pending(sim: &Sim, service: &str) -> Option<String> {
    let conditions = &sim.info(service).status.conditions;
    conditions.iter().find(|c| c.kind == ConditionKind::ExternalPending).map(|c| c.message.clone())
}

/// When the looks of a service come, as its jitter has it; timers count in whole milliseconds.
fn looks(service: &str, many: u32) -> Vec<Duration> {
    let pauses = Backoff { delay: ms(500), max_delay: 2 * SECOND, jitter_percent: 20 };
    let key = jitter_key(SEED, &name(service));
    let up = |pause: Duration| ms(u64::try_from(pause.as_nanos().div_ceil(1_000_000)).unwrap());
    let mut at = Duration::ZERO;
    let mut all = vec![at];
    for look in 1..many {
        at += up(backoff_delay(&pauses, key, look.min(8)));
        all.push(at);
    }
    all
}

fn change(specs: Vec<ServiceSpec>) -> SpecDelta {
    let live = || FieldChange { field: "waitFor", impact: ChangeImpact::Live };
    SpecDelta { changed: specs.into_iter().map(|spec| (spec, vec![live()])).collect(), ..SpecDelta::default() }
}

#[tokio::test(start_paused = true)]
async fn it_starts_when_all_it_waits_for_is_there_at_one_look() {
    let sim = Sim::of(vec![waits("a", &[1, 2]), spec("other")]).await;
    sim.outside.answer(&tcp(1), Answering::Error(0));
    sim.outside.answer(&tcp(2), Answering::Error(0));
    sim.start("a").await;
    sim.start("other").await;
    sim.pass(ms(1)).await;
    assert_eq!((sim.phase("a"), sim.phase("other")), ("wait".into(), "ready".into()), "it takes no one's place");
    let why = "waiting for a connection to db:1: as the script says";
    assert_eq!((pending(&sim, "a"), sim.info("a").detail.as_deref()), (Some(why.into()), Some(why)));
    let late = sim.supervisor.wait(&name("a"), Goal::Healthy, Some(SECOND)).await.unwrap_err();
    assert_eq!(late.to_string(), format!("service `a` is still starting after 1s: {why}"));
    sim.outside.answer(&tcp(1), Answering::After(ms(200)));
    sim.pass(5 * SECOND).await;
    assert_eq!(pending(&sim, "a").unwrap(), "waiting for a connection to db:2: as the script says");
    sim.outside.answer(&tcp(2), Answering::default());
    sim.supervisor.wait(&name("a"), Goal::Healthy, Some(4 * SECOND)).await.unwrap();
    assert_eq!((pending(&sim, "a"), sim.info("a").detail.clone()), (None, None));
    // All of them are looked at at once, half a second apart at first and two at last.
    let (one, two) = (sim.outside.asked("a", &tcp(1)), sim.outside.asked("a", &tcp(2)));
    assert_eq!(one, two);
    assert_eq!(one[..3], looks("a", 3)[..]);
    for pair in one.windows(2) {
        let pause = pair[1] - pair[0];
        assert!(pause >= ms(400) && pause <= ms(2_601), "{pause:?}");
    }
    // Nobody asks any more.
    sim.pass(60 * SECOND).await;
    assert_eq!(sim.outside.asked("a", &tcp(1)).len(), one.len());
}

#[tokio::test(start_paused = true)]
async fn what_is_there_from_the_beginning_costs_nothing() {
    let sim = Sim::of(vec![waits("a", &[1]), waits("b", &[2]).depends_on([name("a")])]).await;
    sim.up().await;
    assert_eq!((sim.phase("b"), sim.supervisor.now().since_start()), ("ready".into(), Duration::ZERO));
    // Each life waits anew.
    sim.outside.answer(&tcp(1), Answering::Error(0));
    sim.world.crash(&name("a"), ExitStatus::Code(1));
    sim.pass(30 * SECOND).await;
    assert_eq!((sim.phase("a"), sim.info("a").status.incarnation.0), ("wait".into(), 1));
    sim.outside.answer(&tcp(1), Answering::default());
    sim.pass(3 * SECOND).await;
    assert_eq!((sim.phase("a"), sim.info("a").status.incarnation.0), ("ready".into(), 2));
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_hangs_is_given_up_in_three_seconds_and_looked_at_again() {
    let sim = Sim::of(vec![waits("a", &[1])]).await;
    sim.outside.answer(&tcp(1), Answering::Never);
    sim.start("a").await;
    sim.pass(ms(3_001)).await;
    assert_eq!(pending(&sim, "a").unwrap(), "waiting for a connection to db:1: no answer within 3s");
    sim.pass(10 * SECOND).await;
    assert!(sim.outside.asked("a", &tcp(1)).len() >= 3);
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_fails_and_says_for_what() {
    let sim = Sim::of(vec![waits("a", &[1]), spec("child").depends_on([name("a")])]).await;
    sim.outside.answer(&tcp(1), Answering::Error(0));
    sim.up().await;
    // Ten minutes each, one after the other is not how it goes: whoever needs it fails with it.
    assert_eq!(sim.supervisor.now().since_start(), 600 * SECOND);
    assert_eq!((sim.phase("a"), sim.phase("child")), ("failed(dependency)".into(), "failed(dependency)".into()));
    let why = "timed out in wait: waited 600s for a connection to db:1: as the script says";
    assert_eq!(sim.info("a").why(), why);
    assert!(pending(&sim, "a").is_some());
    // It stays so for as long as that is missing, and its failure is no attempt of the restart policy.
    sim.pass(3_600 * SECOND).await;
    assert_eq!((sim.phase("a"), sim.info("a").status.failures), ("failed(dependency)".into(), 0));
    assert!(sim.launches("a").is_empty());
    // When it comes at last, it waits anew, which is over at once; and whoever needs it follows.
    sim.outside.answer(&tcp(1), Answering::default());
    sim.pass(ms(2_500)).await;
    assert_eq!((sim.phase("a"), sim.phase("child")), ("ready".into(), "ready".into()));
    let told = sim.told("a");
    assert!(told.contains(&"0 error→starting wait dependency_recovered".to_owned()), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_can_be_started_or_stopped() {
    let sim = Sim::of(vec![waits("a", &[1])]).await;
    sim.outside.answer(&tcp(1), Answering::Error(0));
    sim.up().await;
    assert_eq!(sim.phase("a"), "failed(dependency)");
    sim.start("a").await;
    sim.pass(SECOND).await;
    assert_eq!(sim.phase("a"), "wait");
    sim.pass(600 * SECOND).await;
    assert_eq!(sim.phase("a"), "failed(dependency)");
    sim.supervisor.stop(Target::from(name("a")), false).await.unwrap();
    let asked = sim.outside.asked("a", &tcp(1)).len();
    sim.outside.answer(&tcp(1), Answering::default());
    sim.pass(3_600 * SECOND).await;
    assert_eq!((sim.phase("a"), sim.outside.asked("a", &tcp(1)).len()), ("stopped(by_user)".into(), asked));
}

#[tokio::test(start_paused = true)]
async fn a_reload_changes_what_is_waited_for() {
    let sim = Sim::of(vec![waits("a", &[1]), waits("b", &[1]), waits("late", &[1])]).await;
    sim.outside.answer(&tcp(1), Answering::Error(0));
    sim.outside.answer(&tcp(3), Answering::Error(0));
    for service in ["a", "b"] {
        sim.start(service).await;
    }
    sim.pass(10 * SECOND).await;
    // One waits for something else, which is there; one for nothing any more.
    sim.supervisor.apply(change(vec![waits("a", &[2]), waits("b", &[])]), true).await.unwrap();
    sim.pass(ms(1)).await;
    assert_eq!((sim.phase("a"), sim.phase("b")), ("ready".into(), "ready".into()));
    let asked = sim.outside.asked("a", &tcp(1)).len();
    sim.pass(10 * SECOND).await;
    assert_eq!(sim.outside.asked("a", &tcp(1)).len(), asked, "nobody looks at what it waited for before");
    // One that waited in vain waits for what is new.
    sim.start("late").await;
    sim.pass(601 * SECOND).await;
    assert_eq!(sim.phase("late"), "failed(dependency)");
    sim.supervisor.apply(change(vec![waits("late", &[3])]), true).await.unwrap();
    sim.pass(ms(1)).await;
    assert_eq!(pending(&sim, "late").unwrap(), "waiting for a connection to db:3: as the script says");
    // And one that starts to wait while it waits for its dependency takes that over too.
    let chain = vec![waits("db", &[1]), spec("api").depends_on([name("db")])];
    let sim = Sim::of(chain).await;
    sim.outside.answer(&tcp(1), Answering::Error(0));
    sim.outside.answer(&tcp(2), Answering::Error(0));
    sim.start("api").await;
    sim.pass(SECOND).await;
    sim.supervisor.apply(change(vec![waits("api", &[2]).depends_on([name("db")])]), true).await.unwrap();
    sim.outside.answer(&tcp(1), Answering::default());
    sim.pass(5 * SECOND).await;
    assert_eq!((sim.phase("db"), sim.phase("api")), ("ready".into(), "wait".into()));
    sim.outside.answer(&tcp(2), Answering::default());
    sim.supervisor.wait(&name("api"), Goal::Healthy, Some(4 * SECOND)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_it_waits_ends_the_watching() {
    let sim = Sim::of(vec![waits("a", &[1])]).await;
    sim.outside.answer(&tcp(1), Answering::After(2 * SECOND));
    sim.start("a").await;
    sim.pass(SECOND).await;
    sim.supervisor.stop(Target::from(name("a")), false).await.unwrap();
    assert_eq!(sim.state("a"), ServiceState::Stopped);
    // The look that was under way would have said yes a second later.
    sim.pass(60 * SECOND).await;
    assert_eq!((sim.state("a"), sim.launches("a").len()), (ServiceState::Stopped, 0));
    assert_eq!(sim.outside.asked("a", &tcp(1)), [Duration::ZERO]);
    assert_eq!(sim.moved("a", PhaseName::Stopped, Reason::StopAsked), [SECOND]);
    // Started anew it looks anew.
    sim.start("a").await;
    sim.supervisor.wait(&name("a"), Goal::Healthy, Some(3 * SECOND)).await.unwrap();
    assert_eq!(sim.launches("a"), [63 * SECOND]);
}
