//! The ledger: which processes of ours live, on disk, so that the next manager finds what this one could not end.

mod error;
mod file;
mod line;
mod reconcile;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcpstore_types::{Incarnation, ServiceName};

use file::{Book, Lock};
use line::Line;

pub use error::LedgerError;
pub(super) use line::Named;
pub use reconcile::{Ended, Reconciled};

/// The ledger of one manager, in its state folder. One manager at a time holds it.
///
/// A life stands in it from before its process exists until nothing of it is left. A line is written at once and not
/// synced: it must outlive the manager, not the machine, whose processes end with it. What cannot be written is counted
/// ([`Ledger::failures`]), and stops nothing.
#[derive(Debug)]
pub struct Ledger {
    book: Mutex<Book>,
    failures: AtomicU64,
    folder: PathBuf,
    /// Held while the ledger is.
    _lock: Lock,
}

impl Ledger {
    /// The name of its file.
    pub const FILE: &'static str = "ledger.jsonl";

    /// Opens the ledger in this folder, which must exist, and keeps other managers out of it.
    ///
    /// What an earlier manager left in it stays until [`Ledger::reconcile`]. A file that is damaged elsewhere than at its very end is
    /// set aside; what could be read of it counts.
    ///
    /// # Errors
    /// [`LedgerError::Held`] when another manager holds it, [`LedgerError::Io`] when the folder cannot be used.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        let lock = Lock::take(folder)?;
        let book = Book::open(&folder.join(Self::FILE))?;
        Ok(Self { book: Mutex::new(book), failures: AtomicU64::new(0), folder: folder.to_owned(), _lock: lock })
    }

    /// Finds what an earlier manager left, ends it, says what it was, and forgets it. For before anything is launched.
    ///
    /// By boot, process id and start time, and by the mark of its life in its environment; never by a name or an id alone.
    /// Reads all of `/proc`, and takes up to some seconds when there is something to end: not on a thread that others need.
    pub fn reconcile(&self) -> Reconciled {
        let (entries, aside) = {
            let mut book = self.book();
            (book.take_earlier(), book.aside.take())
        };
        let reconciled = reconcile::reconcile(&entries, aside);
        let mut book = self.book();
        for mark in entries.keys().filter(|mark| !reconciled.alive.contains(*mark)) {
            self.count(book.write(&Line::Over { life: mark.clone() }));
        }
        reconciled
    }

    /// Lines that could not be written.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The folder it is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Enters a life, before its server exists.
    pub(super) fn enter(
        self: &Arc<Self>,
        mark: &str,
        service: &ServiceName,
        incarnation: Incarnation,
        warden: Option<Named>,
        cgroup: Option<&Path>,
    ) -> Entry {
        let line = Line::Begin {
            life: mark.to_owned(),
            boot: line::boot(),
            manager: std::process::id(),
            warden,
            cgroup: cgroup.map(Path::to_owned),
            service: service.to_string(),
            incarnation: incarnation.0,
        };
        self.write(&line);
        Entry { ledger: Arc::clone(self), life: mark.to_owned() }
    }

    fn write(&self, line: &Line) {
        let outcome = self.book().write(line);
        self.count(outcome);
    }

    fn count(&self, outcome: std::io::Result<()>) {
        if outcome.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One life in the ledger. It stays there unless it is said to be over.
#[derive(Debug)]
pub(super) struct Entry {
    ledger: Arc<Ledger>,
    life: String,
}

impl Entry {
    /// The server exists.
    pub(super) fn started(&self, server: Named) {
        self.ledger.write(&Line::Server { life: self.life.clone(), server });
    }

    /// Nothing of it is left.
    pub(super) fn over(&self) {
        self.ledger.write(&Line::Over { life: self.life.clone() });
    }
}

#[cfg(test)]
mod tests;
