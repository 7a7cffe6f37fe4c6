//! Signals to everything below a process.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group};

use crate::proc::{self, Process};

/// Quick passes over the newest processes, at most, in one round. Who still escapes is met by the next round.
const PASSES: u32 = 256;
/// So many passes in a row must find nobody new: one alone can miss a process that is just being born.
const AGREEING: u32 = 3;

/// Sends a signal to each process below `root` but `spared`, once; those who are born meanwhile are not met.
pub fn signal(root: Pid, signal: Signal, spared: Option<Pid>) {
    for process in proc::below(&proc::all(), root.as_raw_nonzero().get()) {
        if let Some(pid) = process.id().filter(|pid| !process.ended && Some(*pid) != spared) {
            // It may be gone by now, which is as good.
            let _ = kill_process(pid, signal);
        }
    }
}

/// Kills everything below `root`, which is this process and the subreaper of it all. Says how many were found alive.
pub fn kill(root: Pid) -> usize {
    let own = root.as_raw_nonzero().get();
    kill_chosen(|all| proc::below(all, own), |process, met| process.parent == own || met.contains(&process.parent))
}

/// Stops whom `choose` names until nobody new comes, then kills them: what is stopped cannot fork. Says how many they were.
///
/// A process that forks and ends, again and again, is gone before a look at all processes is over. So `choose` looks at all
/// of them once, and then again and again at those alone that were not there before, youngest first: `is_new_one` says of
/// one such whether it belongs to them, by the ids of those that were met.
///
/// Whole groups are stopped and killed where a member was met: the kernel does that in one go, which no fork escapes. So
/// each process that is named must be in a session that began with one of them.
pub fn kill_chosen(
    choose: impl Fn(&[Process]) -> Vec<Process>,
    is_new_one: impl Fn(&Process, &BTreeSet<i32>) -> bool,
) -> usize {
    kill_among(&proc::all(), choose, is_new_one)
}

/// As [`kill_chosen`], with a look at all of them that was taken before, just now.
pub fn kill_among(
    all: &[Process],
    choose: impl Fn(&[Process]) -> Vec<Process>,
    is_new_one: impl Fn(&Process, &BTreeSet<i32>) -> bool,
) -> usize {
    let mut hunt = Hunt::new();
    let mut seen: BTreeSet<i32> = all.iter().map(|process| process.pid).collect();
    for process in choose(all) {
        hunt.meet(&process);
    }
    let mut agreeing = 0;
    for _ in 0..PASSES {
        let before = hunt.met.len();
        let mut others = Vec::new();
        for pid in proc::ids() {
            if pid == hunt.own || !seen.insert(pid) {
                continue;
            }
            match proc::read(pid) {
                Some(process) if is_new_one(&process, &hunt.known) => hunt.meet(&process),
                Some(process) => others.push(process),
                None => {}
            }
        }
        // The parent of one may be a newer id, after the ids began anew.
        while let Some(at) = others.iter().position(|process| is_new_one(process, &hunt.known)) {
            hunt.meet(&others.swap_remove(at));
        }
        agreeing = if hunt.met.len() == before { agreeing + 1 } else { 0 };
        if agreeing == AGREEING {
            break;
        }
    }
    hunt.kill();
    hunt.met.iter().filter(|process| !process.ended).count()
}

/// Those that were met.
struct Hunt {
    own: i32,
    /// A group that we are in ourselves is never signalled as one.
    own_group: i32,
    met: Vec<Process>,
    /// Their ids.
    known: BTreeSet<i32>,
}

impl Hunt {
    fn new() -> Self {
        let own = getpid().as_raw_nonzero().get();
        let own_group = proc::read(own).map_or(0, |process| process.group);
        Self { own, own_group, met: Vec::new(), known: BTreeSet::new() }
    }

    /// Stops it, with its group.
    fn meet(&mut self, process: &Process) {
        if process.pid != self.own && self.known.insert(process.pid) {
            self.met.push(*process);
            self.send(process, Signal::STOP);
        }
    }

    /// Kills everyone that was stopped. Nobody of them can have ended by itself and given its id to others.
    fn kill(&self) {
        self.met.iter().for_each(|process| self.send(process, Signal::KILL));
    }

    fn send(&self, process: &Process, signal: Signal) {
        if process.ended {
            return;
        }
        if process.group != self.own_group
            && let Some(group) = Pid::from_raw(process.group)
        {
            let _ = kill_process_group(group, signal);
        }
        if let Some(pid) = process.id() {
            // It may be gone by now, which is as good.
            let _ = kill_process(pid, signal);
        }
    }
}
