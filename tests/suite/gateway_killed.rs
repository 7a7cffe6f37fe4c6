//! A service that is killed under load: every call ends well or typed, and every session lives on.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempPath;

use crate::gateway_support::{Door, call, fixture, text};
use crate::manager::{LONG, service, signal};

/// Calls in flight.
const LOAD: usize = 50;
/// What is promised is a tenth of that.
const TYPED_WITHIN: Duration = Duration::from_millis(2500);

/// A manager with a service that will be killed, and one that will not; and where the first notes what it gets.
fn door(test: &str) -> (Door, TempPath) {
    let log = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let mut dies = fixture(&["--log", log.to_str().unwrap()]);
    dies["restart"] = json!({ "delay": "100ms" });
    let door = Door::open(test, &json!({ "mcpServers": { "dies": dies, "stays": fixture(&[]) } }));
    door.listed(&["dies", "stays"]);
    (door, log)
}

/// Waits until so many calls have arrived at the fixture.
fn await_calls(log: &Path, count: usize) {
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        if text.matches("tools/call").count() >= count {
            return;
        }
        assert!(start.elapsed() < LONG, "{text}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Kills the process behind the service.
fn kill(door: &Door) -> u64 {
    let listed = door.manager.json(&["ls", "-o", "json"]);
    let pid = service(listed["services"].as_array().unwrap(), "dies")["pid"].as_u64().unwrap();
    signal(u32::try_from(pid).unwrap(), Signal::KILL);
    pid
}

fn is_typed(error: &Value) {
    assert_eq!((&error["data"]["service"], &error["data"]["kind"]), (&json!("dies"), &json!("connection")), "{error}");
    assert!(error["code"].as_i64().is_some_and(|code| code > -32020), "{error}");
    assert!(error["message"].as_str().unwrap().contains("dies"), "{error}");
}

#[test]
fn calls_in_flight_fail_typed_and_the_session_lives_on() {
    let (door, log) = door("gateway-killed");
    let mut client = door.lines(&[]);
    let mut bystander = door.session(None);
    let mut stream = bystander.listen();
    let ids: Vec<u64> = (0..LOAD).map(|_| client.begin("tools/call", &call("dies__hang", &json!({})))).collect();
    await_calls(&log, LOAD);

    let killed = kill(&door);
    let start = Instant::now();
    for id in ids {
        is_typed(&client.outcome(id).unwrap_err());
    }
    let took = start.elapsed();
    println!("{LOAD} calls over stdin failed typed within {took:?} of the kill");
    assert!(took < TYPED_WITHIN, "{took:?}");
    // The neighbour felt nothing, and the session is what it was.
    let said = client.request("tools/call", &call("stays__echo", &json!({ "text": "here" })));
    assert_eq!(text(&said), "here");
    door.manager.wait_until("back", |services| {
        let dies = service(services, "dies");
        dies["state"] == "running" && dies["pid"] != killed
    });
    let again = client.request("tools/call", &call("dies__pid", &json!({})));
    assert_ne!(text(&again), killed.to_string());
    bystander.request("tools/call", &call("dies__echo", &json!({ "text": "again" })));
    // What was told was told before this: both streams are in order.
    let changed = "notifications/tools/list_changed";
    client.request("ping", &json!({}));
    assert!(client.heard.count(changed) <= 1 && stream.count(changed) <= 1);
    let ended = door.manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

#[test]
fn over_http_too_each_call_hears_of_it_at_once() {
    let (door, log) = door("gateway-killed-http");
    let calls: Vec<_> = (0..LOAD)
        .map(|_| {
            let mut client = door.session(None);
            std::thread::spawn(move || {
                let outcome = client.try_request("tools/call", &call("dies__hang", &json!({})));
                (outcome, Instant::now())
            })
        })
        .collect();
    await_calls(&log, LOAD);
    kill(&door);
    let start = Instant::now();
    let mut took = Duration::ZERO;
    for call in calls {
        let (outcome, at) = call.join().unwrap();
        is_typed(&outcome.unwrap_err());
        took = took.max(at.saturating_duration_since(start));
    }
    println!("{LOAD} calls over HTTP, with equal ids, failed typed within {took:?} of the kill");
    assert!(took < TYPED_WITHIN, "{took:?}");
    let said = door.session(None).request("tools/call", &call("stays__echo", &json!({ "text": "here" })));
    assert_eq!(text(&said), "here");
}

#[test]
fn what_changes_nothing_is_asked_once_more() {
    let (door, log) = door("gateway-killed-again");
    let mut client = door.lines(&[]);
    // Far longer than it takes until all are under way.
    let arguments = json!({ "ms": 3_000 });
    let ids: Vec<u64> = (0..LOAD).map(|_| client.begin("tools/call", &call("dies__sleep", &arguments))).collect();
    await_calls(&log, LOAD);
    kill(&door);
    let start = Instant::now();
    for id in ids {
        assert_eq!(text(&client.outcome(id).unwrap()), "awake");
    }
    println!("{LOAD} calls that change nothing were answered {:?} after the kill", start.elapsed());
    let noted = std::fs::read_to_string(&log).unwrap();
    assert_eq!(noted.matches("tools/call").count(), 2 * LOAD, "once before the kill, once after it");
}
