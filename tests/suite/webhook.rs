//! A webhook receiver that is down, slow, or out of order: alerts come in order, each once, and nobody else waits.

use std::time::{Duration, Instant};

use mcpstore_testkit::fixture_path;
use serde_json::{Map, Value, json};

use crate::manager::{LONG, Manager};
use crate::receiver::{Mood, Receiver};

/// A `status` may take this long on a busy machine; it takes a fiftieth of it.
const ANSWER: Duration = Duration::from_secs(2);

/// How long the receiver is down; `MCPSTORE_WEBHOOK_DOWN_SECONDS=30` is what the specification asks for.
fn down() -> Duration {
    let seconds = std::env::var("MCPSTORE_WEBHOOK_DOWN_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(3))
}

/// So many services that give up when they are started, and one that runs; all that is told of is who gave up.
fn config(count: usize, url: &str) -> Value {
    let fixture = fixture_path();
    let mut services = Map::from_iter([("well".to_owned(), json!({"command": fixture}))]);
    for index in 0..count {
        let restart = json!({"maxAttempts": 1, "delay": "10ms", "maxDelay": "10ms", "jitter": 0.0});
        let bad = json!({"command": fixture, "args": ["--exit-at-once", "3"], "enabled": false, "restart": restart});
        services.insert(name(index), bad);
    }
    json!({"mcpServers": services, "alerts": {"sinks": [{"type": "webhook", "url": url, "only": ["gave_up"]}]}})
}

fn name(index: usize) -> String {
    format!("bad-{index:02}")
}

/// Has a service give up, and waits until that is told of.
fn give_up(manager: &Manager, index: usize) {
    let name = name(index);
    let started = manager.run(&["start", &name, "--wait"]);
    assert_eq!(started.status.code(), Some(1), "{started:?}");
    wait_for(manager, "told of", |alerts| {
        let told = alerts["alerts"].as_array().unwrap().iter();
        told.filter(|alert| alert["kind"] == "gave_up" && alert["stage"] == "firing").any(|a| a["service"] == *name)
    });
}

/// Polls `alerts ls` until `done` holds of it.
fn wait_for(manager: &Manager, what: &str, done: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let alerts = manager.json(&["alerts", "ls", "-o", "json"]);
        if done(&alerts) {
            return alerts;
        }
        assert!(start.elapsed() < LONG, "not {what}: {alerts}\n{}", manager.stderr());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A `status` is answered as if there was no receiver.
fn status_is_quick(manager: &Manager) {
    let start = Instant::now();
    let status = manager.stdout(&["status", "well"]);
    assert!(status.contains("running"), "{status}");
    assert!(start.elapsed() < ANSWER, "`status` took {:?}", start.elapsed());
}

/// What came, in order: which service, and what of it.
fn story(taken: &[Value]) -> Vec<(String, String)> {
    let word = |alert: &Value, key: &str| alert[key].as_str().unwrap_or_default().to_owned();
    taken.iter().map(|alert| (word(alert, "service"), word(alert, "status"))).collect()
}

fn expected(status: &str, indices: std::ops::Range<usize>) -> Vec<(String, String)> {
    indices.map(|index| (name(index), status.to_owned())).collect()
}

/// Each message has a key of its own, which is in its header too.
fn each_once(receiver: &Receiver) {
    let taken = receiver.taken();
    let mut keys: Vec<&str> = taken.iter().map(|alert| alert["key"].as_str().unwrap()).collect();
    assert_eq!(receiver.keys(), keys);
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), taken.len(), "told twice: {taken:?}");
}

#[test]
fn a_receiver_that_is_down_then_slow_then_failing_gets_each_alert_once_and_in_order() {
    const COUNT: usize = 12;
    let address = Receiver::nowhere();
    let manager = Manager::with_config("webhook", &config(COUNT, &format!("http://{address}/hook")));
    manager.wait_until("running", |services| services.iter().any(|service| service["state"] == "running"));

    // Down: all of it waits, and nobody waits for it.
    let start = Instant::now();
    for index in 0..COUNT {
        give_up(&manager, index);
        status_is_quick(&manager);
    }
    while start.elapsed() < down() {
        status_is_quick(&manager);
        std::thread::sleep(Duration::from_millis(100));
    }
    let sink = wait_for(&manager, "waiting", |alerts| alerts["sinks"][0]["queued"] == COUNT)["sinks"][0].clone();
    assert!(sink["failed_attempts_total"].as_u64() > Some(0) && sink["last_error"].is_string(), "{sink}");
    assert_eq!((&sink["sent_total"], &sink["dropped_total"]), (&json!(0), &json!(0)));
    let receiver = Receiver::at(address);
    let taken = receiver.wait_for(COUNT);
    assert_eq!(story(&taken), expected("firing", 0..COUNT));

    // Slow: an answer takes a second, and the next waits for it.
    receiver.be(Mood::Slow(Duration::from_secs(1)));
    for index in 0..3 {
        manager.stdout(&["stop", &name(index)]);
        status_is_quick(&manager);
    }
    let taken = receiver.wait_for(COUNT + 3);
    assert_eq!(story(&taken[COUNT..]), expected("resolved", 0..3));

    // Failing: the first is tried again before the second is.
    receiver.be(Mood::Status(500));
    let before = receiver.asked();
    for index in 3..COUNT {
        manager.stdout(&["stop", &name(index)]);
        status_is_quick(&manager);
    }
    let start = Instant::now();
    while receiver.asked() < before + 2 {
        assert!(start.elapsed() < LONG, "it is not tried again");
        status_is_quick(&manager);
    }
    receiver.be(Mood::Status(200));
    let taken = receiver.wait_for(2 * COUNT);
    assert_eq!(story(&taken[COUNT..]), expected("resolved", 0..COUNT));
    for pair in 0..COUNT {
        assert_eq!(taken[pair]["id"], taken[COUNT + pair]["id"], "one alert, one id");
    }
    each_once(&receiver);
    let sink = wait_for(&manager, "empty", |alerts| alerts["sinks"][0]["queued"] == 0)["sinks"][0].clone();
    assert_eq!((&sink["sent_total"], &sink["dropped_total"]), (&json!(2 * COUNT), &json!(0)), "{sink}");

    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
    assert_eq!(receiver.taken().len(), 2 * COUNT);
}

#[test]
fn alerts_that_wait_outlive_a_kill_of_the_manager() {
    const COUNT: usize = 4;
    let receiver = Receiver::start(Mood::Status(503));
    let mut manager = Manager::with_config("webhook-kill", &config(COUNT, &receiver.url()));
    let file = manager.dir().join("mcp.json").display().to_string();
    manager.wait_until("running", |services| services.iter().any(|service| service["state"] == "running"));
    for index in 0..COUNT {
        give_up(&manager, index);
    }
    wait_for(&manager, "waiting", |alerts| alerts["sinks"][0]["queued"] == COUNT);
    // Reading history brings to the disk what is on its way there.
    manager.stdout(&["events", "--since", "1h"]);
    manager.kill();
    receiver.be(Mood::Status(200));
    manager.up_again(&["--config", &file]);
    // The services that gave up are not wanted by the new manager, so it has a word of its own to add about each.
    let taken = receiver.wait_for(2 * COUNT);
    assert_eq!(story(&taken[..COUNT]), expected("firing", 0..COUNT));
    let mut resolved = story(&taken[COUNT..]);
    resolved.sort_unstable();
    assert_eq!(resolved, expected("resolved", 0..COUNT));
    each_once(&receiver);
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}
