//! Ending what a warden left behind that was killed itself.
//!
//! The server dies with its warden: the kernel sees to that. Its other processes have lost their subreaper and are children
//! of this process now, if it is one ([`adopt_orphans`](crate::adopt_orphans)), else of the init process.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mcpstore_types::ExitStatus;
use mcpstore_warden::cgroup::Leaf;
use mcpstore_warden::proc::{self, Process};
use mcpstore_warden::tree::kill_among;
use rustix::process::{WaitOptions, getpid, waitpid};

use super::registry::is_warden;
use crate::stdio::env::MARK;

/// How long those that were killed may take to be gone before the next look at everybody.
const SETTLE: Duration = Duration::from_millis(50);
/// How often it is looked meanwhile.
const SETTLE_POLL: Duration = Duration::from_millis(1);

/// Held by whoever sweeps, one after the other; with the last look at all processes, and when that began. Who came before it
/// did need not look anew: when many wardens are killed at once, one look serves many.
static SWEEPING: Mutex<Option<(Instant, Vec<Process>)>> = Mutex::new(None);

/// The processes of one life, as far as they can be told without their warden.
#[derive(Debug)]
pub(crate) struct Quarry {
    /// `NAME=value` in the environment of each, unless it took it out.
    mark: Vec<u8>,
    /// The server and its start. Its id is its session's too, and given to nobody else while one of that is left.
    server: Option<(i32, u64)>,
    /// Every child of ours that is no warden was left by one.
    owns_children: bool,
    /// Everybody in it, where there is one.
    leaf: Option<Leaf>,
    /// Who was chosen once is ours to wait for, and no longer has an environment when it is dead.
    chosen: RefCell<BTreeSet<(i32, u64)>>,
    status: ExitStatus,
}

impl Quarry {
    pub(crate) fn new(mark: &str, server: Option<(i32, u64)>, owns_children: bool, leaf: Option<Leaf>) -> Self {
        let mark = format!("{MARK}={mark}").into_bytes();
        // Killed by the kernel with its warden, unless we hear otherwise: another sweep may wait for it in our place.
        let status = if server.is_some() { ExitStatus::Signal(9) } else { ExitStatus::Unknown };
        Self { mark, server, owns_children, leaf, chosen: RefCell::default(), status }
    }

    /// Kills everybody in the cgroup, those too who took away everything else that they could be told by.
    pub(crate) fn kill_cgroup(&self) {
        if let Some(leaf) = &self.leaf {
            leaf.kill();
        }
    }

    /// True when the server's main process has ended. Quick: looks at that one alone.
    pub(crate) fn server_is_over(&mut self) -> bool {
        let own = getpid().as_raw_nonzero().get();
        self.server.is_none_or(|server| self.is_over(server, own, &BTreeSet::new()))
    }

    /// How the server ended.
    pub(crate) fn status(&self) -> ExitStatus {
        self.status
    }

    /// Kills what is left and waits for whoever has ended; true when there was somebody, so that it must be asked again.
    /// Reads all of `/proc`: not on a thread that others need.
    pub(crate) fn sweep(&mut self) -> bool {
        let own = getpid().as_raw_nonzero().get();
        let is_new_one = |process: &Process, met: &BTreeSet<i32>| {
            let ours = self.in_session(process) || met.contains(&process.parent) || self.is_orphan(process, own);
            if ours && !is_warden(process.pid) {
                // Remembered, to be waited for.
                self.chosen.borrow_mut().insert((process.pid, process.start));
                return true;
            }
            false
        };
        self.kill_cgroup();
        let asked = Instant::now();
        let mut look = SWEEPING.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || (Instant::now(), proc::all());
        let (_, all) = match &mut *look {
            Some(shared) if shared.0 >= asked => shared,
            other => other.insert(fresh()),
        };
        let found = kill_among(all, |all| self.choose(all, own), is_new_one);
        // Dying takes its time; the next need not wait for it.
        drop(look);
        let began = Instant::now();
        let mut chosen = self.chosen.take();
        let was_there = !chosen.is_empty();
        while !chosen.is_empty() && began.elapsed() < SETTLE {
            let ids: BTreeSet<i32> = chosen.iter().map(|(pid, _)| *pid).collect();
            chosen.retain(|named| !self.is_over(*named, own, &ids));
            if !chosen.is_empty() {
                std::thread::sleep(SETTLE_POLL);
            }
        }
        self.chosen = RefCell::new(chosen);
        found > 0 || was_there || self.leaf.as_ref().is_some_and(Leaf::populated)
    }

    /// True when a process is gone, or dead and not ours to wait for. Waits for it when it is.
    fn is_over(&mut self, (pid, start): (i32, u64), own: i32, chosen: &BTreeSet<i32>) -> bool {
        let Some(process) = proc::read(pid).filter(|process| process.start == start) else { return true };
        if process.ended && process.parent == own {
            let status = process.id().and_then(|pid| waitpid(Some(pid), WaitOptions::NOHANG).ok().flatten());
            if let Some((_, status)) = status.filter(|_| self.server == Some((pid, start))) {
                let signal = status.terminating_signal().map(ExitStatus::Signal);
                self.status = status.exit_status().map(ExitStatus::Code).or(signal).unwrap_or(ExitStatus::Unknown);
            }
            return true;
        }
        // One whose parent is dying comes to us, or to whoever reaps orphans here.
        process.ended && !chosen.contains(&process.parent)
    }

    fn in_session(&self, process: &Process) -> bool {
        self.server.is_some_and(|(pid, start)| process.session == pid && process.start >= start)
    }

    /// True for a process that has lost its parents, as far as it can be told. When every orphan comes to us there is nobody
    /// to look for elsewhere, and so no environment to be read.
    fn is_orphan(&self, process: &Process, own: i32) -> bool {
        if self.owns_children { process.parent == own } else { has_mark(process.pid, &self.mark) }
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
                || chosen.contains(&(process.pid, process.start))
                || self.is_orphan(process, own);
            if ours {
                found.insert(process.pid);
                found.extend(proc::below(all, process.pid).iter().map(|process| process.pid));
            }
        }
        // The dead of somebody else are gone: a parent that waits for nobody keeps their entries for ever.
        let lasts = |process: &Process| !process.ended || process.parent == own || found.contains(&process.parent);
        // As they are now: an id of a moment ago may be somebody else's.
        let now = |then: &Process| proc::read(then.pid).filter(|now| now.start == then.start);
        let found = all.iter().filter(|process| found.contains(&process.pid));
        let found: Vec<Process> = found.filter_map(now).filter(lasts).collect();
        chosen.extend(found.iter().map(|process| (process.pid, process.start)));
        found
    }
}

/// True when the environment of a process has this `NAME=value`, as it was when its program began.
pub(crate) fn has_mark(pid: i32, mark: &[u8]) -> bool {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark)
}
