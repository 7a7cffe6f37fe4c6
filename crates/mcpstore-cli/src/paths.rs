//! Where things are: the state folder, the control socket, the config.

use std::ffi::OsString;
use std::fs::{DirBuilder, Permissions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mcpstore::config::{MAX_SOURCE_BYTES, Source};
use mcpstore::transport::OAuth;

use crate::args::Global;
use crate::exit::{Exit, Failure};
use crate::quote::quoted;

/// What is looked for in the working directory when no config is named, in this order.
pub(crate) const CONFIG_NAMES: [&str; 3] = ["mcp.json", ".mcp.json", "mcpstore.json"];

/// The environment variable that names the config; several paths are separated by `:`.
pub(crate) const CONFIG_VARIABLE: &str = "MCPSTORE_CONFIG";

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

/// Reads the config: the files named (`-` is stdin), else what [`CONFIG_VARIABLE`] names, else the first of
/// [`CONFIG_NAMES`] in the working directory.
///
/// # Errors
/// [`Failure`] with [`Exit::ConfigInvalid`]: there is none, or one cannot be read.
pub(crate) fn read_config(files: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let files = match files {
        [] => discover(Path::new(""), |name| std::env::var_os(name))?,
        files => files.to_vec(),
    };
    files.iter().map(|file| read_source(file)).collect()
}

fn discover(dir: &Path, env: impl Fn(&str) -> Option<OsString>) -> Result<Vec<PathBuf>, Failure> {
    if let Some(value) = env(CONFIG_VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect());
    }
    match CONFIG_NAMES.iter().map(|name| dir.join(name)).find(|path| path.is_file()) {
        Some(path) => Ok(vec![path]),
        None => {
            let tried = CONFIG_NAMES.map(|name| format!("./{name}")).join(", ");
            let message = format!("no config: {CONFIG_VARIABLE} is not set, and there is none of {tried}");
            Err(Failure::new(Exit::ConfigInvalid, message).next("mcpstore up --demo"))
        }
    }
}

/// Reads one config text; at most one byte more than the config crate takes, which then says so.
fn read_source(file: &Path) -> Result<Source, Failure> {
    let (name, read) = if file == Path::new("-") {
        ("<stdin>".to_owned(), read_bounded(std::io::stdin().lock()))
    } else {
        (file.display().to_string(), std::fs::File::open(file).and_then(read_bounded))
    };
    match read {
        Ok(bytes) => Ok(Source::new(name, String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) => {
            let (why, next) = match error.kind() {
                ErrorKind::NotFound => ("there is no such file".to_owned(), "mcpstore up --demo".to_owned()),
                ErrorKind::IsADirectory => ("it is a folder".to_owned(), format!("ls -l {}", quoted(&name))),
                _ if file == Path::new("-") => (error.to_string(), "mcpstore up --demo".to_owned()),
                _ => (error.to_string(), format!("ls -l {}", quoted(&name))),
            };
            let message = format!("the config {name} cannot be read: {why}");
            Err(Failure::new(Exit::ConfigInvalid, message).next(next))
        }
    }
}

fn read_bounded(from: impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_SOURCE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
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
    fn a_config_is_found_where_it_should_be() {
        let dir = tempfile::tempdir().unwrap();
        let none = |_: &str| None;
        let missing = discover(dir.path(), none).unwrap_err();
        assert_eq!((missing.exit, missing.next.as_deref()), (Exit::ConfigInvalid, Some("mcpstore up --demo")));
        assert!(missing.message.contains("./mcp.json, ./.mcp.json, ./mcpstore.json"), "{missing}");
        for name in ["mcpstore.json", ".mcp.json", "mcp.json"] {
            std::fs::write(dir.path().join(name), "{}").unwrap();
            assert_eq!(
                discover(dir.path(), none).unwrap(),
                [dir.path().join(name)],
                "the last one written comes first"
            );
        }
        let named = discover(dir.path(), |name| (name == CONFIG_VARIABLE).then(|| "/a.json:/b.json".into())).unwrap();
        assert_eq!(named, [PathBuf::from("/a.json"), PathBuf::from("/b.json")]);
        let gone = read_config(&[dir.path().join("gone.json")]).unwrap_err();
        assert!(
            gone.exit == Exit::ConfigInvalid
                && gone.message.ends_with("gone.json cannot be read: there is no such file")
        );
        assert_eq!(gone.next.as_deref(), Some("mcpstore up --demo"));
        let folder = read_config(&[dir.path().to_owned()]).unwrap_err();
        assert!(folder.message.ends_with("cannot be read: it is a folder"), "{folder}");
        assert_eq!(folder.next.unwrap(), format!("ls -l {}", quoted(&dir.path().to_string_lossy())));
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
