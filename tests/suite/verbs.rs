//! The verbs of the command line, their documents and their exit codes.

use std::time::Duration;

use mcpstore_testkit::fixture_path;
use serde_json::{Value, json};

use crate::manager::{Manager, mcpstore, service};

fn manager(test: &str) -> Manager {
    let fixture = fixture_path();
    let manager = Manager::with_config(
        test,
        &json!({"mcpServers": {
            "database": {"command": fixture, "tags": ["prod"]},
            "auth": {"command": fixture, "dependsOn": ["database"], "tags": ["prod"]},
            "api": {"command": fixture, "dependsOn": ["database", "auth"]},
            "web": {"command": fixture, "dependsOn": ["api"]},
        }}),
    );
    manager.all_running(4);
    manager
}

fn codes(manager: &Manager, args: &[&str]) -> Option<i32> {
    let output = manager.run(args);
    output.status.code()
}

#[test]
fn start_stop_and_restart_do_what_they_say_and_again_without_harm() {
    let manager = manager("verbs");
    // Down with all that cannot be without it.
    assert_eq!(codes(&manager, &["stop", "auth", "--wait"]), Some(0));
    let services = manager.wait_until("auth and its dependents down", |s| service(s, "auth")["state"] == "stopped");
    for (name, state) in [("database", "running"), ("auth", "stopped"), ("api", "stopped"), ("web", "stopped")] {
        assert_eq!(service(&services, name)["state"], state, "{name}");
    }
    assert_eq!(codes(&manager, &["stop", "auth", "--wait"]), Some(0), "again");
    // Up with all that it needs.
    assert_eq!(codes(&manager, &["start", "web", "--wait"]), Some(0));
    assert_eq!(codes(&manager, &["start", "web", "--wait"]), Some(0), "again");
    manager.all_running(4);
    assert_eq!(codes(&manager, &["restart", "database", "--wait"]), Some(0));
    let services = manager.all_running(4);
    assert_eq!(service(&services, "database")["incarnation"], 2);
    assert_eq!(codes(&manager, &["stop", "tag:prod", "--force", "--wait"]), Some(0));
    let services = manager.wait_until("down", |s| service(s, "database")["state"] == "stopped");
    assert!(services.iter().all(|s| s["state"] == "stopped"), "{services:?}");
    assert_eq!(codes(&manager, &["start", "--all", "--wait"]), Some(0));
    assert_eq!(codes(&manager, &["wait", "web", "--for", "running", "--timeout", "30s"]), Some(0));
    assert_eq!(codes(&manager, &["wait", "web", "--for", "stopped", "--timeout", "100ms"]), Some(124));

    let unknown = manager.run(&["start", "databse"]);
    assert_eq!(unknown.status.code(), Some(4));
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(said.contains("did you mean `database`"), "{said}");

    assert_eq!(codes(&manager, &["down"]), Some(0));
    let ended = manager.ends();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

#[test]
fn calls_say_what_went_wrong() {
    let manager = manager("calls");
    let result = manager.json(&["call", "api.add", "a=2", "b=40", "-o", "json"]);
    assert!(result.to_string().contains("42"), "{result}");
    assert_eq!(codes(&manager, &["call", "api.fail", "-o", "json"]), Some(8));
    for (args, code, words) in [
        (["call", "api.ecko"], 1, "did you mean `echo`"),
        (["call", "apis.echo"], 4, "did you mean `api`"),
        (["call", "echo"], 2, "SVC.TOOL"),
    ] {
        let output = manager.run(&args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

#[test]
fn without_a_manager_every_client_says_so_and_plan_works() {
    let dir = tempfile::tempdir().unwrap();
    let output = mcpstore(dir.path()).arg("ls").output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("mcpstore up"), "{output:?}");

    let config = json!({"mcpServers": {
        "web": {"command": "x", "dependsOn": ["api"]},
        "api": {"command": "x", "dependsOn": ["database", "auth"]},
        "auth": {"command": "x", "dependsOn": ["database"]},
        "database": {"command": "x"},
    }});
    std::fs::write(dir.path().join("mcp.json"), config.to_string()).unwrap();
    let output = mcpstore(dir.path()).args(["plan", "-o", "json"]).output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        plan,
        json!({
            "schema": "mcpstore.plan/1",
            "waves": [["database"], ["auth"], ["api"], ["web"]],
            "start_order": ["database", "auth", "api", "web"],
            "stop_order": ["web", "api", "auth", "database"],
        })
    );
    let output = mcpstore(dir.path()).args(["graph", "--format", "mermaid"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("graph") || output.stdout.starts_with(b"flowchart"));
}

#[test]
fn a_second_manager_on_the_same_socket_says_who_holds_it() {
    let manager = manager("second");
    let second = mcpstore(manager.dir()).args(["up", "--demo"]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another mcpstore"), "{said}");
    let mode = |path: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt as _;
        path.metadata().unwrap().permissions().mode() & 0o777
    };
    let state = manager.dir().join("state");
    assert_eq!(mode(&state), 0o700);
    assert_eq!(mode(&state.join("mcpstore.sock")), 0o600);
    let _ = manager.wait_until("still running", |s| s.len() == 4 && s.iter().all(|s| s["state"] == "running"));
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
    let gone = mcpstore_testkit::no_survivors("second", Duration::from_millis(1));
    assert_eq!(gone, [0_u32; 0]);
}
