//! A process group: who is in it, and signals to all of it.

use std::sync::Mutex;
use std::sync::PoisonError;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// The process group of a child. Once seen empty it is never signalled again: its number may belong to others then.
#[derive(Debug)]
pub(super) struct Group {
    id: Pid,
    seen_empty: Mutex<bool>,
}

impl Group {
    pub(super) fn new(id: Pid) -> Self {
        Self { id, seen_empty: Mutex::new(false) }
    }

    /// Sends a signal to all members.
    pub(super) fn signal(&self, signal: Signal) {
        let seen_empty = self.seen_empty.lock().unwrap_or_else(PoisonError::into_inner);
        if !*seen_empty {
            // It fails when the group is empty already, which is what a signal is for.
            let _ = kill_process_group(self.id, signal);
        }
    }

    /// True when no member is left. Ask only after the main process was waited for.
    ///
    /// With `look_closer`, members that are dead and only wait for a parent that never asks do not count.
    pub(super) fn is_empty(&self, look_closer: bool) -> bool {
        let mut seen_empty = self.seen_empty.lock().unwrap_or_else(PoisonError::into_inner);
        if !*seen_empty {
            *seen_empty = match test_kill_process_group(self.id) {
                Err(Errno::SRCH) => true,
                // Any other answer speaks of a member, if only of one that we may not signal.
                Ok(()) | Err(_) => look_closer && only_zombies(self.id),
            };
        }
        *seen_empty
    }
}

/// True when every member of the group is a zombie. Where there is no `/proc`, nobody can tell: false.
fn only_zombies(group: Pid) -> bool {
    let Ok(entries) = std::fs::read_dir("/proc") else { return false };
    let group = group.as_raw_nonzero().to_string();
    let mut members = 0;
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // `pid (name) state ppid pgrp …`, where the name may hold anything.
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let mut fields = rest.split(' ');
        let (state, pgrp) = (fields.next(), fields.nth(1));
        if pgrp == Some(group.as_str()) {
            members += 1;
            if !matches!(state, Some("Z" | "X")) {
                return false;
            }
        }
    }
    members > 0
}
