//! What goes wrong, and what becomes of it, in virtual time.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{SECOND, Sim, ms, name, needs, spec};
use mcpstore_runtime::{CallFailure, Goal, Target, WaitError};
use mcpstore_testkit::scripted::{Answering, Happened, Life};
use mcpstore_transport::{CallError, HandshakeError, LaunchError};
use mcpstore_types::{
    ConditionKind, DepKind, Dependency, ExitStatus, Health, Incarnation, PhaseName, Reason, RestartMode, ServiceState,
};

const CRASH: ExitStatus = ExitStatus::Signal(9);

/// The words beside the last notice of a service with this phase.
fn words(sim: &Sim, service: &str, phase: PhaseName) -> String {
    let notices = sim.notices();
    let last = notices.iter().rev().find(|notice| notice.service == service && notice.phase == phase);
    last.unwrap_or_else(|| panic!("no {phase} in {:#?}", sim.told(service))).detail.as_deref().unwrap_or("").to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_seen_at_once_and_recovered_by_policy() {
    let sim = Sim::of(vec![spec("db"), needs("api", &["db"]), spec("other")]).await;
    sim.script("db", [Life { stderr: vec!["out of cheese".into()], ..Life::good() }, Life::good()]);
    sim.up().await;
    sim.pass(5 * SECOND).await;
    let (at, seen) = (sim.supervisor.now().since_start(), sim.supervisor.events().last_seq());
    assert!(sim.world.crash(&name("db"), CRASH));
    let info = sim.supervisor.wait(&name("db"), Goal::State(ServiceState::Error), None).await.unwrap().unwrap();
    assert_eq!(sim.supervisor.now().since_start(), at, "seen at once");
    assert_eq!((info.pid, info.tools.is_none(), info.status.health), (None, true, Health::Unknown));
    assert_eq!(info.detail.as_deref(), Some("signal 9 (SIGKILL)\n  stderr | out of cheese"));
    assert_eq!(&info.last_stderr[..], ["out of cheese"]);
    let api = sim.info("api");
    assert_eq!((api.status.state, api.status.reason), (ServiceState::Running, Reason::DependencyLost));
    assert_eq!(api.why(), "dependency lost: dependency `db`");
    assert!(api.status.conditions.iter().any(|c| c.kind == ConditionKind::DependencyLost));

    sim.supervisor.wait(&name("db"), Goal::RunningAfter(Incarnation(1)), None).await.unwrap();
    let pause = sim.launches("db")[1] - at;
    assert!(pause >= ms(800) && pause <= ms(1_201), "{pause:?}");
    let told = |service: &str| sim.told(service).split_off(6);
    assert_eq!(
        told("db"),
        [
            "1 running→error cleanup exited",
            "1 error back_off exited",
            "1 error→starting wait retry_due",
            "2 starting spawn dependencies_met",
            "2 starting init spawned",
            "2 starting probe handshake_done",
            "2 starting→running ready probe_passed",
        ]
    );
    assert_eq!(told("api"), ["1 running ready dependency_lost", "1 running ready dependency_recovered"]);
    let details: Vec<_> =
        sim.supervisor.events().since(seen).iter().map(|n| n.detail.as_deref().map(str::to_owned)).collect();
    assert!(details.contains(&Some("dependency `db`".into())), "{details:?}");
    let api = sim.info("api");
    assert_eq!((api.status.incarnation, api.detail.clone()), (Incarnation(1), None), "{}", api.why());
    assert_eq!(told("other"), Vec::<String>::new());
    assert_eq!((sim.info("db").status.restarts, sim.world.most_alive_at_once()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_is_bound_to_a_lost_service_goes_down_and_comes_back_with_it() {
    let bound = spec("api").with_dependency(Dependency::new(name("db"), DepKind::BindsTo));
    let sim = Sim::of(vec![spec("db"), bound, needs("web", &["api"])]).await;
    // The first crash is over within the grace; the second is not.
    sim.script("db", [Life::good(), Life::good(), Life::slow(20 * SECOND)]);
    sim.up().await;
    sim.world.crash(&name("db"), CRASH);
    sim.pass(10 * SECOND).await;
    assert_eq!((sim.info("db").status.incarnation.0, sim.info("api").status.incarnation.0), (2, 1));
    sim.pass(10 * SECOND).await;
    let at = sim.supervisor.now().since_start();
    sim.world.crash(&name("db"), CRASH);
    sim.pass(60 * SECOND).await;
    let closed = |service: &str| sim.when(service, |what| what == Happened::InputClosed);
    assert_eq!((closed("web"), closed("api")), (vec![at + 5 * SECOND], vec![at + 5 * SECOND]));
    assert!(sim.told("api").contains(&"1 running→stopping drain dependency_lost".to_owned()), "{:#?}", sim.told("api"));
    for service in ["api", "web"] {
        assert_eq!((sim.state(service), sim.info(service).status.incarnation.0), (ServiceState::Running, 2));
    }
    assert!(sim.launches("api")[1] >= sim.launches("db")[2] + 20 * SECOND, "not before what it is bound to is ready");
}

#[tokio::test(start_paused = true)]
async fn who_merely_wants_a_lost_service_says_so_though_nothing_happens_to_it() {
    let sim = Sim::of(vec![spec("db"), spec("api").with_dependency(Dependency::new(name("db"), DepKind::Wants))]).await;
    sim.script("db", [Life::good(), Life::slow(5 * SECOND)]);
    sim.up().await;
    let missing = || sim.info("api").status.conditions.iter().any(|c| c.kind == ConditionKind::DependencyMissing);
    assert!(!missing());
    sim.world.crash(&name("db"), CRASH);
    sim.pass(ms(10)).await;
    assert!(missing());
    sim.supervisor.wait(&name("db"), Goal::RunningAfter(Incarnation(1)), None).await.unwrap();
    assert!(!missing());
    assert_eq!(sim.told("api").len(), 6);
}

#[tokio::test(start_paused = true)]
async fn who_fails_too_often_is_given_up_and_only_its_descendants_are_skipped() {
    let sim = Sim::of(vec![spec("bad"), needs("child", &["bad"]), spec("good")]).await;
    let dies = Life { stderr: vec!["no licence".into()], ..Life::crashes_after(SECOND, ExitStatus::Code(3)) };
    sim.script("bad", [Life { handshake: 5 * SECOND, ..dies }]);
    let infos = sim.supervisor.start_all_and_wait().await.unwrap();
    let phases: Vec<_> = infos.iter().map(|info| format!("{} {}", info.name(), info.status.phase)).collect();
    assert_eq!(phases, ["bad failed(gave_up)", "child failed(dependency)", "good ready"]);
    // The first attempt and five more, each after its wait; each life was a second long.
    let launches = sim.launches("bad");
    assert_eq!(launches.len(), 6);
    for (attempt, pair) in launches.windows(2).enumerate() {
        let wait = (pair[1] - pair[0] - SECOND).as_secs_f64();
        let ideal = f64::from(1_u32 << attempt);
        assert!(wait >= ideal * 0.8 && wait <= ideal * 1.2 + 0.001, "attempt {attempt}: {wait}");
    }
    assert_eq!(sim.info("bad").why(), "gave up: exit code 3");
    assert_eq!(words(&sim, "bad", PhaseName::Failed), "exit code 3\n  stderr | no licence");
    assert_eq!(sim.info("child").why(), "dependency failed: dependency `bad`");
    assert!(sim.launches("child").is_empty());
    // Nothing more comes by itself; a manual start begins anew, and the child follows by itself.
    sim.pass(3_600 * SECOND).await;
    assert_eq!(sim.launches("bad").len(), 6);
    sim.script("bad", [Life::good()]);
    sim.supervisor.start_and_wait(&name("bad")).await.unwrap();
    sim.supervisor.wait(&name("child"), Goal::RunningAfter(Incarnation(0)), Some(SECOND)).await.unwrap();
    assert_eq!(sim.info("bad").status.failures, 0);
}

#[tokio::test(start_paused = true)]
async fn who_was_stable_is_restarted_at_once() {
    let sim = Sim::of(vec![spec("a")]).await;
    sim.up().await;
    sim.pass(61 * SECOND).await;
    sim.world.crash(&name("a"), CRASH);
    sim.supervisor.wait(&name("a"), Goal::RunningAfter(Incarnation(1)), None).await.unwrap();
    let pause = sim.launches("a")[1] - 61 * SECOND;
    assert!(pause <= ms(1), "{pause:?}");
    assert_eq!(sim.info("a").status.failures, 1);
}

#[tokio::test(start_paused = true)]
async fn policies_other_than_on_failure() {
    let mut never = spec("never");
    never.policy.restart.mode = RestartMode::Never;
    let mut always = spec("always");
    always.policy.restart.mode = RestartMode::Always;
    let sim = Sim::of(vec![never, always, spec("done")]).await;
    sim.script("never", [Life::crashes_after(SECOND, ExitStatus::Code(1))]);
    for service in ["always", "done"] {
        sim.script(service, [Life::crashes_after(SECOND, ExitStatus::Code(0)), Life::good()]);
    }
    sim.up().await;
    sim.pass(10 * SECOND).await;
    assert_eq!((sim.phase("never"), sim.info("never").why()), ("failed(exit)".into(), "exited: exit code 1".into()));
    assert_eq!((sim.phase("always"), sim.info("always").status.incarnation.0), ("ready".into(), 2));
    assert_eq!(sim.phase("done"), "stopped(completed)");
}

#[tokio::test(start_paused = true)]
async fn a_hang_in_the_handshake_ends_in_time_and_holds_up_nobody() {
    let mut hangs = spec("hangs");
    hangs.policy.restart.mode = RestartMode::Never;
    let sim = Sim::of(vec![hangs, spec("good")]).await;
    sim.script("hangs", [Life { handshake: Duration::MAX, stderr: vec!["thinking".into()], ..Life::stubborn() }]);
    sim.start("hangs").await;
    sim.supervisor.start_and_wait(&name("good")).await.unwrap();
    assert_eq!(sim.supervisor.now().since_start(), Duration::ZERO);
    let failed = sim.supervisor.wait(&name("hangs"), Goal::RunningAfter(Incarnation(0)), None).await.unwrap_err();
    // The handshake's 30 s, and 5 s until the signal that it ignores is followed by a kill.
    assert_eq!(sim.supervisor.now().since_start(), 35 * SECOND);
    assert!(failed.to_string().contains("did not answer the handshake within 30s"), "{failed}");
    assert_eq!(sim.phase("hangs"), "failed(handshake)");
    let last = words(&sim, "hangs", PhaseName::Failed);
    assert!(last.ends_with("within 30s\n  stderr | thinking"), "{last}");
    assert_eq!(&sim.info("hangs").last_stderr[..], ["thinking"]);
}

#[tokio::test(start_paused = true)]
async fn what_no_attempt_can_mend_fails_at_once_with_the_words() {
    let mut wrong_kind = spec("elsewhere");
    wrong_kind.transport = mcpstore_types::TransportSpec::Http(Default::default());
    let sim = Sim::of(vec![spec("lost"), wrong_kind, spec("refused"), spec("busy")]).await;
    sim.script("lost", [Life::not_found("nodee")]);
    let refused = HandshakeError::Auth { message: "who are you?".into() };
    sim.script("refused", [Life { handshake_error: Some(refused), ..Life::good() }]);
    let source = Arc::new(std::io::Error::other("no more processes"));
    let busy = LaunchError::Spawn { program: "busy".into(), source };
    sim.script("busy", [Life { spawn_error: Some(busy), ..Life::good() }, Life::good()]);
    sim.up().await;
    assert_eq!(sim.phase("lost"), "failed(config)");
    assert!(sim.info("lost").why().starts_with("spec unusable: no program `nodee`"), "{}", sim.info("lost").why());
    assert_eq!(sim.phase("elsewhere"), "failed(config)");
    assert!(sim.info("elsewhere").why().ends_with("no adapter for transport `http`; known are stdio"));
    assert_eq!(sim.phase("refused"), "failed(auth)");
    assert_eq!(sim.info("refused").why(), "auth refused: the server refused our credentials: who are you?");
    assert_eq!([sim.launches("lost").len(), sim.launches("refused").len()], [1, 1]);
    // What may pass is tried again, and says so.
    assert_eq!((sim.phase("busy"), sim.launches("busy").len()), ("ready".into(), 2));
    assert_eq!(words(&sim, "busy", PhaseName::BackOff), "the system could not start `busy`: no more processes");
}

#[tokio::test(start_paused = true)]
async fn an_exit_in_the_handshake_tells_code_and_last_words() {
    let mut fragile = spec("fragile");
    fragile.policy.restart.mode = RestartMode::Never;
    let sim = Sim::of(vec![fragile]).await;
    let stderr: Vec<_> = (1..=30).map(|n| format!("line {n}")).collect();
    let exit = Some((2 * SECOND, ExitStatus::Code(78)));
    sim.script("fragile", [Life { exit, stderr: stderr.clone(), ..Life::hangs_in_handshake() }]);
    sim.up().await;
    let info = sim.info("fragile");
    assert_eq!(
        (info.status.reason, info.status.phase.to_string()),
        (Reason::Exited(ExitStatus::Code(78)), "failed(exit)".into())
    );
    let told = words(&sim, "fragile", PhaseName::Failed);
    assert!(told.starts_with("exit code 78\n  stderr | line 11\n") && told.ends_with("| line 30"), "{told}");
    assert_eq!(info.last_stderr[..], stderr[10..]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hangs_keeps_nobody_from_running() {
    let sim = Sim::of(vec![spec("mute"), needs("user", &["mute"]), spec("good")]).await;
    sim.script("mute", [Life { list: Answering::Never, ..Life::good() }]);
    sim.start("user").await;
    sim.supervisor.start_and_wait(&name("good")).await.unwrap();
    assert_eq!(sim.supervisor.now().since_start(), Duration::ZERO);
    sim.supervisor.start_and_wait(&name("user")).await.unwrap();
    assert_eq!(sim.supervisor.now().since_start(), 2 * SECOND, "held back a little for the list, no longer");
    assert!(sim.info("mute").tools.is_none() && sim.info("mute").tools_error.is_none());
    sim.supervisor.call_tool_text("mute", "echo", "{}").await.unwrap();
    sim.pass(9 * SECOND).await;
    let error = sim.info("mute").tools_error.clone().unwrap();
    assert_eq!(&*error, "the server gave no answer nor progress for 10s");
    // It is asked again now and then; its pings are answered, so it is left alone.
    sim.pass(600 * SECOND).await;
    assert!(sim.when("mute", |what| what == Happened::Listed).len() > 20);
    assert_eq!((sim.phase("mute"), sim.info("mute").status.incarnation.0), ("ready".into(), 1));
    assert_eq!(sim.info("mute").status.health, Health::Healthy);
}

#[tokio::test(start_paused = true)]
async fn a_hung_server_degrades_and_is_replaced() {
    let sim = Sim::of(vec![spec("hung")]).await;
    sim.script("hung", [Life { frozen: Some((25 * SECOND, Duration::MAX)), ..Life::good() }, Life::good()]);
    sim.up().await;
    sim.supervisor.wait(&name("hung"), Goal::RunningAfter(Incarnation(1)), None).await.unwrap();
    let told = sim.told("hung");
    assert_eq!(
        told[6..11],
        [
            "1 running degraded probe_failed",
            "1 running→stopping term liveness_failed",
            "1 stopping reap liveness_failed",
            "1 stopping→error back_off liveness_failed",
            "1 error→starting wait retry_due",
        ]
    );
    let degraded = words(&sim, "hung", PhaseName::Degraded);
    assert_eq!(degraded, "health probe failed: the server gave no answer within 3s");
    assert_eq!(words(&sim, "hung", PhaseName::BackOff), degraded);
    // Probes every 10 s from its own offset on; the one after 30 s and two more fail, 3 s each, a second apart.
    let offset = sim.offset("hung", 10 * SECOND);
    assert!(offset < 5 * SECOND, "{offset:?}");
    assert_eq!(sim.when("hung", |what| what == Happened::Terminated), [offset + 41 * SECOND]);
    assert_eq!(sim.supervisor.metrics("hung", None).unwrap().healthy_checks, 5);
    assert_eq!(sim.supervisor.metrics("hung", None).unwrap().total_checks, 8);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_for_a_moment_only_recovers() {
    let sim = Sim::of(vec![spec("naps"), needs("user", &["naps"])]).await;
    let offset = sim.offset("naps", 10 * SECOND);
    sim.script("naps", [Life { frozen: Some((offset + 10 * SECOND, 6 * SECOND)), ..Life::good() }]);
    sim.up().await;
    sim.pass(offset + 14 * SECOND).await;
    assert_eq!((sim.phase("naps"), sim.info("naps").status.health), ("degraded".into(), Health::Degraded));
    sim.pass(46 * SECOND).await;
    assert_eq!((sim.phase("naps"), sim.info("naps").status.health), ("ready".into(), Health::Healthy));
    assert_eq!(sim.told("naps")[6..], ["1 running degraded probe_failed", "1 running ready probe_passed"]);
    assert_eq!(sim.info("naps").detail, None);
    assert_eq!(sim.told("user").len(), 6, "a degraded dependency is still there");
}

#[tokio::test(start_paused = true)]
async fn health_never_kills_the_busy() {
    let sim = Sim::of(vec![spec("busy")]).await;
    let works = Life { ping: Answering::After(Duration::ZERO), call: Answering::After(50 * SECOND), ..Life::good() };
    sim.script("busy", [Life { frozen: Some((15 * SECOND, Duration::MAX)), ..works }]);
    sim.up().await;
    sim.pass(10 * SECOND).await;
    let supervisor = sim.supervisor.clone();
    let call = tokio::spawn(async move { supervisor.call_tool_text("busy", "echo", "{}").await });
    sim.pass(30 * SECOND).await;
    assert_eq!(sim.phase("busy"), "ready", "no answer, but a call is inside its own time");
    let check = sim.supervisor.check_service("busy").await.unwrap();
    assert_eq!((check.healthy, check.response_time), (true, None));
    assert!(check.error.is_some());
    call.await.unwrap().unwrap();
    assert_eq!(sim.info("busy").status.incarnation, Incarnation(1));
    // At 60 s its call is over and it is frozen still: now the probes count.
    sim.supervisor.wait(&name("busy"), Goal::RunningAfter(Incarnation(1)), Some(30 * SECOND)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_calls_again_and_again_does_not_keep_a_hung_server() {
    let sim = Sim::of(vec![spec("hung")]).await;
    sim.script("hung", [Life { frozen: Some((15 * SECOND, Duration::MAX)), ..Life::good() }, Life::good()]);
    sim.up().await;
    let supervisor = sim.supervisor.clone();
    let caller = tokio::spawn(async move {
        loop {
            let another = supervisor.clone();
            tokio::spawn(async move { another.call_tool_text("hung", "echo", "{}").await });
            tokio::time::sleep(SECOND).await;
        }
    });
    sim.supervisor.wait(&name("hung"), Goal::RunningAfter(Incarnation(1)), None).await.unwrap();
    caller.abort();
    // The last sign of life at 15 s, the 60 s of a call without one, and then the probes that fail.
    let at = sim.when("hung", |what| what == Happened::Terminated)[0];
    assert!(at >= 75 * SECOND && at <= 100 * SECOND, "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn checks_on_demand_do_not_make_a_hung_server_look_busy() {
    let sim = Sim::of(vec![spec("hung")]).await;
    sim.script("hung", [Life { frozen: Some((5 * SECOND, Duration::MAX)), ..Life::good() }, Life::good()]);
    sim.up().await;
    sim.pass(6 * SECOND).await;
    let watchers: Vec<_> = (0..3)
        .map(|_| {
            let supervisor = sim.supervisor.clone();
            tokio::spawn(async move {
                let mut unhealthy = 0;
                while supervisor.info("hung").unwrap().status.incarnation.0 == 1 {
                    unhealthy += usize::from(!supervisor.check_services().await[0].healthy);
                    tokio::time::sleep(ms(100)).await;
                }
                unhealthy
            })
        })
        .collect();
    for watcher in watchers {
        assert!(watcher.await.unwrap() >= 4);
    }
    // Three probes fail, the first 10 s after its offset, as without anyone who asks.
    let offset = sim.offset("hung", 10 * SECOND);
    assert!(offset < 5 * SECOND, "{offset:?}");
    assert_eq!(sim.when("hung", |what| what == Happened::Terminated), [offset + 21 * SECOND]);
}

#[tokio::test(start_paused = true)]
async fn closed_output_of_a_living_process_is_a_hang() {
    let sim = Sim::of(vec![spec("silent")]).await;
    sim.script("silent", [Life { closes_output: Some(ms(9_900)), ..Life::good() }, Life::good()]);
    sim.up().await;
    sim.supervisor.wait(&name("silent"), Goal::RunningAfter(Incarnation(1)), None).await.unwrap();
    // The probe at 10 s finds it closed, and leaves the verdict to who watches the process.
    assert_eq!(sim.when("silent", |what| what == Happened::Terminated), [ms(10_400)]);
    assert_eq!(sim.told("silent")[6], "1 running→stopping term liveness_failed");
    assert_eq!(words(&sim, "silent", PhaseName::BackOff), "it closed its output, but did not exit");
}

#[tokio::test(start_paused = true)]
async fn a_call_in_flight_fails_at_once_when_its_server_dies() {
    let sim = Sim::of(vec![spec("db")]).await;
    sim.script("db", [Life { call: Answering::Never, ..Life::good() }]);
    sim.up().await;
    let supervisor = sim.supervisor.clone();
    let call = tokio::spawn(async move { supervisor.call_tool_text("db", "echo", "{}").await });
    sim.pass(SECOND).await;
    sim.world.crash(&name("db"), CRASH);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(sim.supervisor.now().since_start(), SECOND);
    assert!(matches!(&error, CallFailure::Call { service, source: CallError::Closed } if service == "db"), "{error:?}");
    assert_eq!(error.to_string(), "call of service `db` failed");
    assert_eq!(sim.supervisor.call_stats("db").unwrap().errors_total, 1);
    // Until it is back, calls say at once where it is and why.
    let error = sim.supervisor.call_tool_text("db", "echo", "{}").await.unwrap_err();
    let error = error.to_string();
    assert!(error.starts_with("service `db` is error, not running: exited: signal 9"), "{error}");
    let error = sim.supervisor.list_tools(Some("db")).unwrap_err();
    assert!(matches!(error, CallFailure::NotRunning { state: ServiceState::Error, .. }));
}

#[tokio::test(start_paused = true)]
async fn calls_say_where_a_service_is_and_why() {
    let sim =
        Sim::of(vec![spec("idle"), spec("slow"), needs("waits", &["slow"]), spec("lost"), needs("child", &["lost"])])
            .await;
    sim.script("slow", [Life::slow(5 * SECOND)]);
    sim.script("lost", [Life::not_found("nodee")]);
    let error = |service: &'static str| {
        let supervisor = sim.supervisor.clone();
        async move { supervisor.call_tool_text(service, "echo", "{}").await.map(drop).unwrap_err().to_string() }
    };
    sim.start("waits").await;
    sim.start("child").await;
    sim.pass(SECOND).await;
    assert_eq!(error("idle").await, "service `idle` is not_started, not running: registered");
    assert!(error("lost").await.starts_with("service `lost` is error, not running: spec unusable: no program `nodee`"));
    assert_eq!(error("child").await, "service `child` is error, not running: dependency failed: dependency `lost`");
    // Whoever is on its way up is waited for.
    assert_eq!(sim.supervisor.now().since_start(), SECOND);
    sim.supervisor.call_tool_text("waits", "echo", "{}").await.unwrap();
    assert_eq!(sim.supervisor.now().since_start(), 5 * SECOND);
    sim.supervisor.stop_and_wait(&name("slow"), false).await.unwrap();
    assert_eq!(error("slow").await, "service `slow` is stopped, not running: stop asked");
}

#[tokio::test(start_paused = true)]
async fn a_stop_drains_calls_but_no_probes() {
    let sim = Sim::of(vec![spec("a"), spec("hung")]).await;
    sim.script("a", [Life { call: Answering::After(3 * SECOND), ..Life::good() }]);
    sim.script("hung", [Life { frozen: Some((9 * SECOND, Duration::MAX)), ..Life::good() }]);
    sim.up().await;
    sim.pass(ms(9_500)).await;
    let supervisor = sim.supervisor.clone();
    let call = tokio::spawn(async move { supervisor.call_tool_text("a", "echo", "{}").await });
    // A ping of `hung` is under way now, and its time is not up before 13 s.
    sim.pass(SECOND).await;
    assert_eq!(sim.supervisor.now().since_start(), ms(10_500));
    sim.supervisor.stop(Target::All, false).await.unwrap();
    assert!(matches!(sim.supervisor.call_tool_text("a", "echo", "{}").await, Err(CallFailure::NotRunning { .. })));
    call.await.unwrap().unwrap();
    sim.supervisor.stop_all_and_wait(false).await.unwrap();
    let closed = |service: &str| sim.when(service, |what| what == Happened::InputClosed)[0];
    assert!(closed("a") >= ms(12_500) && closed("a") <= ms(12_510), "{:?}", closed("a"));
    assert!(closed("hung") <= ms(10_510), "{:?}", closed("hung"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_the_launch_leaves_nothing() {
    let sim = Sim::of(vec![spec("slow"), spec("nearly")]).await;
    sim.script("slow", [Life { spawn: 5 * SECOND, ..Life::good() }]);
    sim.script("nearly", [Life { spawn: ms(1_100), ..Life::good() }]);
    sim.start("slow").await;
    sim.start("nearly").await;
    sim.pass(SECOND).await;
    sim.supervisor.stop_all_and_wait(false).await.unwrap();
    // What was nearly there is let come to be and ended in order; what was not is given up.
    assert!(sim.supervisor.now().since_start() <= ms(1_250), "{:?}", sim.supervisor.now());
    assert_eq!((sim.launches("slow"), sim.launches("nearly")), (vec![], vec![ms(1_100)]));
    assert_eq!(sim.when("nearly", |what| what == Happened::Terminated), [ms(1_100)]);
    assert_eq!([sim.phase("slow"), sim.phase("nearly")], ["stopped(by_user)", "stopped(by_user)"]);
    assert_eq!(
        sim.told("slow")[3..],
        ["1 starting→stopping abort stop_asked", "1 stopping→stopped stopped stop_asked"]
    );
    sim.pass(60 * SECOND).await;
    assert!(sim.world.alive().is_empty() && sim.launches("slow").is_empty());
    // A launch that hangs for ever is given up when the start time is over, and tried again.
    sim.script("slow", [Life { spawn: Duration::MAX, ..Life::good() }, Life::good()]);
    sim.supervisor.start_and_wait(&name("slow")).await.unwrap();
    assert_eq!(words(&sim, "slow", PhaseName::BackOff), "it was not launched within 60s");
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_the_back_off_is_final() {
    let sim = Sim::of(vec![spec("a")]).await;
    sim.script("a", [Life::crashes_after(SECOND, CRASH), Life::good()]);
    sim.up().await;
    sim.pass(ms(1_100)).await;
    assert_eq!(sim.phase("a"), "back_off(1)");
    assert!(sim.info("a").status.retry_at.is_some());
    sim.supervisor.stop_and_wait(&name("a"), false).await.unwrap();
    sim.pass(3_600 * SECOND).await;
    assert_eq!((sim.phase("a"), sim.launches("a").len()), ("stopped(by_user)".into(), 1));
}

#[tokio::test(start_paused = true)]
async fn the_last_command_wins_while_a_service_is_stopping() {
    let sim = Sim::of(vec![spec("a")]).await;
    sim.script("a", [Life { on_close: Some(2 * SECOND), ..Life::good() }]);
    sim.up().await;
    sim.supervisor.stop(Target::from(name("a")), false).await.unwrap();
    sim.pass(SECOND).await;
    assert_eq!(sim.state("a"), ServiceState::Stopping);
    // A restart while it stops: it comes back, once nothing of it is left.
    let info = sim.supervisor.restart_and_wait(&name("a"), false).await.unwrap().unwrap();
    assert_eq!((info.status.incarnation.0, sim.launches("a")), (2, vec![Duration::ZERO, 2 * SECOND]));
    // And the other way round: a stop after a restart.
    sim.supervisor.restart(Target::from(name("a")), false).await.unwrap();
    sim.pass(SECOND).await;
    sim.supervisor.stop_and_wait(&name("a"), false).await.unwrap();
    sim.pass(600 * SECOND).await;
    assert_eq!((sim.state("a"), sim.launches("a").len()), (ServiceState::Stopped, 2));
    assert_eq!(sim.world.most_alive_at_once(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_ignores_everything_is_killed_after_the_ladder() {
    let sim = Sim::of(vec![spec("a")]).await;
    sim.script("a", [Life::stubborn()]);
    sim.up().await;
    sim.supervisor.stop_and_wait(&name("a"), false).await.unwrap();
    // 3 s after its input closed the signal, 5 s after that the kill.
    assert_eq!(sim.when("a", |what| what == Happened::Terminated), [3 * SECOND]);
    assert_eq!(sim.when("a", |what| what == Happened::Exited(ExitStatus::Signal(9))), [8 * SECOND]);
    sim.supervisor.start_and_wait(&name("a")).await.unwrap();
    let at = sim.supervisor.now();
    sim.supervisor.stop_and_wait(&name("a"), true).await.unwrap();
    assert_eq!(sim.supervisor.now(), at, "by force, at once");
    assert_eq!(sim.told("a").last().unwrap(), "2 stopping→stopped stopped kill_asked");
}

#[tokio::test(start_paused = true)]
async fn a_leaked_group_bars_the_next_life() {
    let sim = Sim::of(vec![spec("a"), spec("b")]).await;
    // Its main process ends when asked; a child of it survives everything for a minute.
    sim.script("a", [Life { linger: 60 * SECOND, on_kill: None, ..Life::good() }, Life::good()]);
    sim.up().await;
    let down = sim.supervisor.stop_and_wait(&name("a"), false).await.unwrap().unwrap();
    assert_eq!(
        (down.status.phase.to_string(), sim.supervisor.now().since_start()),
        ("failed(leaked)".into(), 2 * SECOND)
    );
    assert_eq!(down.why(), "timed out in reap: members of its process group survived phase reap for 2s");
    assert!(down.status.conditions.iter().any(|c| c.kind == ConditionKind::Leaked));
    let refused = sim.supervisor.start_and_wait(&name("a")).await.unwrap_err();
    assert!(matches!(refused, WaitError::Command(_)) && refused.to_string().contains("survived a kill"), "{refused}");
    let refused = sim.supervisor.remove_and_wait(&name("a"), false).await.unwrap_err();
    assert!(refused.to_string().contains("survived a kill"), "{refused}");
    assert_eq!(sim.launches("a").len(), 1);
    // Once it is gone after all, it may start again.
    sim.pass(60 * SECOND).await;
    assert!(!sim.info("a").status.conditions.iter().any(|c| c.kind == ConditionKind::Leaked));
    sim.supervisor.start_and_wait(&name("a")).await.unwrap();
    assert_eq!((sim.launches("a").len(), sim.world.most_alive_at_once()), (2, 1));
    assert_eq!(sim.told("b").len(), 6);
}

#[tokio::test(start_paused = true)]
async fn all_are_down_within_the_deadline_whatever_they_do() {
    let specs = vec![
        spec("a"),
        needs("b", &["a"]),
        needs("c", &["b"]),
        needs("d", &["c"]),
        spec("immortal"),
        spec("launching"),
        spec("shaking"),
        spec("crashing"),
    ];
    let sim = Sim::of(specs).await;
    for service in ["a", "b", "c", "d"] {
        sim.script(service, [Life { call: Answering::Never, ..Life::stubborn() }]);
    }
    sim.script("immortal", [Life { on_kill: None, ..Life::stubborn() }]);
    sim.script("launching", [Life { spawn: Duration::MAX, ..Life::good() }]);
    sim.script("shaking", [Life { handshake: Duration::MAX, ..Life::stubborn() }]);
    sim.script("crashing", [Life { linger: Duration::MAX, ..Life::crashes_after(SECOND, CRASH) }]);
    sim.supervisor.start(Target::All).await.unwrap();
    sim.pass(SECOND).await;
    let calls: Vec<_> = ["a", "b", "c", "d"]
        .into_iter()
        .map(|service| {
            let supervisor = sim.supervisor.clone();
            tokio::spawn(async move { supervisor.call_tool_text(service, "echo", "{}").await })
        })
        .collect();
    sim.pass(ms(1)).await;
    let start = sim.supervisor.now();
    sim.supervisor.stop_all_and_wait(false).await.unwrap();
    // One after the other they would take 13 s each; at 30 s all that is left is killed. The immortal one is told.
    let took = sim.supervisor.now().since(start);
    assert!(took >= 30 * SECOND && took <= 32 * SECOND, "{took:?}");
    assert_eq!(sim.world.alive(), [name("immortal")]);
    assert_eq!(sim.phase("immortal"), "failed(stop_failed)");
    assert_eq!(sim.info("immortal").why(), "timed out in kill: it was still there 2s after the kill");
    for service in ["a", "b", "c", "d", "launching", "shaking", "crashing"] {
        assert_eq!(sim.state(service), ServiceState::Stopped, "{service}");
    }
    for call in calls {
        assert!(matches!(call.await.unwrap(), Err(CallFailure::Call { source: CallError::Closed, .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_last_handle_everything_is_killed() {
    let sim = Sim::of(vec![spec("good"), spec("stubborn"), spec("launching"), spec("shaking"), spec("tail")]).await;
    sim.script("stubborn", [Life::stubborn()]);
    sim.script("launching", [Life { spawn: ms(100), ..Life::stubborn() }]);
    sim.script("shaking", [Life::hangs_in_handshake()]);
    sim.script("tail", [Life { linger: Duration::MAX, exit: Some((ms(20), CRASH)), ..Life::good() }]);
    sim.supervisor.start(Target::All).await.unwrap();
    sim.pass(ms(50)).await;
    let world = sim.world.clone();
    let mut versions = sim.supervisor.versions();
    let mut stream = sim.supervisor.subscribe();
    let clone = sim.supervisor.clone();
    drop(sim);
    tokio::time::sleep(ms(10)).await;
    assert!(versions.has_changed().is_ok(), "a clone keeps it");
    drop(clone);
    assert!(stream.next().await.is_none());
    while versions.changed().await.is_ok() {}
    tokio::time::sleep(SECOND).await;
    assert!(world.alive().is_empty(), "{:?}", world.alive());
}

#[tokio::test(start_paused = true)]
async fn the_words_of_the_life_before_are_kept() {
    let sim = Sim::of(vec![spec("a")]).await;
    let dying = Life { stderr: vec!["out of memory".to_owned()], ..Life::good() };
    sim.script("a", [dying, Life::good()]);
    sim.up().await;
    assert!(sim.supervisor.info("a").unwrap().previous_logs.is_none());
    assert!(sim.world.crash(&name("a"), CRASH));
    let again = Goal::RunningAfter(Incarnation(1));
    let info = sim.supervisor.wait(&name("a"), again, None).await.unwrap().unwrap();
    let before = info.previous_logs.clone().unwrap();
    assert_eq!((before.incarnation(), before.stderr_tail(9)), (Incarnation(1), vec!["out of memory".to_owned()]));
    assert!(info.logs.stderr_tail(9).is_empty());
}
