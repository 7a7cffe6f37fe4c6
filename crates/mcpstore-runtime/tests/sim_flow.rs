//! The main flow, from registration to removal, in virtual time.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

mod common;

use std::time::Duration;

use common::{SECOND, Sim, check_notices, ms, name, needs, spec};
use mcpstore_runtime::{CallFailure, CommandError, Goal, Rejection, Target, WaitError};
use mcpstore_testkit::scripted::{Answering, Happened, Life};
use mcpstore_transport::HandshakeError;
use mcpstore_types::{Desired, ExitStatus, Health, Incarnation, ServiceState};
use serde_json::value::RawValue;

/// The seed's dependency manager, and two more beside it whose first takes long.
async fn shop() -> Sim {
    let specs = vec![
        needs("web", &["api"]),
        needs("api", &["database", "auth"]),
        needs("auth", &["database"]),
        spec("database"),
        spec("cache"),
        needs("worker", &["cache"]),
    ];
    let sim = Sim::of(specs).await;
    for (service, handshake) in
        [("database", 300), ("auth", 500), ("api", 100), ("web", 100), ("cache", 2_000), ("worker", 10)]
    {
        sim.script(service, [Life::slow(ms(handshake))]);
    }
    sim
}

#[tokio::test(start_paused = true)]
async fn each_starts_the_moment_its_own_dependencies_are_ready() {
    let sim = shop().await;
    let infos = sim.supervisor.start_all_and_wait().await.unwrap();
    let moments = [("database", 0), ("cache", 0), ("auth", 300), ("api", 800), ("web", 900), ("worker", 2_000)];
    for (service, at) in moments {
        assert_eq!(sim.launches(service), [ms(at)], "{service}");
    }
    assert!(infos.iter().all(|info| info.status.state == ServiceState::Running), "{infos:?}");
    let order: Vec<_> = infos.iter().map(|info| info.name().to_string()).collect();
    assert_eq!(order, sim.supervisor.start_order().iter().map(ToString::to_string).collect::<Vec<_>>());
    let registered: Vec<_> = sim.supervisor.snapshot().services().iter().map(|info| info.name().to_string()).collect();
    assert_eq!(registered, ["web", "api", "auth", "database", "cache", "worker"]);
    assert_eq!(
        sim.told("auth"),
        [
            "0 -→not_started idle registered",
            "0 not_started→starting wait start_asked",
            "1 starting spawn dependencies_met",
            "1 starting init spawned",
            "1 starting probe handshake_done",
            "1 starting→running ready probe_passed",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_at_the_question_for_its_era_comes_back_at_once_and_uncharged() {
    let sim = Sim::of(vec![spec("a")]).await;
    let status = ExitStatus::Code(4);
    let at_probe = Life {
        handshake: Duration::MAX,
        handshake_error: Some(HandshakeError::ExitedAtProbe { status, stderr: Vec::new() }),
        // Its exit is seen before its handshake has said what it means.
        exit: Some((ms(10), status)),
        ..Life::good()
    };
    sim.script("a", [at_probe, Life::good()]);
    sim.up().await;
    let info = sim.info("a");
    assert_eq!((info.status.state, info.status.incarnation.0), (ServiceState::Running, 2));
    assert_eq!(sim.launches("a"), [ms(0), ms(20)]);
    assert_eq!(
        sim.told("a")[3..9],
        [
            "1 starting init spawned",
            "1 starting→stopping close era_learned",
            "1 stopping reap era_learned",
            "1 stopping→stopped stopped era_learned",
            "1 stopped→starting wait era_learned",
            "2 starting spawn dependencies_met",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn all_stop_in_reverse_order_in_parallel_where_that_allows() {
    let sim = shop().await;
    // Each takes a second to end once its input is closed.
    for service in ["web", "api", "auth", "database", "cache", "worker"] {
        sim.script(service, [Life { on_close: Some(SECOND), ..Life::good() }]);
    }
    sim.up().await;
    let start = sim.supervisor.now().since_start();
    let stopped = sim.supervisor.stop_all_and_wait(false).await.unwrap();
    assert!(stopped.iter().all(|info| info.status.state == ServiceState::Stopped && info.pid.is_none()), "{stopped:?}");
    assert!(stopped.iter().all(|info| info.server.is_none() && info.tools.is_none() && info.tools_error.is_none()));
    for (service, after) in [("web", 0), ("api", 1), ("auth", 2), ("database", 3), ("worker", 0), ("cache", 1)] {
        let closed = sim.when(service, |what| what == Happened::InputClosed);
        assert_eq!(*closed.last().unwrap() - start, after * SECOND, "{service}");
    }
    assert_eq!((sim.world.alive(), sim.world.most_alive_at_once()), (vec![], 1));
    // Nobody comes back.
    sim.pass(600 * SECOND).await;
    assert!(sim.supervisor.snapshot().services().iter().all(|info| info.status.desired == Desired::Down));
    assert!(sim.world.alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_more_start_at_once_than_there_are_slots() {
    let specs = (0..5).map(|n| spec(&format!("s{n}"))).collect();
    let sim = Sim::set_up(specs, |config| config.fleet.max_parallel_starts = 2).await;
    for n in 0..5 {
        sim.script(&format!("s{n}"), [Life::slow(SECOND)]);
    }
    sim.up().await;
    let at: Vec<_> = (0..5).map(|n| sim.launches(&format!("s{n}"))[0]).collect();
    assert_eq!(at, [0, 0, 1, 1, 2].map(|n| n * SECOND));
}

#[tokio::test(start_paused = true)]
async fn tools_are_listed_and_a_result_passes_byte_for_byte() {
    let sim = Sim::of(vec![spec("files"), spec("time")]).await;
    let result = "{ \"content\":[ {\"type\":\"text\",\"text\":\"\\u00fc 1.50\"}],\n  \"isError\" : true, \"n\": 1e2 }";
    let tools = vec!["read".to_owned(), "write".to_owned()];
    sim.script("files", [Life { tools, call_result: Some(result.to_owned()), ..Life::good() }]);
    sim.up().await;
    let listed: Vec<_> = sim
        .supervisor
        .list_tools(None)
        .unwrap()
        .into_iter()
        .map(|(service, tool)| format!("{service}.{}", tool.name))
        .collect();
    assert_eq!(listed, ["files.read", "files.write", "time.echo"]);
    assert_eq!(sim.supervisor.list_tools(Some("time")).unwrap()[0].1.input_schema.get(), r#"{"type":"object"}"#);
    let answer = sim.supervisor.call_tool_text("files", "read", "{}").await.unwrap();
    assert_eq!(answer.get(), result);
    assert_eq!(sim.supervisor.call_stats("files").unwrap().calls_total, 1);

    let call = |service: &'static str, tool: &'static str, arguments: &'static str| {
        let supervisor = sim.supervisor.clone();
        async move { supervisor.call_tool_text(service, tool, arguments).await.map(|_| ()).unwrap_err() }
    };
    let unknown = call("file", "read", "{}").await;
    assert!(matches!(unknown, CallFailure::UnknownService { .. }));
    assert_eq!(unknown.to_string(), "no service `file`; did you mean `files`?");
    let unknown = call("files", "raed", "{}").await;
    assert_eq!(unknown.to_string(), "service `files` has no tool `raed`; did you mean `read`?");
    for no_object in ["[1]", "{", "\"{}\"", ""] {
        let error = call("files", "read", no_object).await;
        assert!(matches!(error, CallFailure::BadArguments { .. }), "{no_object}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn new_tools_are_found_and_a_storm_ends_in_one_refresh() {
    let sim = Sim::of(vec![spec("s")]).await;
    sim.up().await;
    let listed = || sim.when("s", |what| what == Happened::Listed).len();
    assert_eq!(listed(), 1);
    for _ in 0..200 {
        sim.world.tools_changed(&name("s"));
        sim.pass(ms(5)).await;
    }
    sim.pass(SECOND).await;
    // One second of storm: one at its start, one every half second, one after its end.
    assert!((3..=5).contains(&listed()), "{}", listed());
    let after = listed();
    sim.pass(600 * SECOND).await;
    assert_eq!(listed(), after, "nobody said that anything changed");
}

#[tokio::test(start_paused = true)]
async fn checks_measure_real_latency_and_feed_the_metrics() {
    let sim = Sim::of(vec![spec("quick"), spec("slow"), spec("off")]).await;
    sim.script("quick", [Life { ping: Answering::After(ms(7)), ..Life::good() }]);
    sim.script("slow", [Life { ping: Answering::After(ms(40)), ..Life::good() }]);
    sim.supervisor.start_and_wait(&name("quick")).await.unwrap();
    sim.supervisor.start_and_wait(&name("slow")).await.unwrap();
    sim.pass(SECOND).await;
    let before = sim.supervisor.now();
    let reports = sim.supervisor.check_services().await;
    assert_eq!(sim.supervisor.now().since(before), ms(40), "they are probed side by side");
    let seen: Vec<_> = reports.iter().map(|r| (r.name.to_string(), r.healthy, r.response_time)).collect();
    assert_eq!(
        seen,
        [
            ("quick".to_owned(), true, Some(ms(7))),
            ("slow".to_owned(), true, Some(ms(40))),
            ("off".to_owned(), false, None)
        ]
    );
    assert_eq!(reports[2].error.as_deref(), Some("it is not_started: registered"));
    assert!(sim.supervisor.check_service("nobody").await.is_none());
    // One at the start-up, one on demand; then one every ten seconds.
    let metrics = sim.supervisor.metrics("slow", None).unwrap();
    assert_eq!((metrics.total_checks, metrics.healthy_checks, metrics.availability), (2, 2, Some(1.0)));
    assert_eq!((metrics.min_response_time, metrics.max_response_time), (Some(ms(40)), Some(ms(40))));
    sim.pass(100 * SECOND).await;
    let last_minute = sim.supervisor.metrics("slow", Some(60 * SECOND)).unwrap();
    assert_eq!(last_minute.total_checks, 6);
    assert!(sim.supervisor.metrics("nobody", None).is_none());
    assert_eq!(sim.supervisor.metrics("off", None).unwrap().availability, None);
}

#[tokio::test(start_paused = true)]
async fn restart_takes_dependents_along_and_begins_a_new_life() {
    let sim = shop().await;
    sim.up().await;
    let info = sim.supervisor.restart_and_wait(&name("auth"), false).await.unwrap().unwrap();
    assert_eq!(info.status.incarnation, Incarnation(2));
    sim.supervisor.wait(&name("web"), Goal::RunningAfter(Incarnation(1)), None).await.unwrap();
    let lives = |service: &str| sim.info(service).status.incarnation.0;
    assert_eq!(["database", "auth", "api", "web", "cache", "worker"].map(lives), [1, 2, 2, 2, 1, 1]);
    let told = sim.told("auth");
    assert_eq!(
        told[6..],
        [
            "1 running→stopping drain restart_asked",
            "1 stopping close restart_asked",
            "1 stopping reap restart_asked",
            "1 stopping→stopped stopped restart_asked",
            "1 stopped→starting wait restart_asked",
            "2 starting spawn dependencies_met",
            "2 starting init spawned",
            "2 starting probe handshake_done",
            "2 starting→running ready probe_passed",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn services_come_and_go() {
    let sim = Sim::of(vec![spec("a"), needs("b", &["a"])]).await;
    let taken = sim.supervisor.add(vec![spec("c"), spec("a")]).await.unwrap_err();
    assert!(matches!(taken, CommandError::Rejected(Rejection::Exists { .. })), "{taken}");
    let unknown = sim.supervisor.add(vec![needs("c", &["aa"])]).await.unwrap_err();
    assert!(unknown.to_string().contains("`aa`") && unknown.to_string().contains("did you mean `a`?"), "{unknown}");
    assert!(sim.supervisor.info("c").is_none(), "all or none");
    sim.up().await;

    let active = sim.supervisor.remove_and_wait(&name("b"), false).await.unwrap_err();
    assert!(active.to_string().contains("active"), "{active}");
    let in_use = sim.supervisor.remove_and_wait(&name("a"), true).await.unwrap_err();
    assert!(in_use.to_string().contains("`b`"), "{in_use}");
    sim.supervisor.remove_and_wait(&name("b"), true).await.unwrap();
    assert!(sim.supervisor.info("b").is_none());
    assert_eq!(sim.told("b").last().unwrap(), "1 stopped→- removed remove_asked");
    assert_eq!(sim.world.alive(), [name("a")]);

    // The same name may come again, as a new service.
    sim.supervisor.add(vec![needs("b", &["a"]), spec("c")]).await.unwrap();
    assert_eq!((sim.state("b"), sim.info("b").status.incarnation), (ServiceState::NotStarted, Incarnation(0)));
    sim.up().await;
    let names: Vec<_> = sim.supervisor.snapshot().services().iter().map(|info| info.name().to_string()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    sim.supervisor.stop_and_remove(Target::All, false).await.unwrap();
    sim.supervisor.wait(&name("a"), Goal::Removed, None).await.unwrap();
    assert!(sim.supervisor.snapshot().services().is_empty() && sim.supervisor.start_order().is_empty());
    assert!(sim.world.alive().is_empty());
    sim.notices();
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_goal_or_says_why_not() {
    let sim = Sim::of(vec![spec("db"), needs("api", &["db"]), spec("lost")]).await;
    sim.script("db", [Life::slow(3 * SECOND)]);
    sim.script("lost", [Life::not_found("nodee")]);
    let wait = |service: &'static str, goal, limit: Option<Duration>| {
        let supervisor = sim.supervisor.clone();
        async move { supervisor.wait(&name(service), goal, limit).await }
    };
    assert!(wait("db", Goal::Down, None).await.unwrap().is_some(), "not started is down");
    assert!(matches!(wait("bd", Goal::Down, None).await, Err(WaitError::Unknown { .. })));
    let never = wait("db", Goal::RunningAfter(Incarnation(0)), None).await.unwrap_err();
    assert_eq!(never.to_string(), "service `db` is in state not_started and will not be running by itself: registered");
    let never = wait("db", Goal::State(ServiceState::Running), None).await.unwrap_err();
    assert!(matches!(never, WaitError::Settled { goal: "running", .. }));

    sim.start("api").await;
    let late = wait("api", Goal::Healthy, Some(SECOND)).await.unwrap_err();
    assert_eq!(late.to_string(), "service `api` is still starting after 1s: waiting for `db`");
    let info = wait("api", Goal::Healthy, Some(10 * SECOND)).await.unwrap().unwrap();
    assert_eq!((info.status.health, sim.supervisor.now().since_start()), (Health::Healthy, 3 * SECOND));
    assert!(wait("api", Goal::Settled, None).await.unwrap().is_some());
    assert!(wait("api", Goal::State(ServiceState::Running), None).await.unwrap().is_some());
    let again = wait("api", Goal::RunningAfter(Incarnation(1)), Some(SECOND)).await.unwrap_err();
    assert!(matches!(again, WaitError::TimedOut { state: ServiceState::Running, .. }), "{again}");

    let failed = sim.supervisor.start_and_wait(&name("lost")).await.unwrap_err();
    let words = failed.to_string();
    assert!(
        words.starts_with("service `lost` is in state error and will not be running by itself: spec unusable: "),
        "{words}"
    );
    assert!(words.contains("`nodee`"), "{words}");
    assert!(wait("lost", Goal::Settled, None).await.unwrap().is_some());

    let api = name("api");
    let (removed, gone) = tokio::join!(wait("api", Goal::Removed, None), sim.supervisor.remove_and_wait(&api, true));
    assert!(removed.unwrap().is_none());
    gone.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_no_gap_and_a_late_one_is_told_its_lag() {
    let sim = Sim::set_up(vec![spec("a"), needs("b", &["a"])], |config| config.event_history = 5).await;
    let mut from_start = sim.supervisor.events().stream(0);
    let mut all = from_start.next().await.unwrap();
    assert_eq!(all.len(), 2);
    let reader = tokio::spawn(async move {
        while let Some(more) = from_start.next().await {
            all.extend(more);
        }
        (all, from_start.missed())
    });
    sim.up().await;
    sim.supervisor.stop_all_and_wait(false).await.unwrap();
    let total = sim.supervisor.events().last_seq();
    let mut late = sim.supervisor.events().stream(0);
    let seqs: Vec<_> = late.next().await.unwrap().iter().map(|notice| notice.seq).collect();
    assert_eq!((seqs, late.missed()), ((total - 4..=total).collect(), total - 5));
    let mut new = sim.supervisor.subscribe();
    sim.supervisor.remove(Target::from(name("b"))).await.unwrap();
    let only = new.next().await.unwrap();
    assert_eq!((only.len(), only[0].seq, only[0].to, new.missed()), (1, total + 1, None, 0));
    drop(sim);
    // With the last handle the owner ends, and with it every stream.
    assert!(new.next().await.is_none());
    let (all, missed) = reader.await.unwrap();
    assert_eq!(all.len() as u64 + missed, total + 1);
    if missed == 0 {
        check_notices(&all);
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_forgotten_in_the_snapshot_too() {
    let sim = Sim::of(vec![spec("a")]).await;
    sim.script("a", [Life::crashes_after(SECOND, ExitStatus::Code(1)), Life::good()]);
    sim.up().await;
    sim.supervisor.wait(&name("a"), Goal::RunningAfter(Incarnation(1)), None).await.unwrap();
    assert_eq!(sim.info("a").status.failures, 1);
    sim.pass(61 * SECOND).await;
    assert_eq!(sim.info("a").status.failures, 0);
}

/// In real time, on two threads: an answer and a notice are never ahead of the snapshot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_answered_finds_the_change_in_the_snapshot() {
    let sim = Sim::of(vec![spec("a"), needs("b", &["a"])]).await;
    let supervisor = sim.supervisor.clone();
    let mut stream = supervisor.subscribe();
    let reader = tokio::spawn(async move {
        let mut seen = 0;
        while let Some(notices) = stream.next().await {
            for notice in &notices {
                let info = supervisor.info(notice.service.as_str());
                let known = info.map_or(Incarnation(u64::MAX), |info| info.status.incarnation);
                assert!(known >= notice.incarnation, "the snapshot is behind {notice:?}");
                seen += 1;
                if notice.to.is_none() {
                    return seen;
                }
            }
        }
        seen
    });
    for life in 1..=100 {
        let running = sim.supervisor.start_and_wait(&name("b")).await.unwrap().unwrap();
        assert_eq!((running.status.incarnation, running.status.state), (Incarnation(life), ServiceState::Running));
        let arguments = RawValue::from_string("{}".into()).unwrap();
        sim.supervisor.call_tool("b", "echo", arguments).await.unwrap();
        let down = sim.supervisor.stop_and_wait(&name("a"), false).await.unwrap().unwrap();
        assert_eq!(down.status.state, ServiceState::Stopped);
        assert_eq!(sim.state("b"), ServiceState::Stopped, "it went first");
    }
    sim.supervisor.remove_and_wait(&name("b"), false).await.unwrap();
    assert!(reader.await.unwrap() > 1_000);
    sim.notices();
    assert_eq!(sim.world.most_alive_at_once(), 1);
}
