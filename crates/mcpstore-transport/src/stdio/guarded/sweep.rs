//! Ending what a warden left behind that was killed itself.
//!
//! The server dies with its warden: the kernel sees to that. Its other processes have lost their subreaper and are children
//! of this process now, if it is one ([`adopt_orphans`](crate::adopt_orphans)), else of the init process.

use std::cell::RefCell;
use std::collections::BTreeSet;

use mcpstore_types::ExitStatus;
use mcpstore_warden::proc::{self, Process};
use mcpstore_warden::tree::kill_chosen;
use rustix::process::{WaitOptions, getpid, waitpid};

use super::registry::is_warden;
use crate::stdio::env::MARK;

/// The processes of one life, as far as they can be told without their warden.
#[derive(Debug)]
pub(crate) struct Quarry {
    /// `NAME=value` in the environment of each, unless it took it out.
    mark: Vec<u8>,
    /// The server and its start. Its id is its session's too, and given to nobody else while one of that is left.
    server: Option<(i32, u64)>,
    /// Every child of ours that is no warden was left by one.
    owns_children: bool,
    /// Who was chosen once is ours to wait for, and no longer has an environment when it is dead.
    chosen: RefCell<BTreeSet<(i32, u64)>>,
    status: ExitStatus,
}

impl Quarry {
    pub(crate) fn new(mark: &str, server: Option<(i32, u64)>, owns_children: bool) -> Self {
        let mark = format!("{MARK}={mark}").into_bytes();
        Self { mark, server, owns_children, chosen: RefCell::default(), status: ExitStatus::Unknown }
    }

    /// True when the server's main process has ended.
    pub(crate) fn server_is_gone(&self) -> bool {
        self.server.is_none_or(|(pid, start)| start_of(pid) != Some(start))
    }

    /// How the server ended, as far as it was ours to wait for.
    pub(crate) fn status(&self) -> ExitStatus {
        self.status
    }

    /// Kills what is left and waits for whoever has ended; true when there was somebody, so that it must be asked again.
    /// Reads all of `/proc`: not on a thread that others need.
    pub(crate) fn sweep(&mut self) -> bool {
        let own = getpid().as_raw_nonzero().get();
        let is_new_one = |process: &Process, met: &BTreeSet<i32>| {
            let ours = self.in_session(process)
                || met.contains(&process.parent)
                || (process.parent == own && self.owns_children)
                || has_mark(process.pid, &self.mark);
            if ours && !is_warden(process.pid) {
                // Remembered, to be waited for.
                self.chosen.borrow_mut().insert((process.pid, process.start));
                return true;
            }
            false
        };
        let found = kill_chosen(|all| self.choose(all, own), is_new_one);
        let all = proc::all();
        // The dead of others are theirs to wait for.
        let left = self.choose(&all, own).into_iter().filter(|process| !process.ended || process.parent == own);
        let left: Vec<Process> = left.collect();
        left.iter().filter(|process| process.ended).for_each(|process| self.reap(process));
        found > 0 || !left.is_empty()
    }

    /// Waits for a child that has ended.
    fn reap(&mut self, process: &Process) {
        let Some(pid) = process.id() else { return };
        if let Ok(Some((_, status))) = waitpid(Some(pid), WaitOptions::NOHANG)
            && self.server == Some((process.pid, process.start))
        {
            let signal = status.terminating_signal().map(ExitStatus::Signal);
            self.status = status.exit_status().map(ExitStatus::Code).or(signal).unwrap_or(ExitStatus::Unknown);
        }
    }

    fn in_session(&self, process: &Process) -> bool {
        self.server.is_some_and(|(pid, start)| process.session == pid && process.start >= start)
    }

    /// Whoever of `all` belongs to this life, dead or alive; without the wardens and what is theirs.
    fn choose(&self, all: &[Process], own: i32) -> Vec<Process> {
        let mut others = BTreeSet::new();
        for warden in all.iter().filter(|process| process.parent == own && is_warden(process.pid)) {
            others.insert(warden.pid);
            others.extend(proc::below(all, warden.pid).iter().map(|process| process.pid));
        }
        let mut chosen = self.chosen.borrow_mut();
        let mut found = BTreeSet::new();
        for process in all.iter().filter(|process| process.pid != own && !others.contains(&process.pid)) {
            let ours = self.in_session(process)
                || (process.parent == own && self.owns_children)
                || chosen.contains(&(process.pid, process.start))
                || has_mark(process.pid, &self.mark);
            if ours {
                found.insert(process.pid);
                found.extend(proc::below(all, process.pid).iter().map(|process| process.pid));
            }
        }
        let found: Vec<Process> = all.iter().filter(|process| found.contains(&process.pid)).copied().collect();
        chosen.extend(found.iter().map(|process| (process.pid, process.start)));
        found
    }
}

/// True when the environment of a process has this `NAME=value`, as it was when its program began.
pub(crate) fn has_mark(pid: i32, mark: &[u8]) -> bool {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark)
}

/// When a living process of this id was started.
fn start_of(pid: i32) -> Option<u64> {
    proc::read(pid).filter(|process| !process.ended).map(|process| process.start)
}
