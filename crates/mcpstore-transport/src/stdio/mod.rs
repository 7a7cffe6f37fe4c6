//! Servers that are child processes of ours and speak MCP over stdin and stdout.

mod beside;
mod endpoint;
mod env;
mod group;
#[cfg(target_os = "linux")]
mod guarded;
mod ledger;
mod mark;
mod once;
mod prepare;
mod program;
mod reach;
mod sandbox;
mod spawn;
mod stderr;
mod warden;
mod wide;

use std::os::fd::AsFd;
use std::sync::Arc;

use async_trait::async_trait;
use mcpstore_types::{ExitStatus, TransportSpec};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::handshake::{EraCache, EraMemory, Handshake};
use crate::wire::{self, Hub};
use crate::{Adapter, LaunchError, LaunchRequest, Launched, RunRequest};
use endpoint::{ChildEndpoint, Life};
use prepare::Prepared;
use wide::Widening;

pub use beside::{Beside, spawn_beside};
pub use ledger::{Ended, Ledger, LedgerError, Reconciled};
pub use warden::{WardenProgram, adopt_orphans};

/// The adapter of kind `stdio`: a child process, MCP over its stdin and stdout.
///
/// The child gets a small environment ([`Stdio::ENV`], plus what the spec adds), never the manager's whole; its stderr
/// goes to the log ring. Three variables mark it: `MCPSTORE_SERVICE`, `MCPSTORE_INCARNATION`, and `MCPSTORE_LIFE`, which no
/// other life has.
///
/// [`Stdio::with_warden`] puts a small process between this one and each server (Linux). It ends everything that the server
/// started, however that tried to get away, and however this process ends. **Without a warden** the limits are these: a server
/// is put into a process group, and what leaves the group (`setsid`, `setpgid`) is not ended with it; when this process is
/// killed, its servers see the end of their input and nothing else; umask and limits are those of this process. A spec with `limits`, or
/// with one of the sandboxes `restricted` and `isolated`, is refused then.
#[derive(Clone, Debug, Default)]
pub struct Stdio {
    eras: EraCache,
    warden: Option<WardenProgram>,
    ledger: Option<Arc<Ledger>>,
    owns_children: bool,
}

impl Stdio {
    /// The kind it serves.
    pub const KIND: &'static str = "stdio";

    /// What of our own environment a child gets; a `*` at the end stands for any end.
    ///
    /// What by its name or value carries credentials is left out of the patterns for package installers.
    pub const ENV: &'static [&'static str] = env::PASSED_ON;

    /// The adapter, without wardens and without a ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this program as the warden of each server. Has no effect but on Linux.
    #[must_use]
    pub fn with_warden(mut self, warden: WardenProgram) -> Self {
        self.warden = Some(warden);
        self
    }

    /// With this ledger, in which each life stands until nothing of it is left.
    #[must_use]
    pub fn with_ledger(mut self, ledger: Arc<Ledger>) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// Declares that every child of this process is one of this adapter's wardens, or was left behind by one.
    ///
    /// Then, when a warden was killed, *every* other child of this process is killed and waited for: the only way to find
    /// one that took the marks out of its environment and left its session. Of use together with [`adopt_orphans`] only, and
    /// wrong in a process that starts children otherwise.
    #[must_use]
    pub fn owning_all_children(mut self) -> Self {
        self.owns_children = true;
        self
    }

    /// Launches behind a warden where there is one.
    async fn start(&self, prepared: Prepared, mark: String, request: &LaunchRequest) -> Result<Launched, LaunchError> {
        let memory = self.eras.of(prepared.identity.clone());
        #[cfg(target_os = "linux")]
        if let Some(warden) = &self.warden {
            let which = guarded::Which {
                service: request.spec.name.clone(),
                incarnation: request.incarnation,
                mark,
                owns_children: self.owns_children,
            };
            let guarded = guarded::launch(warden, self.ledger.as_ref(), prepared, which).await?;
            let guarded::Guarded { pid, line, fate, stdin, stdout, stderr } = guarded;
            return Ok(launched(request, memory, stdout, stdin, |hub, logs| {
                Life::guarded(pid, line, fate, stderr, hub, logs)
            }));
        }
        let (process, pipes) = spawn::spawn(prepared).await?;
        let entry = self.ledger.as_ref().map(|ledger| {
            let entry = ledger.enter(&mark, &request.spec.name, request.incarnation, None, None);
            if let Some(named) = i32::try_from(process.pid).ok().and_then(ledger::Named::of) {
                entry.started(named);
            }
            entry
        });
        Ok(launched(request, memory, pipes.stdout, pipes.stdin, |hub, logs| {
            Life::begin(process, pipes.stderr, hub, logs, entry)
        }))
    }
}

/// Opens the conversation over these pipes, and the life of the child behind them.
fn launched(
    request: &LaunchRequest,
    memory: EraMemory,
    stdout: impl AsyncRead + AsFd + Unpin + Send + 'static,
    stdin: impl AsyncWrite + AsFd + Unpin + Send + 'static,
    life: impl FnOnce(Arc<Hub>, Arc<crate::LogRing>) -> Arc<Life>,
) -> Launched {
    let (hub, wire) = wire::open_watching(
        Widening::new(stdout),
        Widening::new(stdin),
        |stdin| rustix::io::ioctl_fionread(stdin).is_ok_and(|bytes| bytes > 0),
        Arc::clone(&request.logs),
        request.client.clone(),
    );
    let life = life(Arc::clone(&hub), Arc::clone(&request.logs));
    let exited = Arc::clone(&life);
    let exit = Box::pin(async move { exited.exited().await });
    let handshake = Handshake::new(request, &hub, wire, memory, Some(exit));
    Launched { endpoint: Arc::new(ChildEndpoint::new(life, hub)), handshake: Box::pin(handshake.run()) }
}

#[async_trait]
impl Adapter for Stdio {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn launch(&self, request: LaunchRequest) -> Result<Launched, LaunchError> {
        let TransportSpec::Stdio(spec) = &request.spec.transport else {
            return Err(LaunchError::NoAdapter {
                kind: request.spec.transport.kind().to_owned(),
                known: vec![Self::KIND.to_owned()],
            });
        };
        let (stdio, name, incarnation) = (spec.clone(), request.spec.name.clone(), request.incarnation);
        let mark = mark::unique();
        let marked = mark.clone();
        let guarded = cfg!(target_os = "linux") && self.warden.is_some();
        // Looking a program up reads the disk, which may hang: not on a thread that others need.
        let preparing =
            tokio::task::spawn_blocking(move || prepare::prepare(&stdio, &name, incarnation, &marked, guarded));
        let prepared = match preparing.await {
            Ok(prepared) => prepared?,
            Err(error) => {
                let source = Arc::new(std::io::Error::other(error));
                return Err(LaunchError::Spawn { program: spec.command.clone(), source });
            }
        };
        self.start(prepared, mark, &request).await
    }

    async fn run(&self, request: RunRequest) -> Result<ExitStatus, LaunchError> {
        self.run_once(request).await
    }
}
