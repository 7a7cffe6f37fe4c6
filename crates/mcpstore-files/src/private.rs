//! Files of the state folder that are nobody else's: read without following a link, replaced for their user alone.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::edit::make_folder;
use crate::lock::{self, Held, LOCK_WAIT, LockError};
use crate::sweep;
use crate::trail::is_missing;
use crate::write::{Fresh, WriteError};

/// Why a file of the state folder was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateFileError {
    /// It is a link, or something else that is no file.
    #[error("`{}` is no file of its own", path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
    },
    /// It belongs to another user.
    #[error("`{}` belongs to another user (uid {uid})", path.display())]
    ForeignOwner {
        /// Its path.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// Its mode lets others do what nobody else may.
    #[error("`{}` is open to others (mode {mode:o}); run: chmod 600 {}", path.display(), crate::quote::quoted(path))]
    Open {
        /// Its path.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Its folder could not be made.
    #[error("cannot make the folder `{}`", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No lock on its folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The system did not let us.
    #[error("cannot {step} `{}`", path.display())]
    Io {
        /// Its path.
        path: PathBuf,
        /// What was tried: `open`, `look at`, `read`, `set aside`, `draw random bytes for`.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// What others may not do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Neither read nor write it.
    ToAll,
    /// Not write it.
    ToWriters,
}

impl Closed {
    const fn mask(self) -> u32 {
        match self {
            Self::ToAll => 0o077,
            Self::ToWriters => 0o022,
        }
    }
}

/// The bytes of such a file, at most `most` and one; `None` when there is none.
pub(crate) fn read_private(path: &Path, closed: Closed, most: u64) -> Result<Option<Vec<u8>>, StateFileError> {
    let failed = |step| move |source| StateFileError::Io { path: path.to_path_buf(), step, source };
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) => file,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::LOOP | Errno::NXIO)) => {
            return Err(StateFileError::NotAFile { path: path.to_path_buf() });
        }
        Err(error) => return Err(failed("open")(error)),
    };
    let meta = file.metadata().map_err(failed("look at"))?;
    if !meta.is_file() {
        return Err(StateFileError::NotAFile { path: path.to_path_buf() });
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(StateFileError::ForeignOwner { path: path.to_path_buf(), uid: meta.uid() });
    }
    if meta.mode() & closed.mask() != 0 {
        return Err(StateFileError::Open { path: path.to_path_buf(), mode: meta.mode() & 0o777 });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(most)).unwrap_or(0) + 1);
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed("read"))?;
    Ok(Some(bytes))
}

/// The lock for writing such a file. Its folders are made where there are none, each for its user alone.
pub(crate) fn hold_private(path: &Path) -> Result<Held, StateFileError> {
    make_folder(path).map_err(|(folder, source)| StateFileError::Folder { folder, source })?;
    // A link would be followed by the lock.
    if path.is_symlink() {
        return Err(StateFileError::NotAFile { path: path.to_path_buf() });
    }
    let held = lock::hold(path, LOCK_WAIT)?;
    sweep::sweep(&held.folder);
    Ok(held)
}

/// Puts these bytes in the place that the lock is held for: in one step, durable, mode 0600.
pub(crate) fn put_private(held: &Held, bytes: &[u8]) -> Result<(), StateFileError> {
    Ok(Fresh::write_private(held, bytes)?.put(held)?)
}

/// Moves a broken file out of the way, to the same name with `.bad` behind it, in the place of an older one.
pub(crate) fn set_aside(held: &Held) -> Result<PathBuf, StateFileError> {
    let mut aside = held.real.clone().into_os_string();
    aside.push(".bad");
    let aside = PathBuf::from(aside);
    std::fs::rename(&held.real, &aside).map_err(|source| StateFileError::Io {
        path: held.real.clone(),
        step: "set aside",
        source,
    })?;
    Ok(aside)
}

/// Random bytes of the system's, for keys and tokens.
///
/// # Errors
/// What the system says.
pub fn random_bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
