//! A server that is stopped in mid-run (SIGSTOP): calls end at their deadline, it is declared hung, and replaced.

use std::time::{Duration, Instant};

use mcpstore_testkit::fixture_path;
use rustix::process::Signal;
use serde_json::json;

use crate::manager::{Manager, service, signal};

#[test]
fn a_stopped_server_fails_its_calls_at_their_deadline_and_is_replaced() {
    let fixture = fixture_path();
    let manager = Manager::with_config(
        "hung",
        &json!({"mcpServers": {
            "frozen": {
                "command": fixture,
                // It does not heed a TERM while it is stopped; a kill always works.
                "timeouts": {"call": "2s", "callTotal": "10s", "close": "100ms", "term": "100ms"},
                "health": {"interval": "500ms", "timeout": "1s", "fall": 3},
                "restart": {"delay": "50ms", "maxDelay": "50ms", "jitter": 0.0},
            },
            "other": {"command": fixture},
        }}),
    );
    let before = manager.all_running(2);
    let pid = |services: &[serde_json::Value], name: &str| service(services, name)["pid"].as_u64().unwrap();
    let frozen = pid(&before, "frozen");
    signal(u32::try_from(frozen).unwrap(), Signal::STOP);

    let start = Instant::now();
    let call = manager.client(&["call", "frozen.echo", "text=hello"]).output().unwrap();
    let said = String::from_utf8_lossy(&call.stderr).into_owned();
    assert!(!call.status.success(), "{said}");
    assert!(said.contains("frozen"), "{said}");
    // The deadline is 2 s; the house allows ten times that, and no more than the time to its replacement.
    assert!(start.elapsed() < Duration::from_secs(20), "the call hung for {:?}", start.elapsed());

    let after = manager.wait_until("replaced", |services| {
        services.len() == 2
            && service(services, "frozen")["state"] == "running"
            && service(services, "frozen")["incarnation"] == 2
    });
    assert_ne!(pid(&after, "frozen"), frozen);
    assert_eq!(pid(&after, "other"), pid(&before, "other"), "`other` was touched");
    let events = manager.events();
    let hung = events.iter().find(|n| n["service"] == "frozen" && n["reason"] == "liveness_failed");
    assert!(hung.is_some_and(|n| n["incarnation"] == 1), "{events:?}");
    let answered = manager.client(&["call", "frozen.echo", "text=hello"]).output().unwrap();
    assert!(answered.status.success(), "{}", String::from_utf8_lossy(&answered.stderr));

    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}
