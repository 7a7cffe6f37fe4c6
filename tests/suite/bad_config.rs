//! Wrong input: said clearly, with its place, the right exit code, and without harm to the rest.

use std::path::Path;
use std::process::Output;

use mcpstore_testkit::fixture_path;
use serde_json::json;

use crate::manager::{Manager, mcpstore, service};

/// Runs the program on this config text; gives back what it said and whether it started anything.
fn check(text: &str, args: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mcp.json"), text).unwrap();
    mcpstore(dir.path()).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Both `config check` and `up` must refuse with exit code 5 and say all of this.
fn refused_with(text: &str, expected: &[&str]) {
    for args in [&["config", "check", "--config", "mcp.json"][..], &["up", "--config", "mcp.json"]] {
        let output = check(text, args);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(5), "{args:?}: {said}");
        for words in expected {
            assert!(said.contains(words), "{args:?}: `{words}` is not in:\n{said}");
        }
    }
}

#[test]
fn a_cycle_starts_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let marker = dir.path().join("started");
    let touch = |path: &Path| format!(r#""command": "touch", "args": ["{}"]"#, path.display());
    let text = format!(
        "{{\"mcpServers\": {{\n  \"a\": {{ {0}, \"dependsOn\": [\"b\"] }},\n  \"b\": {{ {0}, \"dependsOn\": [\"c\"] }},\n  \"c\": {{ {0}, \"dependsOn\": [\"a\"] }},\n  \"free\": {{ {0} }}\n}}}}",
        touch(&marker)
    );
    refused_with(&text, &["dependency cycle: a -> b -> c -> a", "mcp.json:2:", "MS015"]);
    assert!(!marker.exists(), "something was started");
}

#[test]
fn what_is_wrong_in_the_text_is_shown_at_its_place() {
    let one = |fields: &str| format!("{{\"mcpServers\": {{\n  \"files\": {{ \"command\": \"x\", {fields} }}\n}}}}");
    refused_with(&one(r#""dependsOn": ["files"]"#), &["itself", "mcp.json:2:44"]);
    refused_with(&one(r#""dependsOn": ["fils"]"#), &["unknown dependency `fils`", "mcp.json:2:44"]);
    refused_with(&one(r#""args": 7"#), &["mcp.json:2:38", "args", "number"]);
    refused_with("{ \"mcpServers\": ", &["mcp.json:1:"]);
}

#[test]
fn a_nearest_name_is_offered() {
    let text = "{\"mcpServers\": {\n  \"filesystem\": {\"command\": \"x\"},\n  \"api\": {\"command\": \"x\", \"dependsOn\": [\"filesytem\"]}\n}}";
    let output = check(text, &["config", "check", "--config", "mcp.json"]);
    assert_eq!(output.status.code(), Some(5));
    let said = said(&output);
    assert!(said.contains("did you mean `filesystem`") && said.contains("mcp.json:3:41"), "{said}");
}

#[test]
fn one_bad_service_never_keeps_the_others_from_running() {
    let fixture = fixture_path();
    let never = json!({"policy": "never"});
    let manager = Manager::with_config(
        "bad-services",
        &json!({"mcpServers": {
            "good": {"command": fixture},
            "missing": {"command": "no-such-program-anywhere"},
            "hanging": {"command": fixture, "args": ["--hang-init"], "timeouts": {"handshake": "500ms"}, "restart": never},
            "exiting": {"command": fixture, "args": ["--exit-at-once", "3", "--stderr-text", "no licence"], "restart": never},
            "wrong": {"command": 7},
            "dependent": {"command": fixture, "dependsOn": ["missing"]},
        }}),
    );
    let services = manager.wait_until("settled", |services| {
        services.len() == 5
            && services.iter().all(|s| s["phase"] == "ready" || s["phase"] == "failed")
            && service(services, "hanging")["phase"] == "failed"
    });
    let state = |name: &str| service(&services, name)["state"].as_str().unwrap().to_owned();
    assert_eq!(state("good"), "running");
    for name in ["missing", "hanging", "exiting", "dependent"] {
        assert_eq!(state(name), "error", "{name}");
    }
    let reason = |name: &str| service(&services, name)["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason("missing"), "spec_unusable");
    assert_eq!(reason("exiting"), "exited");
    assert_eq!(reason("dependent"), "dependency_failed");

    let status = |name: &str| manager.stdout(&["status", name, "-o", "json"]);
    assert!(status("missing").contains("no program `no-such-program-anywhere`"), "{}", status("missing"));
    assert!(
        status("exiting").contains("exit code 3") && status("exiting").contains("no licence"),
        "{}",
        status("exiting")
    );
    assert!(status("hanging").contains("500ms"), "{}", status("hanging"));
    assert!(status("dependent").contains("missing"), "{}", status("dependent"));
    // What is the config's fault was said with its place, and left out.
    let said = manager.stderr();
    assert!(said.contains("mcp.json:1:") && said.contains("MS009"), "{said}");

    // The good one works.
    let output = manager.run(&["call", "good.echo", "text=hi", "-o", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(manager.run(&["check"]).status.code(), Some(3));
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

#[test]
fn a_config_from_stdin_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = mcpstore(dir.path());
    command.args(["config", "show", "--origin", "--config", "-"]).stdin(std::process::Stdio::piped());
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let text = br#"{"mcpServers": {"a": {"command": "x"}}}"#;
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = said(&output);
    assert!(output.status.success() && said.contains("command = \"x\"") && said.contains("<stdin>:1:"), "{said}");
}
