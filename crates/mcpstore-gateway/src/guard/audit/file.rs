//! The files of the log, as their one writer sees them. Unix only.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use super::AuditOptions;
use super::chain::Link;
use super::entry::{CallLine, Entry, Line};
use super::verify::walk;

/// Full files that are looked for.
const MAX_KEPT: usize = 999;

/// Why an audit log was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum AuditError {
    /// Another process writes it, or another log of this one.
    #[error("another process writes the audit log `{}`", file.display())]
    Busy {
        /// The file.
        file: PathBuf,
    },
    /// It is not ours alone.
    #[error("the audit log `{}` {what}", file.display())]
    Unsafe {
        /// The file.
        file: PathBuf,
        /// Why: `is no file`, `belongs to another user`, `is open to others`.
        what: &'static str,
    },
    /// The system did not let us.
    #[error("cannot open the audit log `{}`", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system gave no thread.
    #[error("no thread to write the audit log with")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
}

/// The file that is written.
pub(super) fn current(folder: &Path) -> PathBuf {
    folder.join("audit.jsonl")
}

fn nth(folder: &Path, nth: usize) -> PathBuf {
    folder.join(format!("audit.{nth}.jsonl"))
}

/// The full files that are there, the latest first.
pub(super) fn numbered(folder: &Path) -> Vec<PathBuf> {
    (1..=MAX_KEPT).map(|n| nth(folder, n)).take_while(|file| file.symlink_metadata().is_ok()).collect()
}

/// A file of the log, never through a link.
pub(super) fn open_to_read(file: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(flags()).open(file)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file")) }
}

fn flags() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed()
}

/// The log as it is written.
#[derive(Debug)]
pub(super) struct Log {
    folder: PathBuf,
    options: AuditOptions,
    file: File,
    /// Bytes that are whole lines.
    bytes: u64,
    /// The first line alone, in bytes: a file with no more than that is not full.
    head_bytes: u64,
    last: Link,
    n: u64,
    /// The file may end in half a line that could not be cut off.
    ragged: bool,
    /// What was wrong with the file that was there.
    pub(super) found: Option<String>,
}

impl Log {
    pub(super) fn open(folder: &Path, options: AuditOptions) -> Result<Self, AuditError> {
        let path = current(folder);
        let io = |source| AuditError::Io { file: path.clone(), source };
        let file = open_to_append(&path, false).map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => {
                AuditError::Unsafe { file: path.clone(), what: "is no file" }
            }
            _ => io(error),
        })?;
        judge(&path, &file)?;
        lock(&file).map_err(|error| match error {
            None => AuditError::Busy { file: path.clone() },
            Some(error) => io(error),
        })?;
        let folder = folder.to_path_buf();
        let none = Link::default();
        let mut log =
            Self { folder, options, file, bytes: 0, head_bytes: 0, last: none, n: 0, ragged: false, found: None };
        let length = log.file.metadata().map_err(io)?.len();
        let walk = walk(&open_to_read(&path).map_err(io)?).map_err(io)?;
        if length == 0 || (walk.torn && walk.lines == 0) {
            // A first start, or a kill in the moment of a new file. Where there are full ones, the chain goes on from the latest.
            log.file.set_len(0).map_err(io)?;
            let before =
                numbered(&log.folder).first().and_then(|file| super::verify::walk(&open_to_read(file).ok()?).ok());
            (log.last, log.n) = before.map_or((none, 0), |walk| (walk.last, walk.n));
            log.begin(None).map_err(io)?;
            return Ok(log);
        }
        (log.last, log.n, log.bytes) = (walk.last, walk.n, walk.whole_bytes);
        match walk.fault {
            None => {}
            Some(_) if walk.torn => {
                log.file.set_len(walk.whole_bytes).map_err(io)?;
                let cut_bytes = length - walk.whole_bytes;
                log.found = Some(format!("its last line had no end; {cut_bytes} bytes were cut off"));
                log.line(|n| Line::Mended { n, at_ms: now_ms(), cut_bytes }).map_err(io)?;
            }
            Some(fault) => {
                let found = format!("the file before is broken at line {}: {fault}", walk.lines + 1);
                log.turn(Some(&found)).map_err(io)?;
                log.found = Some(found);
            }
        }
        Ok(log)
    }

    /// Writes entries, and before them how many were lost. All of them are there afterwards, or none.
    pub(super) fn write(&mut self, lost: u64, entries: &[Entry]) -> io::Result<()> {
        self.smooth()?;
        let (mut out, mut last, mut n) = (Vec::with_capacity(entries.len() * 384), self.last, self.n);
        let gap = (lost > 0).then(|| Line::Gap { n: self.n + 1, at_ms: now_ms(), lost });
        let first = self.n + 1 + u64::from(gap.is_some());
        let calls = (first..).zip(entries).map(|(n, entry)| Line::Call(CallLine::new(n, entry)));
        for line in gap.into_iter().chain(calls) {
            last = last.append(&serde_json::to_string(&line)?, &mut out);
            n += 1;
        }
        if self.bytes > self.head_bytes && self.bytes + out.len() as u64 > self.options.file_bytes {
            self.turn(None)?;
            // The first line of the new file is one more.
            return self.write(lost, entries);
        }
        self.append(&out)?;
        (self.last, self.n) = (last, n);
        Ok(())
    }

    /// Brings what was written to the disk. A file that somebody took away is gone with its lines; a new one says so.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let (ours, path) = (self.file.metadata()?, current(&self.folder));
        if path.symlink_metadata().is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
            return Ok(());
        }
        self.fresh(Some("the file before was taken away"))
    }

    /// The file is full: it becomes the latest of the full ones, and a new one begins.
    fn turn(&mut self, found: Option<&str>) -> io::Result<()> {
        self.file.sync_data()?;
        let all = numbered(&self.folder).len();
        for n in self.options.kept_files.max(1)..=all {
            // What cannot be removed is removed the next time.
            let _ = std::fs::remove_file(nth(&self.folder, n));
        }
        for n in (1..=all.min(self.options.kept_files.max(1) - 1)).rev() {
            std::fs::rename(nth(&self.folder, n), nth(&self.folder, n + 1))?;
        }
        std::fs::rename(current(&self.folder), nth(&self.folder, 1))?;
        self.fresh(found)
    }

    /// A new file in the place of the current one, which is not there.
    fn fresh(&mut self, found: Option<&str>) -> io::Result<()> {
        let file = open_to_append(&current(&self.folder), true)?;
        lock(&file).map_err(|error| error.unwrap_or_else(|| ErrorKind::ResourceBusy.into()))?;
        (self.file, self.bytes) = (file, 0);
        self.begin(found)?;
        File::open(&self.folder)?.sync_all()
    }

    fn begin(&mut self, found: Option<&str>) -> io::Result<()> {
        let prev = self.last.digits();
        self.line(|n| Line::Begin { n, at_ms: now_ms(), prev: &prev, found })?;
        self.head_bytes = self.bytes;
        Ok(())
    }

    fn line<'a>(&mut self, line: impl FnOnce(u64) -> Line<'a>) -> io::Result<()> {
        let mut out = Vec::new();
        let last = self.last.append(&serde_json::to_string(&line(self.n + 1))?, &mut out);
        self.append(&out)?;
        (self.last, self.n) = (last, self.n + 1);
        Ok(())
    }

    /// Adds whole lines, or nothing.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            self.ragged = true;
            // If that fails too, it is tried again before the next line.
            let _ = self.smooth();
            return Err(error);
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Cuts half a line off that a full disk left.
    fn smooth(&mut self) -> io::Result<()> {
        if self.ragged {
            self.file.set_len(self.bytes)?;
            self.ragged = false;
        }
        Ok(())
    }
}

fn open_to_append(path: &Path, fresh: bool) -> io::Result<File> {
    let mut open = OpenOptions::new();
    open.append(true).create(!fresh).create_new(fresh).mode(0o600).custom_flags(flags()).open(path)
}

fn judge(path: &Path, file: &File) -> Result<(), AuditError> {
    let meta = file.metadata().map_err(|source| AuditError::Io { file: path.to_path_buf(), source })?;
    let what = if !meta.is_file() {
        "is no file"
    } else if meta.uid() != rustix::process::geteuid().as_raw() {
        "belongs to another user"
    } else if meta.mode() & 0o077 != 0 {
        "is open to others"
    } else {
        return Ok(());
    };
    Err(AuditError::Unsafe { file: path.to_path_buf(), what })
}

/// `Err(None)`: somebody else has it.
fn lock(file: &File) -> Result<(), Option<io::Error>> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(None),
        // A file system without locks: the state folder has a lock of its own.
        Err(Errno::NOTSUP | Errno::NOLCK | Errno::INVAL) => Ok(()),
        Err(error) => Err(Some(error.into())),
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
