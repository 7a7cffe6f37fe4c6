//! A config that was found in a folder runs nothing before it was approved; one that changed asks again.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use mcpstore_testkit::{TAG_VARIABLE, fixture_path, no_survivors, survivors, unique_tag};
use serde_json::json;

use crate::manager::{LONG, mcpstore};

/// Writes a config whose server leaves a mark as soon as it runs.
fn write(dir: &Path, mark: &str) {
    let script = format!("touch {}; exec {}", dir.join(mark).display(), fixture_path().display());
    let config = json!({"mcpServers": { "found": { "command": "sh", "args": ["-c", script] } }});
    std::fs::write(dir.join("mcp.json"), config.to_string()).unwrap();
}

/// Runs `up` in the folder until it ends, or the mark is there, and then ends it.
fn up(dir: &Path, args: &[&str], mark: &str, tag: &str) -> (Output, bool) {
    let mut command = mcpstore(dir);
    command.arg("up").args(args).env(TAG_VARIABLE, tag).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = std::time::Instant::now();
    while child.try_wait().unwrap().is_none() && !dir.join(mark).exists() {
        assert!(start.elapsed() < LONG);
        // On the process level: the manager alone carries the tag until something is approved.
        std::thread::sleep(Duration::from_millis(10));
    }
    let ran = dir.join(mark).exists();
    if child.try_wait().unwrap().is_none() {
        crate::manager::signal(child.id(), rustix::process::Signal::INT);
    }
    (child.wait_with_output().unwrap(), ran)
}

#[test]
fn nothing_is_spawned_before_approval_and_a_change_asks_again() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let tag = unique_tag("trust");
    write(dir, "one");
    let (refused, ran) = up(dir, &[], "one", &tag);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!((refused.status.code(), ran), (Some(9), false), "{said}");
    assert!(
        said.contains("is not approved as it stands") && said.contains("sh -c") && said.contains("config approve"),
        "{said}"
    );
    assert_eq!(survivors(&tag), Vec::<u32>::new(), "something was spawned");
    // Looking at it runs nothing either.
    for args in [&["config", "check"][..], &["config", "show"], &["plan"], &["graph"]] {
        let output = mcpstore(dir).args(args).env(TAG_VARIABLE, &tag).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
    }
    assert!(!dir.join("one").exists());

    let (approved, ran) = up(dir, &["--yes"], "one", &tag);
    assert!(ran, "{approved:?}");
    std::fs::remove_file(dir.join("one")).unwrap();
    let (again, ran) = up(dir, &[], "one", &tag);
    assert!(ran, "approved once is approved: {again:?}");

    write(dir, "two");
    let (changed, ran) = up(dir, &[], "two", &tag);
    let said = String::from_utf8_lossy(&changed.stderr).into_owned();
    assert_eq!((changed.status.code(), ran), (Some(9), false), "{said}");
    assert!(said.contains("changed since it was approved"), "{said}");
    let list = dir.join("approved.json");
    let to = mcpstore(dir).args(["config", "approve", "--to"]).arg(&list).stdin(Stdio::null()).output().unwrap();
    assert!(to.status.success(), "{to:?}");
    let (given, ran) = up(dir, &["--approvals", list.to_str().unwrap()], "two", &tag);
    assert!(ran, "{given:?}");
    assert_eq!(no_survivors(&tag, Duration::from_secs(5)), Vec::<u32>::new());
}

#[test]
fn a_found_config_that_changes_while_it_runs_changes_nothing_unapproved() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let tag = unique_tag("trust-live");
    write(dir, "one");
    let mut command = mcpstore(dir);
    command.args(["up", "--yes"]).env(TAG_VARIABLE, &tag).stdin(Stdio::null());
    let stderr = std::fs::File::create(dir.join("up.stderr")).unwrap();
    let mut child = command.stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
    let wait = |what: &str, done: &dyn Fn() -> bool| {
        let start = std::time::Instant::now();
        while !done() {
            let said = std::fs::read_to_string(dir.join("up.stderr")).unwrap_or_default();
            assert!(start.elapsed() < LONG, "not {what}: {said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let said = || std::fs::read_to_string(dir.join("up.stderr")).unwrap_or_default();
    wait("running", &|| said().contains("1 of 1 service running"));
    write(dir, "two");
    wait("refused", &|| said().contains("would run what is not approved"));
    assert!(!dir.join("two").exists(), "it ran unapproved");
    let approve = mcpstore(dir).args(["config", "approve", "--yes"]).stdin(Stdio::null()).output().unwrap();
    assert!(approve.status.success(), "{approve:?}");
    let reload = mcpstore(dir).args(["reload"]).stdin(Stdio::null()).output().unwrap();
    assert!(reload.status.success(), "{reload:?}");
    wait("approved", &|| dir.join("two").exists());
    crate::manager::signal(child.id(), rustix::process::Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(no_survivors(&tag, Duration::from_secs(5)), Vec::<u32>::new());
}
