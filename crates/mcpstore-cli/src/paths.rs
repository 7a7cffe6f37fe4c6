//! Where things are: the state folder, the control socket.

use std::ffi::OsString;
use std::fs::{DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mcpstore::transport::OAuth;

use crate::args::Global;
use crate::exit::{Exit, Failure};
use crate::quote::quoted;

/// Where a manager keeps its state and listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paths {
    /// The state folder; [`Paths::make_state_dir`] makes it.
    pub(crate) state_dir: PathBuf,
    /// The control socket.
    pub(crate) socket: PathBuf,
}

impl Paths {
    /// The paths that the options and the environment give; nothing is made yet.
    ///
    /// # Errors
    /// When there is neither an option nor a home folder to go by.
    pub(crate) fn resolve(global: &Global) -> anyhow::Result<Self> {
        Self::from(global, |name| std::env::var_os(name))
    }

    fn from(global: &Global, env: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<Self> {
        // Relative paths in XDG variables are to be ignored (XDG base directory specification).
        let folder = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state_dir = match (&global.state_dir, folder("XDG_STATE_HOME"), folder("HOME")) {
            (Some(dir), _, _) => std::path::absolute(dir).context("the state folder has no absolute path")?,
            (None, Some(state), _) => state.join("mcpstore"),
            (None, None, Some(home)) => home.join(".local/state/mcpstore"),
            (None, None, None) => {
                let message = "neither HOME nor XDG_STATE_HOME names a folder to keep state in";
                return Err(Failure::new(Exit::Failed, message)
                    .next("mcpstore --state-dir ./mcpstore-state up")
                    .into());
            }
        };
        let socket = match (&global.socket, &global.state_dir, folder("XDG_RUNTIME_DIR")) {
            (Some(socket), _, _) => std::path::absolute(socket).context("the socket has no absolute path")?,
            (None, None, Some(runtime)) => runtime.join("mcpstore/mcpstore.sock"),
            (None, Some(_), _) | (None, None, None) => state_dir.join("mcpstore.sock"),
        };
        Ok(Self { state_dir, socket })
    }

    /// The logins to remote servers: in a folder of their own.
    pub(crate) fn logins(&self) -> OAuth {
        OAuth::in_folder(self.state_dir.join("auth"))
    }

    /// Makes the state folder, for this user only.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn make_state_dir(&self) -> anyhow::Result<()> {
        make_private_dir(&self.state_dir).map_err(|error| {
            let message = format!("the state folder {} cannot be made: {error}", self.state_dir.display());
            Failure::new(Exit::Failed, message).next(look_at(&self.state_dir)).into()
        })
    }
}

/// Makes a folder, and what is missing above it, that only this user may enter. One that is there stays as it is.
pub(crate) fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    // The system would say "File exists".
    if let Some(file) = dir.ancestors().find(|above| above.symlink_metadata().is_ok()).filter(|above| !above.is_dir()) {
        let message = format!("{} is not a folder", file.display());
        return Err(std::io::Error::new(ErrorKind::NotADirectory, message));
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // The umask may have taken bits away; what is private stays usable.
    std::fs::set_permissions(dir, Permissions::from_mode(0o700))
}

/// Shows what is in the way at a path: the path itself, or the nearest one above it that exists.
pub(crate) fn look_at(path: &Path) -> String {
    let there = path.ancestors().find(|above| above.symlink_metadata().is_ok()).unwrap_or(Path::new("/"));
    format!("ls -ld {}", quoted(&there.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(socket: Option<&str>, state_dir: Option<&str>, env: &[(&str, &str)]) -> Option<(String, String)> {
        let global =
            Global { socket: socket.map(Into::into), state_dir: state_dir.map(Into::into), ..Global::default() };
        let look_up = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        let paths = Paths::from(&global, look_up).ok()?;
        Some((paths.state_dir.display().to_string(), paths.socket.display().to_string()))
    }

    #[test]
    fn options_win_and_the_environment_fills_in() {
        let pair = |state: &str, socket: &str| Some((state.to_owned(), socket.to_owned()));
        let home = ("HOME", "/h");
        let run = ("XDG_RUNTIME_DIR", "/run/u");
        assert_eq!(
            resolve(None, None, &[home]),
            pair("/h/.local/state/mcpstore", "/h/.local/state/mcpstore/mcpstore.sock")
        );
        assert_eq!(
            resolve(None, None, &[home, run]),
            pair("/h/.local/state/mcpstore", "/run/u/mcpstore/mcpstore.sock")
        );
        assert_eq!(
            resolve(None, None, &[("XDG_STATE_HOME", "/x"), home]),
            pair("/x/mcpstore", "/x/mcpstore/mcpstore.sock")
        );
        assert_eq!(resolve(None, None, &[("XDG_STATE_HOME", "relative")]), None);
        assert_eq!(resolve(None, Some("/s"), &[home, run]), pair("/s", "/s/mcpstore.sock"));
        assert_eq!(resolve(Some("/k"), Some("/s"), &[home, run]), pair("/s", "/k"));
    }

    #[test]
    fn a_file_is_no_folder() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        for state_dir in [file.clone(), file.join("below")] {
            let paths = Paths { socket: state_dir.join("s"), state_dir };
            let error = paths.make_state_dir().unwrap_err();
            let failure = error.downcast::<Failure>().unwrap();
            assert!(failure.message.ends_with(&format!("{} is not a folder", file.display())), "{failure}");
            assert!(failure.next.unwrap().starts_with("ls -ld "), "a command that works as it stands");
        }
    }
}
