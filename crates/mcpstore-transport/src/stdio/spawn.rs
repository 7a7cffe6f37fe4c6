//! Starting the child, and telling apart why it did not start.

use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio as Pipe;
use std::sync::Arc;
use std::time::Duration;

use mcpstore_types::{Incarnation, ServiceName, StdioSpec};
use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::group::Group;
use super::{env, program};
use crate::LaunchError;

/// A program that is still being written (`ETXTBSY`) is tried this often, [`BUSY_PAUSE`] apart.
const BUSY_TRIES: u32 = 5;
/// See [`BUSY_TRIES`].
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// The child itself and its group. Dropped before the child was waited for, the group is killed.
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) group: Arc<Group>,
    pub(super) pid: u32,
    reaped: bool,
}

/// Our ends of the child's pipes.
pub(super) struct Pipes {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Process {
    /// Waits for the child; its zombie is gone after that.
    pub(super) async fn wait(&mut self) -> io::Result<std::process::ExitStatus> {
        let group = Arc::clone(&self.group);
        let mut wait = std::pin::pin!(self.child.wait());
        let status = poll_fn(|context| group.poll_exit(|| wait.as_mut().poll(context))).await;
        self.reaped = true;
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.reaped {
            self.group.signal(Signal::KILL);
            // From here on somebody else waits for the child, and we do not hear when.
            self.group.let_go();
        }
    }
}

/// A child that is ready to be started.
pub(super) struct Prepared {
    command: Command,
    /// The program as the spec names it.
    program: String,
    /// Where it is.
    file: PathBuf,
    identity: String,
}

/// Looks up the program of `spec`, to be started in a group of its own, its three streams piped to us.
///
/// Reads the disk, which may hang: not on a thread that others need.
pub(super) fn prepare(
    spec: &StdioSpec,
    service: &ServiceName,
    incarnation: Incarnation,
) -> Result<Prepared, LaunchError> {
    if let Some(cwd) = &spec.cwd
        && !(cwd.is_dir() && access(cwd.as_path(), Access::EXEC_OK).is_ok())
    {
        return Err(LaunchError::BadWorkingDirectory { cwd: cwd.clone() });
    }
    let env = env::of_child(std::env::vars_os(), &spec.env, service, incarnation);
    let path = env.get(std::ffi::OsStr::new("PATH")).map(std::ffi::OsString::as_os_str);
    let file = program::resolve(&spec.command, path, spec.cwd.as_deref())?;
    // The child enters its working directory before the program is looked up: a relative path must not mean another file.
    let file = std::path::absolute(&file).unwrap_or(file);
    let mut command = Command::new(&file);
    command
        .args(&spec.args)
        .env_clear()
        .envs(&env)
        .stdin(Pipe::piped())
        .stdout(Pipe::piped())
        .stderr(Pipe::piped())
        .process_group(0)
        .kill_on_drop(false);
    if let Some(cwd) = &spec.cwd {
        command.current_dir(cwd);
    }
    // A server that was updated may speak another era.
    let changed = file.metadata().and_then(|meta| meta.modified()).ok();
    let identity = format!("{file:?} {:?} {changed:?}", spec.args);
    Ok(Prepared { command, program: spec.command.clone(), file, identity })
}

impl Prepared {
    /// What makes it the same server as before: its file, when that was changed, and its arguments.
    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// Starts it. Dropped half-way, it has started nothing.
    pub(super) async fn spawn(mut self) -> Result<(Process, Pipes), LaunchError> {
        let mut tries = 0;
        let child = loop {
            tries += 1;
            match self.command.spawn() {
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                Ok(child) => break child,
                Err(error) => {
                    let source = Arc::new(io::Error::from(error.kind()));
                    let unknown = LaunchError::Spawn { program: self.program.clone(), source };
                    let explaining = move || explain(&self.program, &self.file, error);
                    return Err(tokio::task::spawn_blocking(explaining).await.unwrap_or(unknown));
                }
            }
        };
        parts(child).ok_or_else(|| LaunchError::Spawn {
            program: self.program,
            source: Arc::new(io::Error::other("it has no process id or no pipes")),
        })
    }
}

/// The child under its guard, and its pipes.
fn parts(mut child: Child) -> Option<(Process, Pipes)> {
    let pid = child.id()?;
    let group = Arc::new(Group::new(Pid::from_raw(i32::try_from(pid).ok()?)?));
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let process = Process { child, group, pid, reaped: false };
    let (Some(stdin), Some(stdout), Some(stderr)) = pipes else { return None };
    Some((process, Pipes { stdin, stdout, stderr }))
}

/// Why the system did not execute a file that is there.
fn explain(command: &str, file: &Path, error: io::Error) -> LaunchError {
    let errno = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    match errno {
        Some(rustix::io::Errno::NOEXEC) => LaunchError::WrongArchitecture { path: file.to_owned() },
        Some(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => {
            LaunchError::NotExecutable { path: file.to_owned() }
        }
        // The file was there a moment ago: what is missing is what shall read it.
        Some(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) if file.exists() => {
            LaunchError::NoInterpreter { path: file.to_owned(), interpreter: program::interpreter(file) }
        }
        _ => LaunchError::Spawn { program: command.to_owned(), source: Arc::new(error) },
    }
}
