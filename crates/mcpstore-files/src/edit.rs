//! Editing a file that others edit too: no writer's change is lost.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use mcpstore_config::MAX_SOURCE_BYTES;

use crate::lock::{self, Held, LOCK_WAIT, LockError};
use crate::read::{ReadError, read_text};
use crate::sweep;
use crate::trail::Trail;
use crate::write::{Fresh, WriteError, sync_folder};

/// How often an edit is made anew when somebody without our lock changed the file meanwhile.
pub const MAX_EDIT_ATTEMPTS: usize = 5;

/// What an edit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// Nothing was to be changed, and nothing was written.
    Unchanged,
    /// The file was replaced.
    Changed,
    /// There was no file, and now there is.
    Created,
}

/// Why a file was not edited. `E` is why the edit itself was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditFileError<E> {
    /// A folder for it could not be made.
    #[error("cannot make the folder `{}`", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No lock on its folder.
    #[error(transparent)]
    Lock(LockError),
    /// It could not be read, or is not safe to be.
    #[error(transparent)]
    Read(ReadError),
    /// It is, or would become, larger than a config may be.
    #[error("`{}` has more than {MAX_SOURCE_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Another program changed it during each of [`MAX_EDIT_ATTEMPTS`] attempts.
    #[error("`{}` was changed by another program during each of {MAX_EDIT_ATTEMPTS} attempts", path.display())]
    Contended {
        /// The file.
        path: PathBuf,
    },
    /// It could not be written.
    #[error(transparent)]
    Write(WriteError),
    /// The edit was refused.
    #[error("the edit was refused")]
    Refused(#[source] E),
}

/// Edits the file at `path`: `edit` gets its text and gives the new one, or `None` when nothing is to be changed.
///
/// No other process of mcpstore writes meanwhile: the folder of the file is locked ([`LOCK_WAIT`] at most is waited for
/// that). An editor that knows nothing of the lock is noticed just before the file is replaced, and `edit` is called again
/// with what it wrote, [`MAX_EDIT_ATTEMPTS`] times in all; what it writes in the very moment of the replacement is lost. The file
/// is replaced as [`replace`](crate::replace) does it: in one step, and on the disk before this returns. A file that is not
/// there is an empty text, and comes to be with mode 0600, its folders with 0700. The text is as it is on the disk, with byte
/// order mark and line ends. Half-written files that killed writers left are removed.
///
/// `edit` must not edit or replace files of the same folder: it would wait for its own lock.
///
/// # Errors
///
/// [`EditFileError`]: the folder, the lock, reading (an unsafe file is not edited), the size, an editor that never rests,
/// writing, or what `edit` says.
pub fn edit_locked<E>(
    path: &Path,
    mut edit: impl FnMut(&str) -> Result<Option<String>, E>,
) -> Result<Edited, EditFileError<E>> {
    make_folder(path).map_err(|(folder, source)| EditFileError::Folder { folder, source })?;
    let mut held = lock::hold(path, LOCK_WAIT).map_err(EditFileError::Lock)?;
    sweep::sweep(&held.folder);
    for _ in 0..MAX_EDIT_ATTEMPTS {
        let before = read(path)?;
        let after = match edit(before.as_deref().unwrap_or("")).map_err(EditFileError::Refused)? {
            Some(after) if before.as_deref() != Some(after.as_str()) => after,
            _ => return Ok(Edited::Unchanged),
        };
        if after.len() > MAX_SOURCE_BYTES {
            return Err(EditFileError::TooLarge { path: path.to_path_buf() });
        }
        let fresh = Fresh::write(&held, after.as_bytes()).map_err(EditFileError::Write)?;
        // Our own lock stands in the way of nobody who does not take it: an editor, or a link that was moved.
        if !is_still_at(path, &held) {
            drop(fresh);
            drop(held);
            held = lock::hold(path, LOCK_WAIT).map_err(EditFileError::Lock)?;
        } else if read(path)? == before {
            fresh.put(&held).map_err(EditFileError::Write)?;
            return Ok(if before.is_some() { Edited::Changed } else { Edited::Created });
        }
    }
    Err(EditFileError::Contended { path: path.to_path_buf() })
}

/// The text of the file; `None` when there is none.
fn read<E>(path: &Path) -> Result<Option<String>, EditFileError<E>> {
    match read_text(path) {
        Ok(text) if text.len() > MAX_SOURCE_BYTES => Err(EditFileError::TooLarge { path: path.to_path_buf() }),
        Ok(text) => Ok(Some(text)),
        Err(ReadError::Missing { .. }) => Ok(None),
        Err(error) => Err(EditFileError::Read(error)),
    }
}

/// True while `path` leads to the file whose folder is locked.
fn is_still_at(path: &Path, held: &Held) -> bool {
    Trail::follow(path).is_ok_and(|trail| trail.real == held.real)
}

/// Makes the folders that a file will lie in, each for its user alone, and for good.
pub(crate) fn make_folder(path: &Path) -> Result<(), (PathBuf, io::Error)> {
    let failed = |folder: &Path, source| (folder.to_path_buf(), source);
    let trail = Trail::follow(path).map_err(|source| failed(path, source))?;
    let folder = trail.folder();
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        match std::fs::DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => sync_folder(folder.parent().unwrap_or(folder)).map_err(|source| failed(folder, source))?,
            // Another writer was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            Err(error) => return Err(failed(folder, error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn home() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("mcp.json");
        (home, path)
    }

    fn write(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }

    fn to(text: &str) -> Result<Option<String>, Infallible> {
        Ok(Some(text.to_owned()))
    }

    #[test]
    fn what_is_not_touched_stays_byte_for_byte() {
        let (_home, path) = home();
        write(&path, "\u{feff}{\r\n  // mine\n}");
        let edited = edit_locked(&path, |text| to(&text.replace("mine", "yours")));
        assert_eq!(edited.unwrap(), Edited::Changed);
        assert_eq!(std::fs::read(&path).unwrap(), "\u{feff}{\r\n  // yours\n}".as_bytes());
    }

    #[test]
    fn a_missing_file_comes_to_be_with_its_folders() {
        let (home, _) = home();
        let path = home.path().join("a/b/mcp.json");
        assert_eq!(edit_locked(&path, |text| to(&format!("{text}new"))).unwrap(), Edited::Created);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&home.path().join("a"))), (0o600, 0o700));
    }

    #[test]
    fn nothing_to_change_writes_nothing() {
        let (home, path) = home();
        assert_eq!(edit_locked(&path, |_| Ok::<_, Infallible>(None)).unwrap(), Edited::Unchanged);
        assert!(!path.exists());
        write(&path, "same");
        let before = std::fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(edit_locked(&path, to).unwrap(), Edited::Unchanged);
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), before);
        let refused = edit_locked(&path, |_| Err(io::Error::other("no"))).unwrap_err();
        assert!(matches!(refused, EditFileError::Refused(_)), "{refused:?}");
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "no litter");
    }

    #[test]
    fn an_editor_without_the_lock_is_edited_upon() {
        let (_home, path) = home();
        write(&path, "0");
        let mut saves = 0;
        let edited = edit_locked(&path, |text| {
            saves += 1;
            if saves < MAX_EDIT_ATTEMPTS {
                write(&path, &format!("{saves}"));
            }
            to(&format!("{text}+"))
        });
        assert_eq!(edited.unwrap(), Edited::Changed);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "4+");
    }

    #[test]
    fn an_editor_that_never_rests_wins() {
        let (home, path) = home();
        let mut saves = 0;
        let error = edit_locked(&path, |text| {
            saves += 1;
            write(&path, &format!("{saves}"));
            to(&format!("{text}+"))
        });
        assert!(matches!(error, Err(EditFileError::Contended { .. })), "{error:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{MAX_EDIT_ATTEMPTS}"));
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "no litter");
    }

    #[test]
    fn a_link_that_moves_meanwhile_is_followed_to_its_new_end() {
        let (home, path) = home();
        for name in ["one", "two"] {
            std::fs::create_dir(home.path().join(name)).unwrap();
            write(&home.path().join(name).join("mcp.json"), name);
        }
        symlink("one/mcp.json", &path).unwrap();
        let mut moved = false;
        edit_locked(&path, |text| {
            if !std::mem::replace(&mut moved, true) {
                std::fs::remove_file(&path).unwrap();
                symlink("two/mcp.json", &path).unwrap();
            }
            to(&format!("{text}+"))
        })
        .unwrap();
        let read = |name: &str| std::fs::read_to_string(home.path().join(name).join("mcp.json")).unwrap();
        assert_eq!((read("one"), read("two")), ("one".to_owned(), "two+".to_owned()));
    }

    #[test]
    fn an_unsafe_file_is_not_edited_and_a_large_one_neither() {
        let (_home, path) = home();
        write(&path, "text");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let error = edit_locked(&path, |_| to("x"));
        assert!(matches!(error, Err(EditFileError::Read(ReadError::Unsafe(_)))), "{error:?}");
        write(&path, "text");
        let error = edit_locked(&path, |_| to(&" ".repeat(MAX_SOURCE_BYTES + 1)));
        assert!(matches!(error, Err(EditFileError::TooLarge { .. })), "{error:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "text");
    }
}
