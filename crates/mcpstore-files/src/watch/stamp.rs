//! What tells one state of a file from another, without reading it.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::trail::Trail;

/// The state of what a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    real: PathBuf,
    seen: Result<Seen, ErrorKind>,
}

/// What the system says of a file. The time of its last change of any kind (ctime) is in it too: it tells of a change that set
/// the other time back, and of a change of owner or mode, after which the file may be judged otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    device: u64,
    inode: u64,
    length: u64,
    mode: u32,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The state of the file at the end of `trail`, now.
    pub(super) fn of(trail: &Trail) -> Self {
        let seen = std::fs::symlink_metadata(&trail.real).map_err(|error| error.kind()).map(|meta| Seen {
            device: meta.dev(),
            inode: meta.ino(),
            // A folder in the place of a file is that, whatever it holds.
            length: if meta.is_dir() { 0 } else { meta.len() },
            mode: meta.mode(),
            modified: if meta.is_dir() { (0, 0) } else { (meta.mtime(), meta.mtime_nsec()) },
            changed: if meta.is_dir() { (0, 0) } else { (meta.ctime(), meta.ctime_nsec()) },
        });
        Self { real: trail.real.clone(), seen }
    }

    /// The state of a path that cannot be followed.
    pub(super) fn lost(path: &Path, why: ErrorKind) -> Self {
        Self { real: path.to_path_buf(), seen: Err(why) }
    }
}
