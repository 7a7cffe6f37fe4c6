//! The pages of a supervisor, over scripted services in virtual time.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_console::{Format, Readiness, Source, SupervisorSource};
use mcpstore_runtime::{FleetConfig, Supervisor, SupervisorConfig, Target};
use mcpstore_testkit::scripted::{Life, ScriptedAdapter};
use mcpstore_transport::AdapterSet;
use mcpstore_types::{ExitStatus, RestartMode, ServiceName, ServiceSpec, ServiceState};

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

fn spec(text: &str) -> ServiceSpec {
    ServiceSpec::stdio(name(text), "scripted", Vec::<String>::new())
}

async fn launch(specs: Vec<ServiceSpec>) -> (ScriptedAdapter, Supervisor) {
    let world = ScriptedAdapter::new("stdio");
    let config = SupervisorConfig {
        fleet: FleetConfig { seed: 7, ..FleetConfig::default() },
        adapters: AdapterSet::empty().with(Arc::new(world.clone())),
        ..SupervisorConfig::default()
    };
    let supervisor = Supervisor::launch(config);
    supervisor.add(specs).await.unwrap();
    (world, supervisor)
}

fn names(readiness: &Readiness) -> Vec<(&str, bool)> {
    readiness.services.iter().map(|service| (service.name.as_str(), service.ready)).collect()
}

#[tokio::test(start_paused = true)]
async fn ready_is_when_all_that_should_be_up_is_up_and_healthy() {
    let mut off = spec("off");
    off.enabled = false;
    let mut once = spec("once");
    once.policy.restart.mode = RestartMode::OnFailure;
    let (world, supervisor) = launch(vec![spec("web"), spec("db"), off, once]).await;
    let source = SupervisorSource::new(supervisor.clone(), |format: Format| format!("{format:?}"));
    assert_eq!(source.metrics(Format::OpenMetrics), "OpenMetrics");

    // Nothing was asked to be up yet.
    assert_eq!(source.readiness(None), Readiness::of(vec![]));
    for slow in ["web", "db"] {
        world.script(&name(slow), [Life::slow(Duration::from_secs(1))]);
    }
    world.script(&name("once"), [Life::crashes_after(Duration::from_secs(5), ExitStatus::Code(0))]);
    supervisor.start(Target::All).await.unwrap();
    let starting = source.readiness(None);
    assert!(!starting.ready, "{starting:?}");
    assert_eq!(names(&starting)[..2], [("web", false), ("db", false)]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let up = source.readiness(None);
    assert!(up.ready, "{up:?}");
    assert_eq!(names(&up), [("web", true), ("db", true), ("once", true)]);
    assert!(up.services.iter().all(|service| service.why.is_none() && service.state == ServiceState::Running));

    // What is done is not missed.
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(supervisor.info("once").unwrap().status.state, ServiceState::Stopped);
    assert_eq!(names(&source.readiness(None)), [("web", true), ("db", true)]);

    assert!(world.crash(&name("db"), ExitStatus::Code(3)));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let down = source.readiness(None);
    assert_eq!((down.ready, names(&down)), (false, vec![("web", true), ("db", false)]));
    assert_eq!(down.services[1].why.as_deref(), Some("exited: exit code 3"));
    assert!(source.readiness(Some("web")).ready);
    assert!(!source.readiness(Some("db")).ready);
    assert!(!source.readiness(Some("off")).ready, "who asks for it wants it up");
    assert_eq!(source.readiness(Some("wep")).unknown.unwrap(), "no service `wep`; did you mean `web`?");

    supervisor.stop(Target::from(name("db")), false).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(names(&source.readiness(None)), [("web", true)], "stopped on purpose");
}

#[tokio::test(start_paused = true)]
async fn the_question_whether_the_manager_lives_changes_nothing() {
    let (_world, supervisor) = launch(vec![spec("web")]).await;
    supervisor.start(Target::All).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (before, events) = (supervisor.snapshot().version, supervisor.events().last_seq());
    let source = SupervisorSource::new(supervisor.clone(), |_| String::new());
    for _ in 0..10 {
        let found = source.liveness().await;
        assert!(found.live && found.why.is_none(), "{found:?}");
    }
    assert_eq!((supervisor.snapshot().version, supervisor.events().last_seq()), (before, events));
}
