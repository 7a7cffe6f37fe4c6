//! The life of a child: its exit, what is left of it until nothing is, its stderr.
//!
//! Behind a warden both are what the warden reports. Without one the exit is known by our own wait, and its group is looked at.

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::sync::Weak;
use std::time::Duration;

use async_trait::async_trait;
use mcpstore_types::ExitStatus;
#[cfg(target_os = "linux")]
use mcpstore_warden::Order;
use rustix::process::Signal;
use tokio::io::AsyncRead;
use tokio::process::ChildStderr;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::group::Group;
#[cfg(target_os = "linux")]
use super::guarded::{Fate, Line};
use super::ledger::Entry;
use super::spawn::Process;
use super::stderr;
use crate::wire::Hub;
use crate::{Endpoint, LogRing};

/// How long the exit is held back for the rest of stderr, which is there in no time if nobody else holds it.
const LAST_WORDS: Duration = Duration::from_millis(10);
/// The shortest pause between two looks at the group; they grow with the time that was waited already.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// The longest pause between two looks at the group.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// A pause is this part of the time since the exit or the last signal, so that an end is seen soon after it came.
const PAUSE_PART: u32 = 16;
/// Every so many looks, dead members that nobody waits for are told apart.
const CLOSER_LOOK: u32 = 8;
/// So many closer looks in a row must agree.
const AGREEING: u32 = 2;
/// How long a group is watched whose endpoint is gone, after which it is left to itself.
const ABANDONED: Duration = Duration::from_secs(10);
/// How long the rest of stderr is read when the group is gone.
const STDERR_REST: Duration = Duration::from_millis(50);

/// By what a child and what it started are reached.
enum Reach {
    Group(Arc<Group>),
    /// Weak: a warden ends its tree when its line closes, and an endpoint that somebody forgot must not keep that from it.
    #[cfg(target_os = "linux")]
    Warden(Weak<Line>),
}

/// What is asked of a child and what it started.
#[derive(Clone, Copy)]
enum Ask {
    Terminate,
    Kill,
}

/// What the tasks around a child and its endpoint share.
pub(super) struct Life {
    pid: u32,
    reach: Reach,
    exit: watch::Sender<Option<ExitStatus>>,
    stderr_read: CancellationToken,
    /// Nothing is left.
    empty: CancellationToken,
    /// Nobody holds the endpoint any more.
    abandoned: CancellationToken,
    /// The group, if that is what is watched, was signalled, and is worth a look.
    signalled: Notify,
}

impl Life {
    fn new(pid: u32, reach: Reach) -> Arc<Self> {
        Arc::new(Self {
            pid,
            reach,
            exit: watch::Sender::new(None),
            stderr_read: CancellationToken::new(),
            empty: CancellationToken::new(),
            abandoned: CancellationToken::new(),
            signalled: Notify::new(),
        })
    }

    /// Starts the tasks that watch a child of ours. They end when its group is empty.
    pub(super) fn begin(
        mut process: Process,
        stderr: ChildStderr,
        hub: Arc<Hub>,
        logs: Arc<LogRing>,
        entry: Option<Entry>,
    ) -> Arc<Self> {
        let group = Arc::clone(&process.group);
        let life = Self::new(process.pid, Reach::Group(Arc::clone(&group)));
        let watched = Arc::clone(&life);
        tokio::spawn(async move {
            let status = process.wait().await.map_or(ExitStatus::Unknown, |status| {
                let signal = status.signal().map(ExitStatus::Signal);
                status.code().map(ExitStatus::Code).or(signal).unwrap_or(ExitStatus::Unknown)
            });
            watched.ended(status, &hub).await;
            watched.outlast(&group).await;
            if let Some(entry) = entry {
                entry.over();
            }
            watched.empty.cancel();
        });
        tokio::spawn(Arc::clone(&life).read_stderr(stderr, logs));
        life
    }

    /// Starts the tasks that pass on what a warden reports. They end when nothing of its tree is left.
    #[cfg(target_os = "linux")]
    pub(super) fn guarded(
        pid: u32,
        line: Weak<Line>,
        fate: Arc<Fate>,
        stderr: impl AsyncRead + Unpin + Send + 'static,
        hub: Arc<Hub>,
        logs: Arc<LogRing>,
    ) -> Arc<Self> {
        let life = Self::new(pid, Reach::Warden(line));
        let watched = Arc::clone(&life);
        tokio::spawn(async move {
            watched.ended(fate.exited().await, &hub).await;
            fate.emptied().await;
            watched.empty.cancel();
        });
        tokio::spawn(Arc::clone(&life).read_stderr(stderr, logs));
        life
    }

    /// Publishes the exit.
    async fn ended(&self, status: ExitStatus, hub: &Hub) {
        // The session first: who hears of the exit finds it closing.
        hub.doom();
        // Who hears of the exit wants the last words too. A grandchild may hold stderr open: then they come late.
        let _ = tokio::time::timeout(LAST_WORDS, self.stderr_read.cancelled()).await;
        self.exit.send_replace(Some(status));
    }

    /// Waits until the group is empty, or nobody cares any more.
    async fn outlast(&self, group: &Group) {
        let mut since = Instant::now();
        let mut abandoned_at = None;
        let mut agreeing = 0;
        for look in 1_u32.. {
            if group.is_over() {
                return;
            }
            if agreeing > 0 || look.is_multiple_of(CLOSER_LOOK) {
                agreeing = if group.only_zombies().await { agreeing + 1 } else { 0 };
                if agreeing == AGREEING {
                    return group.let_go();
                }
            }
            if self.abandoned.is_cancelled() && abandoned_at.get_or_insert_with(Instant::now).elapsed() > ABANDONED {
                return;
            }
            tokio::select! {
                () = sleep((since.elapsed() / PAUSE_PART).clamp(PAUSE_MIN, PAUSE_MAX)) => {}
                () = self.signalled.notified() => since = Instant::now(),
            }
        }
    }

    /// Asks it of everybody that can be reached.
    fn ask(&self, ask: Ask) {
        match &self.reach {
            Reach::Group(group) => {
                match ask {
                    Ask::Terminate => {
                        group.signal(Signal::TERM);
                        // A stopped process does not see the signal before it goes on.
                        group.signal(Signal::CONT);
                    }
                    Ask::Kill => group.signal(Signal::KILL),
                }
                // It is worth a look more often for a while.
                self.signalled.notify_one();
            }
            #[cfg(target_os = "linux")]
            Reach::Warden(line) => {
                if let Some(line) = line.upgrade() {
                    line.order(match ask {
                        Ask::Terminate => Order::Terminate,
                        Ask::Kill => Order::Kill,
                    });
                }
            }
        }
    }

    async fn read_stderr(self: Arc<Self>, stream: impl AsyncRead + Unpin, logs: Arc<LogRing>) {
        let gone = async {
            // A process that left the group can hold the stream for ever; what it has to say is not ours.
            self.empty.cancelled().await;
            sleep(STDERR_REST).await;
        };
        tokio::select! {
            () = stderr::read(stream, &logs) => {}
            () = gone => {}
        }
        self.stderr_read.cancel();
    }

    /// Resolves when the child has ended.
    pub(super) async fn exited(&self) -> ExitStatus {
        let mut exit = self.exit.subscribe();
        // The sender is in `self`, so the only way on is a status.
        exit.wait_for(Option::is_some).await.ok().and_then(|status| *status).unwrap_or(ExitStatus::Unknown)
    }
}

/// The endpoint of a child. Dropped, it kills what is left of it.
pub(super) struct ChildEndpoint {
    life: Arc<Life>,
    hub: Arc<Hub>,
}

impl ChildEndpoint {
    pub(super) fn new(life: Arc<Life>, hub: Arc<Hub>) -> Self {
        Self { life, hub }
    }
}

#[async_trait]
impl Endpoint for ChildEndpoint {
    fn pid(&self) -> Option<u32> {
        Some(self.life.pid)
    }

    async fn exited(&self) -> ExitStatus {
        self.life.exited().await
    }

    async fn group_empty(&self) {
        self.life.empty.cancelled().await;
    }

    fn close_input(&self) {
        self.hub.close_input();
    }

    fn terminate(&self) {
        self.life.ask(Ask::Terminate);
    }

    fn kill(&self) {
        self.life.ask(Ask::Kill);
    }
}

impl Drop for ChildEndpoint {
    fn drop(&mut self) {
        self.life.abandoned.cancel();
        self.life.ask(Ask::Kill);
        self.hub.close();
    }
}
