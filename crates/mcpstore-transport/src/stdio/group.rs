//! A process group and its first member: signals to all of it, and whether somebody is left.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group, test_kill_process_group};

/// The process group of a child. Once over it is never signalled again: its number may belong to others then.
#[derive(Debug)]
pub(super) struct Group {
    /// The child's process id, and its group's.
    id: Pid,
    /// Held for a system call at most, so that a signal never waits.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The child was waited for: its number is no longer kept for it.
    reaped: bool,
    /// Nobody is left, or nobody looks any more.
    over: bool,
}

impl Group {
    pub(super) fn new(id: Pid) -> Self {
        Self { id, state: Mutex::default() }
    }

    /// Sends a signal to all members, and to the child when it has left the group.
    pub(super) fn signal(&self, signal: Signal) {
        let state = self.lock();
        if state.over {
            return;
        }
        // Both fail when there is nobody, which is what a signal is for.
        let _ = kill_process_group(self.id, signal);
        // Not to a child in the group too: some take the second SIGTERM for impatience.
        if !state.reaped && getpgid(Some(self.id)) != Ok(self.id) {
            let _ = kill_process(self.id, signal);
        }
    }

    /// Polls the wait for the child. No signal goes out between its end and our knowing of it.
    pub(super) fn poll_exit<T>(&self, wait: impl FnOnce() -> Poll<T>) -> Poll<T> {
        let mut state = self.lock();
        let polled = wait();
        if polled.is_ready() {
            state.reaped = true;
            // At once: from here on the number of an empty group can go to somebody else.
            state.over = self.is_gone();
        }
        polled
    }

    /// True when no member is left. Ask only after the child was waited for.
    pub(super) fn is_over(&self) -> bool {
        let mut state = self.lock();
        state.over = state.over || self.is_gone();
        state.over
    }

    /// Never signals it again.
    pub(super) fn let_go(&self) {
        self.lock().over = true;
    }

    /// True when every member is dead and only waits for a parent that never asks. Reads all of `/proc`, on a thread
    /// for such work; false when in doubt. A single look can miss a member that is just being born: ask twice.
    pub(super) async fn only_zombies(&self) -> bool {
        let group = self.id;
        tokio::task::spawn_blocking(move || only_zombies_in(Path::new("/proc"), group)).await.unwrap_or(false)
    }

    fn is_gone(&self) -> bool {
        // Any other answer speaks of a member, if only of one that we may not signal.
        test_kill_process_group(self.id) == Err(Errno::SRCH)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// True when the group has members in this `/proc` and every one is a zombie. Whatever cannot be read counts as alive.
fn only_zombies_in(proc: &Path, group: Pid) -> bool {
    let Ok(entries) = std::fs::read_dir(proc) else { return false };
    let group = group.as_raw_nonzero().to_string();
    let mut members = 0;
    for entry in entries {
        let Ok(entry) = entry else { return false };
        if !entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        let stat = match std::fs::read(entry.path().join("stat")) {
            Ok(stat) => stat,
            // It ended between two looks.
            Err(error) if is_gone(&error) => continue,
            Err(_) => return false,
        };
        match state_and_group(&stat) {
            Some((_, pgrp)) if pgrp != group.as_bytes() => {}
            Some((b"Z" | b"X", _)) => members += 1,
            Some(_) | None => return false,
        }
    }
    members > 0
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || Errno::from_io_error(error) == Some(Errno::SRCH)
}

/// Out of `pid (name) state ppid pgrp …`, where the name may hold anything, and need not be text.
fn state_and_group(stat: &[u8]) -> Option<(&[u8], &[u8])> {
    let name_ends = stat.windows(2).rposition(|pair| pair == b") ")?;
    let mut fields = stat[name_ends + 2..].split(|byte| *byte == b' ');
    Some((fields.next()?, fields.nth(1)?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn is_all_zombies(stats: &[(&str, &[u8])]) -> bool {
        let proc = tempfile::tempdir().unwrap();
        fs::create_dir(proc.path().join("self")).unwrap();
        for (pid, stat) in stats {
            fs::create_dir(proc.path().join(pid)).unwrap();
            match *stat {
                b"gone" => {}
                b"unreadable" => fs::create_dir(proc.path().join(pid).join("stat")).unwrap(),
                stat => fs::write(proc.path().join(pid).join("stat"), stat).unwrap(),
            }
        }
        only_zombies_in(proc.path(), Pid::from_raw(7).unwrap())
    }

    #[test]
    fn only_what_is_surely_dead_is_dead() {
        let other: (&str, &[u8]) = ("1", b"1 (init) S 0 1 1 0");
        let zombie: (&str, &[u8]) = ("8", b"8 (a) Z 1 7 7 0");
        assert!(is_all_zombies(&[other, zombie, ("9", b"gone")]));
        assert!(!is_all_zombies(&[other]));
        assert!(!is_all_zombies(&[zombie, ("9", b"9 (b) S 1 7 7 0")]));
        assert!(!is_all_zombies(&[zombie, ("9", b"unreadable")]));
        assert!(!is_all_zombies(&[zombie, ("9", b"")]));
    }

    #[test]
    fn a_name_may_hold_anything() {
        let zombie: (&str, &[u8]) = ("8", b"8 (a) Z 1 7 7 0");
        assert!(!is_all_zombies(&[zombie, ("9", b"9 (\xff\xfe) R 1 7 7 0")]));
        assert!(!is_all_zombies(&[zombie, ("9", b"9 (x) Z 1 7) R 1 7 7 0")]));
        assert!(is_all_zombies(&[zombie, ("9", b"9 (\xff) S 1 7) Z 1 7 7 0")]));
    }
}
