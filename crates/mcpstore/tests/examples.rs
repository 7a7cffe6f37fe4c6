//! The examples run, and print what they promise.

// Each example keeps its `main`, which is not called here.
#![allow(dead_code, unreachable_pub)]

#[path = "../examples/dependencies.rs"]
mod dependencies;
#[path = "../examples/flow.rs"]
mod flow;
#[path = "../examples/performance.rs"]
mod performance;
#[path = "../examples/recovery.rs"]
mod recovery;

/// Runs an example and gives back what it wrote.
macro_rules! output_of {
    ($example:ident) => {{
        let mut out = Vec::new();
        $example::run(&mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }};
}

/// Asserts that the lines stand in `text` in this order.
fn assert_in_order(text: &str, lines: &[&str]) {
    let mut rest = text;
    for line in lines {
        let Some(at) = rest.find(line) else { panic!("`{line}` is missing, or out of order, in:\n{text}") };
        rest = &rest[at + line.len()..];
    }
}

#[tokio::test]
async fn the_whole_flow() {
    let text = output_of!(flow);
    let lines = [
        "registered database: not_started",
        "registered api: not_started",
        "database: running, 20 tools",
        "api: running, 20 tools",
        "tools of api: echo, add,",
        r#"api.echo: {"content":[{"text":"hello","type":"text"}]}"#,
        "health of database: healthy in ",
        "health of api: healthy in ",
        "api: stopped",
        "database: stopped",
    ];
    assert_in_order(&text, &lines);
}

#[tokio::test]
async fn the_dependency_manager() {
    let text = output_of!(dependencies);
    let lines = [
        "start order: database -> auth -> api -> web",
        "stop order: web -> api -> auth -> database",
        "did you mean `database`?",
        "dependency cycle: a -> b -> a",
        "came up: database -> auth -> api -> web",
        "went down: web -> api -> auth -> database",
    ];
    assert_in_order(&text, &lines);
}

#[tokio::test]
async fn the_performance_monitor() {
    let text = output_of!(performance);
    let lines =
        ["availability: 100.0 %", "average response time: ", "longest response time: ", "shortest response time: "];
    assert_in_order(&text, &lines);
    assert!(!text.contains("time: -"), "a response time was not measured:\n{text}");
}

#[tokio::test]
async fn the_automatic_recovery() {
    let text = output_of!(recovery);
    let lines = [
        "worker: running, life 1",
        "the call: call of service `worker` failed: the connection to the server closed",
        "worker: running, life 2, 1 restart",
        "error: exited: exit code 3",
        "starting: retry due",
        "running: probe passed",
        "gave up: exit code 7",
        "hopeless: failed(gave_up) after 3 attempts",
        "its last words: no licence",
        "worker: stopped; lives in all: 2",
    ];
    assert_in_order(&text, &lines);
}
