//! Starting the child as our own, in a group of its own: without a warden.

use std::future::poll_fn;
use std::io;
use std::process::Stdio as Pipe;
use std::sync::Arc;

use rustix::process::{Pid, Signal};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::group::Group;
use super::prepare::{BUSY_PAUSE, BUSY_TRIES, Prepared};
use crate::LaunchError;

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

/// Starts it. Dropped half-way, it has started nothing.
pub(super) async fn spawn(prepared: Prepared) -> Result<(Process, Pipes), LaunchError> {
    let mut command = command(&prepared);
    let mut tries = 0;
    let child = loop {
        tries += 1;
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            Ok(child) => break child,
            Err(error) => return Err(prepared.explain(error).await),
        }
    };
    parts(child).ok_or_else(|| LaunchError::Spawn {
        program: prepared.program,
        source: Arc::new(io::Error::other("it has no process id or no pipes")),
    })
}

fn command(prepared: &Prepared) -> Command {
    let mut command = Command::new(&prepared.file);
    command
        .args(&prepared.args)
        .env_clear()
        .envs(prepared.env.iter().map(|(name, value)| (name, value)))
        .stdin(Pipe::piped())
        .stdout(Pipe::piped())
        .stderr(Pipe::piped())
        .process_group(0)
        .kill_on_drop(false);
    if let Some(cwd) = &prepared.cwd {
        command.current_dir(cwd);
    }
    command
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
