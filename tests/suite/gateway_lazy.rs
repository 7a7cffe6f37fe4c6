//! Services that run on demand, behind the gateway of a real manager.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::gateway_support::{Door, call, fixture, names, text};
use crate::manager::{LONG, service};

#[test]
fn a_lazy_service_is_offered_asleep_and_woken_by_its_first_call() {
    let mut lazy = fixture(&[]);
    lazy["start"] = json!("lazy");
    lazy["idleStop"] = json!("1s");
    let config = json!({ "mcpServers": { "eager": fixture(&[]), "lazy": lazy } });
    let mut door = Door::open("gateway-lazy", &config);
    // Its first life is for its lists alone.
    door.listed(&["eager", "lazy"]);
    let asleep = |services: &[serde_json::Value]| service(services, "lazy")["state"] == "stopped";
    door.manager.wait_until("asleep", asleep);
    let explained = String::from_utf8(door.manager.run(&["why", "lazy"]).stdout).unwrap();
    assert!(explained.contains("sleeps"), "{explained}");
    let mut client = door.session(None);
    assert!(names(&client.request("tools/list", &json!({}))).contains(&"lazy__echo"));
    let said = client.request("tools/call", &call("lazy__echo", &json!({ "text": "good morning" })));
    assert_eq!(text(&said), "good morning");
    door.manager.wait_until("awake", |services| service(services, "eager")["state"] == "running");
    door.manager.wait_until("asleep again", asleep);

    // The next manager knows its tools from the disk, and starts it for nobody.
    let kept = door.manager.dir().join("state/lists");
    let start = Instant::now();
    while std::fs::read_dir(&kept).map_or(0, |files| files.filter_map(Result::ok).filter(is_lists).count()) < 2 {
        assert!(start.elapsed() < LONG, "{} is not filled", kept.display());
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = door.manager.end_by(Signal::INT);
    assert_eq!(ended.left, [0_u32; 0], "{}", ended.stderr);
    let config = door.manager.dir().join("mcp.json");
    door.manager.up_again(&["--config", config.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    let services = door
        .manager
        .wait_until("up", |services| services.len() == 2 && service(services, "eager")["state"] == "running");
    let lazy = service(&services, "lazy");
    assert_eq!((&lazy["state"], &lazy["reason"]), (&json!("not_started"), &json!("lazy")), "{lazy}");
    let tools = door.manager.json(&["tools", "lazy", "-o", "json"]);
    assert!(tools.to_string().contains("\"echo\""), "{tools}");
    let ended = door.manager.interrupt();
    assert_eq!(ended.left, [0_u32; 0], "{}", ended.stderr);
}

#[test]
fn whoever_wants_updates_keeps_a_service_awake() {
    let mut idle = fixture(&[]);
    idle["idleStop"] = json!("1s");
    let door = Door::open("gateway-awake", &json!({ "mcpServers": { "idle": idle } }));
    door.listed(&["idle"]);
    let mut client = door.session(None);
    let uri = client.request("resources/list", &json!({}))["resources"][0]["uri"].clone();
    assert_eq!(client.request("resources/subscribe", &json!({ "uri": uri })), json!({}));
    std::thread::sleep(Duration::from_secs(4));
    let services = door.manager.wait_until("there", |services| services.len() == 1);
    assert_eq!(service(&services, "idle")["state"], "running");
    assert_eq!(client.request("resources/unsubscribe", &json!({ "uri": uri })), json!({}));
    door.manager.wait_until("asleep", |services| service(services, "idle")["state"] == "stopped");
    let ended = door.manager.interrupt();
    assert_eq!(ended.left, [0_u32; 0], "{}", ended.stderr);
}

fn is_lists(file: &std::fs::DirEntry) -> bool {
    file.file_name().to_string_lossy().ends_with(".lists")
}
