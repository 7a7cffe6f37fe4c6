//! Runs a program to its end in a process group of its own, of which nothing is left afterwards.

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::FusedFuture as _;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::SinkError;
use crate::options::Starter;
use crate::text::{Unit, fitted, one_line};

/// What a program is given of our environment, besides everything that begins with `LC_`.
const BASE: [&str; 6] = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR"];
/// How much of the end of stderr is kept.
const MAX_STDERR: usize = 4096;
/// How long stderr is read on once the group is gone: what holds it open then has left the group.
const LINGER: Duration = Duration::from_millis(500);
/// How long a killed child may take to be gone: one that hangs in the kernel must not hold up the next alert for good.
const REAP: Duration = Duration::from_secs(5);
/// The most bytes of a line of stderr in an error.
const MAX_LINE: usize = 200;

/// What to run.
pub(super) struct Program<'a> {
    pub(super) program: &'a str,
    pub(super) args: &'a [OsString],
    /// Variables on top of the base.
    pub(super) env: &'a [(&'a str, &'a str)],
    /// Names of more variables that are passed on.
    pub(super) inherit: &'a [&'a str],
    /// How long it may run.
    pub(super) within: Duration,
    /// How it is started.
    pub(super) starter: Option<&'a Starter>,
}

/// Runs it and waits for its end. Then, when its time is up, and when this is dropped, its whole group is killed.
///
/// # Errors
/// It could not be started, ran too long, or ended with another exit code than 0.
pub(super) async fn run(what: Program<'_>, stdin: &[u8]) -> Result<(), SinkError> {
    let name = what.program;
    let (mut child, _apart) =
        start(&what).map_err(|error| SinkError::passing(format!("`{name}` does not start: {error}")))?;
    let (input, output) = (child.stdin.take(), child.stderr.take());
    let mut group = Group::of(child)?;
    let mut tail = Tail::default();
    let ended = {
        let talk = async {
            let tell = async {
                if let Some(mut input) = input {
                    // Who does not read what it is told need not.
                    let _ = input.write_all(stdin).await;
                }
            };
            tokio::join!(tell, tail.fill(output))
        };
        let mut talk = pin!(talk.fuse());
        let ending = timeout(what.within, group.ended());
        let mut ending = pin!(ending);
        let ended = loop {
            tokio::select! {
                ended = &mut ending => break ended.is_ok(),
                _ = &mut talk => {}
            }
        };
        group.kill();
        if !talk.is_terminated() {
            let _ = timeout(LINGER, talk).await;
        }
        ended
    };
    let status = group.reap().await;
    if !ended {
        return Err(SinkError::passing(format!("`{name}` ran longer than {:?} and was killed{tail}", what.within)));
    }
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(SinkError::passing(format!("`{name}` ended with {status}{tail}"))),
        Err(error) => Err(SinkError::passing(format!("`{name}` was lost: {error}"))),
    }
}

fn start(what: &Program<'_>) -> io::Result<(Child, Option<Box<dyn Any + Send + Sync>>)> {
    let mut command = Command::new(what.program);
    command.args(what.args).env_clear().process_group(0);
    command.envs(std::env::vars_os().filter(|(name, _)| is_passed(name, what.inherit)));
    command.envs(what.env.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    match what.starter {
        Some(starter) => starter(&mut command).map(|(child, apart)| (child, Some(apart))),
        None => command.spawn().map(|child| (child, None)),
    }
}

fn is_passed(name: &OsStr, inherit: &[&str]) -> bool {
    let Some(name) = name.to_str() else { return false };
    BASE.contains(&name) || name.starts_with("LC_") || inherit.contains(&name)
}

/// A child and the group it leads. The child is not reaped before the group was killed: until then the number of the group
/// belongs to nobody else.
struct Group {
    id: Pid,
    child: Option<Child>,
}

impl Group {
    fn of(child: Child) -> Result<Self, SinkError> {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let id = id.ok_or_else(|| SinkError::passing("the process has no number"))?;
        Ok(Self { id, child: Some(child) })
    }

    /// Resolves when the child ended, and leaves it unreaped.
    async fn ended(&self) {
        let id = self.id;
        let look = move || {
            while let Err(rustix::io::Errno::INTR) =
                waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
            {}
        };
        // Left behind by a time-out, it ends with the child, which is killed then.
        let _ = tokio::task::spawn_blocking(look).await;
    }

    fn kill(&self) {
        if self.child.is_some() {
            // It fails when there is nobody, which is what it is for.
            let _ = kill_process_group(self.id, Signal::KILL);
        }
    }

    /// Waits for the killed child. From here on the number may be somebody else's.
    async fn reap(&mut self) -> io::Result<ExitStatus> {
        match self.child.take() {
            Some(mut child) => timeout(REAP, child.wait()).await.unwrap_or_else(|late| Err(late.into())),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Dropped half-way: tokio reaps the child later.
        self.kill();
    }
}

/// The end of what a program says on stderr.
#[derive(Default)]
struct Tail(Vec<u8>);

impl Tail {
    async fn fill(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut piece = [0; 1024];
        while let Ok(read @ 1..) = from.read(&mut piece).await {
            self.0.extend_from_slice(&piece[..read]);
            let over = self.0.len().saturating_sub(MAX_STDERR);
            self.0.drain(..over);
        }
    }
}

impl std::fmt::Display for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy(&self.0);
        match text.lines().map(one_line).rfind(|line| !line.is_empty()) {
            Some(line) => write!(f, ": {}", fitted(&line, MAX_LINE, Unit::Bytes, |_| None)),
            None => Ok(()),
        }
    }
}
