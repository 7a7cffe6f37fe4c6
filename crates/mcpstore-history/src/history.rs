//! The handle of who writes.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::mend::SetAside;
use crate::options::Options;
use crate::queue::{Part, Queue};
use crate::record::Record;
use crate::store::{OpenError, Store, StoreError};
use crate::sync::{SyncBy, Syncer, Unsynced};
use crate::writer::{Writer, unix_ms, words};

/// How long the end waits for the disk.
const END_WAIT: Duration = Duration::from_secs(5);

/// A history that is written: one per folder, over all processes.
///
/// A record is with the system as soon as the thread that writes gets to run, and on the disk within
/// [`Options::sync_every`] of that: a kill of the process loses what it gave in its last instant, a loss of power a little
/// more. Trouble with the disk never reaches who appends: records wait within [`Options::queue_records`], the rest is
/// counted, and [`History::health`] says why.
///
/// When it is dropped, what waits is written and brought to the disk, or counted as lost when that fails. A disk that hangs
/// is waited for at most five seconds; the thread is left to itself then.
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
        Self::open_with(folder, options, Box::new(Unsynced::sync))
    }

    fn open_with(folder: &Path, options: Options, sync_by: SyncBy) -> Result<(Self, Opened), OpenError> {
        let queue = Arc::new(Queue::default());
        let (store, opened) = match Store::open(folder, options, unix_ms()) {
            Ok((store, opened)) => {
                queue.opened(&opened, store.size_bytes());
                (Some(store), opened)
            }
            Err(StoreError::Open(error)) => return Err(error),
            Err(StoreError::Io(error)) => {
                queue.fault(Part::Write, words(folder, &error), unix_ms());
                (None, Opened::default())
            }
        };
        let none = |source| OpenError::Thread { source };
        let syncer = Syncer::start(Arc::clone(&queue), folder.to_path_buf(), options, sync_by).map_err(none)?;
        let writer = Writer::new(Arc::clone(&queue), syncer, folder.to_path_buf(), options, store);
        let thread = std::thread::Builder::new().name("mcpstore-history".to_owned()).spawn(|| writer.run());
        let thread = thread.map_err(none)?;
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

    /// Waits until all that was given so far is on the disk, as long as that takes. Blocks, so not to be called on a thread that runs tasks.
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
        let fault = state.write_fault.as_ref().or(state.sync_fault.as_ref());
        HistoryHealth {
            fault: fault.map(|fault| fault.what.clone()),
            fault_since_unix_ms: fault.map(|fault| fault.since_unix_ms),
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
        if let Some(thread) = self.thread.take()
            && self.queue.close(END_WAIT)
        {
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;
    use crate::{NoticeRecord, Reader};

    const LONG: Duration = Duration::from_secs(60);

    fn numbered(seq: u64) -> Record {
        Record::Notice(NoticeRecord { seq, ..NoticeRecord::default() })
    }

    fn until(what: &str, mut holds: impl FnMut() -> bool) {
        let begin = Instant::now();
        while !holds() {
            assert!(begin.elapsed() < LONG, "{what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn a_disk_that_hangs_keeps_nothing_from_being_written_and_is_waited_for_by_who_asks() {
        let home = tempfile::tempdir().unwrap();
        let (begun, begins) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel::<()>();
        let by: SyncBy = Box::new(move |_| {
            begun.send(()).unwrap();
            goes_on.recv().map_err(io::Error::other)
        });
        let (history, _) = History::open_with(home.path(), Options::default(), by).unwrap();
        history.append(numbered(1));
        begins.recv_timeout(LONG).unwrap();
        // The disk hangs from now on.
        let seen = || Reader::open(home.path()).unwrap().since(0).unwrap().count();
        for number in 2..=50 {
            history.append(numbered(number));
            until("it is written", || seen() == usize::try_from(number).unwrap());
        }
        std::thread::scope(|scope| {
            let asks = scope.spawn(|| history.sync());
            // The first round knew nothing of the others.
            go_on.send(()).unwrap();
            begins.recv_timeout(LONG).unwrap();
            assert!(!asks.is_finished());
            go_on.send(()).unwrap();
            asks.join().unwrap().unwrap();
        });
        drop(go_on);
        assert_eq!(history.close().fault, None);
    }

    #[test]
    fn a_disk_that_takes_nothing_is_told_tried_again_and_mended() {
        let home = tempfile::tempdir().unwrap();
        let (outcome, outcomes) = mpsc::channel::<io::Result<()>>();
        let by: SyncBy = Box::new(move |unsynced| {
            assert!(!unsynced.files.is_empty(), "what failed is tried again");
            outcomes.recv_timeout(LONG).map_err(io::Error::other)?
        });
        let options = Options { retry_every: Duration::from_millis(20), ..Options::default() };
        let (history, _) = History::open_with(home.path(), options, by).unwrap();
        outcome.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
        history.append(numbered(1));
        let SyncError::Failing { what } = history.sync().unwrap_err();
        assert!(what.ends_with("no storage space"), "{what}");
        assert_eq!(history.health().fault, Some(what));
        outcome.send(Ok(())).unwrap();
        until("it is mended by itself", || history.health().fault.is_none());
        history.sync().unwrap();
        assert_eq!(history.dropped_total(), 0);
    }
}
