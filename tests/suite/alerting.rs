//! Alerts while a manager runs: rules and sinks of an edited config, silences, tests of sinks, and sinks that run a command.

use std::path::Path;
use std::time::{Duration, Instant};

use mcpstore_testkit::fixture_path;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::manager::{LONG, Manager, service, signal};
use crate::receiver::{Mood, Receiver};

/// Two services that give up when they are started, and one that runs.
fn config(alerts: &Value) -> Value {
    let fixture = fixture_path();
    let restart = json!({"maxAttempts": 1, "delay": "10ms", "maxDelay": "10ms", "jitter": 0.0});
    let bad = json!({"command": fixture, "args": ["--exit-at-once", "3"], "enabled": false, "restart": restart});
    json!({"mcpServers": {"well": {"command": fixture}, "bad-a": bad, "bad-b": bad}, "alerts": alerts})
}

fn webhook(name: &str, receiver: &Receiver) -> Value {
    json!({"name": name, "type": "webhook", "url": receiver.url(), "only": ["gave_up"]})
}

/// A manager that reads this config again only when it is told to.
fn up(test: &str, alerts: &Value) -> (Manager, tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mcp.json");
    std::fs::write(&file, config(alerts).to_string()).unwrap();
    let named = file.display().to_string();
    let manager = Manager::up(test, &["--config", &named, "--no-watch"]);
    running(&manager);
    (manager, dir, named)
}

fn running(manager: &Manager) {
    manager.wait_until("running", |services| services.iter().any(|service| service["state"] == "running"));
}

fn alerts(manager: &Manager) -> Value {
    manager.json(&["alerts", "ls", "-o", "json"])
}

/// Polls `alerts ls` until `done` holds of the alert of this service that it gave up.
fn gave_up(manager: &Manager, name: &str, done: impl Fn(&Value) -> bool) {
    let start = Instant::now();
    loop {
        let listed = alerts(manager);
        let mut all = listed["alerts"].as_array().unwrap().iter();
        if all.any(|alert| alert["kind"] == "gave_up" && alert["service"] == name && done(alert)) {
            return;
        }
        assert!(start.elapsed() < LONG, "no such alert of `{name}`: {listed}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn sinks(manager: &Manager) -> Vec<Value> {
    alerts(manager)["sinks"].as_array().unwrap().iter().map(|sink| sink["name"].clone()).collect()
}

fn story(taken: &[Value]) -> Vec<[&str; 3]> {
    taken.iter().map(|alert| ["service", "severity", "status"].map(|key| alert[key].as_str().unwrap())).collect()
}

fn ends(manager: Manager) {
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

#[test]
fn a_reload_takes_over_rules_and_sinks_and_touches_no_service() {
    let [one, two] = [0, 1].map(|_| Receiver::start(Mood::Status(200)));
    let (manager, _dir, file) = up("alerts-reload", &json!({"sinks": [webhook("one", &one)]}));
    manager.run(&["start", "bad-a", "--wait"]);
    assert_eq!(story(&one.wait_for(1)), [["bad-a", "critical", "firing"]]);

    let edit = |alerts: Value| std::fs::write(&file, config(&alerts).to_string()).unwrap();
    let milder =
        json!({"rules": {"gave_up": {"severity": "warning"}}, "sinks": [webhook("one", &one), webhook("two", &two)]});
    edit(milder);
    let planned = manager.run(&["plan", "--exit-code"]);
    let said = String::from_utf8_lossy(&planned.stdout).into_owned();
    assert!(planned.status.code() == Some(7) && said.contains("alerts  would be taken over"), "{planned:?}");
    assert_eq!(sinks(&manager), ["one"]);
    let reloaded = manager.json(&["reload", "-o", "json"]);
    assert_eq!(
        (&reloaded["outcome"], &reloaded["alerts"], &reloaded["services"]),
        (&json!("changed"), &json!(true), &json!([]))
    );
    assert_eq!(sinks(&manager), ["one", "two"]);
    // What is said in its terminal comes a moment later.
    let start = Instant::now();
    while !manager.stderr().contains("config taken over: alerts") {
        assert!(start.elapsed() < LONG, "{}", manager.stderr());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(manager.stdout(&["reload"]).contains("nothing to change"));

    // The new rule, at both sinks.
    manager.run(&["start", "bad-b", "--wait"]);
    let last = ["bad-b", "warning", "firing"];
    assert_eq!((story(&one.wait_for(2))[1], story(&two.wait_for(1))[0]), (last, last));

    // A config with an error in it changes nothing.
    edit(json!({"rules": {"gave_up": false}, "sinks": [{"name": "one", "type": "webhook"}]}));
    let refused = manager.run(&["reload"]);
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
    assert_eq!(sinks(&manager), ["one", "two"]);
    assert_eq!(alerts(&manager)["enabled"], true);

    // Without its rule, an alert is over.
    edit(json!({"rules": {"gave_up": false}, "sinks": [webhook("two", &two)]}));
    assert!(manager.stdout(&["reload"]).contains("alerts  taken over"));
    let taken = two.wait_for(3);
    let mut resolved: Vec<_> = story(&taken[1..]).into_iter().map(|[name, _, status]| [name, status]).collect();
    resolved.sort_unstable();
    assert_eq!(resolved, [["bad-a", "resolved"], ["bad-b", "resolved"]]);
    assert_eq!(sinks(&manager), ["two"]);
    let services = manager.json(&["ls", "-o", "json"]);
    assert_eq!(service(services["services"].as_array().unwrap(), "well")["incarnation"], 1);
    ends(manager);
}

#[test]
fn a_silence_holds_back_what_fires_survives_restarts_and_ends_with_a_word() {
    let receiver = Receiver::start(Mood::Status(200));
    let (mut manager, _dir, file) = up("alerts-silence", &json!({"sinks": [webhook("one", &receiver)]}));
    let long = manager.json(&["alerts", "silence", "bad-*", "--for", "2h", "--comment", "it is known", "-o", "json"]);
    let other = manager.json(&["alerts", "silence", "well", "--for", "3h", "--kind", "latency", "-o", "json"]);
    let (long, other) = (long["id"].as_u64().unwrap(), other["id"].as_u64().unwrap());
    let silences = alerts(&manager)["silences"].clone();
    let ids = |silences: &Value| -> Vec<u64> {
        silences.as_array().unwrap().iter().map(|silence| silence["id"].as_u64().unwrap()).collect()
    };
    assert_eq!(ids(&silences), [long, other]);
    let shown = manager.stdout(&["alerts", "ls"]);
    assert!(shown.contains("bad-*") && shown.contains("it is known") && shown.contains("latency"), "{shown}");

    // After a kill, and after an end in good order.
    manager.stdout(&["events", "--since", "1h"]);
    manager.kill();
    manager.up_again(&["--config", &file, "--no-watch"]);
    running(&manager);
    assert_eq!(alerts(&manager)["silences"], silences);
    let ended = manager.end_by(Signal::INT);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    manager.up_again(&["--config", &file, "--no-watch"]);
    running(&manager);
    assert_eq!(alerts(&manager)["silences"], silences);

    // Held back, and listed all the same.
    manager.run(&["start", "bad-a", "--wait"]);
    gave_up(&manager, "bad-a", |alert| alert["silenced_until_ms"].is_u64());
    assert!(manager.stdout(&["alerts", "ls"]).contains("silenced"));
    manager.stdout(&["alerts", "unsilence", &other.to_string()]);
    assert_eq!(ids(&alerts(&manager)["silences"]), [long]);
    assert_eq!((receiver.asked(), alerts(&manager)["sinks"][0]["queued"].as_u64()), (0, Some(0)));
    // It still fires, and so it is told now.
    manager.stdout(&["alerts", "unsilence", &long.to_string()]);
    assert_eq!(story(&receiver.wait_for(1)), [["bad-a", "critical", "firing"]]);
    let again = manager.run(&["alerts", "unsilence", &long.to_string()]);
    assert_eq!(again.status.code(), Some(2), "{again:?}");

    // What was ended stays so.
    manager.stdout(&["events", "--since", "1h"]);
    manager.kill();
    manager.up_again(&["--config", &file, "--no-watch"]);
    running(&manager);
    assert_eq!(alerts(&manager)["silences"], json!([]));
    ends(manager);
}

#[test]
fn a_test_says_of_each_sink_whether_it_took_it() {
    let [good, bad] = [200, 404].map(|status| Receiver::start(Mood::Status(status)));
    let (manager, _dir, _) = up("alerts-test", &json!({"sinks": [webhook("good", &good), webhook("bad", &bad)]}));
    let tested = manager.run(&["alerts", "test", "-o", "json"]);
    assert_eq!(tested.status.code(), Some(1), "{tested:?}");
    let answers: Value = serde_json::from_slice(&tested.stdout).unwrap();
    assert_eq!(answers["sinks"][0], json!({"sink": "good", "error": null}));
    assert!(answers["sinks"][1]["error"].as_str().unwrap().contains("404"), "{answers}");
    let one = manager.run(&["alerts", "test", "good"]);
    assert_eq!(one.status.code(), Some(0), "{one:?}");
    assert!(good.wait_for(2).iter().all(|alert| alert["status"] == "test"));
    assert_eq!(bad.asked(), 1, "a test is tried once");
    let unknown = manager.run(&["alerts", "test", "nobody"]);
    assert!(!unknown.status.success(), "{unknown:?}");
    ends(manager);
}

/// A config with a sink that leaves what it is told in a file.
fn with_command(dir: &Path, mark: &str) {
    let script = format!("cat > {0}.part; env >> {0}.part; mv {0}.part {0}", dir.join(mark).display());
    let alerts = json!({"sinks": [{"name": "pager", "type": "command", "command": "sh", "args": ["-c", script]}]});
    std::fs::write(dir.join("mcp.json"), config(&alerts).to_string()).unwrap();
}

#[test]
fn a_command_of_a_found_config_is_not_run_before_it_is_approved() {
    let dir = tempfile::tempdir().unwrap();
    with_command(dir.path(), "one");
    let folder = dir.path().to_owned();
    // It is found in the folder in which the manager is started.
    let mut manager = Manager::up_in(dir, "alerts-trust", &["--no-watch"]);
    let refused = manager.end();
    assert_eq!(refused.status.code(), Some(9), "{}", refused.stderr);
    let said = &refused.stderr;
    assert!(said.contains("alerts of this config") && said.contains("run sh -c"), "{said}");

    manager.up_again(&["--no-watch", "--yes"]);
    running(&manager);
    manager.stdout(&["alerts", "test", "pager"]);
    let told = std::fs::read_to_string(folder.join("one")).unwrap();
    let alert: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
    assert_eq!((&alert["status"], &alert["schema"]), (&json!("test"), &json!("mcpstore.alert/1")));
    assert!(told.contains("\nMCPSTORE_ALERT_STATUS=test\n") && !told.contains("MCPSTORE_STATE_DIR"), "{told}");

    // Another command of the same file is not run by a reload either.
    with_command(&folder, "two");
    let refused = manager.run(&["reload"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(9) && said.contains("not approved") && said.contains("run sh -c"),
        "{refused:?}"
    );
    manager.stdout(&["alerts", "test", "pager"]);
    assert!(!folder.join("two").exists(), "it ran unapproved");
    let approved = manager.run(&["config", "approve", "--yes"]);
    assert!(approved.status.success(), "{approved:?}");
    assert!(manager.stdout(&["reload"]).contains("alerts  taken over"));
    manager.stdout(&["alerts", "test", "pager"]);
    assert!(folder.join("two").exists());
    ends(manager);
}

/// When a warden was killed, everything it may have left is ended; the command of a sink is none of that.
#[test]
fn a_killed_warden_takes_no_command_of_a_sink_along() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let script = r#"echo begun >> "$0"; sleep 2; echo done >> "$0""#;
    let sink = json!({"type": "command", "command": "sh", "args": ["-c", script, log], "only": ["gave_up"]});
    let (manager, _dir, _) = up("warden-and-sink", &json!({"sinks": [sink]}));
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    let wait_for = |what: &str| {
        let start = Instant::now();
        while !said().starts_with(what) {
            assert!(start.elapsed() < LONG, "{what:?} awaited, {:?} said", said());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    manager.run(&["start", "bad-a"]);
    wait_for("begun\n");
    let services = manager.wait_until("running", |services| service(services, "well")["state"] == "running");
    let pid = i32::try_from(service(&services, "well")["pid"].as_i64().unwrap()).unwrap();
    let warden = mcpstore_warden::proc::read(pid).unwrap().parent;
    assert_ne!(u32::try_from(warden).unwrap(), manager.pid(), "it has a warden");
    signal(u32::try_from(warden).unwrap(), Signal::KILL);
    manager.wait_until("replaced", |services| {
        let well = service(services, "well");
        well["state"] == "running" && well["incarnation"] == 2
    });
    wait_for("begun\ndone\n");
    // It is told as sent once its process is over.
    let start = Instant::now();
    let told = loop {
        let told = alerts(&manager)["sinks"][0].clone();
        if told["sent_total"] != 0 || start.elapsed() > LONG {
            break told;
        }
    };
    assert_eq!((&told["sent_total"], &told["failed_attempts_total"]), (&json!(1), &json!(0)), "{told}");
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}
