//! One writer at a time in a folder, over all processes.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use crate::trail::Trail;

/// How long another writer is waited for.
pub const LOCK_WAIT: Duration = Duration::from_secs(10);

/// The first and the longest pause between two tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// The file that is locked where a folder itself cannot be (some network file systems). It stays.
const LOCK_FILE: &str = ".mcpstore.lock";

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another process held it for [`LOCK_WAIT`].
    #[error("another process has locked the folder `{}` for more than {} s", folder.display(), LOCK_WAIT.as_secs())]
    Busy {
        /// The folder that is locked.
        folder: PathBuf,
    },
    /// The system did not let us.
    #[error("cannot lock the folder of `{}`", path.display())]
    Io {
        /// The file in it, as it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The lock on the folder of a file, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Held {
    _lock: File,
    /// The file at the end of all links, while the lock is held.
    pub(crate) real: PathBuf,
    /// Its folder.
    pub(crate) folder: PathBuf,
}

/// Waits for the lock on the folder of the file where `path` leads. It excludes whoever takes it too, in this process and
/// others; it does not bind programs that know nothing of it.
pub(crate) fn hold(path: &Path, wait: Duration) -> Result<Held, LockError> {
    let failed = |source| LockError::Io { path: path.to_path_buf(), source };
    let deadline = Instant::now() + wait;
    let mut pause = PAUSES.0;
    loop {
        let trail = Trail::follow(path).map_err(failed)?;
        let folder = trail.folder().to_path_buf();
        if let Some(lock) = take(&folder).map_err(failed)? {
            // A link may have moved, or the folder been replaced, while we waited: then this is the wrong lock.
            if Trail::follow(path).map_err(failed)?.real == trail.real && is_at(&lock, &folder) {
                return Ok(Held { _lock: lock, real: trail.real, folder });
            }
        }
        if Instant::now() >= deadline {
            return Err(LockError::Busy { folder });
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// One try. `None`: somebody else has it.
fn take(folder: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::DIRECTORY.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(folder)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
        Err(Errno::BADF | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOLCK | Errno::ISDIR) => {
            let mut open = OpenOptions::new();
            let file = open.read(true).write(true).create(true).truncate(false).mode(0o600);
            let file = file.open(folder.join(LOCK_FILE))?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => Ok(Some(file)),
                Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// True when `lock` is the folder at this path, or the lock file in it.
fn is_at(lock: &File, folder: &Path) -> bool {
    let Ok(locked) = lock.metadata() else { return false };
    let path = if locked.is_dir() { folder.to_path_buf() } else { folder.join(LOCK_FILE) };
    std::fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (locked.dev(), locked.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_waits_and_is_told_which_folder_is_locked() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("mcp.json");
        let held = hold(&file, LOCK_WAIT).unwrap();
        assert_eq!(held.real, home.path().canonicalize().unwrap().join("mcp.json"));
        // Another file of the folder has the same lock.
        let error = hold(&home.path().join("other"), Duration::from_millis(30)).unwrap_err();
        assert!(matches!(&error, LockError::Busy { folder } if *folder == held.folder), "{error:?}");
        drop(held);
        hold(&file, Duration::ZERO).unwrap();
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "no litter");
    }

    #[test]
    fn a_folder_that_is_not_there_cannot_be_locked() {
        let home = tempfile::tempdir().unwrap();
        assert!(matches!(hold(&home.path().join("no/mcp.json"), LOCK_WAIT), Err(LockError::Io { .. })));
    }
}
