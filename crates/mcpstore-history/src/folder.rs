//! The folder of a history: whose it must be, and the names in it. Unix only.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// What the name of a segment ends in.
const ENDING: &str = ".log";

/// What the name of something set aside ends in.
const BAD_ENDING: &str = ".bad";

/// Why a folder is not safe to write a history into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FolderFault {
    /// It is a link.
    Link,
    /// It belongs to this user, who is not us.
    ForeignOwner(u32),
    /// Others than its owner may write to it.
    WritableByOthers,
}

impl fmt::Display for FolderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link => f.write_str("is a link"),
            Self::ForeignOwner(uid) => write!(f, "belongs to another user (uid {uid})"),
            Self::WritableByOthers => f.write_str("can be changed by others than its owner"),
        }
    }
}

/// Why a folder is not ready.
#[derive(Debug)]
pub(crate) enum FolderError {
    Unsafe(FolderFault),
    Io(io::Error),
}

impl From<io::Error> for FolderError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A folder of segments.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at this path, as it is.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    /// The folder at this path, made (0700) where there is none, and judged: ours, no link, and nobody else may write to it.
    pub(crate) fn prepare(path: &Path) -> Result<Self, FolderError> {
        if let Err(error) = DirBuilder::new().mode(0o700).recursive(true).create(path)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(error.into());
        }
        let meta = std::fs::symlink_metadata(path)?;
        if meta.is_symlink() {
            return Err(FolderError::Unsafe(FolderFault::Link));
        }
        if !meta.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory).into());
        }
        if meta.uid() != rustix::process::geteuid().as_raw() {
            return Err(FolderError::Unsafe(FolderFault::ForeignOwner(meta.uid())));
        }
        if meta.mode() & 0o022 != 0 {
            return Err(FolderError::Unsafe(FolderFault::WritableByOthers));
        }
        Ok(Self::at(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a segment.
    pub(crate) fn segment(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:08}{ENDING}"))
    }

    /// A path that is free for what is set aside of a segment. By name, it comes after those of before.
    pub(crate) fn aside(&self, number: u64) -> io::Result<PathBuf> {
        let front = format!("{number:08}-");
        let names = self.names(BAD_ENDING)?;
        let taken =
            names.iter().filter_map(|name| name.strip_prefix(&front)?.strip_suffix(BAD_ENDING)?.parse::<u32>().ok());
        let nth = taken.max().unwrap_or(0).saturating_add(1);
        Ok(self.path.join(format!("{front}{nth:04}{BAD_ENDING}")))
    }

    /// The numbers of all segments, the oldest first.
    pub(crate) fn segments(&self) -> io::Result<Vec<u64>> {
        let mut all = Vec::new();
        for name in self.names(ENDING)? {
            let number = name.strip_suffix(ENDING).and_then(|digits| digits.parse::<u64>().ok());
            all.extend(number.filter(|number| format!("{number:08}{ENDING}") == name));
        }
        all.sort_unstable();
        Ok(all)
    }

    /// What was set aside, the oldest first.
    pub(crate) fn asides(&self) -> io::Result<Vec<PathBuf>> {
        let mut all = self.names(BAD_ENDING)?;
        all.sort_unstable();
        Ok(all.into_iter().map(|name| self.path.join(name)).collect())
    }

    fn names(&self, ending: &str) -> io::Result<Vec<String>> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            all.extend(entry?.file_name().into_string().ok().filter(|name| name.ends_with(ending)));
        }
        Ok(all)
    }

    /// Brings the names of the folder to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

/// A file that was not there, for us alone.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    opener().append(true).create_new(true).open(path)
}

/// A file that is there, or a new one for us alone, to read and write.
pub(crate) fn open_or_create(path: &Path) -> io::Result<File> {
    regular(opener().read(true).write(true).create(true).truncate(false).open(path)?)
}

/// A file that is there, to be added to.
pub(crate) fn open_to_append(path: &Path) -> io::Result<File> {
    regular(opener().append(true).open(path)?)
}

/// A file that is there, to be read.
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    regular(opener().read(true).open(path)?)
}

/// Never through a link, and never waiting for the other end of a pipe.
fn opener() -> OpenOptions {
    let mut open = OpenOptions::new();
    open.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    open
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file")) }
}
