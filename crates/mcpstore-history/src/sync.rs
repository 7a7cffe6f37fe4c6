//! The thread that brings to the disk what was written. It is one of its own: a disk may take longer for that than anything
//! may wait to be written.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::folder::Folder;
use crate::options::Options;
use crate::queue::{Part, Queue};
use crate::writer::{unix_ms, words};

/// What the system has and the disk may not.
#[derive(Debug, Default)]
pub(crate) struct Unsynced {
    /// Segments that were written.
    pub(crate) files: Vec<Arc<File>>,
    /// The folder, when there is a new segment in it.
    pub(crate) folder: Option<Folder>,
}

impl Unsynced {
    pub(crate) fn add_file(&mut self, file: &Arc<File>) {
        if !self.files.iter().any(|known| Arc::ptr_eq(known, file)) {
            self.files.push(Arc::clone(file));
        }
    }

    /// Brings it to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.files.iter().try_for_each(|file| file.sync_data())?;
        self.folder.as_ref().map_or(Ok(()), Folder::sync)
    }
}

#[derive(Debug, Default)]
struct Pending {
    unsynced: Unsynced,
    /// Up to where records were written.
    through: u64,
    /// Since when something waits.
    since: Option<Instant>,
    hurry: bool,
    closing: bool,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    wake: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        // Nothing in here panics half way.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What brings things to the disk; [`Unsynced::sync`] but in tests.
pub(crate) type SyncBy = Box<dyn Fn(&Unsynced) -> io::Result<()> + Send>;

/// The handle of the thread.
#[derive(Debug)]
pub(crate) struct Syncer {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

impl Syncer {
    pub(crate) fn start(queue: Arc<Queue>, folder: PathBuf, options: Options, by: SyncBy) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let ours = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("mcpstore-history-sync".to_owned())
            .spawn(move || run(&ours, &queue, &folder, &options, &by))?;
        Ok(Self { shared, thread })
    }

    /// Takes what was written up to there.
    pub(crate) fn add(&self, unsynced: Unsynced, through: u64) {
        let mut pending = self.shared.lock();
        for file in &unsynced.files {
            pending.unsynced.add_file(file);
        }
        if unsynced.folder.is_some() {
            pending.unsynced.folder = unsynced.folder;
        }
        pending.through = pending.through.max(through);
        if pending.since.is_none() {
            pending.since = Some(Instant::now());
            self.shared.wake.notify_one();
        }
    }

    /// Does not wait for the time to come.
    pub(crate) fn hurry(&self) {
        self.shared.lock().hurry = true;
        self.shared.wake.notify_one();
    }

    /// Brings all to the disk for the last time, and ends.
    pub(crate) fn finish(self) {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
        // It does not panic; if it did, there would be nothing left to wait for.
        let _ = self.thread.join();
    }
}

fn run(shared: &Shared, queue: &Queue, folder: &std::path::Path, options: &Options, by: &SyncBy) {
    let mut retry_at: Option<Instant> = None;
    let mut pending = shared.lock();
    loop {
        let due = retry_at.or(pending.since.map(|since| since + options.sync_every));
        let now = Instant::now();
        let ready = due.is_some_and(|due| now >= due || pending.hurry || pending.closing);
        if !ready {
            if pending.closing {
                return;
            }
            // There is nothing that a hurry could be about.
            pending.hurry = false;
            pending = match due {
                None => shared.wake.wait(pending).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let waited = shared.wake.wait_timeout(pending, due - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            continue;
        }
        let unsynced = std::mem::take(&mut pending.unsynced);
        let (through, closing) = (pending.through, pending.closing);
        (pending.since, pending.hurry) = (None, false);
        drop(pending);
        let result = by(&unsynced);
        pending = shared.lock();
        match result {
            Ok(()) => {
                retry_at = None;
                queue.synced(through);
            }
            Err(error) => {
                queue.fault(Part::Sync, words(folder, &error), unix_ms());
                retry_at = Some(Instant::now() + options.retry_every);
                for file in &unsynced.files {
                    pending.unsynced.add_file(file);
                }
                if pending.unsynced.folder.is_none() {
                    pending.unsynced.folder = unsynced.folder;
                }
                pending.since.get_or_insert_with(Instant::now);
                if closing {
                    return;
                }
            }
        }
    }
}
