//! A server is killed: seen, restarted, told; and what depends on it does what its kind of dependency says.

use std::process::Stdio;
use std::time::{Duration, Instant};

use mcpstore_testkit::fixture_path;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::manager::{LONG, Manager, service, signal};

#[test]
fn a_killed_service_is_restarted_and_its_dependents_are_told() {
    let fixture = fixture_path();
    let quick = json!({"delay": "200ms", "maxDelay": "200ms", "jitter": 0.0});
    let manager = Manager::with_config(
        "crash",
        &json!({"mcpServers": {
            "base": {"command": fixture, "restart": quick},
            "plain": {"command": fixture, "dependsOn": ["base"]},
            "other": {"command": fixture},
        }}),
    );
    let before = manager.all_running(3);
    let pid = |services: &[Value], name: &str| service(services, name)["pid"].as_u64().unwrap();
    let base = u32::try_from(pid(&before, "base")).unwrap();

    // A call in flight fails at once, with the service's name.
    let call = manager
        .client(&["call", "base.sleep", "ms=60000", "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_call(&manager);
    let killed = Instant::now();
    signal(base, Signal::KILL);
    let output = call.wait_with_output().unwrap();
    let took = killed.elapsed();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("base"), "{said}");
    // The promise is 250 ms; a test on a shared machine allows ten times that.
    assert!(took < Duration::from_millis(2_500), "the call failed only after {took:?}");

    let after = manager.wait_until("recovered", |services| {
        services.len() == 3
            && service(services, "base")["state"] == "running"
            && service(services, "base")["incarnation"] == 2
            && service(services, "plain")["reason"] != "dependency_lost"
    });
    assert_ne!(pid(&after, "base"), u64::from(base));
    assert_eq!(service(&after, "base")["restarts"], 1);
    // Plain `dependsOn` runs on through the loss, in the same life.
    for name in ["plain", "other"] {
        assert_eq!(pid(&after, name), pid(&before, name), "`{name}` was touched");
        assert_eq!(service(&after, name)["incarnation"], 1);
    }

    let events = manager.events();
    let of = |name: &str| events.iter().filter(|n| n["service"] == name).cloned().collect::<Vec<_>>();
    let states: Vec<String> = of("base")
        .iter()
        .filter(|n| n["from"] != n["to"])
        .map(|n| n["to"].as_str().unwrap_or("-").to_owned())
        .collect();
    assert_eq!(states, ["not_started", "starting", "running", "error", "starting", "running"]);
    let crashed = of("base").into_iter().find(|n| n["to"] == "error").unwrap();
    assert_eq!((&crashed["reason"], &crashed["incarnation"]), (&json!("exited"), &json!(1)));
    assert!(crashed["detail"].as_str().unwrap().contains("SIGKILL"), "{crashed}");
    let reasons: Vec<Value> = of("plain").iter().map(|n| n["reason"].clone()).collect();
    let lost = reasons.iter().position(|r| r == "dependency_lost").expect("the loss is told");
    let back = reasons.iter().position(|r| r == "dependency_recovered").expect("the recovery is told");
    assert!(lost < back, "{reasons:?}");
    // Numbers without a gap: nobody missed anything.
    let seqs: Vec<u64> = events.iter().map(|n| n["seq"].as_u64().unwrap()).collect();
    assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seqs:?}");

    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

#[test]
fn a_bound_service_goes_down_with_its_dependency_and_comes_back_with_it() {
    let fixture = fixture_path();
    // Longer than the grace of 5 s in which a quick restart disturbs nobody.
    let slow = json!({"delay": "6s", "maxDelay": "6s", "jitter": 0.0});
    let manager = Manager::with_config(
        "bound",
        &json!({"mcpServers": {
            "base": {"command": fixture, "restart": slow},
            "bound": {"command": fixture, "dependsOn": [{"on": "base", "kind": "binds_to"}]},
        }}),
    );
    let before = manager.all_running(2);
    signal(u32::try_from(service(&before, "base")["pid"].as_u64().unwrap()).unwrap(), Signal::KILL);
    manager.wait_until("both in their second life", |services| {
        services.len() == 2 && services.iter().all(|s| s["state"] == "running" && s["incarnation"] == 2)
    });
    let events = manager.events();
    let at = |name: &str, to: &str, life: u64| {
        events
            .iter()
            .position(|n| n["service"] == name && n["to"] == to && n["from"] != n["to"] && n["incarnation"] == life)
    };
    let (lost, stopped) = (at("base", "error", 1).unwrap(), at("bound", "stopped", 1).unwrap());
    let (base_back, bound_back) = (at("base", "running", 2).unwrap(), at("bound", "running", 2).unwrap());
    assert!(lost < stopped && stopped < bound_back && base_back < bound_back, "{events:?}");
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

/// Until the fixture has the call: it takes them side by side, so a second call sees the first under way.
fn wait_for_call(manager: &Manager) {
    let start = Instant::now();
    loop {
        let status = manager.json(&["status", "base", "-o", "json"]);
        if status.to_string().contains("\"in_flight\":1") {
            return;
        }
        assert!(start.elapsed() < LONG, "the call never went out: {status}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
