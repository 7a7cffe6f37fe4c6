//! Reloads, in virtual time: who is touched, who is not, and in what order.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

mod common;

use common::{SECOND, Sim, ms, name, needs, spec};
use mcpstore_runtime::{CommandError, Goal, Rejection, Reply, Target};
use mcpstore_testkit::scripted::{Answering, Happened, Life};
use mcpstore_types::{
    ChangeImpact, DepKind, Dependency, Desired, ExitStatus, FieldChange, Phase, ServiceSpec, ServiceState, SpecDelta,
};

/// A changed spec, with a change of this impact.
fn changed(spec: ServiceSpec, impact: ChangeImpact) -> (ServiceSpec, Vec<FieldChange>) {
    (spec, vec![FieldChange { field: "x", impact }])
}

/// Another command line: a new life.
fn other_args(mut spec: ServiceSpec) -> (ServiceSpec, Vec<FieldChange>) {
    spec.description = Some("with other arguments".to_owned());
    changed(spec, ChangeImpact::Restart)
}

fn live(spec: ServiceSpec) -> (ServiceSpec, Vec<FieldChange>) {
    changed(spec, ChangeImpact::Live)
}

fn to_change(specs: Vec<(ServiceSpec, Vec<FieldChange>)>) -> SpecDelta {
    SpecDelta { changed: specs, ..SpecDelta::default() }
}

fn disabled(mut spec: ServiceSpec) -> ServiceSpec {
    spec.enabled = false;
    spec
}

fn outcomes(reply: &Reply) -> String {
    reply.outcomes.iter().map(|(name, outcome)| format!("{name} {outcome}")).collect::<Vec<_>>().join(", ")
}

impl Sim {
    async fn apply(&self, delta: SpecDelta) -> String {
        outcomes(&self.supervisor.apply_and_wait(delta, true).await.unwrap())
    }

    fn life(&self, service: &str) -> u64 {
        self.info(service).status.incarnation.0
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_delta_does_nothing_at_all() {
    let sim = Sim::of(vec![spec("a")]).await;
    sim.up().await;
    let (version, notices) = (sim.supervisor.snapshot().version, sim.notices().len());
    assert_eq!(sim.apply(SpecDelta::default()).await, "");
    sim.pass(SECOND).await;
    assert_eq!((sim.supervisor.snapshot().version, sim.notices().len()), (version, notices));
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_drains_first_and_goes_dependents_first() {
    let sim = Sim::of(vec![spec("db"), needs("api", &["db"]), needs("web", &["db"])]).await;
    sim.script("api", [Life { call: Answering::After(2 * SECOND), ..Life::good() }]);
    sim.up().await;
    let supervisor = sim.supervisor.clone();
    let call = tokio::spawn(async move { supervisor.call_tool_text("api", "echo", "{}").await });
    sim.pass(ms(10)).await;
    let delta =
        SpecDelta { removed: vec![name("api"), name("db")], changed: vec![live(spec("web"))], ..SpecDelta::default() };
    assert_eq!(sim.apply(delta).await, "db removed, api removed, web updated");
    call.await.unwrap().unwrap();
    assert!(sim.supervisor.info("api").is_none() && sim.supervisor.info("db").is_none());
    assert_eq!((sim.life("web"), sim.state("web")), (1, ServiceState::Running));
    let ended = |service| sim.when(service, |what| matches!(what, Happened::Exited(_)))[0];
    assert!(ended("api") >= 2 * SECOND && ended("db") >= ended("api"));
}

#[tokio::test(start_paused = true)]
async fn a_live_change_is_taken_over_in_the_same_life_and_by_its_prober() {
    let sim = Sim::of(vec![spec("a")]).await;
    sim.script("a", [Life { call: Answering::After(5 * SECOND), ..Life::good() }]);
    sim.up().await;
    let supervisor = sim.supervisor.clone();
    let call = tokio::spawn(async move { supervisor.call_tool_text("a", "echo", "{}").await });
    sim.pass(ms(10)).await;
    let notices = sim.notices().len();
    let mut other = spec("a");
    other.policy.health.interval = ms(100);
    other.policy.restart.max_attempts = 1;
    let samples = |sim: &Sim| sim.supervisor.metrics("a", None).unwrap().total_checks;
    let before = samples(&sim);
    assert_eq!(sim.apply(to_change(vec![live(other.clone())])).await, "a updated");
    sim.pass(SECOND).await;
    // It was ten seconds between two probes before.
    assert!(samples(&sim) >= before + 9, "{} then {}", before, samples(&sim));
    call.await.unwrap().unwrap();
    assert_eq!((sim.notices().len(), sim.life("a")), (notices, 1));
    assert_eq!(*sim.info("a").spec, other);
    // The core took its policy over too: one restart, then it gives up.
    sim.script("a", [Life::crashes_after(ms(1), ExitStatus::Code(1))]);
    sim.world.crash(&name("a"), ExitStatus::Code(1));
    let _ = sim.supervisor.wait(&name("a"), Goal::State(ServiceState::Error), None).await;
    sim.pass(60 * SECOND).await;
    assert_eq!((sim.phase("a").as_str(), sim.life("a")), ("failed(gave_up)", 2));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_what_is_launched_restarts_it_and_those_that_go_with_it() {
    let specs = vec![
        spec("db"),
        needs("api", &["db"]),
        spec("log").with_dependency(Dependency::new(name("db"), DepKind::Wants)),
        spec("lone"),
    ];
    let sim = Sim::of(specs).await;
    sim.up().await;
    assert_eq!(sim.apply(to_change(vec![other_args(spec("db"))])).await, "db restarted, api restarted");
    let lives = ["db", "api", "log", "lone"].map(|service| sim.life(service));
    assert_eq!(lives, [2, 2, 1, 1]);
    let told = sim.told("db");
    assert!(told.contains(&"1 running→stopping drain config_changed".to_owned()), "{told:#?}");
    let told = sim.told("api");
    assert!(told.contains(&"1 running→stopping drain dependency_restarted".to_owned()), "{told:#?}");
    let exit = sim.when("api", |what| matches!(what, Happened::Exited(_)))[0];
    assert!(sim.when("db", |what| matches!(what, Happened::InputClosed))[0] >= exit);
}

#[tokio::test(start_paused = true)]
async fn what_failed_by_its_old_spec_tries_the_new_one_at_once_with_fresh_attempts() {
    let sim = Sim::of(vec![spec("a"), spec("b")]).await;
    sim.script("a", [Life::not_found("nodee"), Life::good()]);
    sim.script("b", [Life::crashes_after(ms(1), ExitStatus::Code(1)), Life::good()]);
    sim.up().await;
    sim.pass(ms(100)).await;
    assert_eq!((sim.phase("a").as_str(), sim.phase("b").as_str()), ("failed(config)", "back_off(1)"));
    let at = sim.supervisor.now();
    let reply = sim.apply(to_change(vec![other_args(spec("a")), other_args(spec("b"))])).await;
    assert_eq!(reply, "a restarted, b restarted");
    assert_eq!(sim.supervisor.now().since(at), ms(0), "it waited for its back-off");
    assert_eq!((sim.info("a").status.failures, sim.info("b").status.failures), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_user_stopped_or_never_ran_only_has_the_new_spec() {
    let sim = Sim::of(vec![spec("a"), disabled(spec("b")), spec("c")]).await;
    sim.up().await;
    sim.supervisor.stop_and_wait(&name("a"), false).await.unwrap();
    let delta = to_change(vec![other_args(spec("a")), other_args(disabled(spec("b")))]);
    assert_eq!(sim.apply(delta).await, "a stored, b stored");
    assert_eq!((sim.state("a"), sim.state("b")), (ServiceState::Stopped, ServiceState::NotStarted));
    assert_eq!(sim.info("a").spec.description.as_deref(), Some("with other arguments"));
    // Not even what pulls it in, or enabling it anew, revives what a user stopped.
    let delta = SpecDelta { added: vec![needs("d", &["a"])], ..to_change(vec![live(needs("c", &["a"]))]) };
    assert_eq!(sim.apply(delta).await, "c updated, d started");
    assert_eq!((sim.state("a"), sim.life("c"), sim.state("c")), (ServiceState::Stopped, 1, ServiceState::Running));
    assert_eq!((sim.phase("d").as_str(), sim.info("d").status.desired), ("failed(dependency)", Desired::Up));
    sim.apply(to_change(vec![live(disabled(spec("a")))])).await;
    assert_eq!(sim.apply(to_change(vec![live(spec("a"))])).await, "a stored");
    sim.supervisor.start_and_wait(&name("a")).await.unwrap();
    sim.supervisor.wait(&name("d"), Goal::Healthy, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_new_starts_if_the_services_were_started() {
    let sim = Sim::of(vec![]).await;
    let delta = SpecDelta { added: vec![spec("a"), disabled(spec("b"))], ..SpecDelta::default() };
    let reply = sim.supervisor.apply_and_wait(delta, false).await.unwrap();
    assert_eq!(outcomes(&reply), "a stored, b stored");
    let delta =
        SpecDelta { added: vec![needs("c", &["d"]), disabled(spec("d")), disabled(spec("e"))], ..SpecDelta::default() };
    assert_eq!(sim.apply(delta).await, "d started, c started, e stored");
    let states = ["a", "b", "c", "d", "e"].map(|service| sim.state(service));
    use ServiceState::{NotStarted, Running};
    assert_eq!(states, [NotStarted, NotStarted, Running, Running, NotStarted]);
}

#[tokio::test(start_paused = true)]
async fn enabling_starts_and_disabling_stops_but_not_what_is_pulled_in() {
    let sim = Sim::of(vec![spec("a"), disabled(spec("b")), spec("db"), needs("api", &["db"])]).await;
    sim.up().await;
    let delta = to_change(vec![live(disabled(spec("a"))), live(spec("b")), live(disabled(spec("db")))]);
    assert_eq!(sim.apply(delta).await, "a stopped, b started, db updated");
    assert_eq!(sim.phase("a"), "stopped(by_config)");
    assert!(sim.told("a").contains(&"1 running→stopping drain config_changed".to_owned()));
    assert_eq!((sim.life("db"), sim.life("api"), sim.state("db")), (1, 1, ServiceState::Running));
    // No longer pulled in, it goes; enabled anew, the first comes back.
    assert_eq!(
        sim.apply(to_change(vec![live(spec("api")), live(spec("a"))])).await,
        "a started, api updated, db stopped"
    );
    assert_eq!((sim.life("api"), sim.life("a")), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_disabled_service_that_was_started_by_name_stays_when_nothing_pulls_it_in_any_more() {
    let sim = Sim::of(vec![disabled(spec("db")), needs("api", &["db"])]).await;
    sim.up().await;
    sim.start("db").await;
    assert_eq!(sim.apply(to_change(vec![live(spec("api"))])).await, "api updated");
    assert_eq!((sim.state("db"), sim.life("db")), (ServiceState::Running, 1));
}

#[tokio::test(start_paused = true)]
async fn a_new_dependency_of_what_runs_is_started_beside_it() {
    let sim = Sim::of(vec![spec("api"), disabled(spec("db"))]).await;
    sim.up().await;
    assert_eq!(sim.apply(to_change(vec![live(needs("api", &["db"]))])).await, "db started, api updated");
    assert_eq!((sim.life("api"), sim.state("api"), sim.state("db")), (1, ServiceState::Running, ServiceState::Running));
    assert!(sim.info("api").status.conditions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_changes_nothing() {
    let sim = Sim::of(vec![spec("a"), needs("b", &["a"])]).await;
    sim.up().await;
    let (version, notices) = (sim.supervisor.snapshot().version, sim.notices().len());
    let refused = [
        (to_change(vec![live(needs("a", &["b"]))]), "cycle"),
        (SpecDelta { added: vec![spec("x"), needs("c", &["nobody"])], ..SpecDelta::default() }, "nobody"),
        (SpecDelta { removed: vec![name("a")], added: vec![spec("x")], ..SpecDelta::default() }, "`a`"),
        (SpecDelta { removed: vec![name("zzz")], added: vec![spec("x")], ..SpecDelta::default() }, "zzz"),
        (to_change(vec![live(spec("zzz")), other_args(spec("a"))]), "zzz"),
        (SpecDelta { added: vec![spec("a")], ..to_change(vec![other_args(spec("b"))]) }, "registered already"),
    ];
    for (delta, word) in refused {
        let error = sim.supervisor.apply(delta, true).await.unwrap_err();
        assert!(matches!(error, CommandError::Rejected(_)) && error.to_string().contains(word), "{error}");
    }
    assert_eq!((sim.supervisor.snapshot().version, sim.notices().len()), (version, notices));
    assert_eq!(sim.supervisor.specs(), [spec("a"), needs("b", &["a"])]);
}

#[tokio::test(start_paused = true)]
async fn a_second_reload_overtakes_the_first() {
    let sim = Sim::of(vec![spec("a"), spec("b"), spec("c")]).await;
    sim.script("a", [Life { on_close: Some(2 * SECOND), ..Life::good() }, Life::good()]);
    sim.script("b", [Life { on_close: Some(SECOND), ..Life::good() }, Life::good()]);
    sim.up().await;
    let first = SpecDelta { removed: vec![name("a")], ..to_change(vec![other_args(spec("b"))]) };
    assert_eq!(outcomes(&sim.supervisor.apply(first, true).await.unwrap()), "a removed, b restarted");
    sim.pass(ms(10)).await;
    assert_eq!(sim.supervisor.specs().iter().map(|s| s.name.to_string()).collect::<Vec<_>>(), ["b", "c"]);
    // `b` is on its way down, and its next life is that of the last spec. What is being removed is named by nobody.
    let named = to_change(vec![live(needs("c", &["a"]))]);
    let error = sim.supervisor.apply(named, true).await.unwrap_err();
    assert!(matches!(error, CommandError::Rejected(Rejection::Graph { .. })), "{error}");
    let mut last = spec("b");
    last.description = Some("the last".to_owned());
    // The namesake of `a` waits until it is gone.
    let second = SpecDelta { added: vec![spec("a")], ..to_change(vec![changed(last, ChangeImpact::Restart)]) };
    assert_eq!(sim.apply(second).await, "a started, b restarted");
    assert_eq!((sim.life("a"), sim.life("b"), sim.life("c")), (1, 3, 1));
    assert_eq!(sim.info("b").spec.description.as_deref(), Some("the last"));
    assert_eq!(sim.world.most_alive_at_once(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reload_during_a_stop_of_all_starts_nothing() {
    let sim = Sim::of(vec![spec("a"), disabled(spec("b")), spec("c")]).await;
    sim.script("a", [Life { on_close: Some(2 * SECOND), ..Life::good() }]);
    sim.up().await;
    sim.supervisor.stop(Target::All, false).await.unwrap();
    let delta = SpecDelta {
        added: vec![spec("d")],
        removed: vec![name("c")],
        changed: vec![other_args(spec("a")), live(spec("b"))],
    };
    assert_eq!(sim.apply(delta).await, "a stored, b stored, c removed, d stored");
    sim.pass(60 * SECOND).await;
    assert!(sim.world.alive().is_empty());
    assert_eq!(sim.launches("a").len() + sim.launches("b").len() + sim.launches("d").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reload_during_a_start_reaches_who_waits_and_who_is_being_launched() {
    let sim = Sim::of(vec![spec("db"), needs("api", &["db"]), spec("slow")]).await;
    sim.script("db", [Life::hangs_in_handshake(), Life::good()]);
    sim.script("slow", [Life { spawn: 5 * SECOND, ..Life::good() }, Life::good()]);
    sim.supervisor.start(Target::All).await.unwrap();
    sim.pass(ms(10)).await;
    assert_eq!(["db", "api", "slow"].map(|s| sim.phase(s)), ["init", "wait", "spawn"]);
    let delta = to_change(vec![other_args(spec("db")), other_args(needs("api", &["db"])), other_args(spec("slow"))]);
    assert_eq!(sim.apply(delta).await, "db restarted, api stored, slow restarted");
    sim.supervisor.wait(&name("api"), Goal::Healthy, Some(SECOND)).await.unwrap();
    assert_eq!(["db", "api", "slow"].map(|s| sim.life(s)), [2, 1, 2]);
    assert!(sim.supervisor.snapshot().services().iter().all(|info| info.status.phase == Phase::Ready));
}
