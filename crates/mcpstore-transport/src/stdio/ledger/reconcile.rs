//! What an earlier manager left, found and ended.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::line::Lives;

/// What was found in a ledger and done about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// The managers that ended without stopping their services, by process id, in ascending order.
    pub managers: Vec<u32>,
    /// How many services they had not stopped.
    pub services: usize,
    /// How many processes of those still lived, and were ended.
    pub ended: usize,
    /// Which services those belonged to, by name and incarnation.
    pub survivors: Vec<Ended>,
    /// Lives of before the machine started anew: nothing can be left of them.
    pub of_another_boot: usize,
    /// Where a damaged ledger was put aside.
    pub damaged: Option<PathBuf>,
    /// The marks of those that still live, whatever was tried.
    pub(super) alive: BTreeSet<String>,
}

/// A life that had outlived its manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its service.
    pub service: String,
    /// Which life of it.
    pub incarnation: u64,
    /// How many of its processes still lived.
    pub processes: usize,
    /// False when something of it lives on, though it was killed.
    pub gone: bool,
}

pub(super) fn reconcile(lives: &Lives, damaged: Option<PathBuf>) -> Reconciled {
    let boot = super::line::boot();
    let (ours, others): (Lives, Lives) = lives.clone().into_iter().partition(|(_, life)| life.boot == boot);
    let managers: BTreeSet<u32> = ours.values().map(|life| life.manager).collect();
    let mut found = Reconciled {
        managers: managers.into_iter().collect(),
        services: ours.len(),
        of_another_boot: others.len(),
        damaged,
        ..Reconciled::default()
    };
    #[cfg(target_os = "linux")]
    linux::end(&ours, &mut found);
    found
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeSet;
    use std::time::{Duration, Instant};

    use mcpstore_warden::cgroup::Leaf;
    use mcpstore_warden::proc::{self, Process};
    use mcpstore_warden::tree::kill_chosen;

    use super::super::line::{Life, Lives};
    use super::{Ended, Reconciled};
    use crate::stdio::env::MARK;
    use crate::stdio::guarded::has_mark;

    /// How long the wardens of a manager that died just now may take to do their work.
    const GRACE: Duration = Duration::from_millis(500);
    /// How long what was killed may take to be gone.
    const LIMIT: Duration = Duration::from_secs(5);
    const POLL: Duration = Duration::from_millis(10);

    pub(super) fn end(lives: &Lives, found: &mut Reconciled) {
        if lives.is_empty() {
            return;
        }
        let began = Instant::now();
        while any(lives) && began.elapsed() < GRACE {
            std::thread::sleep(POLL);
        }
        for (mark, life) in lives {
            let leaf = leaf(mark, life);
            let processes = left(mark, life).len();
            if processes == 0 {
                leaf.iter().for_each(Leaf::remove);
                continue;
            }
            let variable = variable(mark);
            let killing = Instant::now();
            let gone = loop {
                leaf.iter().for_each(Leaf::kill);
                kill_chosen(
                    |all| choose(all, mark, life),
                    |process, met| met.contains(&process.parent) || has_mark(process.pid, &variable),
                );
                if left(mark, life).is_empty() {
                    break true;
                }
                if killing.elapsed() > LIMIT {
                    break false;
                }
                std::thread::sleep(POLL);
            };
            leaf.iter().for_each(Leaf::remove);
            if !gone {
                found.alive.insert(mark.clone());
            }
            found.ended += processes;
            let (service, incarnation) = (life.service.clone(), life.incarnation);
            found.survivors.push(Ended { service, incarnation, processes, gone });
        }
    }

    /// What each process of a life has in its environment, unless it took it out.
    fn variable(mark: &str) -> Vec<u8> {
        format!("{MARK}={mark}").into_bytes()
    }

    /// Its cgroup. A path that is none of ours is none, whatever a ledger says.
    fn leaf(mark: &str, life: &Life) -> Option<Leaf> {
        Leaf::of(life.cgroup.clone()?, mark)
    }

    fn any(lives: &Lives) -> bool {
        lives.iter().any(|(mark, life)| !left(mark, life).is_empty())
    }

    fn left(mark: &str, life: &Life) -> Vec<Process> {
        choose(&proc::all(), mark, life)
    }

    /// The living processes of a life: those named in it, those in its cgroup, those with its mark, and whatever is below them.
    fn choose(all: &[Process], mark: &str, life: &Life) -> Vec<Process> {
        let members = leaf(mark, life).map(|leaf| leaf.members()).unwrap_or_default();
        let mark = variable(mark);
        let named = |process: &Process| {
            let is = |named: super::super::Named| (named.pid, named.start) == (process.pid, process.start);
            life.warden.is_some_and(is) || life.server.is_some_and(is) || members.contains(&process.pid)
        };
        let mut found = BTreeSet::new();
        for process in all.iter().filter(|process| named(process) || has_mark(process.pid, &mark)) {
            found.insert(process.pid);
            found.extend(proc::below(all, process.pid).iter().map(|process| process.pid));
        }
        all.iter().filter(|process| found.contains(&process.pid) && !process.ended).copied().collect()
    }
}
