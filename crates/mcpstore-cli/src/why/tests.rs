//! One explanation per cause. `UPDATE_EXPECT=1` writes the texts anew.

use clap::Parser as _;
use expect_test::expect_file;
use mcpstore::monitor::{CircuitReport, CircuitState};
use mcpstore::types::{
    AlertKind, AlertSeverity, Desired, ExitStatus, FailKind, Phase, PhaseName, Reason, RestartMode, StopKind, Timestamp,
};
use mcpstore::{Health, ServiceName, ServiceState};

use super::cause::Cause;
use super::explain::explain;
use super::model::{AlertNote, Before, LaunchFacts, WhyModel};
use super::text::why_text;
use crate::args::Cli;
use crate::output::{ConditionDoc, EventDoc, Term};
use crate::views_doc::View;

fn model(name: &str, phase: Phase, reason: Reason) -> WhyModel {
    WhyModel {
        service: ServiceName::new(name).unwrap(),
        state: phase.state().unwrap_or(ServiceState::Unknown),
        phase,
        reason,
        failure: None,
        detail: None,
        for_seconds: 42.4,
        desired: Desired::Up,
        enabled: true,
        failures: 0,
        max_attempts: 5,
        restart_policy: RestartMode::OnFailure,
        retry_in_seconds: None,
        last_exit: None,
        stderr: Vec::new(),
        health: Health::Unknown,
        probe_error: None,
        before: None,
        alerts: Vec::new(),
        circuit: CircuitReport::default(),
        conditions: Vec::new(),
        leaked_pids: Vec::new(),
        events: Vec::new(),
        launch: LaunchFacts {
            transport: "stdio".to_owned(),
            command: Some("npx".to_owned()),
            args: vec!["-y".to_owned(), "@acme/api".to_owned(), "--token".to_owned(), "•••".to_owned()],
            url: None,
        },
        because: Vec::new(),
    }
}

/// One that gave up after it ended with this code and these words.
fn gave_up(name: &str, code: i32, stderr: &[&str]) -> WhyModel {
    let mut model = model(name, Phase::Failed { kind: FailKind::GaveUp }, Reason::GaveUp);
    let status = ExitStatus::Code(code);
    (model.failure, model.last_exit, model.failures) = (Some(Reason::Exited(status)), Some(status), 6);
    model.stderr = stderr.iter().map(|line| (*line).to_owned()).collect();
    model
}

fn failed(kind: FailKind, reason: Reason, detail: &str) -> WhyModel {
    let mut model = model("api", Phase::Failed { kind }, reason);
    (model.detail, model.failures) = (Some(detail.to_owned()), 1);
    model
}

fn condition(kind: &str, status: bool, message: &str) -> ConditionDoc {
    ConditionDoc {
        kind: kind.to_owned(),
        status,
        reason: "dependency_failed".to_owned(),
        message: message.to_owned(),
        since: "2026-11-29T12:00:00.000Z".to_owned(),
    }
}

fn before(reason: Reason, detail: &str) -> Before {
    Before { reason, detail: Some(detail.to_owned()), seconds_ago: 75.0, restarts: 9 }
}

/// A model of each cause.
fn example(cause: Cause) -> WhyModel {
    let stopped = |kind, reason| {
        let mut stopped = model("api", Phase::Stopped { kind }, reason);
        stopped.desired = Desired::Down;
        stopped
    };
    match cause {
        Cause::Running => model("api", Phase::Ready, Reason::ProbePassed),
        Cause::NeverStarted => model("api", Phase::Idle, Reason::Registered),
        Cause::Disabled => WhyModel { enabled: false, ..model("api", Phase::Idle, Reason::Registered) },
        Cause::Starting => model("api", Phase::Init, Reason::Spawned),
        Cause::Asleep => stopped(StopKind::Idle, Reason::Idle),
        Cause::Stopping => model("api", Phase::Term, Reason::StopAsked),
        Cause::WaitsForSlot => model("api", Phase::Wait, Reason::StartAsked),
        Cause::Removed => model("api", Phase::Removed, Reason::RemoveAsked),
        Cause::Recycled => {
            let mut one = model("api", Phase::Ready, Reason::ProbePassed);
            one.before = Some(before(Reason::MemoryReached, "it used 600 MiB"));
            one
        }
        Cause::AlertFiring => {
            let mut one = model("api", Phase::Ready, Reason::ProbePassed);
            let alert = |kind, severity, detail: &str| AlertNote { kind, severity, detail: detail.to_owned() };
            one.alerts = vec![
                alert(AlertKind::BudgetNear, AlertSeverity::Info, "1 restart(s) left"),
                alert(AlertKind::Flapping, AlertSeverity::Warning, "9 restart(s) within 600 s"),
            ];
            one.before = Some(before(Reason::Exited(ExitStatus::Code(9)), "exit code 9"));
            one
        }
        Cause::StoppedByUser => stopped(StopKind::ByUser, Reason::StopAsked),
        Cause::StoppedWithDependency => stopped(StopKind::ByDependency, Reason::DependencyStopped),
        Cause::Completed => stopped(StopKind::Completed, Reason::Completed),
        Cause::Conflict => stopped(StopKind::Conflict, Reason::ConflictStarted),
        Cause::ConfigChanged => stopped(StopKind::ByConfig, Reason::ConfigChanged),
        Cause::ExternalPending => {
            let mut one = model("api", Phase::Wait, Reason::StartAsked);
            one.conditions = vec![condition(
                "external_pending",
                true,
                "waiting for a connection to 127.0.0.1:5432: connection refused",
            )];
            one
        }
        Cause::WaitsForDependency => {
            let mut one = model("api", Phase::Wait, Reason::StartAsked);
            one.conditions = vec![condition("dependencies_met", false, "waits for `db`")];
            let mut db = model("db", Phase::BackOff { attempt: 2, until: Timestamp::ZERO }, Reason::GroupEmpty);
            (db.failure, db.last_exit) = (Some(Reason::Exited(ExitStatus::Code(1))), Some(ExitStatus::Code(1)));
            (db.failures, db.retry_in_seconds) = (2, Some(3.7));
            db.stderr = vec!["database \u{1b}[31mis locked".to_owned()];
            one.because = vec![db];
            one
        }
        Cause::DependencyDown => {
            // web needs api needs db, and db has no port.
            let mut web = failed(FailKind::Dependency, Reason::DependencyFailed, "`api` is down");
            web.service = ServiceName::new("web").unwrap();
            let mut api = failed(FailKind::Dependency, Reason::DependencyFailed, "`db` is down");
            let words = ["Error: listen EADDRINUSE: address already in use 127.0.0.1:5432", "    at Server.listen"];
            api.because = vec![gave_up("db", 1, &words)];
            web.because = vec![api];
            web.events = vec![EventDoc {
                seq: 9,
                time: "2026-11-29T12:01:02.000Z".to_owned(),
                service: "web".to_owned(),
                incarnation: 1,
                from: Some("starting".to_owned()),
                to: Some("error".to_owned()),
                phase: "failed".to_owned(),
                reason: "dependency_failed".to_owned(),
                detail: Some("`api` is down\u{7}".to_owned()),
            }];
            web
        }
        Cause::DependencyMissing => {
            let mut one = model("api", Phase::Ready, Reason::ProbePassed);
            one.conditions = vec![condition("dependency_missing", true, "runs without `cache`")];
            one.because = vec![gave_up("cache", 3, &["no licence"])];
            one
        }
        Cause::ProgramMissing => failed(
            FailKind::Config,
            Reason::SpecUnusable,
            "no program `npx` in any folder of PATH (/usr/bin, /bin)\nmore",
        ),
        Cause::ModuleMissing => {
            let mut one = gave_up("api", 1, &["Traceback:", "ModuleNotFoundError: No module named 'requests'"]);
            (one.launch.command, one.launch.args) = (Some("python3".to_owned()), vec!["server.py".to_owned()]);
            one
        }
        Cause::PackageMissing => gave_up(
            "api",
            1,
            &[
                "npm error code E404",
                "npm error 404  '@acme/api@*' is not in this registry. Not Found",
                "npm error A complete log",
            ],
        ),
        Cause::PermissionDenied => gave_up("api", 1, &["Error: EACCES: permission denied, open '/var/lib/db'"]),
        Cause::AddressInUse => gave_up("api", 1, &["Error: listen EADDRINUSE: address already in use :::3000"]),
        Cause::VariableMissing => gave_up("api", 1, &["Error: BRAVE_API_KEY environment variable is required"]),
        Cause::Unreachable => gave_up("api", 1, &["Error: connect ECONNREFUSED 127.0.0.1:5432"]),
        Cause::OutOfMemory => gave_up("api", 134, &["FATAL ERROR: Reached heap limit - JavaScript heap out of memory"]),
        Cause::Unusable => failed(
            FailKind::Config,
            Reason::SpecUnusable,
            "the working directory `/x` is not a folder that can be entered",
        ),
        Cause::LoginNeeded => failed(FailKind::Auth, Reason::NeedsAuth, "a login is needed: no token"),
        Cause::AuthRefused => {
            failed(FailKind::Auth, Reason::AuthRefused, "the server refused our credentials: expired")
        }
        Cause::HandshakeTimeout => {
            failed(FailKind::Handshake, Reason::HandshakeFailed, "the server did not answer the handshake within 30s")
        }
        Cause::HandshakeFailed => failed(
            FailKind::Handshake,
            Reason::HandshakeFailed,
            "the server writes no JSON on its stdout; it wrote \"Listening on 3000\"",
        ),
        Cause::StartTimeout => {
            let mut one = failed(FailKind::StartTimeout, Reason::TimedOut(PhaseName::Probe), "");
            one.detail = None;
            one
        }
        Cause::ProbeFailing => {
            let mut one = model("api", Phase::Degraded, Reason::ProbeFailed);
            (one.health, one.probe_error) = (Health::Degraded, Some("no answer within 3s".to_owned()));
            one
        }
        Cause::Hung => {
            let mut one = model("api", Phase::BackOff { attempt: 1, until: Timestamp::ZERO }, Reason::LivenessFailed);
            (one.failures, one.retry_in_seconds) = (1, Some(0.9));
            one.probe_error = Some("no answer within 3s".to_owned());
            one.last_exit = Some(ExitStatus::Signal(9));
            one
        }
        Cause::CircuitOpen => {
            let mut one = model("api", Phase::Ready, Reason::ProbePassed);
            one.circuit = CircuitReport { state: CircuitState::Open, opened_total: 1, retry_in_seconds: Some(12.0) };
            one
        }
        Cause::Crashed => gave_up("api", 3, &["no \u{1b}]0;title\u{7}licence", "", "giving up"]),
        Cause::Killed => {
            let mut one = gave_up("api", 0, &[]);
            let status = ExitStatus::Signal(9);
            (one.failure, one.last_exit) = (Some(Reason::Exited(status)), Some(status));
            one
        }
        Cause::ConnectionLost => {
            let mut one = gave_up("api", 0, &[]);
            (one.failure, one.last_exit) = (Some(Reason::Exited(ExitStatus::Closed)), Some(ExitStatus::Closed));
            (one.launch.command, one.launch.args) = (None, Vec::new());
            one.launch.url = Some("https://mcp.example.com/mcp".to_owned());
            one
        }
        Cause::Leaked => {
            let mut one = failed(FailKind::Leaked, Reason::TimedOut(PhaseName::Reap), "members of its group survive");
            one.leaked_pids = vec![4_711, 4_712];
            one
        }
        Cause::StopFailed => failed(FailKind::StopFailed, Reason::TimedOut(PhaseName::Kill), "it survived the kill"),
        Cause::Unseen => model("api", Phase::Unknown, Reason::StateLost),
        Cause::Unclear => failed(FailKind::Exit, Reason::GaveUp, ""),
    }
}

fn text(model: &WhyModel) -> String {
    why_text(model, &Term::PLAIN, &str::to_owned)
}

/// What the docs show.
pub(crate) fn views() -> Vec<View> {
    let shown = |name, cause: Cause| {
        let model = example(cause);
        View::console(name, &format!("mcpstore why {}", model.service), &text(&model))
    };
    let rows: String = Cause::ALL
        .iter()
        .map(|cause| format!("| `{}` | the service {} |\n", cause.as_str(), cause.summary()))
        .collect();
    vec![
        shown("why-dependency", Cause::DependencyDown),
        shown("why-module", Cause::ModuleMissing),
        View::markdown("why-causes", format!("| cause | meaning |\n|---|---|\n{rows}")),
    ]
}

/// All explanations, one after the other.
fn all() -> String {
    Cause::ALL.into_iter().map(|cause| format!("# {}\n{}\n", cause.as_str(), text(&example(cause)))).collect()
}

#[test]
fn every_cause_is_explained() {
    for cause in Cause::ALL {
        assert_eq!(explain(&example(cause)).cause, cause.as_str());
    }
    let all = all();
    expect_file!["snapshots/causes.txt"].assert_eq(&all);
    assert!(!all.contains(['\u{1b}', '\u{7}']), "cleaned");
}

#[test]
fn words_differ_and_what_is_wrong_has_a_fix() {
    let mut words: Vec<&str> = Cause::ALL.iter().map(|cause| cause.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Cause::ALL.len());
    for cause in Cause::ALL {
        let found = explain(&example(cause));
        let is_down = found.state == "error" || found.state == "stopped";
        assert!(!is_down || !found.fix.is_empty(), "{found:?}");
        assert!(found.answer.starts_with('`') && !found.answer.ends_with('.'), "{}", found.answer);
    }
}

#[test]
fn the_commands_that_are_told_are_commands() {
    for cause in Cause::ALL {
        for command in explain(&example(cause)).fix.into_iter().filter_map(|fix| fix.run) {
            if command.starts_with("mcpstore ") {
                let parsed = Cli::try_parse_from(command.split(' '));
                assert!(parsed.is_ok(), "{cause:?}: {command}: {}", parsed.unwrap_err());
            }
        }
    }
}

#[test]
fn a_document_has_the_same() {
    let json = serde_json::to_string_pretty(&explain(&example(Cause::DependencyDown))).unwrap();
    expect_file!["snapshots/dependency_down.json"].assert_eq(&format!("{json}\n"));
}

#[test]
fn the_model_travels() {
    for cause in Cause::ALL {
        let model = example(cause);
        let read: WhyModel = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
        assert_eq!(explain(&read), explain(&model), "{cause:?}");
    }
}

#[test]
fn a_chain_is_bounded() {
    let mut deep = gave_up("end", 1, &["boom"]);
    for at in 0..200 {
        let mut above = failed(FailKind::Dependency, Reason::DependencyFailed, "down");
        above.service = ServiceName::new(format!("s{at}")).unwrap();
        above.because = vec![deep];
        deep = above;
    }
    let found = explain(&deep);
    assert!(found.chain.len() <= 60 && found.chain.iter().all(|link| link.depth <= 16), "{}", found.chain.len());
}

#[test]
fn waiting_outside_in_vain_is_no_dependency_that_is_down() {
    let reason = Reason::TimedOut(PhaseName::Wait);
    let mut one = failed(FailKind::Dependency, reason, "waited 2s for the file /srv/ready: it is not there");
    one.failures = 0;
    for with_condition in [false, true] {
        if with_condition {
            let message = "waiting for the file /srv/ready: it is not there";
            one.conditions = vec![condition("external_pending", true, message)];
        }
        let found = explain(&one);
        assert_eq!(found.cause, "external_pending");
        assert_eq!(found.answer, "`api` is down: it waited in vain for the file /srv/ready: it is not there");
        assert!(found.fix[0].say.contains("starts by itself when it comes"), "{found:?}");
        assert_eq!(found.fix[1].run.as_deref(), Some("mcpstore start api"));
        assert_eq!(found.chain.len(), 1, "said once: {found:?}");
    }
    let found = explain(&example(Cause::ExternalPending));
    assert_eq!(found.answer, "`api` is waiting for a connection to 127.0.0.1:5432: connection refused");
    assert_eq!(found.chain.len(), 1, "said once: {found:?}");
    // A dependency that was missing is one all the same.
    let words = "its dependencies were not there within 2s: waiting for `db`";
    let mut other = failed(FailKind::Dependency, reason, words);
    other.because = vec![gave_up("db", 1, &["boom"])];
    assert_eq!(explain(&other).cause, "dependency_down");
}

#[test]
fn an_alert_is_the_answer_of_one_that_runs() {
    let found = explain(&example(Cause::AlertFiring));
    assert_eq!(found.answer, "`api` is running, but it is restarted again and again (9 restarts within 600 s)");
    let facts: Vec<&str> = found.chain.iter().map(|link| link.text.as_str()).collect();
    assert_eq!(
        facts,
        [
            "ready for 42s: probe passed",
            "before, 1m15s ago: exited: exit code 9; started again 9 times in ten minutes",
            "alert: info budget_near: few of its restarts are left before it gives up (1 restart left)",
        ]
    );
    let found = explain(&example(Cause::Recycled));
    assert!(found.answer.contains("memory at which it is replaced"), "{found:?}");
}

#[test]
fn a_start_up_check_that_fails_is_no_matter_of_time() {
    let reason = Reason::TimedOut(PhaseName::Probe);
    let words =
        "its start-up check did not pass within 3s: liveness: no program `checker` in any folder of PATH (/bin)";
    let mut one = failed(FailKind::StartTimeout, reason, words);
    one.stderr = vec!["permission denied once".to_owned()];
    let found = explain(&one);
    assert_eq!(found.cause, "probe_failing");
    assert!(found.answer.contains("no program `checker`"), "{found:?}");
    assert!(found.fix[0].say.contains("`health.probe`"), "{found:?}");
    let bare = failed(FailKind::StartTimeout, reason, "its start-up check did not pass within 3s");
    assert_eq!(explain(&bare).cause, "start_timeout");
}

#[test]
fn the_line_with_the_address_is_shown() {
    let lines = [
        "node:events:497",
        "      throw er; // Unhandled 'error' event",
        "Error: listen EADDRINUSE: address already in use 127.0.0.1:18999",
        "    at Server.setupListenHandle [as _listen2] (node:net:1908:16)",
        "    at listenInCluster (node:net:1965:12)",
        "Emitted 'error' event on Server instance at:",
        "    at emitErrorNT (node:net:1944:8) {",
        "  code: 'EADDRINUSE',",
        "  errno: -98,",
        "  syscall: 'listen',",
        "  address: '127.0.0.1',",
        "  port: 18999",
        "}",
        "Node.js v22.14.0",
    ];
    let found = explain(&gave_up("api", 1, &lines));
    assert_eq!(found.cause, "address_in_use");
    assert!(found.answer.ends_with("it wants port 18999, which another program has"), "{found:?}");
    let shown = found.chain.iter().filter(|link| link.text.contains("in use 127.0.0.1:18999")).count();
    assert_eq!(shown, 1, "{found:?}");
    assert_eq!(found.fix[0].run.as_deref(), Some("lsof -nP -iTCP:18999 -sTCP:LISTEN"));
    let denied = gave_up("api", 1, &["Error: EACCES: permission denied, open '/x/y'", "  code: 'EACCES',"]);
    assert!(explain(&denied).answer.contains("`/x/y`"), "{:?}", explain(&denied).answer);
}

#[test]
fn what_is_not_tried_again_counts_no_attempts() {
    let counts = |model: &WhyModel| explain(model).chain.iter().any(|link| link.text.contains("in a row"));
    assert!(counts(&gave_up("api", 1, &["boom"])) && counts(&example(Cause::Hung)));
    for cause in [Cause::Unusable, Cause::AuthRefused, Cause::LoginNeeded, Cause::DependencyDown] {
        let found = explain(&example(cause));
        assert!(!found.chain.iter().any(|link| link.depth == 0 && link.text.contains("in a row")), "{found:?}");
    }
    let mut never = failed(FailKind::Exit, Reason::Exited(ExitStatus::Code(2)), "exit code 2");
    (never.restart_policy, never.last_exit) = (RestartMode::Never, Some(ExitStatus::Code(2)));
    let found = explain(&never);
    assert!(!counts(&never), "{found:?}");
    assert!(found.chain.iter().any(|link| link.text.contains("`restart.policy` is `never`")), "{found:?}");
    assert!(found.fix.iter().any(|fix| fix.say.contains("`restart.policy`")), "{found:?}");
    // What waits is looked for all the same.
    let mut waits = example(Cause::DependencyDown);
    waits.restart_policy = RestartMode::Never;
    assert!(explain(&waits).fix.iter().all(|fix| !fix.say.contains("`restart.policy`")), "{waits:?}");
}

#[test]
fn a_clean_end_is_no_error() {
    let mut one = model("api", Phase::BackOff { attempt: 1, until: Timestamp::ZERO }, Reason::GroupEmpty);
    let status = ExitStatus::Code(0);
    (one.failure, one.last_exit, one.failures) = (Some(Reason::Exited(status)), Some(status), 1);
    one.retry_in_seconds = Some(2.0);
    let found = explain(&one);
    assert_eq!(found.answer, "`api` is down, and tried again in 2s: it ended by itself, without complaint");
    assert!(found.fix.iter().all(|fix| !fix.say.contains("start it")), "{found:?}");
}
