//! From what services do to what sinks are told, over scripted services in virtual time.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

use std::sync::Arc;
use std::time::Duration;

use mcpstore_monitor::AlertStage;
use mcpstore_observe::{Observer, ObserverConfig, Record};
use mcpstore_runtime::{FleetConfig, Supervisor, SupervisorConfig, Target};
use mcpstore_testkit::scripted::{Answering, Life, ScriptedAdapter};
use mcpstore_transport::AdapterSet;
use mcpstore_types::{AlertKind, Dependency, ExitStatus, ServiceName, ServiceSpec};

const SECOND: Duration = Duration::from_secs(1);

struct Sim {
    world: ScriptedAdapter,
    supervisor: Supervisor,
    observer: Observer,
}

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

fn spec(text: &str) -> ServiceSpec {
    ServiceSpec::stdio(name(text), "scripted", Vec::<String>::new())
}

async fn sim(specs: Vec<ServiceSpec>, config: ObserverConfig) -> Sim {
    let world = ScriptedAdapter::new("stdio");
    let supervisor = Supervisor::launch(SupervisorConfig {
        fleet: FleetConfig { seed: 7, ..FleetConfig::default() },
        adapters: AdapterSet::empty().with(Arc::new(world.clone())),
        ..SupervisorConfig::default()
    });
    supervisor.add(specs).await.unwrap();
    let (observer, _) = Observer::start(supervisor.clone(), config).await.unwrap();
    Sim { world, supervisor, observer }
}

impl Sim {
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// The alerts that fire, as `kind service`.
    fn firing(&self) -> Vec<String> {
        let alerts = self.observer.alerts().alerts.into_iter();
        let firing = alerts.filter(|alert| alert.stage == AlertStage::Firing);
        firing.map(|alert| format!("{} {}", alert.kind, alert.service)).collect()
    }

    /// How many alerts the log was told.
    fn told(&self) -> u64 {
        self.observer.alerts().sinks[0].sent_total
    }
}

/// It crashes a second after each start, for ever.
fn crashing() -> Life {
    Life { stderr: vec!["no database".into()], ..Life::crashes_after(SECOND, ExitStatus::Code(3)) }
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_is_told_of_once_and_resolved_by_a_start_that_works() {
    let sim = sim(vec![spec("db"), spec("good")], ObserverConfig::default()).await;
    sim.world.script(&name("db"), std::iter::repeat_n(crashing(), 6).chain([Life::good()]));
    sim.supervisor.start(Target::All).await.unwrap();
    sim.pass(120 * SECOND).await;
    // Few restarts were left before; of these nothing is left to tell once it gave up.
    assert!(sim.firing().contains(&"gave_up db".to_owned()), "{:?}", sim.firing());
    let report = sim.observer.alerts();
    let gave_up = report.alerts.iter().find(|alert| alert.kind == AlertKind::GaveUp).unwrap();
    assert!(gave_up.detail.contains("code 3") && gave_up.detail.contains("no database"), "{}", gave_up.detail);
    let told = sim.told();
    sim.pass(600 * SECOND).await;
    assert!(sim.firing().contains(&"gave_up db".to_owned()));
    assert!(sim.told() <= told + 1, "told again: {} after {told}", sim.told());

    sim.supervisor.start(Target::from(name("db"))).await.unwrap();
    sim.pass(700 * SECOND).await;
    assert_eq!(sim.firing(), Vec::<String>::new());
    let report = sim.observer.alerts();
    assert_eq!(report.alerts.len(), 0, "{:?}", report.alerts);
    let page = sim.observer.metrics_text(mcpstore_monitor::Format::OpenMetrics);
    assert!(page.ends_with("# EOF\n") && page.contains("mcpstore_service_restarts_total{service=\"db\"} 5"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn what_a_user_stops_is_no_alert_and_ends_one() {
    let sim = sim(vec![spec("db")], ObserverConfig::default()).await;
    sim.world.script(&name("db"), [crashing()]);
    sim.supervisor.start(Target::All).await.unwrap();
    sim.pass(120 * SECOND).await;
    assert!(sim.firing().contains(&"gave_up db".to_owned()));
    sim.supervisor.stop(Target::All, false).await.unwrap();
    sim.pass(700 * SECOND).await;
    assert_eq!(sim.firing(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_stays_down_is_told_of_after_a_minute() {
    let api = spec("api").with_dependency(Dependency::requires(name("db")));
    let sim = sim(vec![spec("db"), api], ObserverConfig::default()).await;
    sim.world.script(&name("db"), [Life::not_found("db")]);
    sim.supervisor.start(Target::All).await.unwrap();
    sim.pass(59 * SECOND).await;
    assert_eq!(sim.firing(), ["gave_up db"], "no program: no further attempt would help");
    sim.pass(2 * SECOND).await;
    assert_eq!(sim.firing(), ["gave_up db", "dependency_failed api"]);
    let alert = &sim.observer.alerts().alerts[1];
    assert!(alert.detail.contains("`db` is down"), "{}", alert.detail);
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_are_told_of_without_a_change_of_state() {
    let sim = sim(vec![spec("db")], ObserverConfig::default()).await;
    sim.world.script(&name("db"), [Life { call: Answering::Error(-1), ..Life::good() }]);
    sim.supervisor.start(Target::All).await.unwrap();
    sim.pass(SECOND).await;
    for _ in 0..30 {
        sim.supervisor.call_tool_text("db", "echo", "{}").await.unwrap_err();
    }
    sim.pass(58 * SECOND).await;
    assert_eq!(sim.firing(), Vec::<String>::new());
    // It holds for a minute; rates are looked at each two seconds.
    sim.pass(6 * SECOND).await;
    assert_eq!(sim.firing(), ["error_rate db"]);
    // After five minutes the window has no call any more; two more, and it is over.
    sim.pass(430 * SECOND).await;
    assert_eq!(sim.firing(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_silence_is_kept_and_ends() {
    let sim = sim(vec![spec("db")], ObserverConfig::default()).await;
    sim.world.script(&name("db"), [crashing()]);
    let silence = sim.observer.silence(None, Some("d*".into()), 300 * SECOND, "I know".into()).unwrap();
    sim.supervisor.start(Target::All).await.unwrap();
    sim.pass(200 * SECOND).await;
    assert_eq!((sim.firing().contains(&"gave_up db".to_owned()), sim.told()), (true, 0));
    assert_eq!(sim.observer.alerts().silences[0].id, silence.id);
    sim.pass(101 * SECOND).await;
    assert!(sim.told() > 0, "told when the silence ends");
    assert!(!sim.observer.unsilence(silence.id), "it is over");
}

#[tokio::test]
async fn what_fires_survives_the_manager_and_is_not_told_twice() {
    let folder = tempfile::tempdir().unwrap();
    let config = || ObserverConfig { history: Some(folder.path().join("history")), ..ObserverConfig::default() };
    let quick = || {
        let mut spec = spec("db");
        spec.policy.restart.max_attempts = 1;
        spec.policy.restart.backoff.delay = Duration::from_millis(1);
        spec.policy.restart.backoff.max_delay = Duration::from_millis(1);
        spec
    };
    let first = sim(vec![quick()], config()).await;
    first.world.script(&name("db"), [Life::crashes_after(Duration::from_millis(1), ExitStatus::Code(3))]);
    first.supervisor.start(Target::All).await.unwrap();
    let mut waited = Duration::ZERO;
    while first.told() == 0 || !first.firing().contains(&"gave_up db".to_owned()) {
        assert!(waited < 30 * SECOND, "{:?}", first.observer.alerts());
        waited += Duration::from_millis(5);
        first.pass(Duration::from_millis(5)).await;
    }
    let alert = first.observer.alerts().alerts.into_iter().find(|alert| alert.kind == AlertKind::GaveUp).unwrap();
    let silence = first.observer.silence(Some(AlertKind::Latency), None, 3_600 * SECOND, String::new()).unwrap();
    first.observer.shutdown(SECOND).await;
    drop(first);

    let second = sim(vec![quick()], config()).await;
    let report = second.observer.alerts();
    let kept = report.alerts.iter().find(|alert| alert.kind == AlertKind::GaveUp).unwrap();
    assert_eq!((&kept.id, kept.told_ms, kept.since_ms), (&alert.id, alert.told_ms, alert.since_ms));
    assert_eq!((report.silences, second.told()), (vec![silence], 0));
    let events = second.observer.history(0, 1_000, |record| matches!(record, Record::Notice(_))).await.unwrap();
    let gave_up = |(_, record): &(u64, Record)| matches!(record, Record::Notice(notice) if notice.reason == "gave_up");
    assert!(events.iter().any(gave_up), "{events:?}");
    // Before it is started nothing is over.
    second.pass(Duration::from_millis(100)).await;
    assert_eq!((second.told(), second.firing().contains(&"gave_up db".to_owned())), (0, true));
    // It works now: the alert of the manager before is resolved.
    second.supervisor.start(Target::All).await.unwrap();
    while second.told() == 0 {
        assert!(waited < 60 * SECOND, "{:?}", second.observer.alerts());
        waited += Duration::from_millis(5);
        second.pass(Duration::from_millis(5)).await;
    }
    assert!(!second.firing().contains(&"gave_up db".to_owned()));
    let up = second.supervisor.metrics_report().services[0].availability[0];
    assert!(up.wanted_seconds > 0.0 && up.ratio.is_some_and(|ratio| ratio < 1.0), "{up:?}");
}

#[tokio::test]
async fn a_history_that_cannot_be_written_is_told_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history");
    std::fs::write(&file, "no folder").unwrap();
    let config =
        ObserverConfig { history: Some(file), look_every: Duration::from_millis(5), ..ObserverConfig::default() };
    let sim = sim(vec![spec("db")], config).await;
    let fault = sim.observer.alerts().history_fault.unwrap();
    assert!(fault.contains("history"), "{fault}");
    sim.supervisor.start_all_and_wait().await.unwrap();
    assert!(sim.observer.metrics_text(mcpstore_monitor::Format::Prometheus).contains("mcpstore_history_writable 0"));
    sim.observer.shutdown(SECOND).await;
}
