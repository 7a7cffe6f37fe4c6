//! Which processes outlived the tests.
//!
//! Two nets. A tag in the environment finds what left the tree of the run; being the subreaper of the run finds what cleaned its
//! environment: an orphan, however often it forked, becomes a child of ours. Both only on Linux.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// The variable that marks every process of one run.
pub(super) const TAG: &str = "MCPSTORE_TEST_TAG";

/// How long a process may still be on its way out when the tests are done.
const GRACE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(20);

/// One run of the tests.
pub(super) struct Run {
    tag: String,
}

/// A process as `/proc` shows it.
#[derive(Clone, Debug)]
struct Process {
    pid: i32,
    parent: i32,
    /// In clock ticks after boot; with the pid it names a process for good.
    started: u64,
    ended: bool,
}

impl Run {
    /// Draws a tag and becomes the parent of orphans.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn begin() -> Result<Self> {
        #[cfg(target_os = "linux")]
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .context("failed to become a subreaper")?;
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).context("failed to read the clock")?;
        Ok(Self { tag: format!("run-{}-{}", std::process::id(), now.as_nanos()) })
    }

    /// The value of [`TAG`] for the processes of this run.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// Every process of the run that still lives, after the grace: described, and killed.
    pub(super) fn end(self) -> Vec<String> {
        self.left(GRACE).iter().map(end_process).collect()
    }

    /// What still lives after at most `grace`.
    fn left(&self, grace: Duration) -> Vec<Process> {
        let deadline = Instant::now() + grace;
        let mut left = self.living();
        while !left.is_empty() && Instant::now() < deadline {
            std::thread::sleep(POLL);
            left = self.living();
        }
        left
    }

    fn living(&self) -> Vec<Process> {
        let all = processes();
        let mark = format!("{TAG}={}", self.tag);
        let ours = descendants(&all, own_pid());
        let tagged = |pid: i32| {
            has_variable(&std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default(), mark.as_bytes())
        };
        all.into_values()
            .filter(|process| !process.ended && process.pid != own_pid())
            .filter(|process| ours.contains(&process.pid) || tagged(process.pid))
            .collect()
    }
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(i32::MAX)
}

/// Kills exactly this process, if it still is the one we saw, and says who it was.
fn end_process(process: &Process) -> String {
    let command = command_line(process.pid);
    let same = read_process(process.pid).is_some_and(|now| now.started == process.started);
    if let (true, Some(pid)) = (same, Pid::from_raw(process.pid)) {
        // It may end by itself first; then there is nothing left to kill.
        let _ = kill_process(pid, Signal::KILL);
    }
    format!("  pid {} (parent {}): {}", process.pid, process.parent, command)
}

fn command_line(pid: i32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").trim().to_owned()
}

fn processes() -> BTreeMap<i32, Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return BTreeMap::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, read_process(pid)?)))
        .collect()
}

fn read_process(pid: i32) -> Option<Process> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    parse_stat(pid, &stat)
}

/// Reads a line of `/proc/PID/stat`; the name in it may hold spaces and brackets of its own.
fn parse_stat(pid: i32, stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // From the third field on: state, parent, …; the start time is the 22nd of all.
    let ended = matches!(*fields.first()?, "Z" | "X");
    Some(Process { pid, parent: fields.get(1)?.parse().ok()?, started: fields.get(19)?.parse().ok()?, ended })
}

/// Every process below `root`.
fn descendants(all: &BTreeMap<i32, Process>, root: i32) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    let mut open = vec![root];
    while let Some(parent) = open.pop() {
        for process in all.values().filter(|process| process.parent == parent) {
            if found.insert(process.pid) {
                open.push(process.pid);
            }
        }
    }
    found
}

/// True when a NUL-separated environment holds exactly this `NAME=value`.
fn has_variable(environ: &[u8], variable: &[u8]) -> bool {
    environ.split(|byte| *byte == 0).any(|entry| entry == variable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_stat_line_is_read_behind_the_name() {
        let tail = "S 7 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 999";
        let process = parse_stat(9, &format!("9 (a) b (c)) {tail}")).unwrap();
        assert_eq!((process.parent, process.started, process.ended), (7, 4242, false));
        assert!(parse_stat(9, "9 (a) Z 1 1").is_none());
    }

    #[test]
    fn descendants_are_found_at_any_depth() {
        let process = |pid, parent| (pid, Process { pid, parent, started: 0, ended: false });
        let all = BTreeMap::from([process(2, 1), process(3, 2), process(4, 3), process(5, 1)]);
        assert_eq!(descendants(&all, 2), BTreeSet::from([3, 4]));
    }

    #[test]
    fn a_variable_is_matched_as_a_whole() {
        assert!(has_variable(b"A=1\0TAG=run-1\0", b"TAG=run-1"));
        assert!(!has_variable(b"A=1\0TAG=run-12\0", b"TAG=run-1"));
    }

    /// A tagged process and one that dropped its environment and its parent: both are found and ended.
    #[cfg(target_os = "linux")]
    #[test]
    fn survivors_are_found_named_and_killed() {
        let run = Run::begin().unwrap();
        let quiet = |command: &mut Command| {
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .env(TAG, run.tag())
                .status()
                .unwrap()
        };
        quiet(Command::new("sh").args(["-c", "setsid sleep 271 &"]));
        quiet(Command::new("sh").args(["-c", "setsid env -i sleep 272 &"]));
        // Other tests of this program have children too: only these two are looked at.
        let is_ours = |process: &Process| ["sleep 271", "sleep 272"].contains(&command_line(process.pid).as_str());
        let begun = Instant::now();
        // They are what they become a moment after they were started.
        while run.living().into_iter().filter(is_ours).count() < 2 {
            assert!(begun.elapsed() < Duration::from_secs(10), "they did not start");
            std::thread::sleep(POLL);
        }
        let left: Vec<Process> = run.left(Duration::from_millis(100)).into_iter().filter(is_ours).collect();
        let mut said: Vec<String> = left.iter().map(end_process).collect();
        said.sort_by_key(|line| line.ends_with("272"));
        assert!(said.len() == 2 && said[0].ends_with(": sleep 271") && said[1].ends_with(": sleep 272"), "{said:?}");
        let deadline = Instant::now() + Duration::from_secs(10);
        while run.living().iter().any(is_ours) {
            assert!(Instant::now() < deadline, "a killed process still lives");
            std::thread::sleep(POLL);
        }
    }
}
