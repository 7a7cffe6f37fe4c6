//! What the commands that explain say of a real manager with a broken chain of dependencies.

use mcpstore_testkit::fixture_path;
use serde_json::{Value, json};

use crate::manager::{Manager, service};

/// `web` needs `api`, `api` needs `db`, and `db` gives up; `slow` needs `base`, and both run.
fn broken_chain(test: &str) -> Manager {
    let fixture = fixture_path();
    let restart = json!({"maxAttempts": 1, "delay": "10ms", "maxDelay": "10ms", "jitter": 0.0});
    let config = json!({"mcpServers": {
        "base": {"command": fixture, "health": {"interval": "200ms"}},
        "slow": {"command": fixture, "args": ["--slow-start", "200"], "dependsOn": ["base"]},
        "db": {"command": fixture, "args": ["--stderr-text", "no such database: shop", "--exit-at-once", "3"], "restart": restart},
        "api": {"command": fixture, "dependsOn": ["db"]},
        "web": {"command": fixture, "dependsOn": ["api"]},
    }});
    let manager = Manager::with_config(test, &config);
    manager.wait_until("settled", |services| {
        let in_state = |name: &&str, state: &str| service(services, name)["state"] == state;
        services.len() == 5
            && ["base", "slow"].iter().all(|name| in_state(name, "running"))
            && ["db", "api", "web"].iter().all(|name| in_state(name, "error"))
            && service(services, "db")["reason"] == "gave_up"
    });
    manager
}

/// These words stand in the text, each in a line of its own below the one before.
fn in_order(text: &str, words: &[&str]) {
    let mut lines = text.lines();
    for word in words {
        assert!(lines.any(|line| line.contains(word)), "no `{word}`, or not in its place:\n{text}");
    }
}

/// The line that begins with this name.
fn row<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("no line of `{name}`:\n{text}")).split_whitespace().collect()
}

fn ends(manager: Manager) {
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

#[test]
fn why_goes_down_to_the_exit_code_and_status_has_a_time_line() {
    let manager = broken_chain("why");
    let why = manager.stdout(&["why", "web"]);
    assert_eq!(why.lines().next(), Some("`web` is down because `api`, which it cannot be without, is down"));
    in_order(
        &why,
        &[
            "because `api` is down because `db`",
            "because `db` gave up after 2 failures in a row",
            "exit code 3",
            "stderr | no such database: shop",
            "launch:",
            "dependency_failed",
            "fix: `db`: read what it said",
            "mcpstore logs db",
            "mcpstore start db",
        ],
    );
    let model = manager.json(&["why", "web", "-o", "json"]);
    assert_eq!((&model["service"], &model["cause"]), (&json!("web"), &json!("dependency_down")), "{model}");
    let last = model["chain"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["service"], &last["text"]), (&json!("db"), &json!("stderr | no such database: shop")));
    assert_eq!(model["fix"][1]["run"], "mcpstore start db");
    let well = manager.stdout(&["why", "base"]);
    assert!(well.lines().next().unwrap().contains("`base` is running") && !well.contains("fix:"), "{well}");
    let unknown = manager.run(&["why", "wep"]);
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(unknown.status.code() == Some(4) && said.contains("`web`"), "{unknown:?}");

    let status = manager.stdout(&["status", "db"]);
    in_order(
        &status,
        &[
            "gave up: exit code 3",
            "timeline",
            "starting",
            "error",
            "starting",
            "error",
            "stderr    no such database: shop",
        ],
    );
    in_order(
        &manager.stdout(&["status", "web"]),
        &["dependency failed", "not dependencies_met: `api` is down", "timeline"],
    );
    in_order(&manager.stdout(&["status", "base"]), &["running", "tools", "timeline", "running"]);
    ends(manager);
}

#[test]
fn top_metrics_and_the_critical_chain_show_what_runs_and_what_does_not() {
    let manager = broken_chain("views");
    for _ in 0..3 {
        manager.stdout(&["call", "base.echo", "text=one"]);
    }
    assert!(!manager.run(&["call", "base.fail"]).status.success());

    let top = manager.stdout(&["top", "--once"]);
    let head: Vec<&str> = top.lines().next().unwrap().split_whitespace().collect();
    let column = |name: &str| head.iter().position(|word| *word == name).unwrap();
    // The state is two words: a sign and its name.
    let cell = |service: &str, name: &str| row(&top, service)[column(name) + 1];
    assert_eq!((cell("base", "STATE"), cell("base", "HEALTH")), ("running", "ok"), "{top}");
    assert_eq!(
        (cell("base", "CALLS/m"), cell("base", "ERR%"), cell("base", "CIRCUIT")),
        ("4", "25.0%", "closed"),
        "{top}"
    );
    for name in ["db", "api", "web"] {
        assert_eq!((cell(name, "STATE"), cell(name, "UP"), cell(name, "CALLS/m")), ("error", "-", "0"), "{top}");
    }
    assert_eq!(cell("db", "RST"), "1", "{top}");
    let model = manager.json(&["top", "--once", "-o", "json"]);
    let firing = model["alerts"].as_array().unwrap();
    assert!(firing.iter().any(|alert| alert["kind"] == "gave_up" && alert["service"] == "db"), "{model}");

    let all = manager.stdout(&["metrics"]);
    let calls = |text: &str, name: &str| -> Value {
        let head: Vec<&str> = text.lines().next().unwrap().split_whitespace().collect();
        // Three columns of its head, and its state, are two words.
        let at = |word: &str| head.iter().position(|found| *found == word).unwrap() - 3 + 1;
        let row = row(text, name);
        json!([row[at("CALLS")], row[at("ERRORS")]])
    };
    assert_eq!(calls(&all, "base"), json!(["4", "1"]), "{all}");
    assert_eq!(calls(&all, "web"), json!(["0", "0"]), "{all}");
    let one = manager.stdout(&["metrics", "base"]);
    in_order(
        &one,
        &[
            "running",
            "alive, ready, serving",
            "availability",
            "checks",
            "calls        4, 1 failed (25.0%)",
            "errors       1 rpc",
            "latency",
            "circuit      closed",
            "TOOL",
        ],
    );
    assert_eq!(row(&one, "echo")[1..3], ["3", "0"], "{one}");
    assert_eq!(row(&one, "fail")[1..3], ["1", "1"], "{one}");

    // The slowest chain ends at the one that took longest, and goes through what it needs.
    let chain = manager.stdout(&["critical-chain", "slow"]);
    in_order(&chain, &["slow @", "base @", "chain base → slow", "SERVICE"]);
    let is_long = |word: &&str| match (word.strip_suffix("ms"), word.strip_suffix('s')) {
        (Some(ms), _) => ms.parse::<u64>().is_ok_and(|ms| ms >= 200),
        (None, Some(seconds)) => seconds.parse::<f64>().is_ok_and(|seconds| seconds >= 1.0),
        (None, None) => false,
    };
    let took = row(&chain, "slow").iter().any(|word| is_long(&&**word));
    assert!(took, "it took its 200 ms: {chain}");
    in_order(
        &manager.stdout(&["critical-chain", "web"]),
        &["web is not ready *", "api is not ready *", "db is not ready *", "chain db → api → web"],
    );

    // `check` asks all that run, and its code says that not all is well.
    let checked = manager.run(&["check"]);
    assert_eq!(checked.status.code(), Some(3), "{checked:?}");
    assert_eq!(manager.run(&["check", "base", "slow"]).status.code(), Some(0));
    ends(manager);
}
