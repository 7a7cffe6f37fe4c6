//! The gateway while services are missing, hang, or crash: the others are used as if nothing were.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::gateway_support::{Door, call, fixture, names, text};
use crate::manager::{LONG, service};

const GOOD: [&str; 5] = ["good1", "good2", "good3", "good4", "good5"];

fn config() -> Value {
    let mut services = json!({
        "missing": { "command": "mcpstore-test-no-such-program" },
        "hanging": fixture(&["--hang-init"]),
        "crashing": fixture(&["--die-after", "20"]),
    });
    for (nth, name) in GOOD.iter().enumerate() {
        // One after another, each a while after the last.
        services[name] = fixture(&["--delay-init", &(nth * 500).to_string()]);
    }
    // A short back-off: it crashes again and again while the test looks.
    services["crashing"]["restart"] = json!({ "delay": "50ms", "maxAttempts": 3 });
    json!({ "mcpServers": services })
}

#[test]
fn bad_services_hold_up_nobody() {
    let started = Instant::now();
    let door = Door::open("gateway-degraded", &config());
    let listens = started.elapsed();
    let mut client = door.http(None);
    client.initialize();
    let first = client.request("tools/list", &json!({}));
    let answered = started.elapsed();
    println!(
        "listens {listens:?} after the start of the program, has answered initialize and tools/list after {answered:?}"
    );
    assert!(answered < Duration::from_secs(1) + listens, "{answered:?}");
    assert!(!names(&first).iter().any(|name| name.starts_with("good5")), "it answers before all is there: {first}");

    // Each good one is used as soon as it is listed, and the client is told when to look.
    let mut stream = client.listen();
    let mut used = Vec::new();
    while used.len() < GOOD.len() {
        let listed = client.request("tools/list", &json!({}));
        let listed = names(&listed);
        let new: Vec<&str> = GOOD
            .into_iter()
            .filter(|name| !used.contains(name) && listed.contains(&&*format!("{name}__echo")))
            .collect();
        for name in &new {
            let said = client.request("tools/call", &call(&format!("{name}__echo"), &json!({ "text": name })));
            assert_eq!(text(&said), *name);
            println!("{name} is used {:?} after the start", started.elapsed());
        }
        if new.is_empty() {
            stream.notice("notifications/tools/list_changed");
        }
        used.extend(new);
    }

    // The hanging one is waited for all the while: nobody else was.
    let listed = door.manager.json(&["ls", "-o", "json"]);
    let services = listed["services"].as_array().unwrap();
    assert_eq!(service(services, "hanging")["state"], "starting");
    let services = door.manager.wait_until("given up", |services| {
        ["missing", "crashing"].iter().all(|name| service(services, name)["state"] == "error")
    });
    assert!(GOOD.iter().all(|name| service(&services, name)["state"] == "running"), "{services:?}");

    // Each bad one is reported: by what it is, why, and to whoever calls it.
    for (name, why) in [("missing", "mcpstore-test-no-such-program"), ("crashing", "9"), ("hanging", "on its way")] {
        let explained = door.manager.run(&["why", name]);
        let explained = String::from_utf8(explained.stdout).unwrap();
        assert!(explained.contains(name) && explained.contains(why), "{name}: {explained}");
        let error = client.try_request("tools/call", &call(&format!("{name}__echo"), &json!({}))).unwrap_err();
        assert_eq!(error["data"]["service"], name, "{error}");
        assert!(error["code"].as_i64().is_some_and(|code| code > -32020), "{error}");
        assert!(error["message"].as_str().unwrap().contains(name), "{error}");
    }
    let unknown = client.try_request("tools/call", &call("nobody__echo", &json!({}))).unwrap_err();
    assert_eq!((&unknown["code"], unknown.get("data")), (&json!(-32602), None), "{unknown}");

    // The session is the one of the beginning, and the end is not held up either.
    let last = client.request("tools/call", &call("good3__add", &json!({ "a": 2, "b": 3 })));
    assert_eq!(text(&last), "5");
    let ended = door.manager.interrupt();
    assert_eq!(ended.left, [0_u32; 0], "{}", ended.stderr);
}

#[test]
fn what_runs_can_be_called_at_once() {
    let mut services = json!({});
    for (nth, name) in GOOD.iter().enumerate() {
        services[name] = fixture(&["--delay-init", &(nth * 200).to_string()]);
    }
    let door = Door::open("gateway-at-once", &json!({ "mcpServers": services }));
    let mut client = door.lines(&[]);
    for name in GOOD {
        door.manager.wait_until(name, |services| service(services, name)["state"] == "running");
        let said = client.request("tools/call", &call(&format!("{name}__echo"), &json!({ "text": name })));
        assert_eq!(text(&said), name);
    }
}

#[test]
fn a_call_meanwhile_is_refused_and_later_answered() {
    let config = json!({ "mcpServers": { "late": fixture(&["--delay-init", "400"]), "now": fixture(&[]) } });
    let door = Door::open("gateway-late", &config);
    door.listed(&["now"]);
    let mut client = door.lines(&[]);
    let early = client.try_request("tools/call", &call("late__echo", &json!({ "text": "x" })));
    // Either it is told that it is too early, or the machine was slow, and it is not.
    if let Err(error) = early {
        assert_eq!(error["data"]["service"], "late", "{error}");
    }
    let start = Instant::now();
    while !names(&client.request("tools/list", &json!({}))).contains(&"late__echo") {
        assert!(start.elapsed() < LONG);
        client.heard.notice("notifications/tools/list_changed");
    }
    let said = client.request("tools/call", &call("late__echo", &json!({ "text": "here" })));
    assert_eq!(text(&said), "here");
}
