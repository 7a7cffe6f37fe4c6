//! The handle of who writes.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::mend::SetAside;
use crate::options::Options;
use crate::queue::Queue;
use crate::record::Record;
use crate::store::{OpenError, Store, StoreError};
use crate::writer::{Writer, unix_ms, words};

/// A history that is written: one per folder, over all processes.
///
/// A record is with the system as soon as the thread that writes gets to run, and on the disk within
/// [`Options::sync_every`] of that: a kill of the process loses what it gave in its last instant, a loss of power a little
/// more. Trouble with the disk never reaches who appends: records wait within [`Options::queue_records`], the rest is
/// counted, and [`History::health`] says why.
///
/// When it is dropped, what waits is written and brought to the disk, or counted as lost when that fails.
#[derive(Debug)]
pub struct History {
    queue: Arc<Queue>,
    options: Options,
    thread: Option<JoinHandle<()>>,
}

/// What was found when a history was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// How many records can be read.
    pub valid_records: u64,
    /// The time of the last one, in milliseconds since the Unix epoch.
    pub last_unix_ms: Option<u64>,
    /// Damaged segments, the oldest first.
    pub set_aside: Vec<SetAside>,
    /// How many bytes were lost with them.
    pub lost_bytes: u64,
}

impl Opened {
    pub(crate) fn note(&mut self, aside: SetAside) {
        self.lost_bytes += aside.lost_bytes;
        self.set_aside.push(aside);
    }
}

/// How a history is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryHealth {
    /// Why nothing can be written now; none: all is well.
    pub fault: Option<String>,
    /// Since when, in milliseconds since the Unix epoch.
    pub fault_since_unix_ms: Option<u64>,
    /// Records that were lost for want of room, or because they were too long.
    pub dropped_total: u64,
    /// Bytes of all segments.
    pub size_bytes: u64,
    /// Damaged segments that were found.
    pub set_aside_total: u64,
    /// Bytes that were lost with them.
    pub lost_bytes_total: u64,
}

/// Why what was given is not on the disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The disk did not take it. It waits to be tried again.
    #[error("the history cannot be written: {what}")]
    Failing {
        /// What the system said.
        what: String,
    },
}

impl History {
    /// Opens the history in this folder, which is made (0700) where there is none, and mends what is damaged. Reads all of
    /// it once, and blocks for that.
    ///
    /// A folder that cannot be made, read or locked is no error: records wait, and it is tried again each
    /// [`Options::retry_every`]; [`History::health`] says so at once.
    ///
    /// # Errors
    /// [`OpenError`] when somebody else writes there, when others may change it, and when there is no thread to be had.
    pub fn open(folder: &Path, options: Options) -> Result<(Self, Opened), OpenError> {
        let queue = Arc::new(Queue::default());
        let (store, opened) = match Store::open(folder, options, unix_ms()) {
            Ok((store, opened)) => {
                queue.opened(&opened, store.size_bytes());
                (Some(store), opened)
            }
            Err(StoreError::Open(error)) => return Err(error),
            Err(StoreError::Io(error)) => {
                queue.fault(words(folder, &error), unix_ms());
                (None, Opened::default())
            }
        };
        let writer = Writer::new(Arc::clone(&queue), folder.to_path_buf(), options, store);
        let thread = std::thread::Builder::new().name("mcpstore-history".to_owned()).spawn(|| writer.run());
        let thread = thread.map_err(|source| OpenError::Thread { source })?;
        Ok((Self { queue, options, thread: Some(thread) }, opened))
    }

    /// Keeps a record, as of now. Never waits for the disk.
    pub fn append(&self, record: Record) {
        self.append_at(unix_ms(), record);
    }

    /// Keeps a record, as of `unix_ms` milliseconds since the Unix epoch. Never waits for the disk.
    pub fn append_at(&self, unix_ms: u64, record: Record) {
        self.queue.push(unix_ms, record, &self.options);
    }

    /// Waits until all that was given so far is on the disk. Blocks, so not to be called on a thread that runs tasks.
    ///
    /// # Errors
    /// [`SyncError::Failing`] as soon as the disk fails.
    pub fn sync(&self) -> Result<(), SyncError> {
        self.queue.sync()
    }

    /// How many records were lost for want of room, or because they were too long for a line.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        self.queue.lock().dropped_total
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.queue.lock().size_bytes
    }

    /// How it is.
    #[must_use]
    pub fn health(&self) -> HistoryHealth {
        let state = self.queue.lock();
        HistoryHealth {
            fault: state.failing_since.map(|_| state.last_fault.clone()),
            fault_since_unix_ms: state.failing_since,
            dropped_total: state.dropped_total,
            size_bytes: state.size_bytes,
            set_aside_total: state.set_aside_total,
            lost_bytes_total: state.lost_bytes_total,
        }
    }

    /// Ends it, as dropping does, and says how it was at the end.
    #[must_use]
    pub fn close(mut self) -> HistoryHealth {
        self.end();
        self.health()
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.queue.close();
            // It does not panic; if it did, there would be nothing left to wait for.
            let _ = thread.join();
        }
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.end();
    }
}
