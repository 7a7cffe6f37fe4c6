//! The one thread that writes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::options::Options;
use crate::queue::{Queue, Task};
use crate::store::{Store, StoreError};

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
    folder: PathBuf,
    options: Options,
    /// None while the folder cannot be used.
    store: Option<Store>,
    /// Lines taken and not written.
    lines: Vec<u8>,
    /// Up to where records were taken.
    through: u64,
    /// Since when the system has something that the disk may not have.
    dirty_since: Option<Instant>,
    /// When the disk is tried again.
    retry_at: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(queue: Arc<Queue>, folder: PathBuf, options: Options, store: Option<Store>) -> Self {
        let retry_at = if store.is_none() { Some(Instant::now() + options.retry_every) } else { None };
        Self { queue, folder, options, store, lines: Vec::new(), through: 0, dirty_since: None, retry_at }
    }

    /// Writes until it is told to end.
    pub(crate) fn run(mut self) {
        loop {
            let sync_at = self.dirty_since.map(|since| since + self.options.sync_every);
            let task = self.queue.next(!self.lines.is_empty(), self.retry_at, sync_at);
            let mut result = self.work(task);
            if task == Task::End && result.is_ok() {
                // What came while it was written.
                result = self.work(task);
            }
            match result {
                Ok(()) => {
                    if self.retry_at.take().is_some() {
                        self.queue.mended();
                    }
                }
                Err(error) => {
                    self.retry_at = Some(Instant::now() + self.options.retry_every);
                    self.queue.fault(error, unix_ms());
                }
            }
            if task == Task::End {
                // The lock goes before the last word, so that whoever hears it can open the folder.
                drop(self.store.take());
                return self.queue.end();
            }
        }
    }

    /// Does it, or says in words why not.
    fn work(&mut self, task: Task) -> Result<(), String> {
        if self.lines.is_empty() {
            self.through = self.queue.take(&mut self.lines, unix_ms());
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
        if !self.lines.is_empty() {
            self.dirty_since.get_or_insert_with(Instant::now);
            let written = store.write(&mut self.lines, unix_ms());
            if let Err(error) = written {
                if error.kind() == io::ErrorKind::NotFound {
                    // Somebody cleared the folder: begin anew.
                    self.store = None;
                }
                return Err(words(&self.folder, &error));
            }
            self.queue.written(store.size_bytes());
        }
        let due = self.dirty_since.is_some_and(|since| since.elapsed() >= self.options.sync_every);
        if task != Task::Work || due {
            store.sync().map_err(|error| words(&self.folder, &error))?;
            self.dirty_since = None;
            self.queue.synced(self.through);
        }
        Ok(())
    }
}
