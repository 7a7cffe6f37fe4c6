//! The segments as their one writer sees them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::folder::{Folder, FolderError, FolderFault, create, open_to_append};
use crate::frame;
use crate::history::Opened;
use crate::lock::{self, Held, LockError};
use crate::mend::{Scan, scan, set_all_aside, set_aside};
use crate::options::Options;
use crate::record::time_of;
use crate::sync::Unsynced;

/// Most segments, however small they are.
const MAX_SEGMENTS: usize = 1024;

/// A segment is closed after this part of the time for which records are kept.
const AGE_PARTS: u32 = 30;

/// Why a history was not opened. Trouble with the disk is none of these: see [`crate::History::health`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another [`crate::History`] of this one, writes into the folder.
    #[error("the history in `{}` is being written by {}", folder.display(), who(*pid))]
    Busy {
        /// The folder.
        folder: PathBuf,
        /// The process that writes, where it said so.
        pid: Option<u32>,
    },
    /// Others could change what is written there.
    #[error("the history folder `{}` {fault}", folder.display())]
    Unsafe {
        /// The folder.
        folder: PathBuf,
        /// Why it is not safe.
        fault: FolderFault,
    },
    /// The system gave no thread for writing.
    #[error("no thread to write the history with")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
}

fn who(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// Why the segments are not open.
#[derive(Debug)]
pub(crate) enum StoreError {
    Open(OpenError),
    Io(io::Error),
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    number: u64,
    bytes: u64,
    /// The time of its first record; none while it has none.
    first_ms: Option<u64>,
}

/// The segments of a folder, held by a lock.
#[derive(Debug)]
pub(crate) struct Store {
    folder: Folder,
    options: Options,
    /// Those that are closed, the oldest first.
    closed: VecDeque<Segment>,
    /// The one that is written.
    current: Option<(Segment, Arc<File>)>,
    next_number: u64,
    unsynced: Unsynced,
    _lock: Held,
}

impl Store {
    /// Locks the folder, looks all segments through, and sets aside what is damaged.
    pub(crate) fn open(path: &Path, options: Options, now_ms: u64) -> Result<(Self, Opened), StoreError> {
        let refused = |error| StoreError::Open(error);
        let folder = || path.to_path_buf();
        let at = Folder::prepare(path).map_err(|error| match error {
            FolderError::Unsafe(fault) => refused(OpenError::Unsafe { folder: folder(), fault }),
            FolderError::Io(error) => StoreError::Io(error),
        })?;
        let lock = lock::hold(&at).map_err(|error| match error {
            LockError::Busy(pid) => refused(OpenError::Busy { folder: folder(), pid }),
            LockError::Io(error) => StoreError::Io(error),
        })?;
        let mut opened = Opened::default();
        let mut store = Self {
            folder: at,
            options,
            closed: VecDeque::new(),
            current: None,
            next_number: 1,
            unsynced: Unsynced::default(),
            _lock: lock,
        };
        for number in store.folder.segments()? {
            store.next_number = number.saturating_add(1);
            store.take_in(number, &mut opened)?;
        }
        store.reopen_last()?;
        store.hold_bounds(now_ms);
        Ok((store, opened))
    }

    fn take_in(&mut self, number: u64, opened: &mut Opened) -> io::Result<()> {
        let Ok(found) = scan(&self.folder, number) else {
            opened.note(set_all_aside(&self.folder, number)?);
            return Ok(());
        };
        opened.valid_records += found.records;
        opened.last_unix_ms = found.last_ms.or(opened.last_unix_ms);
        let Scan { valid_bytes, bytes, first_ms, .. } = found;
        let mut left = valid_bytes;
        if valid_bytes < bytes {
            let aside = set_aside(&self.folder, number, &found);
            if aside.copy.is_none() {
                left = bytes;
            }
            opened.note(aside);
        }
        if left == 0 {
            std::fs::remove_file(self.folder.segment(number))?;
        } else {
            self.closed.push_back(Segment { number, bytes: left, first_ms });
            // What has damage at its end must not be added to.
            if left == valid_bytes && left < self.options.segment_bytes {
                self.next_number = number;
            }
        }
        Ok(())
    }

    /// Goes on in the last segment where it has room.
    fn reopen_last(&mut self) -> io::Result<()> {
        if let Some(last) = self.closed.back().copied().filter(|last| last.number == self.next_number) {
            self.current = Some((last, Arc::new(open_to_append(&self.folder.segment(last.number))?)));
            self.closed.pop_back();
            self.next_number = last.number.saturating_add(1);
        }
        Ok(())
    }

    /// Bytes of all segments.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.closed.iter().chain(self.current.iter().map(|(segment, _)| segment)).map(|segment| segment.bytes).sum()
    }

    /// Writes whole lines, and takes those that the system has from the front of `lines`, also when it fails midway.
    pub(crate) fn write(&mut self, lines: &mut Vec<u8>, now_ms: u64) -> io::Result<()> {
        let mut done = 0;
        let result = self.write_all(lines, now_ms, &mut done);
        lines.drain(..done);
        result
    }

    fn write_all(&mut self, lines: &[u8], now_ms: u64, done: &mut usize) -> io::Result<()> {
        while *done < lines.len() {
            let rest = &lines[*done..];
            let first = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            let limit = self.options.segment_bytes;
            let (segment, file) = self.segment_for(&rest[..first], now_ms)?;
            let room = usize::try_from(limit.saturating_sub(segment.bytes)).unwrap_or(usize::MAX);
            let fitting = whole_lines(&rest[..room.min(rest.len())]).max(first);
            let (written, result) = append(file, &rest[..fitting]);
            let kept = whole_lines(&rest[..written]);
            segment.bytes += u64::try_from(kept).unwrap_or(0);
            *done += kept;
            if let Err(error) = result {
                if file.set_len(segment.bytes).is_err() {
                    // Half a line stays at its end: the next line goes elsewhere.
                    self.close_current();
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// The segment in which the next line goes.
    fn segment_for(&mut self, line: &[u8], now_ms: u64) -> io::Result<(&mut Segment, &File)> {
        let part_ms = u64::try_from((self.options.max_age / AGE_PARTS).as_millis()).unwrap_or(u64::MAX);
        if let Some((segment, file)) = &self.current {
            if file.metadata()?.nlink() == 0 {
                return Err(io::Error::new(io::ErrorKind::NotFound, "a segment was deleted while it was written"));
            }
            let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
            let full = segment.bytes > 0 && segment.bytes.saturating_add(length) > self.options.segment_bytes;
            let old = segment.first_ms.is_some_and(|first| now_ms.saturating_sub(first) > part_ms);
            if full || old {
                self.close_current();
            }
        }
        if self.current.is_none() {
            let number = self.next_number;
            let file = Arc::new(create(&self.folder.segment(number))?);
            self.next_number = number.saturating_add(1);
            self.current = Some((Segment { number, bytes: 0, first_ms: None }, file));
            self.unsynced.folder = Some(self.folder.clone());
            self.hold_bounds(now_ms);
        }
        let Some((segment, file)) = &mut self.current else { return Err(io::ErrorKind::NotFound.into()) };
        if segment.first_ms.is_none() {
            segment.first_ms = frame::take(line).and_then(time_of);
        }
        self.unsynced.add_file(file);
        Ok((segment, file))
    }

    fn close_current(&mut self) {
        if let Some((segment, _)) = self.current.take() {
            self.closed.push_back(segment);
        }
    }

    /// What was written since it was asked the last time.
    pub(crate) fn take_unsynced(&mut self) -> Unsynced {
        std::mem::take(&mut self.unsynced)
    }

    /// Deletes segments, the oldest first, until what is left is within its bounds. A segment that is about to be filled
    /// counts as full, so that the bound holds until the next one.
    fn hold_bounds(&mut self, now_ms: u64) {
        let max_age_ms = u64::try_from(self.options.max_age.as_millis()).unwrap_or(u64::MAX);
        let oldest_kept_ms = now_ms.saturating_sub(max_age_ms);
        while let Some(oldest) = self.closed.front() {
            let room = self.current.as_ref().map_or(0, |(segment, _)| segment.bytes);
            let to_come = self.options.segment_bytes.saturating_sub(room);
            let next = self.closed.get(1).or(self.current.as_ref().map(|(segment, _)| segment));
            let over = next.and_then(|next| next.first_ms).is_some_and(|first| first < oldest_kept_ms);
            let many = self.closed.len() >= MAX_SEGMENTS;
            if !over && !many && self.size_bytes().saturating_add(to_come) <= self.options.total_bytes {
                return;
            }
            match std::fs::remove_file(self.folder.segment(oldest.number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return,
                Ok(()) | Err(_) => self.closed.pop_front(),
            };
        }
    }
}

/// How many bytes of this are whole lines.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// Writes as much as the system takes.
fn append(mut file: &File, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}
