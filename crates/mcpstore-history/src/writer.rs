//! The one thread that writes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::options::Options;
use crate::queue::{Part, Queue, Task};
use crate::store::{Store, StoreError};
use crate::sync::Syncer;

/// Room that is kept for lines; what a burst needed on top is given back.
const KEPT_CAPACITY: usize = 64 * 1024;

/// Milliseconds since the Unix epoch.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Trouble with the disk, in words.
pub(crate) fn words(folder: &Path, error: &io::Error) -> String {
    format!("cannot write into `{}`: {error}", folder.display())
}

/// What the thread holds.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    syncer: Syncer,
    folder: PathBuf,
    options: Options,
    /// None while the folder cannot be used.
    store: Option<Store>,
    /// Lines taken and not written.
    lines: Vec<u8>,
    /// Up to where records were taken, and up to where they were written.
    taken: u64,
    written: u64,
    /// When the disk is tried again.
    retry_at: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(
        queue: Arc<Queue>,
        syncer: Syncer,
        folder: PathBuf,
        options: Options,
        store: Option<Store>,
    ) -> Self {
        let retry_at = if store.is_none() { Some(Instant::now() + options.retry_every) } else { None };
        Self { queue, syncer, folder, options, store, lines: Vec::new(), taken: 0, written: 0, retry_at }
    }

    /// Writes until it is told to end.
    pub(crate) fn run(mut self) {
        loop {
            let task = self.queue.next(!self.lines.is_empty(), self.retry_at);
            let mut result = self.work();
            if task == Task::End && result.is_ok() {
                // What came while it was written.
                result = self.work();
            }
            match result {
                Ok(()) => {
                    if self.retry_at.take().is_some() {
                        self.queue.mended();
                    }
                }
                Err(what) => {
                    self.retry_at = Some(Instant::now() + self.options.retry_every);
                    self.queue.fault(Part::Write, what, unix_ms());
                }
            }
            match task {
                Task::Work => {}
                Task::Hurry => self.syncer.hurry(),
                Task::End => {
                    self.syncer.finish();
                    // The lock goes before the last word, so that whoever hears it can open the folder.
                    drop(self.store.take());
                    return self.queue.end();
                }
            }
        }
    }

    /// Writes what there is, or says in words why not.
    fn work(&mut self) -> Result<(), String> {
        if self.lines.is_empty() {
            self.taken = self.queue.take(&mut self.lines, unix_ms());
        }
        if self.store.is_none() {
            match Store::open(&self.folder, self.options, unix_ms()) {
                Ok((store, opened)) => {
                    self.queue.opened(&opened, store.size_bytes());
                    self.store = Some(store);
                }
                Err(StoreError::Io(error)) => return Err(words(&self.folder, &error)),
                Err(StoreError::Open(error)) => return Err(error.to_string()),
            }
        }
        let Some(store) = &mut self.store else { return Ok(()) };
        if self.lines.is_empty() {
            return Ok(());
        }
        let result = store.write(&mut self.lines, unix_ms());
        if result.is_ok() {
            self.written = self.taken;
            self.queue.written(store.size_bytes());
            if self.lines.capacity() > KEPT_CAPACITY {
                self.lines = Vec::new();
            }
        }
        self.syncer.add(store.take_unsynced(), self.written);
        result.map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                // Somebody cleared the folder: begin anew.
                self.store = None;
            }
            words(&self.folder, &error)
        })
    }
}
