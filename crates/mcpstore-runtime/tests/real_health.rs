//! Health and recovery of real processes and over real HTTP, in real time.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]
#![cfg(unix)]

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcpstore_runtime::{Goal, Supervisor, SupervisorConfig, Target};
use mcpstore_testkit::http::{HttpBehaviour, HttpFault, HttpServer};
use mcpstore_testkit::server::Behaviour;
use mcpstore_testkit::{TAG_VARIABLE, fixture_path, no_survivors, unique_tag, warden_path};
use mcpstore_transport::{AdapterSet, Stdio, WardenProgram};
use mcpstore_types::{
    Health, Incarnation, Notice, ProbeKind, Reason, RestartMode, ServiceName, ServiceSpec, Timestamp, TransportSpec,
};

/// Many times what anything here takes.
const LONG: Duration = Duration::from_secs(120);

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A hostile server with these flags, which carries the tag and is probed often.
fn fixture(service: &str, tag: &str, flags: &[&str]) -> ServiceSpec {
    let mut spec = ServiceSpec::stdio(name(service), fixture_path().display().to_string(), flags.iter().copied());
    if let TransportSpec::Stdio(stdio) = &mut spec.transport {
        stdio.env.insert(TAG_VARIABLE.to_owned(), tag.into());
    }
    let health = &mut spec.policy.health;
    (health.interval, health.timeout, health.fall) = (ms(200), ms(200), 3);
    spec
}

async fn launch(specs: Vec<ServiceSpec>) -> Supervisor {
    let mut adapters = AdapterSet::builtin();
    if cfg!(target_os = "linux") {
        adapters = adapters.with(Arc::new(Stdio::new().with_warden(WardenProgram::helper(warden_path()))));
    }
    let supervisor = Supervisor::launch(SupervisorConfig { adapters, ..SupervisorConfig::default() });
    supervisor.add(specs).await.unwrap();
    supervisor.start_all_and_wait().await.unwrap();
    supervisor
}

/// Ends everything, and checks that nothing outlives it.
async fn end(supervisor: Supervisor, tag: &str) {
    supervisor.stop(Target::All, true).await.unwrap();
    for info in supervisor.snapshot().services() {
        supervisor.wait(info.name(), Goal::Down, Some(LONG)).await.unwrap();
    }
    drop(supervisor);
    let left = tokio::task::block_in_place(|| no_survivors(tag, Duration::from_secs(10)));
    assert_eq!(left, Vec::<u32>::new());
}

fn signal(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

fn notices(supervisor: &Supervisor, service: &str) -> Vec<Arc<Notice>> {
    supervisor.events().since(0).into_iter().filter(|notice| notice.service == service).collect()
}

fn reasons(supervisor: &Supervisor, service: &str) -> Vec<Reason> {
    notices(supervisor, service).iter().map(|notice| notice.reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_is_replaced_after_three_probes() {
    let tag = unique_tag("stopped");
    let supervisor = launch(vec![fixture("frozen", &tag, &[]), fixture("other", &tag, &[])]).await;
    let pid = |service: &str| supervisor.info(service).unwrap().pid.unwrap();
    let (frozen, other) = (pid("frozen"), pid("other"));
    signal(frozen, "-STOP");
    supervisor.wait(&name("frozen"), Goal::RunningAfter(Incarnation(1)), Some(LONG)).await.unwrap();
    assert_ne!(pid("frozen"), frozen);
    let seen = reasons(&supervisor, "frozen");
    let degraded = seen.iter().position(|reason| *reason == Reason::ProbeFailed);
    let hung = seen.iter().position(|reason| *reason == Reason::LivenessFailed);
    assert!(degraded.is_some() && degraded < hung, "{seen:?}");
    assert_eq!((pid("other"), supervisor.info("other").unwrap().status.incarnation), (other, Incarnation(1)));
    end(supervisor, &tag).await;
}

/// The same at full length with `MCPSTORE_TEST_LONG=1`: a minute under a probe of two seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_busy_with_one_call_is_never_touched() {
    let tag = unique_tag("busy");
    let long = std::env::var_os("MCPSTORE_TEST_LONG").is_some();
    let mut busy = fixture("busy", &tag, &["--one-at-a-time"]);
    let call = if long { 60_000 } else { 6_000 };
    if long {
        (busy.policy.health.interval, busy.policy.health.timeout) = (ms(2_000), ms(1_000));
        busy.policy.timeouts.call = Duration::from_secs(90);
    }
    let supervisor = launch(vec![busy]).await;
    let before = supervisor.info("busy").unwrap().pid;
    let moved = notices(&supervisor, "busy").len();
    let began = Instant::now();
    supervisor.call_tool_text("busy", "sleep", &format!(r#"{{"ms":{call}}}"#)).await.unwrap();
    assert!(began.elapsed() >= ms(call));
    let info = supervisor.info("busy").unwrap();
    assert_eq!((info.pid, info.status.incarnation, info.status.health), (before, Incarnation(1), Health::Healthy));
    assert_eq!(notices(&supervisor, "busy").len(), moved, "{:?}", reasons(&supervisor, "busy"));
    // It is probed again from here on: a call that hangs without an end does not keep one that is stopped.
    signal(info.pid.unwrap(), "-STOP");
    supervisor.wait(&name("busy"), Goal::RunningAfter(Incarnation(1)), Some(LONG)).await.unwrap();
    end(supervisor, &tag).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_http_and_is_mute_to_mcp_is_unhealthy_after_three_probes() {
    // A page of a shop; JSON that is no message; a stream that is kept open and says nothing.
    for fault in [HttpFault::WrongType, HttpFault::Mute, HttpFault::Comments] {
        let http = HttpBehaviour {
            fault: Some(fault.clone()),
            fault_on: vec!["ping".to_owned()],
            fault_after: 2,
            ..HttpBehaviour::default()
        };
        let server = HttpServer::start(Behaviour::default(), http).await.unwrap();
        let mut spec = ServiceSpec::http(name("mute"), server.url());
        let health = &mut spec.policy.health;
        (health.interval, health.timeout, health.fall) = (ms(300), ms(1_000), 3);
        spec.policy.restart.mode = RestartMode::Never;
        let supervisor = launch(vec![spec]).await;
        supervisor.wait(&name("mute"), Goal::Down, Some(LONG)).await.unwrap();
        let seen = reasons(&supervisor, "mute");
        assert!(seen.contains(&Reason::ProbeFailed) && seen.contains(&Reason::LivenessFailed), "{fault:?}: {seen:?}");
        // Two that were well, and three in a row that were not: at their interval, that is within three of them.
        let pings = server.requests().iter().filter(|request| request.body.contains("\"ping\"")).count();
        assert_eq!(pings, 5, "{fault:?}");
        // Its address as such is well all the time.
        let mut other = ServiceSpec::http(name("other"), server.url());
        other.policy.health.probe = ProbeKind::Tcp { address: server.url().split('/').nth(2).unwrap().to_owned() };
        other.policy.health.interval = ms(50);
        supervisor.add(vec![other]).await.unwrap();
        supervisor.start_and_wait(&name("other")).await.unwrap();
        let enough = async {
            while supervisor.metrics("other", None).unwrap().total_checks < 5 {
                tokio::time::sleep(ms(10)).await;
            }
        };
        tokio::time::timeout(LONG, enough).await.unwrap();
        assert_eq!(supervisor.info("other").unwrap().status.health, Health::Healthy);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_servers_that_are_killed_together_come_back_spread() {
    let tag = unique_tag("fifty");
    let names: Vec<String> = (0..50).map(|index| format!("s{index}")).collect();
    let specs = names.iter().map(|service| {
        let mut spec = fixture(service, &tag, &[]);
        spec.policy.health.interval = Duration::from_secs(10);
        spec.policy.health.timeout = Duration::from_secs(30);
        // However long the start of all takes here: nobody is restarted at once.
        spec.policy.restart.stable_after = Duration::from_secs(3_600);
        spec
    });
    let supervisor = launch(specs.collect()).await;
    let infos = supervisor.snapshot();
    for info in infos.services() {
        signal(info.pid.unwrap(), "-KILL");
    }
    let mut waits = BTreeSet::new();
    for service in &names {
        supervisor.wait(&name(service), Goal::RunningAfter(Incarnation(1)), Some(LONG)).await.unwrap();
        let at = |reason: &dyn Fn(&Notice) -> bool| -> Timestamp {
            notices(&supervisor, service).iter().find(|notice| reason(notice)).unwrap().time
        };
        let down = at(&|notice| notice.phase == mcpstore_types::PhaseName::BackOff);
        let wait = at(&|notice| notice.reason == Reason::RetryDue).since(down);
        assert!(wait >= ms(800) && wait <= ms(12_000), "{service}: {wait:?}");
        assert_eq!(supervisor.info(service).unwrap().status.incarnation, Incarnation(2), "{service}");
        waits.insert(wait.as_millis() / 10);
    }
    // Over the 400 ms of the jitter, told apart by hundredths of a second.
    assert!(waits.len() >= 12, "{waits:?}");
    end(supervisor, &tag).await;
}
