//! The one thread that writes.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::AuditHealth;
use super::entry::Entry;
use super::file::Log;

/// Entries that are written at once.
const BATCH: usize = 256;

/// How long an entry waits for others before it is written.
const GATHER: Duration = Duration::from_millis(20);

/// How long what the system has may wait for the disk.
const SYNC_AFTER: Duration = Duration::from_millis(500);

/// What the thread is to do.
#[derive(Debug)]
pub(super) enum Task {
    Note(Entry),
    /// Say when the disk has everything before this; false when it has not.
    Flush(SyncSender<bool>),
}

/// Between those who note and the thread.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Lost since the file was last told.
    lost: AtomicU64,
    lost_total: AtomicU64,
    written_total: AtomicU64,
    words: Mutex<Words>,
}

#[derive(Debug, Default)]
struct Words {
    fault: Option<String>,
    found: Option<String>,
}

impl Shared {
    /// One entry found no room.
    pub(super) fn lost(&self) {
        self.lose(1);
    }

    fn lose(&self, count: u64) {
        self.lost.fetch_add(count, Ordering::Relaxed);
        self.lost_total.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn health(&self) -> AuditHealth {
        let words = self.words();
        AuditHealth {
            written_total: self.written_total.load(Ordering::Relaxed),
            lost_total: self.lost_total.load(Ordering::Relaxed),
            fault: words.fault.clone(),
            found: words.found.clone(),
        }
    }

    fn words(&self) -> MutexGuard<'_, Words> {
        // Nothing panics under this lock.
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread holds.
pub(super) struct Writer {
    log: Log,
    tasks: Receiver<Task>,
    shared: Arc<Shared>,
    /// The system has what the disk may not have.
    unsynced: bool,
}

impl Writer {
    pub(super) fn new(log: Log, tasks: Receiver<Task>, shared: Arc<Shared>) -> Self {
        shared.words().found.clone_from(&log.found);
        Self { log, tasks, shared, unsynced: true }
    }

    /// Writes until nobody can note anything any more.
    pub(super) fn run(mut self) {
        loop {
            let task = if self.unsynced {
                match self.tasks.recv_timeout(SYNC_AFTER) {
                    Err(RecvTimeoutError::Timeout) => {
                        self.sync();
                        continue;
                    }
                    Ok(task) => Some(task),
                    Err(RecvTimeoutError::Disconnected) => None,
                }
            } else {
                self.tasks.recv().ok()
            };
            let Some(task) = task else {
                self.write(Vec::new());
                self.sync();
                return;
            };
            if matches!(task, Task::Note(_)) {
                // Where there is one, more come: a thread that is woken for each costs the calls more than its work does.
                std::thread::sleep(GATHER);
            }
            self.work(task);
        }
    }

    /// Does this and what else is there, up to a batch.
    fn work(&mut self, first: Task) {
        let mut entries = Vec::new();
        let mut next = Some(first);
        while let Some(task) = next {
            match task {
                Task::Note(entry) => entries.push(entry),
                Task::Flush(done) => {
                    let written = self.write(std::mem::take(&mut entries));
                    let synced = self.sync();
                    // Who does not wait any more needs no answer.
                    let _ = done.try_send(written && synced);
                }
            }
            next = if entries.len() < BATCH { self.tasks.try_recv().ok() } else { None };
        }
        self.write(entries);
    }

    fn write(&mut self, entries: Vec<Entry>) -> bool {
        let lost = self.shared.lost.swap(0, Ordering::Relaxed);
        if entries.is_empty() && lost == 0 {
            return self.shared.words().fault.is_none();
        }
        let count = entries.len() as u64;
        match self.log.write(lost, &entries) {
            Ok(()) => {
                self.shared.written_total.fetch_add(count, Ordering::Relaxed);
                self.shared.words().fault = None;
                self.unsynced = true;
                true
            }
            Err(error) => {
                self.shared.lost.fetch_add(lost, Ordering::Relaxed);
                self.shared.lose(count);
                self.fault(&error);
                false
            }
        }
    }

    fn sync(&mut self) -> bool {
        let result = self.log.sync();
        // After a failed sync the system may have forgotten what it could not write: it is not asked again for the same.
        self.unsynced = false;
        if let Err(error) = &result {
            self.fault(error);
        }
        result.is_ok()
    }

    fn fault(&self, error: &io::Error) {
        self.shared.words().fault = Some(format!("cannot write the audit log: {error}"));
    }
}
