//! What alerts that cannot be delivered cost those who ask for the state: nothing.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::manager::Manager;
use super::samples::Samples;
use super::servers::fixture;
use super::table::Row;

const ASKED: usize = 2_000;
const STATUS: &str = r#"{"v":1,"op":"status","target":{"all":true,"patterns":[]}}"#;

/// A status over the control socket while 40 alerts wait for a receiver that takes connections and never answers.
pub(super) fn run() -> Vec<Row> {
    let mute = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}/", mute.local_addr().expect("a bound port has an address"));
    let plain = Manager::start("quiet", &config(&json!({"sinks": []})), 10);
    let sinks = json!({"sinks": [{"type": "webhook", "url": url}], "rules": {"flapping": {"threshold": 1}}});
    let alerting = Manager::start("alerting", &config(&sinks), 10);
    waits_for_receiver(&alerting);
    let (mut quiet, mut waiting) = (Vec::with_capacity(ASKED), Vec::with_capacity(ASKED));
    for _ in 0..ASKED {
        quiet.push(timed(&plain));
        waiting.push(timed(&alerting));
    }
    drop(mute);
    let quiet = Samples::new(quiet);
    let tail = |part: &str, reference_time, measured| Row {
        what: format!("status of 50 services over the socket while alerts wait for a mute receiver{part}"),
        reference: "the same without sinks".into(),
        reference_time,
        measured,
    };
    let waiting = Samples::new(waiting);
    let p99 = Samples::new(vec![waiting.percentile(99)]);
    vec![tail("", quiet.p50(), waiting), tail(", its p99 against that of the reference", quiet.percentile(99), p99)]
}

/// Ten services that run, and forty that cannot start: each of them is an alert.
fn config(alerts: &Value) -> Value {
    let mut services = serde_json::Map::new();
    for number in 0..10 {
        services.insert(format!("good-{number}"), json!({ "command": fixture() }));
    }
    for number in 0..40 {
        let restart = json!({"delay": "1ms", "maxDelay": "1ms", "maxAttempts": 1});
        let entry = json!({ "command": fixture(), "args": ["--exit-at-once", "3"], "restart": restart });
        services.insert(format!("bad-{number}"), entry);
    }
    json!({ "mcpServers": services, "alerts": alerts })
}

/// Waits until alerts wait.
fn waits_for_receiver(manager: &Manager) {
    let began = Instant::now();
    loop {
        let said = manager.ask(r#"{"v":1,"op":"alerts","target":{"all":true,"patterns":[]}}"#);
        let queued = said["ok"]["sinks"][0]["queued"].as_u64().unwrap_or(0);
        if queued >= 40 {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no alerts wait: {said}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn timed(manager: &Manager) -> Duration {
    let began = Instant::now();
    let said = manager.ask(STATUS);
    let took = began.elapsed();
    assert_eq!(said["ok"]["services"].as_array().map(Vec::len), Some(50));
    took
}
