//! The metrics page, read by Prometheus's own parsers and held to the calls that were made; and the pages about health.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use mcpstore_testkit::fixture_path;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::manager::{Manager, service, signal};
use crate::real_servers::installed;
use crate::web::{admin, get};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A manager with this config that shows its pages.
fn up(test: &str, config: &Value) -> (Manager, SocketAddr) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mcp.json");
    std::fs::write(&file, config.to_string()).unwrap();
    // It is read before anything is said, so it may go with this function.
    let manager =
        Manager::up(test, &["--config", file.to_str().unwrap(), "--no-watch", "--listen-admin", "127.0.0.1:0"]);
    let address = admin(&manager);
    (manager, address)
}

/// The samples of a page, by name and labels, as a real parser reads them.
fn parsed(python: &Command, format: &str, page: &str) -> BTreeMap<String, f64> {
    let mut parser = Command::new(python.get_program());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/metrics.py");
    let mut child = parser
        .args([script, format])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{page}", String::from_utf8_lossy(&output.stderr));
    let samples: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut found = BTreeMap::new();
    for sample in samples {
        let labels = sample["labels"].as_object().unwrap();
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap())).collect();
        let key = format!("{}{{{}}}", sample["name"].as_str().unwrap(), labels.join(","));
        let twice = found.insert(key.clone(), sample["value"].as_f64().unwrap_or(f64::NAN));
        assert_eq!(twice, None, "`{key}` is there twice");
    }
    found
}

#[test]
fn a_real_parser_reads_what_was_called() {
    let Some(installed) = installed() else { return };
    let python = Command::new(installed.join("venv/bin/python3"));
    let fixture = fixture_path();
    let (manager, address) = up(
        "metrics-page",
        &json!({"mcpServers": {
            "good": {"command": fixture},
            "mixed": {"command": fixture},
            "mute": {"command": fixture, "args": ["--hang-call"], "timeouts": {"call": "200ms", "callTotal": "2s"}},
            "down": {"command": fixture, "restart": {"policy": "never"}},
        }}),
    );
    let services = manager.all_running(4);
    signal(u32::try_from(service(&services, "down")["pid"].as_u64().unwrap()).unwrap(), Signal::KILL);
    manager.wait_until("one is down", |services| service(services, "down")["state"] == "error");

    // How a call ends, how often, and the exit code of the command that makes it.
    let calls: [(&[&str], usize, i32); 8] = [
        (&["good.echo", "text=one"], 5, 0),
        (&["good.add", "a=1", "b=2"], 2, 0),
        (&["mixed.echo", "text=one"], 3, 0),
        (&["mixed.fail", "text=no"], 2, 8),
        (&["mixed.fail"], 4, 1),
        (&["mixed.nosuch"], 1, 1),
        (&["mute.echo", "text=one"], 2, 1),
        (&["down.echo", "text=one"], 2, 1),
    ];
    for (call, times, code) in calls {
        for _ in 0..times {
            let output = manager.run(&[&["call"], call].concat());
            let failed = output.status.code() != Some(0);
            assert_eq!(failed, code != 0, "{call:?}: {output:?}");
            assert!(code != 8 || output.status.code() == Some(8), "{call:?}: {output:?}");
        }
    }
    let expected = |name: &str, labels: &[(&str, &str)], value: f64| {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        (format!("{name}{{{}}}", labels.join(",")), value)
    };
    let mut all = Vec::new();
    for (name, success, error) in [("good", 7.0, 0.0), ("mixed", 3.0, 7.0), ("mute", 0.0, 2.0), ("down", 0.0, 2.0)] {
        all.push(expected("mcpstore_calls_total", &[("outcome", "success"), ("service", name)], success));
        all.push(expected("mcpstore_calls_total", &[("outcome", "error"), ("service", name)], error));
        all.push(expected("mcpstore_call_duration_seconds_count", &[("service", name)], success));
        all.push(expected("mcpstore_calls_in_flight", &[("service", name)], 0.0));
        let kinds = [
            ("tool", "mixed", 2.0),
            ("rpc", "mixed", 4.0),
            ("bad_arguments", "mixed", 1.0),
            ("timeout", "mute", 2.0),
            ("not_running", "down", 2.0),
            ("transport", "", 0.0),
            ("overloaded", "", 0.0),
            ("circuit_open", "", 0.0),
            ("cancelled", "", 0.0),
            ("other", "", 0.0),
        ];
        for (kind, whose, count) in kinds {
            let count = if whose == name { count } else { 0.0 };
            all.push(expected("mcpstore_call_errors_total", &[("kind", kind), ("service", name)], count));
        }
    }
    let tools = [
        ("good", "echo", 5.0, 0.0),
        ("good", "add", 2.0, 0.0),
        ("mixed", "echo", 3.0, 0.0),
        ("mixed", "fail", 0.0, 6.0),
        ("mixed", " other", 0.0, 1.0),
        ("mute", "echo", 0.0, 2.0),
        // What is not running has no tools that could be told apart.
        ("down", " other", 0.0, 2.0),
    ];
    for (service, tool, success, error) in tools {
        for (outcome, count) in [("success", success), ("error", error)] {
            let labels = [("outcome", outcome), ("service", service), ("tool", tool)];
            all.push(expected("mcpstore_tool_calls_total", &labels, count));
        }
    }
    all.push(expected("mcpstore_service_state", &[("service", "down"), ("state", "error")], 1.0));
    all.push(expected("mcpstore_service_state", &[("service", "good"), ("state", "running")], 1.0));
    all.push(expected("mcpstore_service_up", &[("service", "down")], 0.0));
    all.push(expected("mcpstore_service_ready", &[("service", "good")], 1.0));

    for (format, accept, content_type) in [
        ("text", "text/plain", "text/plain; version=0.0.4"),
        ("openmetrics", OPEN_METRICS, "application/openmetrics-text"),
    ] {
        let page = get(address, "/metrics", &[("Accept", accept)]);
        assert_eq!(page.status, 200);
        assert!(page.head.contains(&format!("content-type: {content_type}")), "{}", page.head);
        let found = parsed(&python, format, &page.body);
        for (key, value) in &all {
            assert_eq!(found.get(key), Some(value), "{key} of {format}\n{}", page.body);
        }
        let of_tools = found.keys().filter(|key| key.starts_with("mcpstore_tool_calls_total")).count();
        assert_eq!(of_tools, 2 * tools.len(), "tools that nobody called\n{}", page.body);
        // Every bucket is no smaller than the one before, and the last holds all.
        let bucket = |le: &str| found[&format!("mcpstore_call_duration_seconds_bucket{{le={le},service=good}}")];
        assert_eq!(bucket("+Inf"), 7.0);
        assert!(bucket("0.001") <= bucket("0.25") && bucket("0.25") <= bucket("60.0"));
    }
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}

#[test]
fn health_and_readiness_say_who_is_down_and_strangers_are_refused() {
    let fixture = fixture_path();
    let never = json!({"policy": "never"});
    let (manager, address) = up(
        "readyz",
        &json!({"mcpServers": {
            "web": {"command": fixture},
            "db": {"command": fixture, "restart": never},
        }}),
    );
    let services = manager.all_running(2);
    let ready = |path: &str| {
        let page = get(address, path, &[]);
        (page.status, serde_json::from_str::<Value>(&page.body).unwrap())
    };
    assert_eq!(get(address, "/healthz", &[]).status, 200);
    let (status, body) = ready("/readyz");
    assert_eq!((status, &body["ready"]), (200, &json!(true)), "{body}");

    signal(u32::try_from(service(&services, "db")["pid"].as_u64().unwrap()).unwrap(), Signal::KILL);
    manager.wait_until("one is down", |services| service(services, "db")["state"] == "error");
    let (status, body) = ready("/readyz");
    assert_eq!((status, &body["ready"]), (503, &json!(false)), "{body}");
    let db = service(body["services"].as_array().unwrap(), "db").clone();
    assert!(db["ready"] == false && db["why"].as_str().unwrap().contains("SIGKILL"), "{body}");
    assert_eq!(ready("/readyz?service=web").0, 200);
    assert_eq!(ready("/readyz?service=db").0, 503);
    assert_eq!(ready("/readyz?service=nobody").0, 404);
    // The manager itself is well.
    assert_eq!(get(address, "/healthz", &[]).status, 200);
    manager.stdout(&["start", "db", "--wait"]);
    assert_eq!(ready("/readyz").0, 200);
    assert_eq!(ready("/readyz?service=db").0, 200);

    for path in ["/metrics", "/healthz", "/readyz"] {
        let own = format!("http://{address}");
        assert_eq!(get(address, path, &[("Origin", own.as_str())]).status, 200, "{path}");
        for stranger in [("Host", "evil.example"), ("Host", "evil.example:80"), ("Origin", "http://evil.example")] {
            let page = get(address, path, &[stranger]);
            assert_eq!(page.status, 403, "{path} {stranger:?}: {}", page.body);
            assert!(!page.body.contains("web") && !page.head.contains("access-control"), "{page:?}");
        }
    }
    assert_eq!(get(address, "/", &[]).status, 404);
    let ended = manager.interrupt();
    assert_eq!((ended.status.code(), ended.left), (Some(0), vec![]), "{}", ended.stderr);
}
