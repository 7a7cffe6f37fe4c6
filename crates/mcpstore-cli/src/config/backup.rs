//! What files of other clients said before they were changed, so that a change can be taken back.

use std::io;
use std::path::{Path, PathBuf};

use mcpstore::files::replace;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The folder in the state folder.
const FOLDER: &str = "backups";

/// Changes of other clients' files, newest last.
#[derive(Debug)]
pub(crate) struct Backups {
    folder: PathBuf,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backup {
    /// The file that was changed.
    pub(crate) path: PathBuf,
    /// What it said before; `None`: it was not there.
    pub(crate) before: Option<String>,
    /// SHA-256 of what it said after.
    after: String,
    /// The entries that were written.
    pub(crate) names: Vec<String>,
}

impl Backup {
    /// The change from `before` to `after`.
    pub(crate) fn of(path: &Path, before: Option<&str>, after: &str, names: &[String]) -> Self {
        Self { path: path.to_owned(), before: before.map(str::to_owned), after: digest(after), names: names.to_vec() }
    }

    /// True while the file says what the change left.
    pub(crate) fn is_last(&self, now: &str) -> bool {
        digest(now) == self.after
    }
}

impl Backups {
    /// Those of a state folder.
    pub(crate) fn in_folder(state: &Path) -> Self {
        Self { folder: state.join(FOLDER) }
    }

    /// Keeps a change, before it is made.
    ///
    /// # Errors
    /// It could not be written.
    pub(crate) fn keep(&self, backup: &Backup) -> io::Result<PathBuf> {
        crate::paths::make_private_dir(&self.folder)?;
        let next = self.numbers()?.last().map_or(1, |(number, _)| number + 1);
        let file = self.folder.join(format!("{next:06}.json"));
        // Of the user alone: the file may have had secrets in it.
        replace(&file, &serde_json::to_vec_pretty(backup)?).map_err(io::Error::other)?;
        Ok(file)
    }

    /// The newest change of a file, and where it is kept.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn last(&self, path: &Path) -> io::Result<Option<(PathBuf, Backup)>> {
        for (_, file) in self.numbers()?.into_iter().rev() {
            // One that cannot be read is not ours to judge.
            let Ok(bytes) = std::fs::read(&file) else { continue };
            if let Ok(backup) = serde_json::from_slice::<Backup>(&bytes)
                && backup.path == path
            {
                return Ok(Some((file, backup)));
            }
        }
        Ok(None)
    }

    fn numbers(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut out: Vec<(u64, PathBuf)> = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")?.parse().ok());
            out.extend(number.map(|number| (number, path)));
        }
        out.sort();
        Ok(out)
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_change_of_a_file_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let backups = Backups::in_folder(dir.path());
        let (one, two) = (Path::new("/one"), Path::new("/two"));
        assert_eq!(backups.last(one).unwrap(), None);
        for (path, before, after) in [(one, None, "a"), (two, Some("x"), "y"), (one, Some("a"), "b")] {
            backups.keep(&Backup::of(path, before, after, &[])).unwrap();
        }
        let (file, last) = backups.last(one).unwrap().unwrap();
        assert_eq!((last.before.as_deref(), last.is_last("b"), last.is_last("c")), (Some("a"), true, false));
        std::fs::remove_file(file).unwrap();
        assert_eq!(backups.last(one).unwrap().unwrap().1.before, None);
    }
}
