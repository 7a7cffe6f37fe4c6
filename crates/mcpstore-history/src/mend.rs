//! Looking a segment through, and setting aside what is damaged.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::fs::OFlags;

use crate::folder::{Folder, create, open_to_read};
use crate::frame::Lines;
use crate::record::time_of;

/// Most files that are kept of what was set aside; the oldest go.
const MAX_KEPT: usize = 4;

/// Most bytes that are copied of a damaged segment.
const MAX_COPY: u64 = 16 * 1024 * 1024;

/// What was damaged, and where it went.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetAside {
    /// The segment, which ends before the damage now.
    pub segment: PathBuf,
    /// How many bytes of the segment were whole, and are kept.
    pub kept_bytes: u64,
    /// How many bytes came after that, the damage first.
    pub lost_bytes: u64,
    /// The file where those are now. None: there was no room for a copy, so they stay in the segment, unread.
    pub copy: Option<PathBuf>,
}

impl fmt::Display for SetAside {
    /// In one line, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, kept_bytes, lost_bytes, copy } = self;
        write!(f, "`{}` is damaged after {kept_bytes} bytes: the {lost_bytes} that follow are ", segment.display())?;
        match copy {
            Some(copy) => write!(f, "set aside in `{}`", copy.display()),
            None => f.write_str("left there, unread, for want of room to set them aside"),
        }
    }
}

/// What a segment holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    pub(crate) records: u64,
    /// Bytes of its longest prefix of whole lines.
    pub(crate) valid_bytes: u64,
    pub(crate) bytes: u64,
    /// The time of its first record.
    pub(crate) first_ms: Option<u64>,
    /// The time of its last record.
    pub(crate) last_ms: Option<u64>,
}

/// Looks a segment through.
pub(crate) fn scan(folder: &Folder, number: u64) -> io::Result<Scan> {
    let file = open_to_read(&folder.segment(number))?;
    let bytes = file.metadata()?.len();
    let mut lines = Lines::new(BufReader::with_capacity(64 * 1024, file));
    let mut found = Scan { bytes, ..Scan::default() };
    let mut last = Vec::new();
    while let Some(json) = lines.next()? {
        if found.records == 0 {
            found.first_ms = time_of(json);
        }
        last.clear();
        last.extend(json);
        found.records += 1;
    }
    found.last_ms = time_of(&last);
    found.valid_bytes = lines.valid_bytes;
    Ok(found)
}

/// Sets aside what follows the whole lines of a segment. A kill at any instant leaves the damage in the segment, in the copy,
/// or in both, and the whole lines where they are.
pub(crate) fn set_aside(folder: &Folder, number: u64, found: &Scan) -> SetAside {
    let copy = cut_off(folder, number, found.valid_bytes).ok();
    if copy.is_some() {
        forget_old(folder);
    }
    SetAside {
        segment: folder.segment(number),
        kept_bytes: found.valid_bytes,
        lost_bytes: found.bytes - found.valid_bytes,
        copy,
    }
}

/// Sets a whole segment aside that cannot even be read.
pub(crate) fn set_all_aside(folder: &Folder, number: u64) -> io::Result<SetAside> {
    let segment = folder.segment(number);
    let lost_bytes = std::fs::symlink_metadata(&segment)?.len();
    let copy = folder.aside(number)?;
    std::fs::rename(&segment, &copy)?;
    forget_old(folder);
    Ok(SetAside { segment, kept_bytes: 0, lost_bytes, copy: Some(copy) })
}

fn cut_off(folder: &Folder, number: u64, valid_bytes: u64) -> io::Result<PathBuf> {
    let segment = folder.segment(number);
    let mut from = open_to_read(&segment)?;
    from.seek(SeekFrom::Start(valid_bytes))?;
    let copy = folder.aside(number)?;
    let mut to = create(&copy)?;
    let copied = io::copy(&mut from.take(MAX_COPY), &mut to).and_then(|_| to.sync_all()).and_then(|()| folder.sync());
    let cut = copied.and_then(|()| {
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let file = OpenOptions::new().write(true).custom_flags(flags).open(&segment)?;
        file.set_len(valid_bytes)?;
        file.sync_all()
    });
    if let Err(error) = cut {
        // Half a copy is no use, and the room may be needed.
        let _ = std::fs::remove_file(&copy);
        return Err(error);
    }
    Ok(copy)
}

/// Deletes the oldest of what was set aside. What cannot be deleted is tried again the next time.
fn forget_old(folder: &Folder) {
    let all = folder.asides().unwrap_or_default();
    for path in &all[..all.len().saturating_sub(MAX_KEPT)] {
        let _ = std::fs::remove_file(path);
    }
}
