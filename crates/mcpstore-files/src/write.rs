//! Replacing a file in one step, so that it is there after a crash, old or new, and never half.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::lock::{self, Held, LOCK_WAIT, LockError};
use crate::sweep;
use crate::trail;

/// The mode of a file that was not there before.
const NEW_FILE: u32 = 0o600;

/// Names that are tried for the new file, of which each was taken by somebody else.
const MAX_NAMES: usize = 100;

/// What was being done when a file could not be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteStep {
    /// Looking at the file that is to be replaced.
    Look,
    /// Making the new file beside it.
    Create,
    /// Giving the new file the owner and mode of the old one.
    Mode,
    /// Writing the new file.
    Write,
    /// Bringing the new file to the disk.
    Sync,
    /// Putting the new file in the place of the old one.
    Rename,
    /// Bringing the folder to the disk. The new file is in its place by then; whether it stays there after a crash is open.
    SyncFolder,
}

impl fmt::Display for WriteStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Look => "look at",
            Self::Create => "make a new file beside",
            Self::Mode => "keep owner and mode of",
            Self::Write => "write",
            Self::Sync => "bring to the disk",
            Self::Rename => "put the new file in the place of",
            Self::SyncFolder => "bring to the disk the folder of",
        })
    }
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Something else is in its place: a folder, a device, a socket.
    #[error("`{}` is no file", path.display())]
    NotAFile {
        /// What was to be replaced, at the end of all links.
        path: PathBuf,
    },
    /// The system did not let us.
    #[error("cannot {step} `{}`", path.display())]
    Io {
        /// What was to be replaced, at the end of all links.
        path: PathBuf,
        /// What was being done.
        step: WriteStep,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a file was not replaced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// No lock on its folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Puts a file with these bytes in the place of `path`, which need not exist; its folder must.
///
/// A reader sees the old file or the new one, and so does the next start after a crash; when this returns, it is the new
/// one. A link stays, and the file at its end is replaced. The new file has the mode of the old one, and its owner and group
/// where we may give them away; a file that was not there is for its user alone (0600). Extended attributes, access lists and
/// second names (hard links) do not move to the new file. Takes the lock of the folder, so not to be called within
/// [`edit_locked`](crate::edit_locked) for a file of the same folder.
///
/// # Errors
///
/// [`ReplaceError`]: the lock, or the step that failed. Unless that was [`WriteStep::SyncFolder`], the old file is as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), ReplaceError> {
    let held = lock::hold(path, LOCK_WAIT)?;
    sweep::sweep(&held.folder);
    Fresh::write(&held, bytes)?.put(&held)?;
    Ok(())
}

/// A new file, complete and on the disk, beside the one whose place it will take. Removed when it is dropped before.
#[derive(Debug)]
pub(crate) struct Fresh {
    path: Option<PathBuf>,
}

impl Fresh {
    /// Writes a new file for the place that the lock is held for, with the mode of the old one.
    pub(crate) fn write(held: &Held, bytes: &[u8]) -> Result<Self, WriteError> {
        Self::write_as(held, bytes, true)
    }

    /// As [`Fresh::write`], for its user alone whatever the old one was.
    pub(crate) fn write_private(held: &Held, bytes: &[u8]) -> Result<Self, WriteError> {
        Self::write_as(held, bytes, false)
    }

    fn write_as(held: &Held, bytes: &[u8], keep: bool) -> Result<Self, WriteError> {
        let failed = |step| move |source| WriteError::Io { path: held.real.clone(), step, source };
        let old = match std::fs::symlink_metadata(&held.real) {
            Ok(meta) if meta.is_file() => Some(meta),
            Ok(_) => return Err(WriteError::NotAFile { path: held.real.clone() }),
            Err(error) if trail::is_missing(&error) => None,
            Err(error) => return Err(failed(WriteStep::Look)(error)),
        };
        let (mut file, path) = create(&held.folder).map_err(failed(WriteStep::Create))?;
        let fresh = Self { path: Some(path) };
        keep_mode(&file, old.as_ref().filter(|_| keep)).map_err(failed(WriteStep::Mode))?;
        file.write_all(bytes).map_err(failed(WriteStep::Write))?;
        file.sync_all().map_err(failed(WriteStep::Sync))?;
        Ok(fresh)
    }

    /// Puts it in its place, for good.
    pub(crate) fn put(mut self, held: &Held) -> Result<(), WriteError> {
        let failed = |step| move |source| WriteError::Io { path: held.real.clone(), step, source };
        if let Some(path) = &self.path {
            std::fs::rename(path, &held.real).map_err(failed(WriteStep::Rename))?;
        }
        self.path = None;
        sync_folder(&held.folder).map_err(failed(WriteStep::SyncFolder))
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What stays is swept away by the next writer.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Brings what a folder holds to the disk: the names, not the files.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn create(folder: &Path) -> io::Result<(File, PathBuf)> {
    let mut tries = 0;
    loop {
        let path = sweep::fresh_name(folder);
        match OpenOptions::new().write(true).create_new(true).mode(NEW_FILE).open(&path) {
            Ok(file) => return Ok((file, path)),
            // Somebody else's, that could not be swept away.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < MAX_NAMES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Gives the new file owner, group and mode of the old one, as far as we may.
fn keep_mode(file: &File, old: Option<&Metadata>) -> io::Result<()> {
    let Some(old) = old else { return file.set_permissions(Permissions::from_mode(NEW_FILE)) };
    let new = file.metadata()?;
    let mut mode = old.mode() & 0o777;
    if new.uid() != old.uid() {
        // Root alone gives files away; it stays ours else.
        let _ = std::os::unix::fs::fchown(file, Some(old.uid()), None);
    }
    if new.gid() != old.gid() && std::os::unix::fs::fchown(file, None, Some(old.gid())).is_err() {
        // What the old group might do is no business of the new one.
        mode &= 0o707;
    }
    file.set_permissions(Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_new_file_is_private_and_an_old_one_keeps_its_mode() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("mcp.json");
        replace(&path, b"one").unwrap();
        assert_eq!((mode(&path), std::fs::read(&path).unwrap()), (0o600, b"one".to_vec()));
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        replace(&path, b"").unwrap();
        assert_eq!((mode(&path), std::fs::read(&path).unwrap()), (0o644, Vec::new()));
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "no litter");
    }

    #[test]
    fn a_link_stays_and_its_end_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let (link, end) = (home.path().join("link"), home.path().join("dotfiles/mcp.json"));
        std::fs::create_dir(home.path().join("dotfiles")).unwrap();
        symlink("dotfiles/mcp.json", &link).unwrap();
        for text in ["new", "replaced"] {
            replace(&link, text.as_bytes()).unwrap();
            assert!(link.is_symlink());
            assert!(!end.is_symlink());
            assert_eq!(std::fs::read_to_string(&end).unwrap(), text);
        }
    }

    #[test]
    fn an_error_names_path_and_step_and_leaves_all_as_it_was() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().canonicalize().unwrap().join("mcp.json");
        std::fs::create_dir(&folder).unwrap();
        let error = replace(&folder, b"x").unwrap_err();
        assert_eq!(error.to_string(), format!("`{}` is no file", folder.display()));
        let held = lock::hold(&home.path().join("a"), LOCK_WAIT).unwrap();
        let fresh = Fresh::write(&held, b"x").unwrap();
        std::fs::create_dir(home.path().join("a")).unwrap();
        let error = fresh.put(&held).unwrap_err();
        assert!(matches!(&error, WriteError::Io { step: WriteStep::Rename, path, .. } if *path == held.real));
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 2, "no litter");
    }
}
