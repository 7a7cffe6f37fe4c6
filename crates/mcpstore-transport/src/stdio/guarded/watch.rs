//! The manager's side of a warden: its reports, its orders, and what to do when it was killed.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mcpstore_types::ExitStatus;
use mcpstore_warden::cgroup::Leaf;
use mcpstore_warden::{End, Order, Report};
use rustix::net::{SendFlags, send};
use rustix::process::{Signal, pidfd_send_signal};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::registry::Registered;
use super::sweep::Quarry;
use crate::stdio::ledger::Entry;

/// The first pause between two sweeps; it doubles.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long the server of a killed warden may take to end before the others are looked for.
const EXIT_FIRST: Duration = Duration::from_millis(50);
/// How often it is looked at meanwhile.
const EXIT_POLL: Duration = Duration::from_millis(1);

/// The line to a warden. While it is open the server's tree may live; the task that watches the warden holds it.
#[derive(Debug)]
pub(crate) struct Line {
    stream: UnixStream,
    /// The warden, to wake it when somebody stopped it.
    warden: Option<OwnedFd>,
    /// A kill was ordered: it goes on until nothing is left, and need not be said twice.
    killed: AtomicBool,
}

impl Line {
    pub(super) fn new(stream: UnixStream, warden: Option<OwnedFd>) -> Arc<Self> {
        Arc::new(Self { stream, warden, killed: AtomicBool::new(false) })
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Tells the warden to do something. Never waits.
    pub(crate) fn order(&self, order: Order) {
        if self.killed.load(Ordering::Relaxed) {
            return;
        }
        // A buffer full of orders that nobody takes needs no more of them, and a warden that is gone needs none.
        let _ = send(&self.stream, &[order.encode()], SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
        if order == Order::Kill {
            self.killed.store(true, Ordering::Relaxed);
            if let Some(warden) = &self.warden {
                let _ = pidfd_send_signal(warden, Signal::CONT);
            }
        }
    }

    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What becomes of a server.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    exit: watch::Sender<Option<ExitStatus>>,
    empty: CancellationToken,
}

impl Fate {
    /// Resolves when the main process has ended.
    pub(crate) async fn exited(&self) -> ExitStatus {
        let mut exit = self.exit.subscribe();
        // The sender is in `self`, so the only way on is a status.
        exit.wait_for(Option::is_some).await.ok().and_then(|status| *status).unwrap_or(ExitStatus::Unknown)
    }

    /// Resolves when nothing of the tree is left.
    pub(crate) async fn emptied(&self) {
        self.empty.cancelled().await;
    }

    /// Notes the exit; the first word counts.
    fn exit(&self, status: ExitStatus) {
        self.exit.send_if_modified(|exit| {
            let first = exit.is_none();
            if first {
                *exit = Some(status);
            }
            first
        });
    }
}

/// A cgroup that goes with its life, however that ends. The warden has removed it, as a rule.
pub(super) struct Removed(pub(super) Leaf);

impl Drop for Removed {
    fn drop(&mut self) {
        self.0.remove();
    }
}

/// The one who listens to a warden.
pub(super) struct Watch {
    line: Arc<Line>,
    child: Child,
    /// Out of the registry when the warden was waited for, and not before.
    registered: Option<Registered>,
    fate: Arc<Fate>,
    mark: String,
    leaf: Option<Removed>,
    owns_children: bool,
    /// The server's main process and its start.
    pub(super) server: Option<(i32, u64)>,
    /// What came of a report that is not whole.
    partial: [u8; Report::BYTES],
    filled: usize,
}

impl Watch {
    pub(super) fn new(
        line: Arc<Line>,
        child: Child,
        registered: Registered,
        mark: String,
        leaf: Option<Removed>,
        owns_children: bool,
    ) -> Self {
        Self {
            line,
            child,
            registered: Some(registered),
            fate: Arc::default(),
            mark,
            leaf,
            owns_children,
            server: None,
            partial: [0; Report::BYTES],
            filled: 0,
        }
    }

    pub(super) fn line(&self) -> &Arc<Line> {
        &self.line
    }

    pub(super) fn fate(&self) -> &Arc<Fate> {
        &self.fate
    }

    /// The life's cgroup.
    pub(super) fn leaf(&self) -> Option<&Leaf> {
        self.leaf.as_ref().map(|leaf| &leaf.0)
    }

    /// The warden's process id, while it was not waited for.
    pub(super) fn pid(&self) -> Option<i32> {
        self.child.id().and_then(|pid| i32::try_from(pid).ok())
    }

    /// The next report; nothing when the warden is gone. Cancel-safe: what was read is kept.
    pub(super) async fn report(&mut self) -> io::Result<Option<Report>> {
        while self.filled < Report::BYTES {
            self.line.stream.readable().await?;
            match self.line.stream.try_read(&mut self.partial[self.filled..]) {
                Ok(0) => return Ok(None),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // What a warden had not read when it was killed resets the line: it is gone.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        self.filled = 0;
        let report = Report::decode(self.partial);
        report.map(Some).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it said something unknown"))
    }

    /// Listens until the warden is gone; then, unless it left nothing, does its work.
    pub(super) async fn end(mut self, entry: Option<&Entry>) {
        let mut empty = false;
        loop {
            match self.report().await {
                Ok(Some(Report::Exited(end))) => self.fate.exit(status(end)),
                Ok(Some(Report::Empty)) => empty = true,
                // An answer that nobody waits for any more.
                Ok(Some(Report::Started { pid, start })) => {
                    self.server = i32::try_from(pid).ok().map(|pid| (pid, start));
                }
                Ok(Some(Report::Failed { .. })) => empty = true,
                Ok(Some(Report::Ready)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        self.reap().await;
        if !empty {
            self.sweep().await;
        }
        self.over(entry);
    }

    /// Waits for a warden that started nothing.
    pub(super) async fn failed(mut self, entry: Option<&Entry>) {
        let _ = self.child.start_kill();
        self.reap().await;
        self.over(entry);
    }

    /// Waits for the warden itself, which has closed its line: it has ended, or ends.
    async fn reap(&mut self) {
        // Fails when it was waited for already.
        let _ = self.child.wait().await;
        self.registered = None;
    }

    /// Ends what a killed warden left, and waits until it is gone.
    async fn sweep(&self) {
        let mut quarry = Quarry::new(&self.mark, self.server, self.owns_children, self.leaf().cloned());
        quarry.kill_cgroup();
        // The kernel has killed the server already: whoever waits for its exit need not wait for all the rest.
        let deadline = Instant::now() + EXIT_FIRST;
        while !quarry.server_is_over() && Instant::now() < deadline {
            tokio::time::sleep(EXIT_POLL).await;
        }
        if quarry.server_is_over() {
            self.fate.exit(quarry.status());
        }
        let mut pause = PAUSE_MIN;
        loop {
            let swept = tokio::task::spawn_blocking(move || {
                let left = quarry.sweep();
                (quarry, left)
            });
            let Ok((back, left)) = swept.await else { return };
            quarry = back;
            if quarry.server_is_over() {
                self.fate.exit(quarry.status());
            }
            if !left {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn over(&mut self, entry: Option<&Entry>) {
        // Whoever hears of the end finds the cgroup gone.
        self.leaf = None;
        self.fate.exit(ExitStatus::Unknown);
        if let Some(entry) = entry {
            entry.over();
        }
        self.fate.empty.cancel();
    }
}

fn status(end: End) -> ExitStatus {
    match end {
        End::Code(code) => ExitStatus::Code(code),
        End::Signal(signal) => ExitStatus::Signal(signal),
    }
}
