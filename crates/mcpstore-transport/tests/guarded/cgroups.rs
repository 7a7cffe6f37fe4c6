//! What only a cgroup can do. Where none can be made, these say so and end: nothing is promised there.
#![allow(clippy::print_stdout, reason = "what was left out is said aloud")]

use std::path::{Path, PathBuf};

use mcpstore_testkit::fixture_path;
use mcpstore_types::{ServiceName, ServiceSpec};
use mcpstore_warden::cgroup::Leaf;
use mcpstore_warden::proc;
use rustix::process::{Signal, kill_process};

use crate::escapes::warden_of;
use crate::support::{start, start_with, tagged, until, within};

/// The cgroup of a process, as its folder; nothing where no life gets one of its own.
fn of(pid: i32) -> Option<PathBuf> {
    let probe = Leaf::make(&format!("probe-{}-{pid}", std::process::id()))?;
    probe.remove();
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let inside = text.lines().find_map(|line| line.strip_prefix("0::")).unwrap();
    let names: PathBuf = Path::new(inside).components().rev().take(2).collect::<Vec<_>>().iter().rev().collect();
    Some(probe.path().parent().unwrap().parent().unwrap().join(names))
}

#[tokio::test]
async fn a_server_is_born_in_one_and_its_warden_is_not() {
    let server = start("--setsid-children 1").await;
    let (pid, warden) = (i32::try_from(server.endpoint.pid().unwrap()).unwrap(), warden_of(&server).as_raw_nonzero());
    let Some(folder) = of(pid) else {
        println!("no cgroup can be made here");
        return server.end().await;
    };
    let members = || std::fs::read_to_string(folder.join("cgroup.procs")).unwrap();
    let contains = |pid: i32| members().lines().any(|line| line == pid.to_string());
    until("its grandchild is in it", || members().lines().count() == 2).await;
    assert!(contains(pid) && !contains(warden.get()), "{}", members());
    server.endpoint.kill();
    within(server.endpoint.group_empty()).await;
    assert!(!folder.exists());
    server.end().await;
}

/// Everybody whose arguments name this folder.
fn named(folder: &Path) -> usize {
    let word = folder.display().to_string();
    let arguments = |pid: i32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let contains = |bytes: Vec<u8>| bytes.windows(word.len()).any(|part| part == word.as_bytes());
    proc::all().iter().filter(|process| !process.ended && contains(arguments(process.pid))).count()
}

#[tokio::test]
async fn a_bomb_without_a_mark_in_sessions_of_its_own_dies_with_the_warden() {
    let folder = tempfile::tempdir().unwrap();
    let bomb = folder.path().join("bomb");
    // Each one starts the next in another session and without an environment, and ends; all end with the file.
    let script = r#"[ -e "$0" ] || exit 0
        env -i setsid sh "$0" & sleep 0.01"#;
    std::fs::write(&bomb, script).unwrap();
    let first = format!(r#"env -i setsid sh "$0" & exec "{}" --ignore-eof --ignore-term"#, fixture_path().display());
    let args = ["-c".to_owned(), first, bomb.display().to_string()];
    let (spec, tag) = tagged(ServiceSpec::stdio(ServiceName::new("s").unwrap(), "sh", args));
    let mut server = start_with(&crate::stdio(), spec).await;
    server.tag = tag;
    let pid = i32::try_from(server.endpoint.pid().unwrap()).unwrap();
    until("it goes off", || named(folder.path()) > 0).await;
    if of(pid).is_some() {
        kill_process(warden_of(&server), Signal::KILL).unwrap();
        within(server.endpoint.group_empty()).await;
        // One look can miss who is somebody else with every look.
        for _ in 0..50 {
            assert_eq!(named(folder.path()), 0);
        }
    } else {
        println!("no cgroup can be made here");
    }
    server.end().await;
}
