//! What a child needs to be started, looked up beforehand.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mcpstore_types::{Incarnation, ServiceName, StdioSpec};
use rustix::fs::{Access, access};

use super::reach::Server;
use super::sandbox::Bounds;
use super::{env, program, sandbox};
use crate::LaunchError;

/// A program that is still being written (`ETXTBSY`) is tried this often, [`BUSY_PAUSE`] apart.
pub(super) const BUSY_TRIES: u32 = 5;
/// See [`BUSY_TRIES`].
pub(super) const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// A child that is ready to be started.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    /// The program as the spec names it.
    pub(super) program: String,
    /// Where it is; absolute.
    pub(super) file: PathBuf,
    pub(super) args: Vec<OsString>,
    /// Its whole environment.
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) cwd: Option<PathBuf>,
    /// What it is kept within; has an effect behind a warden only.
    pub(super) bounds: Bounds,
    /// What makes it the same server as before: its file, when that was changed, and its arguments.
    pub(super) identity: String,
}

/// Looks up the program of `spec`, and what it gets.
///
/// Reads the disk, which may hang: not on a thread that others need.
pub(super) fn prepare(
    spec: &StdioSpec,
    service: &ServiceName,
    incarnation: Incarnation,
    mark: &str,
    guarded: bool,
) -> Result<Prepared, LaunchError> {
    if let Some(cwd) = &spec.cwd
        && !(cwd.is_dir() && access(cwd.as_path(), Access::EXEC_OK).is_ok())
    {
        return Err(LaunchError::BadWorkingDirectory { cwd: cwd.clone() });
    }
    if !guarded {
        sandbox::without_warden(spec)?;
    }
    let mut env = env::of_child(std::env::vars_os(), spec, service, incarnation, mark);
    let path = env.get(OsStr::new("PATH")).map(OsString::as_os_str);
    let file = program::resolve(&spec.command, path, spec.cwd.as_deref())?;
    // The child enters its working directory before the program is looked up: a relative path must not mean another file.
    let file = std::path::absolute(&file).unwrap_or(file);
    // A server that was updated may speak another era.
    let changed = file.metadata().and_then(|meta| meta.modified()).ok();
    let identity = format!("{file:?} {:?} {changed:?}", spec.args);
    let bounds = if guarded { sandbox::bounds(&Server { spec, env: &env, file: &file })? } else { Bounds::default() };
    let mut args: Vec<OsString> = spec.args.iter().map(OsString::from).collect();
    let file = match &bounds.wrapper {
        Some((wrapper, told)) => {
            // The only one there is.
            env.entry("TMPDIR".into()).and_modify(|folder| *folder = "/tmp".into());
            args = told.iter().cloned().chain([file.into_os_string()]).chain(args).collect();
            wrapper.clone()
        }
        None => file,
    };
    Ok(Prepared {
        program: spec.command.clone(),
        file,
        args,
        bounds,
        env: env.into_iter().collect(),
        cwd: spec.cwd.clone(),
        identity,
    })
}

impl Prepared {
    /// Why the system did not execute a file that is there.
    pub(super) async fn explain(self, error: io::Error) -> LaunchError {
        let source = Arc::new(io::Error::from(error.kind()));
        let unknown = LaunchError::Spawn { program: self.program.clone(), source };
        // It looks at the file again, which may hang.
        tokio::task::spawn_blocking(move || self.explain_here(error)).await.unwrap_or(unknown)
    }

    fn explain_here(self, error: io::Error) -> LaunchError {
        let errno = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
        match errno {
            Some(rustix::io::Errno::NOEXEC) => LaunchError::WrongArchitecture { path: self.file },
            Some(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => LaunchError::NotExecutable { path: self.file },
            // The file was there a moment ago: what is missing is what shall read it.
            Some(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) if self.file.exists() => {
                LaunchError::NoInterpreter { interpreter: program::interpreter(&self.file), path: self.file }
            }
            _ => LaunchError::Spawn { program: self.program, source: Arc::new(error) },
        }
    }
}
