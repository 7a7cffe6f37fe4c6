//! Alerts to commands: what they are told, how they end, and that nothing of them is left.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::{alert, quick, until};
use mcpstore_alerts::{Alert, Delivery, Options};
use mcpstore_testkit::{TAG_VARIABLE, no_survivors, survivors, unique_tag};
use mcpstore_types::{SinkKind, SinkSpec};

/// A sink that runs a script of the shell, marked with a tag.
fn script(tag: &str, text: &str, args: &[&str]) -> SinkSpec {
    let mut all =
        vec![format!("{TAG_VARIABLE}={tag}"), "sh".to_owned(), "-c".to_owned(), text.to_owned(), "sh".to_owned()];
    all.extend(args.iter().map(|&arg| arg.to_owned()));
    SinkSpec::new("c", SinkKind::Command { command: "env".to_owned(), args: all })
}

async fn try_once(spec: SinkSpec, options: Options, alert: Alert) -> Result<(), String> {
    let delivery = Delivery::start(vec![spec], options);
    delivery.test(Some("c"), alert).await.remove(0).1
}

fn left(tag: &str) -> Vec<u32> {
    no_survivors(tag, Duration::from_secs(30))
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
async fn it_is_told_the_alert_on_stdin_and_the_gist_in_its_environment() {
    let (tag, folder) = (unique_tag("alert-told"), tempfile::tempdir().unwrap());
    let (stdin, env) = (folder.path().join("stdin"), folder.path().join("env"));
    let paths = [stdin.to_str().unwrap(), env.to_str().unwrap(), "a b; $(c)"];
    let spec = script(&tag, r#"cat > "$1"; env > "$2"; printf '%s' "$3" >> "$2""#, &paths);
    let mut alert = alert("id-1");
    alert.summary = "down; $(rm x) \"quoted\"".to_owned();
    assert_eq!(try_once(spec, quick(), alert).await, Ok(()));
    let told: serde_json::Value = serde_json::from_str(&text(&stdin)).unwrap();
    assert_eq!((told["schema"].as_str(), told["id"].as_str()), (Some("mcpstore.alert/1"), Some("id-1")));
    assert_eq!(text(&stdin).lines().count(), 1);
    let env = text(&env);
    for line in [
        "MCPSTORE_ALERT_KIND=gave_up",
        "MCPSTORE_ALERT_SERVICE=web",
        "MCPSTORE_ALERT_SEVERITY=critical",
        "MCPSTORE_ALERT_STATUS=test",
        "MCPSTORE_ALERT_SUMMARY=down; $(rm x) \"quoted\"",
        "MCPSTORE_ALERT_ID=id-1",
    ] {
        assert!(env.lines().any(|of| of == line), "{line} in {env}");
    }
    assert!(env.ends_with("a b; $(c)"), "{env}");
    // Cargo sets a dozen of these for a test.
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some() && !env.contains("CARGO_PKG_NAME"), "{env}");
    assert!(env.contains("PATH="));
    assert_eq!(left(&tag), [0_u32; 0]);
}

#[tokio::test]
async fn an_exit_code_is_a_failure_with_the_last_line_of_stderr() {
    let tag = unique_tag("alert-exit");
    let spec = script(&tag, "echo first >&2; printf 'the \\033[31mlast\\033[0m line\\n\\n' >&2; exit 3", &[]);
    let error = try_once(spec, quick(), alert("1")).await.unwrap_err();
    assert_eq!(error, "`env` ended with exit status: 3: the last line");
    // More than is kept, and it never ends a line; and nobody reads what it is told.
    let spec = script(&tag, "head -c 300000 /dev/zero | tr '\\0' x >&2; exit 1", &[]);
    let error = try_once(spec, quick(), alert("1")).await.unwrap_err();
    assert!(error.len() < 300 && error.ends_with("xxx…"), "{error}");
    let missing = SinkKind::Command { command: "no-such-program-here".to_owned(), args: Vec::new() };
    let error = try_once(SinkSpec::new("c", missing), quick(), alert("1")).await.unwrap_err();
    assert!(error.starts_with("`no-such-program-here` does not start"), "{error}");
    assert_eq!(left(&tag), [0_u32; 0]);
}

#[tokio::test]
async fn a_failed_command_is_run_again_until_it_works() {
    let (tag, folder) = (unique_tag("alert-again"), tempfile::tempdir().unwrap());
    let count = folder.path().join("count");
    let text_of = r#"echo "$MCPSTORE_ALERT_ID" >> "$1"; test "$(wc -l < "$1")" -ge 4"#;
    let delivery = Delivery::start(vec![script(&tag, text_of, &[count.to_str().unwrap()])], quick());
    delivery.send(alert("1"));
    delivery.send(alert("2"));
    until("both are done", || delivery.status()[0].sent_total == 2).await;
    assert_eq!(text(&count), "1\n1\n1\n1\n2\n");
    assert_eq!(delivery.status()[0].failed_attempts_total, 3);
    assert_eq!(left(&tag), [0_u32; 0]);
}

#[tokio::test]
async fn one_that_hangs_is_killed_with_its_grandchildren() {
    let tag = unique_tag("alert-hang");
    // Both ignore a polite request; the grandchild holds stderr open.
    let text = "trap '' TERM; echo stuck >&2; sh -c \"trap '' TERM; sleep 600\" & sleep 600";
    let options = Options { command_timeout: Duration::from_secs(1), ..quick() };
    let start = Instant::now();
    let error = try_once(script(&tag, text, &[]), options, alert("1")).await.unwrap_err();
    assert_eq!(error, "`env` ran longer than 1s and was killed: stuck");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    assert_eq!(left(&tag), [0_u32; 0]);
}

#[tokio::test]
async fn what_it_leaves_in_the_background_is_killed_when_it_ends() {
    let tag = unique_tag("alert-background");
    let start = Instant::now();
    assert_eq!(try_once(script(&tag, "sleep 600 & exit 0", &[]), quick(), alert("1")).await, Ok(()));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert_eq!(left(&tag), [0_u32; 0]);
}

#[tokio::test]
async fn a_delivery_that_is_dropped_leaves_nothing_running() {
    let tag = unique_tag("alert-dropped");
    let delivery = Delivery::start(vec![script(&tag, "sleep 600 & sleep 600", &[])], quick());
    delivery.send(alert("1"));
    until("it runs", || survivors(&tag).len() >= 2).await;
    assert_eq!(delivery.shutdown(Duration::from_millis(100)).await["c"].len(), 1);
    assert_eq!(left(&tag), [0_u32; 0]);
}

#[tokio::test]
async fn one_that_reads_nothing_of_what_it_is_told_is_no_failure() {
    let tag = unique_tag("alert-deaf");
    let mut alert = alert("1");
    alert.detail = "x".repeat(100_000);
    assert_eq!(try_once(script(&tag, "exec <&-; exit 0", &[]), quick(), alert).await, Ok(()));
    assert_eq!(left(&tag), [0_u32; 0]);
}
