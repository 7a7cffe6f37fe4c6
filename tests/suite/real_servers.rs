//! Servers that nobody here wrote: all run, in order, and what they say comes through unchanged.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::direct::Direct;
use crate::manager::{LONG, Manager};

/// Where `cargo xtask test` put them; nothing when it was told to be fast.
pub(crate) fn installed() -> Option<PathBuf> {
    match (std::env::var_os("MCPSTORE_REAL_SERVERS"), std::env::var_os("MCPSTORE_FAST")) {
        (Some(dir), None) => Some(dir.into()),
        (_, Some(_)) => None,
        (None, None) => {
            panic!("MCPSTORE_REAL_SERVERS is not set: run `cargo xtask test`, or `cargo xtask servers` first")
        }
    }
}

/// What a manager tells servers of its clients.
const ABLE: &str =
    r#"{"roots":{"listChanged":true},"sampling":{"tools":{},"context":{}},"elicitation":{"form":{},"url":{}}}"#;

/// What the server lists once it has so many tools: some add to them a moment after the handshake.
fn listed_by(direct: &mut Direct, count: Option<u64>) -> Value {
    let start = Instant::now();
    loop {
        let answer: Value = serde_json::from_str(&direct.request("tools/list", "{}")).unwrap();
        let found = answer["tools"].as_array().map(|tools| tools.len() as u64);
        if found == count || start.elapsed() > LONG {
            return answer;
        }
    }
}

#[test]
fn real_servers_run_in_order_and_answer_unchanged() {
    let Some(installed) = installed() else { return };
    let data = tempfile::tempdir().unwrap();
    let data = data.path().canonicalize().unwrap();
    std::fs::write(data.join("hello.txt"), "hello").unwrap();
    std::fs::create_dir(data.join("folder")).unwrap();
    let config = config(&installed, &data);
    let manager = Manager::with_config("real-servers", &config);
    let services = manager.all_running(4);

    // In order: each came up after what it depends on.
    let events = manager.events();
    let up = |name: &str| {
        let at = events.iter().position(|n| n["service"] == name && n["to"] == "running" && n["from"] != n["to"]);
        at.unwrap_or_else(|| panic!("`{name}` never ran: {events:?}"))
    };
    assert!(up("time") < up("memory") && up("memory") < up("filesystem") && up("filesystem") < up("everything"));

    // What each server says of itself directly is what we list and give back.
    let listed = manager.json(&["tools", "-o", "json"]);
    for (name, server) in config["mcpServers"].as_object().unwrap() {
        // As the manager's clients can be asked things, servers offer what asks them.
        let mut direct = Direct::start_able(command(server), ABLE);
        let count = services.iter().find(|s| s["name"] == *name).unwrap()["tools"].as_u64();
        let answer = listed_by(&mut direct, count);
        let expected: Vec<Value> = answer["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| json!({"name": t["name"], "description": t["description"], "input_schema": t["inputSchema"]}))
            .collect();
        let found: Vec<Value> = listed["tools"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|t| t["service"] == *name)
            .map(|t| json!({"name": t["name"], "description": t["description"], "input_schema": t["input_schema"]}))
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(found, expected, "the tools of {name}");
        assert_eq!(count, Some(expected.len() as u64));
    }

    let path = data.to_str().unwrap();
    let ours = manager.stdout(&["call", "filesystem.list_directory", &format!("path={path}"), "-o", "json"]);
    let mut direct = Direct::start(command(&config["mcpServers"]["filesystem"]));
    let params = json!({"name": "list_directory", "arguments": {"path": path}}).to_string();
    assert_eq!(ours.trim_end(), direct.request("tools/call", &params), "byte for byte");
    assert!(ours.contains("[FILE] hello.txt") && ours.contains("[DIR] folder"), "{ours}");

    let time = manager.json(&["call", "time.get_current_time", "timezone=UTC", "-o", "json"]);
    let text = time["content"][0]["text"].as_str().unwrap();
    let answer: Value = serde_json::from_str(text).unwrap();
    assert_eq!(answer["timezone"], "UTC");

    // A tool that refuses is a result, and its own exit code.
    let refused = manager.run(&["call", "filesystem.read_text_file", "path=/no/such/place", "-o", "json"]);
    assert_eq!(refused.status.code(), Some(8), "{refused:?}");
    let result: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(result["isError"], true);

    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

/// The config of a user, except that `npx` finds what is installed instead of asking the network.
fn config(installed: &Path, data: &Path) -> Value {
    let npx = |package: &str, args: &[&str], needs: &[&str]| {
        let package = format!("@modelcontextprotocol/{package}");
        let args: Vec<&str> = ["-y", &package].into_iter().chain(args.iter().copied()).collect();
        json!({"command": "npx", "args": args, "cwd": installed, "dependsOn": needs})
    };
    json!({"mcpServers": {
        "everything": npx("server-everything", &[], &["filesystem"]),
        "filesystem": npx("server-filesystem", &[data.to_str().unwrap()], &["memory"]),
        "memory": npx("server-memory", &[], &["time"]),
        "time": {"command": installed.join("venv/bin/mcp-server-time"), "args": ["--local-timezone", "UTC"]},
    }})
}

/// What the config says, started without us.
fn command(server: &Value) -> Command {
    let mut command = Command::new(server["command"].as_str().unwrap());
    command.args(server["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()));
    if let Some(cwd) = server["cwd"].as_str() {
        command.current_dir(cwd);
    }
    command
}
