//! Asking a program for its version, without letting it stay.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::output::clean_line;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is read of its answer, in bytes.
const MAX_ANSWER: u64 = 4_096;
/// What is shown of it, in characters.
const MAX_SHOWN: usize = 60;

/// A process group that is killed when it is dropped: nothing a program starts for its answer stays.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Nobody left is as good as killed. Its leader was not waited for before this, so the number is still its own.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// The first line of what `FILE --version` says.
///
/// # Errors
/// A sentence without a subject: what it did instead.
///
/// # Cancel safety
/// Safe: its process group is killed.
pub(super) async fn version(file: &Path) -> Result<String, String> {
    version_within(file, PATIENCE).await
}

async fn version_within(file: &Path, patience: Duration) -> Result<String, String> {
    // Not in the working directory: settings of a stranger may lie there.
    let spawned = Command::new(file)
        .arg("--version")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = spawned.map_err(|error| format!("it could not be started: {error}"))?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let mut answer = Vec::new();
    let reading = async {
        if let Some(stdout) = child.stdout.take() {
            // What cannot be read is no version.
            let _ = stdout.take(MAX_ANSWER).read_to_end(&mut answer).await;
        }
    };
    let late = tokio::time::timeout(patience, reading).await.is_err();
    // Whoever answered has nothing more to do; a child that it left behind neither.
    drop(group);
    let _ = child.wait().await;
    if late {
        return Err(format!("it did not tell its version within {}", crate::output::short_duration(patience)));
    }
    let text = String::from_utf8_lossy(&answer);
    let line = text.lines().map(clean_line).find(|line| !line.is_empty());
    let line = line.map(|line| line.chars().take(MAX_SHOWN).collect());
    line.ok_or_else(|| "it did not tell its version".to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Instant;

    use super::*;

    fn script(dir: &Path, name: &str, text: &str) -> std::path::PathBuf {
        let file = dir.join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700)).unwrap();
        file
    }

    #[tokio::test]
    async fn what_is_said_is_taken_and_who_is_late_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let good = script(dir.path(), "good", "printf '\\n\\033[31mv1.2.3\\033[0m\\nmore\\n'");
        assert_eq!(version(&good).await.unwrap(), "v1.2.3");
        let mute = script(dir.path(), "mute", "exit 3");
        assert_eq!(version(&mute).await.unwrap_err(), "it did not tell its version");
        let pid_file = dir.path().join("pid");
        let late = script(dir.path(), "late", &format!("sleep 600 & echo $! > {}\nwait", pid_file.display()));
        let began = Instant::now();
        let error = version_within(&late, Duration::from_secs(2)).await.unwrap_err();
        assert_eq!(error, "it did not tell its version within 2s");
        assert!(began.elapsed() < Duration::from_secs(60));
        let pid: i32 = std::fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
        gone(pid).await;
        assert!(version(Path::new("/nowhere")).await.unwrap_err().starts_with("it could not be started"));
    }

    /// Waits until nobody has this id, or only as a process that has ended.
    async fn gone(pid: i32) {
        let pid = Pid::from_raw(pid).unwrap();
        let ended = || match std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())) {
            Ok(stat) => stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')),
            Err(_) => rustix::process::test_kill_process(pid).is_err(),
        };
        for _ in 0..600 {
            if ended() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{pid:?} is still there");
    }
}
