//! `up --demo`: in order, shown, callable from elsewhere, down in reverse, nothing left.

use std::process::Stdio;

use serde_json::Value;

use crate::manager::{Manager, service};

#[test]
fn the_demo_runs_in_order_answers_and_stops_in_reverse() {
    let manager = Manager::up("demo", &["--demo"]);
    let services = manager.all_running(3);
    for service in &services {
        let keys: Vec<&str> = service.as_object().unwrap().keys().map(String::as_str).collect();
        for key in [
            "name",
            "state",
            "phase",
            "reason",
            "desired",
            "health",
            "incarnation",
            "pid",
            "tools",
            "restarts",
            "since",
        ] {
            assert!(keys.contains(&key), "`{key}` is missing in {service}");
        }
        assert!(service["pid"].as_u64().is_some() && service["tools"].as_u64().unwrap() > 0, "{service}");
    }
    let came_up = reached(&manager.events(), "running");
    assert_before_dependents(&services, &came_up);

    let document = manager.json(&["tools", "-o", "json"]);
    assert_eq!(document["schema"], "mcpstore.tools/1");
    let tools = document["tools"].as_array().unwrap();
    assert!(tools.iter().all(|tool| tool["input_schema"]["type"] == "object"), "{tools:?}");
    let now = manager.json(&["call", "clock.now", "-o", "json"]);
    assert!(now["content"].as_array().is_some_and(|content| !content.is_empty()), "{now}");
    let health = manager.json(&["check", "-o", "json"]);
    assert_eq!(health["schema"], "mcpstore.health/1");
    assert!(health["services"].as_array().unwrap().iter().all(|s| s["healthy"] == true), "{health}");

    // A client that follows sees the whole way down.
    let follower = manager.client(&["events", "-f", "-o", "ndjson"]).stdout(Stdio::piped()).spawn().unwrap();
    // It is connected once it has printed what happened so far.
    let (follower, first) = read_first_line(follower);
    assert!(first.contains("\"seq\":1"), "{first}");
    let ended = manager.interrupt();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert_eq!(ended.left, [0_u32; 0], "{}", ended.stderr);
    let rest = follower.join().unwrap();
    let notices: Vec<Value> = rest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let went_down = reached(&notices, "stopped");
    assert_eq!(went_down.len(), 3, "{rest}");
    let reversed: Vec<String> = went_down.into_iter().rev().collect();
    assert_before_dependents(&services, &reversed);
}

/// The first line of a follower, and a thread that reads the rest until it ends.
fn read_first_line(mut child: std::process::Child) -> (std::thread::JoinHandle<String>, String) {
    use std::io::{BufRead, BufReader, Read};
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    let rest = std::thread::spawn(move || {
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        child.wait().unwrap();
        rest
    });
    (rest, first)
}

/// The services in the order in which they reached this state.
fn reached(notices: &[Value], state: &str) -> Vec<String> {
    let moved = notices.iter().filter(|n| n["to"] == state && n["from"] != n["to"]);
    moved.map(|n| n["service"].as_str().unwrap().to_owned()).collect()
}

/// Each service stands after everything that it depends on.
fn assert_before_dependents(services: &[Value], order: &[String]) {
    for (place, name) in order.iter().enumerate() {
        for on in service(services, name)["depends_on"].as_array().unwrap() {
            let before = order[..place].iter().any(|earlier| on == earlier);
            assert!(before, "`{name}` needs {on}, and came before it: {order:?}");
        }
    }
}
