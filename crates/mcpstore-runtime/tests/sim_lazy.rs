//! Services that sleep until a call needs them, and sleep again when none does, in virtual time.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{SECOND, Sim, ms, name, needs, spec};
use mcpstore_runtime::{CallFailure, Goal, ListStore, Supervisor, Target};
use mcpstore_testkit::scripted::{Answering, Happened, Life};
use mcpstore_types::{PhaseName, Reason, ServiceName, ServiceSpec, ServiceState, StartMode};
use tokio::task::JoinHandle;

fn lazy(mut spec: ServiceSpec) -> ServiceSpec {
    spec.start = StartMode::Lazy;
    spec
}

fn idle(mut spec: ServiceSpec, seconds: u32) -> ServiceSpec {
    spec.idle_stop = Some(SECOND * seconds);
    spec
}

fn call(supervisor: &Supervisor, service: &'static str) -> JoinHandle<Result<(), CallFailure>> {
    let supervisor = supervisor.clone();
    tokio::spawn(async move { supervisor.call_tool_text(service, "echo", "{}").await.map(drop) })
}

#[tokio::test(start_paused = true)]
async fn the_first_call_starts_it_once_and_all_wait_for_that() {
    let sim = Sim::of(vec![spec("eager"), lazy(spec("db")), lazy(needs("api", &["db"]))]).await;
    sim.script("api", [Life::slow(3 * SECOND)]);
    sim.up().await;
    sim.pass(60 * SECOND).await;
    assert_eq!((sim.state("eager"), sim.state("api")), (ServiceState::Running, ServiceState::NotStarted));
    assert_eq!((sim.info("api").status.reason, sim.launches("db")), (Reason::Lazy, vec![]));
    let calls: Vec<_> = (0..100).map(|_| call(&sim.supervisor, "api")).collect();
    sim.pass(SECOND).await;
    let late = call(&sim.supervisor, "api");
    for call in calls {
        call.await.unwrap().unwrap();
    }
    late.await.unwrap().unwrap();
    assert_eq!((sim.launches("api"), sim.launches("db")), (vec![60 * SECOND], vec![60 * SECOND]));
    assert_eq!(sim.when("api", |what| matches!(what, Happened::Called)).len(), 101);
    assert_eq!(sim.supervisor.now().since_start(), 63 * SECOND);
    assert_eq!(sim.moved("api", PhaseName::Wait, Reason::Woken), [60 * SECOND]);
}

#[tokio::test(start_paused = true)]
async fn when_its_start_fails_every_call_hears_why() {
    let sim = Sim::of(vec![lazy(spec("a")), lazy(needs("b", &["a"]))]).await;
    let refused = mcpstore_transport::LaunchError::Spawn {
        program: "scripted".into(),
        source: Arc::new(std::io::Error::other("no room")),
    };
    sim.script("a", [Life { spawn: SECOND, spawn_error: Some(refused), ..Life::good() }, Life::good()]);
    sim.up().await;
    let calls = [call(&sim.supervisor, "a"), call(&sim.supervisor, "a")];
    for call in calls {
        let failure = call.await.unwrap().unwrap_err();
        assert!(matches!(failure, CallFailure::NotRunning { state: ServiceState::Error, .. }), "{failure}");
        let words = failure.to_string();
        assert!(words.contains("`a`") && words.contains("no room"), "{words}");
    }
    assert_eq!(sim.supervisor.now().since_start(), SECOND);
    // It is tried again as its policy says, by itself; a call that comes when it starts waits for it.
    sim.supervisor.wait(&name("a"), Goal::RunningAfter(mcpstore_types::Incarnation(0)), None).await.unwrap();
    call(&sim.supervisor, "b").await.unwrap().unwrap();
    assert_eq!(sim.launches("a").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_no_longer_than_a_call_may_take() {
    let mut slow = lazy(spec("a"));
    slow.policy.timeouts.call_total = 5 * SECOND;
    let sim = Sim::of(vec![slow]).await;
    sim.script("a", [Life::slow(20 * SECOND)]);
    sim.up().await;
    let failure = call(&sim.supervisor, "a").await.unwrap().unwrap_err();
    assert!(matches!(failure, CallFailure::NotUpInTime { after, .. } if after == 5 * SECOND), "{failure}");
    assert_eq!(failure.to_string(), "service `a` is not up yet after 5.0 s: spawned");
    let errors = sim.supervisor.metrics_report().services.remove(0).calls.errors;
    assert_eq!(errors.into_keys().collect::<Vec<_>>(), ["not_running"]);
    // A caller that goes away leaves it to come up for the next.
    let gone = call(&sim.supervisor, "a");
    sim.pass(SECOND).await;
    gone.abort();
    sim.pass(30 * SECOND).await;
    assert_eq!((sim.state("a"), sim.launches("a").len()), (ServiceState::Running, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_user_stopped_is_woken_by_nobody() {
    let sim = Sim::of(vec![lazy(spec("a")), idle(spec("b"), 10)]).await;
    assert!(call(&sim.supervisor, "a").await.unwrap().is_err(), "nothing was started yet");
    sim.up().await;
    call(&sim.supervisor, "a").await.unwrap().unwrap();
    for service in ["a", "b"] {
        sim.supervisor.stop_and_wait(&name(service), false).await.unwrap();
        let failure = call(&sim.supervisor, service).await.unwrap().unwrap_err();
        assert!(failure.to_string().contains("stop asked"), "{failure}");
    }
    sim.up().await;
    assert_eq!((sim.phase("a"), sim.state("b")), ("stopped(idle)".into(), ServiceState::Running));
    call(&sim.supervisor, "a").await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_is_stopped_when_nobody_used_it_for_long_enough_and_never_under_a_call() {
    let sim = Sim::of(vec![idle(spec("a"), 60)]).await;
    sim.script("a", [Life { call: Answering::After(200 * SECOND), ..Life::good() }, Life::good()]);
    let mut patient = idle(spec("a"), 60);
    patient.policy.timeouts.call = 600 * SECOND;
    let delta = mcpstore_types::SpecDelta { changed: vec![(patient, vec![])], ..mcpstore_types::SpecDelta::default() };
    sim.supervisor.apply(delta, false).await.unwrap();
    sim.up().await;
    sim.pass(59 * SECOND).await;
    let call_of_200 = call(&sim.supervisor, "a");
    sim.pass(199 * SECOND).await;
    assert_eq!(sim.phase("a"), "ready");
    call_of_200.await.unwrap().unwrap();
    let ended = sim.supervisor.now().since_start();
    sim.pass(59 * SECOND).await;
    assert_eq!(sim.phase("a"), "ready");
    sim.pass(2 * SECOND).await;
    assert_eq!((sim.phase("a"), sim.info("a").status.reason), ("stopped(idle)".into(), Reason::Idle));
    assert_eq!(sim.moved("a", PhaseName::Drain, Reason::Idle), [ended + 60 * SECOND]);
    assert_eq!((sim.info("a").status.failures, sim.info("a").status.restarts), (0, 0));
    call(&sim.supervisor, "a").await.unwrap().unwrap();
    assert_eq!((sim.state("a"), sim.launches("a").len()), (ServiceState::Running, 2));
}

#[tokio::test(start_paused = true)]
async fn a_call_while_it_is_being_put_to_sleep_waits_and_wakes_it() {
    let sim = Sim::of(vec![idle(spec("a"), 10)]).await;
    sim.script("a", [Life { on_close: Some(2 * SECOND), ..Life::good() }]);
    sim.up().await;
    sim.pass(11 * SECOND).await;
    assert_eq!(sim.phase("a"), "close");
    let calls: Vec<_> = (0..10).map(|_| call(&sim.supervisor, "a")).collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(sim.launches("a"), [Duration::ZERO, 12 * SECOND]);
    assert_eq!(
        sim.told("a")[6..12],
        [
            "1 running→stopping drain idle",
            "1 stopping close idle",
            "1 stopping reap woken",
            "1 stopping→stopped stopped woken",
            "1 stopped→starting wait woken",
            "2 starting spawn dependencies_met",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_dependency_stays_as_long_as_who_leans_on_it() {
    let sim = Sim::of(vec![idle(lazy(spec("db")), 10), idle(lazy(needs("api", &["db"])), 100)]).await;
    sim.up().await;
    call(&sim.supervisor, "api").await.unwrap().unwrap();
    sim.pass(99 * SECOND).await;
    assert_eq!((sim.state("db"), sim.state("api")), (ServiceState::Running, ServiceState::Running));
    sim.pass(12 * SECOND).await;
    assert_eq!((sim.phase("db"), sim.phase("api")), ("stopped(idle)".into(), "stopped(idle)".into()));
    // Pulled in again with it.
    call(&sim.supervisor, "api").await.unwrap().unwrap();
    assert_eq!((sim.launches("db").len(), sim.launches("api").len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn calls_at_every_moment_around_the_stop_are_all_answered() {
    let sim = Sim::of(vec![idle(spec("a"), 1)]).await;
    let life = || Life { call: Answering::After(ms(3)), on_close: Some(ms(20)), handshake: ms(15), ..Life::good() };
    sim.script("a", (0..200).map(|_| life()));
    sim.up().await;
    // Each call comes a little later after the one before: before, in and after the stop.
    for pause in (980..1_060).chain((980..1_060).rev()) {
        sim.pass(ms(pause)).await;
        call(&sim.supervisor, "a").await.unwrap().unwrap();
    }
    assert!(sim.launches("a").len() > 50, "{}", sim.launches("a").len());
    assert_eq!(sim.info("a").status.failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_at_boot_waits_for_a_service_that_starts() {
    let sim = Sim::of(vec![spec("a")]).await;
    sim.script("a", [Life::slow(4 * SECOND)]);
    sim.supervisor.start(Target::All).await.unwrap();
    call(&sim.supervisor, "a").await.unwrap().unwrap();
    assert_eq!(sim.supervisor.now().since_start(), 4 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn another_time_in_the_config_counts_at_once() {
    let sim = Sim::of(vec![idle(spec("a"), 1_000)]).await;
    sim.up().await;
    sim.pass(100 * SECOND).await;
    let to = |idle_stop| {
        let mut made = spec("a");
        made.idle_stop = idle_stop;
        mcpstore_types::SpecDelta { changed: vec![(made, vec![])], ..mcpstore_types::SpecDelta::default() }
    };
    sim.supervisor.apply(to(None), true).await.unwrap();
    sim.pass(2_000 * SECOND).await;
    assert_eq!(sim.phase("a"), "ready");
    sim.supervisor.apply(to(Some(10 * SECOND)), true).await.unwrap();
    sim.pass(ms(100)).await;
    assert_eq!(sim.phase("a"), "stopped(idle)");
}

/// Keeps lists in memory.
#[derive(Clone, Debug, Default)]
struct Shelf(Arc<Mutex<BTreeMap<ServiceName, Vec<u8>>>>);

impl ListStore for Shelf {
    fn read(&self, service: &ServiceName) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(service).cloned()
    }

    fn write(&self, service: &ServiceName, bytes: &[u8]) {
        self.0.lock().unwrap().insert(service.clone(), bytes.to_vec());
    }
}

impl Shelf {
    async fn sim(&self, specs: Vec<ServiceSpec>) -> Sim {
        Sim::set_up(specs, |config| config.lists = Some(Arc::new(self.clone()))).await
    }
}

fn tools_known(sim: &Sim, service: &str) -> Option<Vec<String>> {
    let known = sim.info(service).known.clone()?;
    Some(known.tools.as_ref()?.tools.iter().map(|tool| tool.name.clone()).collect())
}

#[tokio::test(start_paused = true)]
async fn what_it_offers_is_learned_once_and_known_from_then_on_without_a_start() {
    let shelf = Shelf::default();
    let sim = shelf.sim(vec![lazy(spec("a")), spec("b")]).await;
    sim.script("a", [Life { tools: vec!["one".into(), "two".into()], ..Life::good() }]);
    sim.up().await;
    sim.pass(SECOND).await;
    assert_eq!((sim.phase("a"), sim.launches("a").len()), ("stopped(idle)".into(), 1));
    assert_eq!(tools_known(&sim, "a").unwrap(), ["one", "two"]);
    assert_eq!(sim.info("a").known.as_ref().unwrap().server.name, "a");
    drop(sim);
    tokio::time::sleep(SECOND).await;
    // The next manager starts it for nobody, and knows all the same.
    let sim = shelf.sim(vec![lazy(spec("a")), spec("b")]).await;
    assert_eq!(tools_known(&sim, "a").unwrap(), ["one", "two"]);
    sim.script("a", [Life { tools: vec!["echo".into(), "three".into()], ..Life::good() }]);
    sim.up().await;
    sim.pass(60 * SECOND).await;
    assert_eq!((sim.info("a").status.reason, sim.launches("a").len()), (Reason::Lazy, 0));
    call(&sim.supervisor, "a").await.unwrap().unwrap();
    sim.pass(SECOND).await;
    assert_eq!(tools_known(&sim, "a").unwrap(), ["echo", "three"]);
    // Another command is another service.
    let mut other = lazy(spec("a"));
    other.transport = spec_of("another").transport;
    let sim = shelf.sim(vec![other]).await;
    assert_eq!(tools_known(&sim, "a"), None);
    sim.up().await;
    sim.pass(SECOND).await;
    assert_eq!((sim.launches("a").len(), sim.phase("a")), (1, "stopped(idle)".into()));
}

fn spec_of(command: &str) -> ServiceSpec {
    ServiceSpec::stdio(name("x"), command, Vec::<String>::new())
}

#[tokio::test(start_paused = true)]
async fn it_does_not_fall_asleep_before_all_its_lists_were_asked_for() {
    let shelf = Shelf::default();
    let sim = shelf.sim(vec![idle(spec("a"), 1), lazy(idle(spec("b"), 1))]).await;
    for service in ["a", "b"] {
        sim.script(service, [Life { prompts: Some(Answering::After(5 * SECOND)), ..Life::good() }]);
    }
    sim.up().await;
    sim.pass(4 * SECOND).await;
    assert_eq!((sim.phase("a"), sim.phase("b")), ("ready".into(), "ready".into()));
    sim.pass(3 * SECOND).await;
    for service in ["a", "b"] {
        assert_eq!((sim.phase(service), sim.launches(service).len()), ("stopped(idle)".into(), 1));
        let known = sim.info(service).known.clone().unwrap();
        assert_eq!(known.offers.prompts.as_ref().unwrap().entries.len(), 1, "{service}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_text_is_as_good_as_none_and_is_written_anew() {
    let shelf = Shelf::default();
    shelf.write(&name("a"), b"mcpstore-lists 1 what");
    let sim = shelf.sim(vec![lazy(spec("a"))]).await;
    assert_eq!(tools_known(&sim, "a"), None);
    sim.up().await;
    sim.pass(SECOND).await;
    let text = String::from_utf8(shelf.read(&name("a")).unwrap()).unwrap();
    assert!(text.lines().count() == 2 && text.contains(r#""name":"echo""#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn who_holds_it_keeps_it_awake() {
    let sim = Sim::of(vec![idle(lazy(spec("a")), 10)]).await;
    sim.up().await;
    let held = sim.supervisor.hold("a", None).await.unwrap();
    assert!(held.info.session().is_some());
    sim.pass(100 * SECOND).await;
    assert_eq!(sim.phase("a"), "ready");
    drop(held);
    sim.pass(11 * SECOND).await;
    assert_eq!(sim.phase("a"), "stopped(idle)");
}
