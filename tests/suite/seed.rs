//! The seed's four clauses on one real server from npm: a regular check, detection of a fault, recovery, an alert.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::manager::{LONG, Manager, service, signal};
use crate::real_servers::installed;
use crate::receiver::{Mood, Receiver};

/// How often it may fail before it is left down.
const ATTEMPTS: u64 = 5;

#[test]
fn a_real_server_is_checked_recovered_given_up_and_told_of() {
    let Some(installed) = installed() else { return };
    let receiver = Receiver::start(Mood::Status(200));
    let config = json!({
        "mcpServers": {"memory": {
            "command": "npx", "args": ["-y", "@modelcontextprotocol/server-memory"], "cwd": installed,
            "health": {"interval": "200ms"},
            "restart": {"maxAttempts": ATTEMPTS, "delay": "50ms", "maxDelay": "100ms", "jitter": 0.0},
        }},
        "alerts": {"sinks": [{"type": "webhook", "url": receiver.url(), "only": ["gave_up"]}]},
    });
    let manager = Manager::with_config("seed", &config);
    manager.all_running(1);

    // 1. It is checked at an interval, without being asked.
    let checks =
        || manager.json(&["metrics", "memory", "-o", "json"])["services"][0]["checks_healthy"].as_u64().unwrap();
    let start = Instant::now();
    let first = checks();
    while checks() < first + 3 {
        assert!(start.elapsed() < LONG, "it is not checked: {} times in all", checks());
        std::thread::sleep(Duration::from_millis(50));
    }

    // 2. and 3. Each crash is seen, and mended, as often as the policy allows; the next is the last.
    let mut pids = BTreeSet::new();
    for life in 1..=ATTEMPTS + 1 {
        let services = manager.wait_until("running again", |services| {
            let memory = service(services, "memory");
            memory["state"] == "running" && memory["incarnation"] == life && memory["tools"].as_u64() > Some(0)
        });
        let pid = service(&services, "memory")["pid"].as_u64().unwrap();
        assert!(pids.insert(pid), "one life, one process");
        assert_eq!(receiver.taken(), Vec::<serde_json::Value>::new(), "nothing to tell yet");
        signal(u32::try_from(pid).unwrap(), Signal::KILL);
    }
    manager.wait_until("given up", |services| {
        let memory = service(services, "memory");
        memory["state"] == "error" && memory["reason"] == "gave_up"
    });

    // 4. Somebody is told, once.
    let told = receiver.wait_for(1);
    assert_eq!(
        (&told[0]["kind"], &told[0]["status"], &told[0]["service"]),
        (&json!("gave_up"), &json!("firing"), &json!("memory"))
    );
    assert_eq!(told[0]["severity"], "critical");
    let listed = manager.json(&["alerts", "ls", "-o", "json"]);
    assert_eq!(listed["alerts"][0]["kind"], "gave_up", "{listed}");
    let why = manager.stdout(&["why", "memory"]);
    assert!(why.contains("gave up") && why.contains("SIGKILL"), "{why}");

    // The fix: somebody starts it again, and the alert resolves.
    manager.stdout(&["start", "memory", "--wait"]);
    let told = receiver.wait_for(2);
    assert_eq!((&told[1]["status"], &told[1]["id"]), (&json!("resolved"), &told[0]["id"]));
    // What the five restarts say of it (flapping) lasts longer.
    let listed = manager.json(&["alerts", "ls", "-o", "json"]);
    let alerts = listed["alerts"].as_array().unwrap();
    assert!(alerts.iter().all(|alert| alert["kind"] != "gave_up"), "{listed}");
    let answered = manager.run(&["call", "memory.read_graph"]);
    assert!(answered.status.success(), "{answered:?}");

    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
    assert_eq!(receiver.taken().len(), 2, "each was told once: {:?}", receiver.taken());
}
