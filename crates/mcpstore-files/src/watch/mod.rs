//! Noticing that files may have changed.

mod arms;
mod interest;
mod stamp;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use arms::Arms;
use interest::Shared;
use stamp::Stamp;

/// How long nothing must happen before a change is told, so that one save is one change.
pub const QUIET: Duration = Duration::from_millis(100);

/// After how long a change is told although more keeps happening.
pub const QUIET_AT_MOST: Duration = Duration::from_secs(1);

/// How often the files are looked at without being told of a change: for network folders, and events that were lost.
pub const POLL_EVERY: Duration = Duration::from_secs(2);

/// The most files of one watch.
pub const MAX_WATCHED: usize = 1_000;

/// Why files are not watched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// More files than [`MAX_WATCHED`].
    #[error("{count} files are more than can be watched ({MAX_WATCHED})")]
    TooMany {
        /// How many there were.
        count: usize,
    },
    /// A relative path, and no working directory to find it from.
    #[error("cannot find out where `{}` is", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No thread to watch from.
    #[error("cannot start a thread that watches files")]
    Thread(#[source] io::Error),
    /// The thread that watches is gone; nothing will be told any more.
    #[error("files are no longer watched")]
    Ended,
}

/// Tells when one of some files may have changed.
///
/// Seen are writing in place, replacing (also the way editors do it, and the way Kubernetes moves its `..data` link), a link
/// that is moved, removing and making anew, a folder in the place of a file, and a change of mode or owner. A file, or a
/// folder on the way to it, that is not there is waited for. Other files of the same folders are passed over. A change of the
/// file that left it equal is told too, and now and then one that did not happen: look, and compare.
///
/// A change is told after [`QUIET`] without another one, at the latest after [`QUIET_AT_MOST`]; where the system tells
/// nothing (network folders, too few watches left), within [`POLL_EVERY`]. Changes that nobody waited for are one change.
///
/// It costs two threads that sleep, one watch of the system for each folder that holds one of the files or a link on the way,
/// and every two seconds some twenty system calls for each file. Every event of those folders, also that another file was
/// opened, is looked at and passed over, a microsecond each. Bounded whatever happens: events are not queued.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    changes: watch::Receiver<u64>,
}

impl Watch {
    /// Watches these files. What happens after this returns is told. Blocks on the disk for a moment.
    ///
    /// # Errors
    ///
    /// [`WatchError`]: too many files, a relative path without a working directory, or no thread. A file that is not there is
    /// no error, and neither is a system that cannot watch ([`Watch::trouble`]).
    pub fn new<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Result<Self, WatchError> {
        Self::with(paths, Arms::new, POLL_EVERY)
    }

    fn with<P: Into<PathBuf>>(
        paths: impl IntoIterator<Item = P>,
        arms: impl FnOnce(Arc<Shared>) -> Arms,
        poll_every: Duration,
    ) -> Result<Self, WatchError> {
        let absolute = |path: PathBuf| std::path::absolute(&path).map_err(|source| WatchError::Path { path, source });
        let paths: Vec<PathBuf> = paths.into_iter().map(|path| absolute(path.into())).collect::<Result<_, _>>()?;
        if paths.len() > MAX_WATCHED {
            return Err(WatchError::TooMany { count: paths.len() });
        }
        let (wake, woken) = sync_channel(1);
        let shared = Arc::new(Shared::new(wake));
        let mut arms = arms(Arc::clone(&shared));
        let stamps = arms.refresh(&paths);
        let (tell, changes) = watch::channel(0);
        let watching = Watching { paths, stamps, arms, shared: Arc::clone(&shared), woken, tell, poll_every };
        std::thread::Builder::new()
            .name("mcpstore-watch".to_owned())
            .spawn(move || watching.run())
            .map_err(WatchError::Thread)?;
        Ok(Self { shared, changes })
    }

    /// Waits until one of the files may have changed since this last returned, or since the watch began.
    ///
    /// # Errors
    ///
    /// [`WatchError::Ended`] when the thread that watches is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a change is told to the next call.
    pub async fn changed(&mut self) -> Result<(), WatchError> {
        self.changes.changed().await.map_err(|_| WatchError::Ended)
    }

    /// Why the system does not tell of every change at once, so that some are found by looking every two seconds. `None`:
    /// it does, as far as it knows.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Not waited for: it may be looking at a network folder that does not answer.
        self.shared.stop();
    }
}

/// What the thread that watches has.
struct Watching {
    paths: Vec<PathBuf>,
    stamps: Vec<Stamp>,
    arms: Arms,
    shared: Arc<Shared>,
    woken: Receiver<()>,
    tell: watch::Sender<u64>,
    poll_every: Duration,
}

impl Watching {
    fn run(mut self) {
        loop {
            match self.woken.recv_timeout(self.poll_every) {
                Ok(()) => self.settle(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.shared.is_stopped() {
                return;
            }
            self.look();
        }
    }

    /// Waits until nothing happens for a moment.
    fn settle(&self) {
        let begin = Instant::now();
        while let Some(left) = QUIET_AT_MOST.checked_sub(begin.elapsed()) {
            if self.shared.is_stopped() || self.woken.recv_timeout(QUIET.min(left)).is_err() {
                return;
            }
        }
    }

    fn look(&mut self) {
        // Asked before looking: an event that comes later leads to another look.
        let dirty = self.shared.take_dirty();
        let stamps = self.arms.refresh(&self.paths);
        if dirty || stamps != self.stamps {
            self.stamps = stamps;
            self.tell.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

#[cfg(test)]
mod tests;
