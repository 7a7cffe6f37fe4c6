//! Reading a history, whoever writes it meanwhile.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use crate::folder::{Folder, open_to_read};
use crate::frame::Lines;
use crate::record::{Record, decode, time_of};

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The system did not let us.
    #[error("cannot read the history in `{}`", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What the system said; of the kind `NotFound` where there is no history.
        source: io::Error,
    },
}

/// A history that is read. It changes nothing, takes no lock, and sees what was written when it is asked.
#[derive(Clone, Debug)]
pub struct Reader {
    folder: Folder,
}

impl Reader {
    /// The history in this folder.
    ///
    /// # Errors
    /// [`ReadError::Io`] when there is no such folder, or we may not read it.
    pub fn open(folder: &Path) -> Result<Self, ReadError> {
        let reader = Self { folder: Folder::at(folder) };
        reader.segments()?;
        Ok(reader)
    }

    /// Everything from this moment on (in milliseconds since the Unix epoch), in the order in which it was written.
    ///
    /// Whole segments from before are not read: a late start costs a line per segment. Where the clock of the machine was
    /// set back, records of such a segment may be missing that bear a later time than its successor.
    ///
    /// # Errors
    /// [`ReadError::Io`] when the folder cannot be listed.
    pub fn since(&self, unix_ms: u64) -> Result<Since, ReadError> {
        let segments = self.segments()?;
        let begins_early = |number: &u64| self.first_ms(*number).is_some_and(|first| first < unix_ms);
        let early = segments.iter().skip(1).take_while(|number| begins_early(number)).count();
        Ok(Since::over(self.folder.clone(), segments[early..].to_vec(), unix_ms))
    }

    /// The last `count` records, in the order in which they were written.
    ///
    /// # Errors
    /// [`ReadError::Io`] when the folder cannot be listed.
    pub fn last(&self, count: usize) -> Result<Vec<(u64, Record)>, ReadError> {
        let mut newest_first: Vec<Vec<(u64, Record)>> = Vec::new();
        let mut missing = count;
        for number in self.segments()?.into_iter().rev() {
            if missing == 0 {
                break;
            }
            let mut kept = std::collections::VecDeque::new();
            for record in Since::over(self.folder.clone(), vec![number], 0) {
                if kept.len() == missing {
                    kept.pop_front();
                }
                kept.push_back(record);
            }
            missing -= kept.len();
            newest_first.push(kept.into());
        }
        Ok(newest_first.into_iter().rev().flatten().collect())
    }

    fn segments(&self) -> Result<Vec<u64>, ReadError> {
        let failed = |source| ReadError::Io { folder: self.folder.path().to_path_buf(), source };
        self.folder.segments().map_err(failed)
    }

    fn first_ms(&self, number: u64) -> Option<u64> {
        let file = open_to_read(&self.folder.segment(number)).ok()?;
        time_of(Lines::new(BufReader::new(file)).next().ok()??)
    }
}

/// Records from a moment on. What is damaged ends its segment, and the next segment follows.
#[derive(Debug)]
pub struct Since {
    folder: Folder,
    unix_ms: u64,
    /// Segments that were not opened, the last first.
    to_come: Vec<u64>,
    open: Option<(Lines<BufReader<File>>, u64)>,
    skipped_total: u64,
    damaged_total: u64,
}

impl Since {
    fn over(folder: Folder, mut segments: Vec<u64>, unix_ms: u64) -> Self {
        segments.reverse();
        Self { folder, unix_ms, to_come: segments, open: None, skipped_total: 0, damaged_total: 0 }
    }

    /// How many records so far were of a kind that this version does not know.
    #[must_use]
    pub const fn skipped_total(&self) -> u64 {
        self.skipped_total
    }

    /// How many segments so far could not be read, or not to their end. The last segment may merely be in the making.
    #[must_use]
    pub const fn damaged_total(&self) -> u64 {
        self.damaged_total
    }

    fn open_next(&mut self) -> Option<()> {
        let number = self.to_come.pop()?;
        let open = open_to_read(&self.folder.segment(number)).and_then(|file| Ok((file.metadata()?.len(), file)));
        match open {
            Ok((length, file)) => self.open = Some((Lines::new(BufReader::with_capacity(PIECE, file)), length)),
            // It grew too old meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => self.damaged_total += 1,
        }
        Some(())
    }
}

impl Iterator for Since {
    type Item = (u64, Record);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((lines, length)) = &mut self.open else {
                self.open_next()?;
                continue;
            };
            let failed = match lines.next() {
                Ok(Some(json)) => {
                    match decode(json) {
                        Some((unix_ms, record)) if unix_ms >= self.unix_ms => return Some((unix_ms, record)),
                        Some(_) => {}
                        None => self.skipped_total += 1,
                    }
                    continue;
                }
                Ok(None) => false,
                Err(_) => true,
            };
            let cut = lines.valid_bytes < *length && !self.to_come.is_empty();
            self.damaged_total += u64::from(failed || cut);
            self.open = None;
        }
    }
}
