//! What clients did, in a file whose lines are chained: a line that is changed, taken out or put in later is noticed.
//!
//! The log of `mcpstore-history` is another thing: it drops what is old by age and size, mends what is broken, and its lines stand
//! alone, so that damage costs little. Here damage must show. What is the same is the way of writing: a bounded queue that nobody
//! waits for, one thread, and a line that says how many were lost.

mod chain;
mod entry;
mod file;
mod read;
mod verify;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

pub(crate) use entry::{Entry, Outcome, session_tag};
pub(crate) use file::AuditError;
pub(crate) use read::last;
pub(crate) use verify::{Verified, VerifyError, verify_all};
use writer::{Shared, Task, Writer};

/// How long is waited between two tries to hand the thread a word.
const PAUSE: Duration = Duration::from_millis(2);

/// The bounds of an audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AuditOptions {
    /// Size of a file, in bytes; default 16 MiB.
    pub(crate) file_bytes: u64,
    /// Full files that are kept beside the one that is written; default 7. The oldest goes when there are more.
    pub(crate) kept_files: usize,
    /// Entries that wait for the disk; default 4,096. What comes on top is lost and counted.
    pub(crate) queue_entries: usize,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self { file_bytes: 16 * 1024 * 1024, kept_files: 7, queue_entries: 4096 }
    }
}

/// How an audit log fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AuditHealth {
    /// Entries in the file since the start.
    pub(crate) written_total: u64,
    /// Entries that were lost since the start: the queue was full, or the disk failed.
    pub(crate) lost_total: u64,
    /// Why nothing can be written now.
    pub(crate) fault: Option<String>,
    /// What was found wrong with the file when it was opened.
    pub(crate) found: Option<String>,
}

/// The audit log of a state folder: `audit.jsonl`, and `audit.1.jsonl` (the latest full one) to `audit.7.jsonl`.
///
/// Dropped, what was noted is still written, by a thread of its own that ends then.
#[derive(Debug)]
pub(crate) struct Audit {
    sender: SyncSender<Task>,
    shared: Arc<Shared>,
}

impl Audit {
    /// Opens the log of a folder, which must exist. Blocks on the disk: it reads what is there, to see that it is whole.
    /// A file whose chain is broken is kept as a full one, and a new one says so in its first line.
    ///
    /// # Errors
    /// [`AuditError`]: it is a link, open to others or another user's; another process writes it; or what the system says.
    pub(crate) fn open(folder: &Path, options: AuditOptions) -> Result<Self, AuditError> {
        let log = file::Log::open(folder, options)?;
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = sync_channel(options.queue_entries.max(1));
        let writer = Writer::new(log, receiver, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("mcpstore-audit".to_owned());
        thread.spawn(move || writer.run()).map_err(|source| AuditError::Thread { source })?;
        Ok(Self { sender, shared })
    }

    /// Notes what was done. Never waits, and never fails: what finds no room is counted, and the log says how many were lost.
    pub(crate) fn note(&self, entry: Entry) {
        if self.sender.try_send(Task::Note(entry.bounded())).is_err() {
            self.shared.lost();
        }
    }

    /// Waits until the disk has what was noted so far, at most so long. False: it has not, or the disk fails. Blocks.
    pub(crate) fn flush(&self, wait: Duration) -> bool {
        let deadline = Instant::now() + wait;
        let (done, heard) = sync_channel(1);
        let mut task = Task::Flush(done);
        loop {
            match self.sender.try_send(task) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(_)) if Instant::now() >= deadline => return false,
                Err(TrySendError::Full(back)) => {
                    task = back;
                    std::thread::sleep(PAUSE);
                }
            }
        }
        heard.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap_or(false)
    }

    /// How it fares.
    pub(crate) fn health(&self) -> AuditHealth {
        self.shared.health()
    }
}

#[cfg(test)]
mod tests;
