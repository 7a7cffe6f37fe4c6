//! A command that runs to its end, contained as a server is: for probes and for what services wait for.

use mcpstore_types::{ExitStatus, Incarnation, StdioSpec};
#[cfg(target_os = "linux")]
use mcpstore_warden::Order;
use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::prepare::{self, Prepared};
use super::{Stdio, mark, spawn};
use crate::{LaunchError, RunRequest};

/// What is read of its output at once, to be dropped.
const SCRAP: usize = 8 * 1024;

impl Stdio {
    /// Runs it. Dropped half-way, everything of it is killed.
    pub(super) async fn run_once(&self, request: RunRequest) -> Result<ExitStatus, LaunchError> {
        let mark = mark::unique();
        let (marked, program) = (mark.clone(), request.command.clone());
        let service = request.service.clone();
        let guarded = cfg!(target_os = "linux") && self.warden.is_some();
        let preparing = tokio::task::spawn_blocking(move || {
            let spec = StdioSpec { command: request.command, args: request.args, ..StdioSpec::default() };
            prepare::prepare(&spec, &request.service, Incarnation(0), &marked, guarded)
        });
        let prepared = preparing.await.unwrap_or_else(|error| {
            Err(LaunchError::Spawn { program, source: std::sync::Arc::new(std::io::Error::other(error)) })
        })?;
        #[cfg(target_os = "linux")]
        if let Some(warden) = &self.warden {
            let which =
                super::guarded::Which { service, incarnation: Incarnation(0), mark, owns_children: self.owns_children };
            return behind(warden, self.ledger.as_ref(), prepared, which).await;
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (service, mark);
        ours(prepared).await
    }
}

/// Behind a warden, which ends whatever it started.
#[cfg(target_os = "linux")]
async fn behind(
    warden: &super::WardenProgram,
    ledger: Option<&std::sync::Arc<super::Ledger>>,
    prepared: Prepared,
    which: super::guarded::Which,
) -> Result<ExitStatus, LaunchError> {
    /// Kills the tree, whoever gives it up.
    struct Kill(std::sync::Weak<super::guarded::Line>);

    impl Drop for Kill {
        fn drop(&mut self) {
            if let Some(line) = self.0.upgrade() {
                line.order(Order::Kill);
            }
        }
    }

    let running = super::guarded::launch(warden, ledger, prepared, which).await?;
    let kill = Kill(running.line);
    drop(running.stdin);
    let status = run_out(running.fate.exited(), running.stdout, running.stderr).await;
    drop(kill);
    running.fate.emptied().await;
    Ok(status)
}

/// As a child of ours, in a group of its own.
async fn ours(prepared: Prepared) -> Result<ExitStatus, LaunchError> {
    use std::os::unix::process::ExitStatusExt as _;

    let (mut process, pipes) = spawn::spawn(prepared).await?;
    drop(pipes.stdin);
    let group = std::sync::Arc::clone(&process.group);
    let exited = async {
        process.wait().await.map_or(ExitStatus::Unknown, |status| {
            let signal = status.signal().map(ExitStatus::Signal);
            status.code().map(ExitStatus::Code).or(signal).unwrap_or(ExitStatus::Unknown)
        })
    };
    let status = run_out(exited, pipes.stdout, pipes.stderr).await;
    // What it left behind goes with it.
    group.signal(Signal::KILL);
    Ok(status)
}

/// Waits for the end. Its output is read, so that it never waits for us, and dropped.
async fn run_out(
    exited: impl Future<Output = ExitStatus>,
    stdout: impl AsyncRead + Unpin,
    stderr: impl AsyncRead + Unpin,
) -> ExitStatus {
    let output = async {
        tokio::join!(drop_all(stdout), drop_all(stderr));
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        status = exited => status,
        () = output => ExitStatus::Unknown,
    }
}

async fn drop_all(mut stream: impl AsyncRead + Unpin) {
    let mut scrap = vec![0; SCRAP];
    while stream.read(&mut scrap).await.is_ok_and(|read| read > 0) {}
}
