//! One writer per folder, over all processes.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::folder::{Folder, open_or_create};

/// The file that is locked. It stays, and says who wrote last.
const LOCK_FILE: &str = "lock";

/// Most bytes read of it.
const MAX_HOLDER: u64 = 32;

/// The lock of a folder, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Held {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug)]
pub(crate) enum LockError {
    /// This process has it, where it is known.
    Busy(Option<u32>),
    Io(io::Error),
}

/// How long the lock is waited for. A process that was killed while it started another leaves its lock with that one until
/// the other program begins, which is a matter of a millisecond.
const WAIT: Duration = Duration::from_millis(150);

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// Takes the lock, or says within [`WAIT`] who has it.
pub(crate) fn hold(folder: &Folder) -> Result<Held, LockError> {
    let mut file = open_or_create(&folder.path().join(LOCK_FILE)).map_err(LockError::Io)?;
    let begin = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(Errno::WOULDBLOCK) if begin.elapsed() < WAIT => std::thread::sleep(PAUSE),
            Err(Errno::WOULDBLOCK) => return Err(LockError::Busy(holder(&mut file))),
            Err(error) => return Err(LockError::Io(error.into())),
        }
    }
    // Only for the one that is refused: without it, the lock holds all the same.
    let _ = say(&mut file);
    Ok(Held { _file: file })
}

fn say(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(MAX_HOLDER).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
