//! Probes and their verdicts, with exact instants, in virtual time.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use common::{SECOND, Sim, ms, name, spec};
use mcpstore_runtime::Goal;
use mcpstore_testkit::scripted::{Answering, Happened, Life};
use mcpstore_types::{
    Era, Health, HealthSpec, Incarnation, Notice, PhaseName, ProbeKind, Reason, ServiceSpec, WaitCondition,
};

const INTERVAL: Duration = Duration::from_secs(10);

fn with_health(text: &str, change: impl FnOnce(&mut HealthSpec)) -> ServiceSpec {
    let mut made = spec(text);
    change(&mut made.policy.health);
    made
}

fn tcp() -> WaitCondition {
    WaitCondition::Tcp { address: "db:5432".into() }
}

/// One that is asked by a TCP connection instead of through its session, and so as `sim.outside` says.
fn by_tcp(text: &str, change: impl FnOnce(&mut HealthSpec)) -> ServiceSpec {
    with_health(text, |health| {
        health.probe = ProbeKind::Tcp { address: "db:5432".into() };
        change(health);
    })
}

#[tokio::test(start_paused = true)]
async fn it_rises_and_falls_at_exact_instants() {
    let sim = Sim::of(vec![spec("a")]).await;
    let first = sim.offset("a", INTERVAL);
    // Deaf for the probes of its second interval and the one a second after it; then again, for good.
    let (from, again) = (first + INTERVAL, first + 5 * INTERVAL);
    let deaf = vec![(from, from + 5 * SECOND), (again, Duration::MAX)];
    sim.script("a", [Life { deaf, ..Life::good() }, Life::good()]);
    sim.up().await;
    sim.supervisor.wait(&name("a"), Goal::RunningAfter(Incarnation(1)), None).await.unwrap();
    let seconds = |at: Duration, seconds: u32| at + SECOND * seconds;
    // A failure takes its 3 s; in doubt the next comes a second after the end of the last; two passes make it good.
    let doubt = [0, 4, 8, 9].map(|s| seconds(from, s));
    let well = (0..).map(|n| seconds(from, 19 + 10 * n)).take_while(|at| *at < again).collect::<Vec<_>>();
    let hung_from = *well.last().unwrap() + INTERVAL;
    let hung = [0, 4, 8].map(|s| seconds(hung_from, s));
    let expected: Vec<_> = [Duration::ZERO, first].into_iter().chain(doubt).chain(well).chain(hung).collect();
    assert_eq!(sim.pings("a")[..expected.len()], expected);
    assert_eq!(sim.moved("a", PhaseName::Degraded, Reason::ProbeFailed), [seconds(from, 3), seconds(hung_from, 3)]);
    assert_eq!(sim.moved("a", PhaseName::Ready, Reason::ProbePassed)[..2], [Duration::ZERO, seconds(from, 9)]);
    assert_eq!(sim.moved("a", PhaseName::Term, Reason::LivenessFailed), [seconds(hung_from, 11)]);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_services_are_not_asked_at_the_same_instant() {
    let names: Vec<String> = (0..100).map(|index| format!("s{index}")).collect();
    let sim = Sim::set_up(names.iter().map(|name| spec(name)).collect(), |config| {
        config.fleet.max_parallel_starts = 100;
    })
    .await;
    sim.up().await;
    sim.pass(3 * INTERVAL).await;
    let mut tenths = [0; 10];
    let mut instants = BTreeSet::new();
    for name in &names {
        let offset = sim.offset(name, INTERVAL);
        // The start-up probe at once, the next after its offset, and every interval from there on.
        let expected: Vec<_> = [Duration::ZERO]
            .into_iter()
            .chain((0..3).map(|n| offset + n * INTERVAL))
            .filter(|at| *at < 3 * INTERVAL)
            .collect();
        assert_eq!(sim.pings(name), expected, "{name}");
        tenths[usize::try_from(offset.as_secs()).unwrap()] += 1;
        instants.insert(offset);
    }
    assert!(instants.len() >= 95, "{} different instants", instants.len());
    assert!(tenths.iter().all(|tenth| (2..=22).contains(tenth)), "{tenths:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_follows_in_a_life_that_was_told_hung() {
    // It takes its time to die, and would answer again meanwhile.
    let sim = Sim::of(vec![by_tcp("a", |health| health.fall = 1)]).await;
    sim.script("a", [Life { on_term: Some(4 * SECOND), ..Life::good() }, Life::good()]);
    sim.up().await;
    let first = sim.offset("a", INTERVAL);
    sim.outside.answer(&tcp(), Answering::Error(0));
    sim.pass(first + SECOND).await;
    assert_eq!(sim.phase("a"), "term");
    sim.outside.answer(&tcp(), Answering::default());
    let asked = sim.outside.asked("a", &tcp()).len();
    sim.pass(2 * SECOND).await;
    assert_eq!(sim.outside.asked("a", &tcp()).len(), asked, "it is to end: nobody asks");
    sim.supervisor.wait(&name("a"), Goal::RunningAfter(Incarnation(1)), None).await.unwrap();
    let told: Vec<_> = sim.told("a").into_iter().filter(|line| line.starts_with("1 ")).skip(3).collect();
    assert_eq!(
        told,
        [
            "1 starting→running ready probe_passed",
            "1 running→stopping term liveness_failed",
            "1 stopping reap liveness_failed",
            "1 stopping→error back_off liveness_failed",
            "1 error→starting wait retry_due",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_cannot_be_made_counts_as_nothing() {
    let sim = Sim::of(vec![by_tcp("a", |_| {})]).await;
    sim.up().await;
    let first = sim.offset("a", INTERVAL);
    sim.outside.cannot_ask(&tcp(), "there is no such program");
    sim.pass(first + 20 * INTERVAL + SECOND).await;
    assert_eq!((sim.phase("a"), sim.info("a").status.health), ("ready".into(), Health::Healthy));
    assert_eq!(sim.outside.asked("a", &tcp()).len(), 22, "it is asked all the same");
    assert_eq!(sim.supervisor.metrics("a", None).unwrap().total_checks, 1, "none of them is a sample");
    // It breaks no row either: one failure before, two after, and it has fallen.
    sim.outside.answer(&tcp(), Answering::Error(0));
    sim.pass(INTERVAL).await;
    assert_eq!(sim.phase("a"), "degraded");
    sim.outside.cannot_ask(&tcp(), "there is no such program");
    sim.pass(30 * SECOND).await;
    assert_eq!(sim.phase("a"), "degraded");
    sim.outside.answer(&tcp(), Answering::Error(0));
    sim.supervisor.wait(&name("a"), Goal::RunningAfter(Incarnation(1)), Some(20 * SECOND)).await.unwrap_err();
    assert!(!sim.moved("a", PhaseName::Term, Reason::LivenessFailed).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_passes_its_start_up_check_is_never_running() {
    let sim = Sim::of(vec![by_tcp("a", |_| {})]).await;
    sim.outside.answer(&tcp(), Answering::Error(0));
    sim.start("a").await;
    sim.pass(59 * SECOND).await;
    assert_eq!(sim.phase("a"), "probe");
    // Every 250 ms from the beginning, not spread.
    let asked = sim.outside.asked("a", &tcp());
    assert_eq!(asked[..4], [ms(0), ms(250), ms(500), ms(750)]);
    let why = "health probe failed: as the script says";
    assert_eq!(sim.info("a").why(), format!("handshake done: {why}"));
    sim.pass(ms(1_010)).await;
    let timed_out = |notice: &Arc<Notice>| notice.reason == Reason::TimedOut(PhaseName::Probe);
    let failed: Vec<_> = sim.notices().into_iter().filter(timed_out).collect();
    assert!(failed.len() >= 3, "its way down, step by step");
    for notice in failed {
        assert_eq!(notice.detail.as_deref(), Some(&*format!("its start-up check did not pass within 60s: {why}")));
    }
    // The next life is asked anew, and passes once it answers.
    sim.pass(3 * SECOND).await;
    assert_eq!(sim.phase("a"), "probe");
    sim.outside.answer(&tcp(), Answering::default());
    sim.pass(ms(250)).await;
    assert_eq!((sim.phase("a"), sim.info("a").detail.clone()), ("ready".into(), None));
}

#[tokio::test(start_paused = true)]
async fn a_call_of_a_minute_under_a_probe_of_two_seconds_is_never_touched() {
    let mut busy = with_health("busy", |health| health.interval = 2 * SECOND);
    busy.policy.timeouts.call = 90 * SECOND;
    let sim = Sim::of(vec![busy]).await;
    sim.script("busy", [Life { one_at_a_time: true, call: Answering::After(60 * SECOND), ..Life::good() }]);
    sim.up().await;
    sim.pass(20 * SECOND).await;
    let before = sim.pings("busy").len();
    for _ in 0..3 {
        let began = sim.supervisor.now().since_start();
        sim.supervisor.call_tool_text("busy", "echo", "{}").await.unwrap();
        assert_eq!(sim.supervisor.now().since_start() - began, 60 * SECOND, "nothing of ours stood before it");
        assert_eq!((sim.phase("busy"), sim.info("busy").status.health), ("ready".into(), Health::Healthy));
        sim.pass(10 * SECOND).await;
    }
    // One probe found out that it does one thing at a time; in the calls after that it was left alone.
    let during = |from: u32| {
        let range = SECOND * (20 + from)..SECOND * (80 + from);
        sim.pings("busy").iter().filter(|at| range.contains(at)).count()
    };
    assert_eq!([during(0), during(70), during(140)], [1, 0, 0]);
    assert!(sim.pings("busy").len() >= before + 9, "between its calls it is asked as ever");
    assert_eq!((sim.info("busy").status.incarnation, sim.told("busy").len()), (Incarnation(1), 6));
}

#[tokio::test(start_paused = true)]
async fn readiness_degrades_and_never_replaces() {
    let ready = |health: &mut HealthSpec| health.readiness = Some(ProbeKind::Tcp { address: "db:5432".into() });
    let sim = Sim::of(vec![with_health("a", ready)]).await;
    sim.outside.answer(&tcp(), Answering::Error(0));
    sim.start("a").await;
    sim.pass(ms(900)).await;
    assert_eq!(sim.phase("a"), "probe", "it is up when both have passed");
    sim.outside.answer(&tcp(), Answering::default());
    sim.pass(ms(200)).await;
    assert_eq!((sim.phase("a"), sim.supervisor.now().since_start()), ("ready".into(), ms(1_100)));
    // The fourth look at a quarter second's pace passed: at 1 s.
    let first = SECOND + sim.offset("a", INTERVAL);
    sim.outside.answer(&tcp(), Answering::Error(0));
    sim.pass(3_600 * SECOND).await;
    let (phase, health) = (sim.phase("a"), sim.info("a").status.health);
    assert_eq!((phase.as_str(), health, sim.info("a").status.incarnation.0), ("degraded", Health::Degraded, 1));
    assert_eq!(sim.info("a").detail.as_deref(), Some("readiness probe failed: as the script says"));
    // It falls with the third failure in a row: a second apart.
    assert_eq!(sim.moved("a", PhaseName::Degraded, Reason::ProbeFailed), [first + 2 * SECOND]);
    sim.outside.answer(&tcp(), Answering::default());
    let from = sim.supervisor.now().since_start();
    sim.pass(12 * SECOND).await;
    let up = sim.moved("a", PhaseName::Ready, Reason::ProbePassed);
    // It rises with the second pass, a second after the first.
    let asked: Vec<_> = sim.outside.asked("a", &tcp()).into_iter().filter(|at| *at > from).collect();
    assert_eq!((up[1], asked[1] - asked[0], sim.info("a").detail.clone()), (asked[1], SECOND, None));
}

#[tokio::test(start_paused = true)]
async fn readiness_may_come_and_go_with_a_reload() {
    let sim = Sim::of(vec![spec("a")]).await;
    sim.up().await;
    sim.outside.answer(&tcp(), Answering::Error(0));
    let change = |spec: ServiceSpec| {
        let change = mcpstore_types::FieldChange { field: "health", impact: mcpstore_types::ChangeImpact::Live };
        mcpstore_types::SpecDelta { changed: vec![(spec, vec![change])], ..mcpstore_types::SpecDelta::default() }
    };
    let asks = with_health("a", |health| health.readiness = Some(ProbeKind::Tcp { address: "db:5432".into() }));
    sim.supervisor.apply(change(asks), true).await.unwrap();
    sim.pass(ms(10)).await;
    assert_eq!(
        (sim.phase("a"), sim.info("a").status.health),
        ("ready".into(), Health::Degraded),
        "one failure is a doubt"
    );
    sim.pass(5 * SECOND).await;
    assert_eq!(sim.phase("a"), "degraded");
    sim.supervisor.apply(change(spec("a")), true).await.unwrap();
    sim.pass(ms(10)).await;
    assert_eq!((sim.phase("a"), sim.info("a").status.health), ("ready".into(), Health::Healthy));
    assert_eq!(sim.info("a").status.incarnation.0, 1);
}

#[tokio::test(start_paused = true)]
async fn of_a_named_tool_more_is_wanted_than_an_answer() {
    let tool = |health: &mut HealthSpec| {
        health.probe = ProbeKind::Tool { name: "echo".into(), args: "{}".into() };
        health.fall = 2;
    };
    let specs = ["good", "says-error", "rpc-error", "unknown"].map(|name| with_health(name, tool));
    let mut specs = specs.to_vec();
    specs.push(with_health("odd", |health| health.probe = ProbeKind::Tool { name: "echo".into(), args: "{".into() }));
    for spec in &mut specs {
        spec.policy.timeouts.start = 5 * SECOND;
        spec.policy.restart.mode = mcpstore_types::RestartMode::Never;
    }
    let sim = Sim::of(specs).await;
    let failed = Some(r#"{"content":[],"isError":true}"#.to_owned());
    sim.script("says-error", [Life { call_result: failed, ..Life::good() }]);
    sim.script("rpc-error", [Life { call: Answering::Error(-32603), ..Life::good() }]);
    sim.script("unknown", [Life { tools: vec!["other".into()], ..Life::good() }]);
    sim.up().await;
    sim.pass(30 * SECOND).await;
    assert_eq!(sim.phase("good"), "ready");
    assert!(sim.when("good", |what| what == Happened::Called).len() >= 4);
    for service in ["says-error", "rpc-error", "unknown", "odd"] {
        assert_eq!(sim.phase(service), "failed(start_timeout)", "{service}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_era_is_asked_what_it_has() {
    let stateless = Life { era: Era::Stateless, ..Life::good() };
    // An error is an answer too, and shows that it lives.
    let kinds = [("auto", ProbeKind::Auto), ("ping", ProbeKind::Ping), ("discover", ProbeKind::Discover)];
    let specs = kinds.clone().map(|(name, kind)| with_health(name, |health| health.probe = kind)).to_vec();
    let sim = Sim::of(specs).await;
    for (service, _) in &kinds {
        sim.script(service, [stateless.clone()]);
    }
    sim.up().await;
    sim.pass(25 * SECOND).await;
    for (service, _) in &kinds {
        assert_eq!((sim.phase(service), sim.pings(service).len() >= 3), ("ready".into(), true), "{service}");
    }
}
