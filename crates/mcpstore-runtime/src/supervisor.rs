//! The handle: every verb there is.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use mcpstore_core::{Fleet, Input, Reply, Target};
use mcpstore_monitor::{CallStats, ServiceMetrics};
use mcpstore_transport::{Stdio, Surroundings};
use mcpstore_types::{Notice, ServiceName, ServiceSpec, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;

use crate::clock::TokioClock;
use crate::config::SupervisorConfig;
use crate::error::CommandError;
use crate::events::{EventLog, EventStream, Events};
use crate::keeper::Keeper;
use crate::known::load;
use crate::msg::{Answer, INBOX, KnownOf, Msg};
use crate::owner::{Owner, Shared};
use crate::snapshot::{ServiceInfo, Snapshot};
use crate::trace::{CallTracer, Tracer};
use crate::usage::sample_for_ever;

/// A running supervisor. Cheap to clone; every clone speaks to the same one.
///
/// Commands return once they are *accepted*; what follows shows in [`Supervisor::snapshot`] and [`Supervisor::events`],
/// and [`Supervisor::wait`] waits for it. When the last handle is dropped, what still runs is killed: call
/// [`Supervisor::stop`] with [`Target::All`] first for a stop in good order.
#[derive(Clone)]
pub struct Supervisor {
    inbox: mpsc::Sender<Msg>,
    pub(crate) shared: Arc<Shared>,
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Supervisor").field("snapshot", &self.snapshot()).finish_non_exhaustive()
    }
}

impl Supervisor {
    /// Starts a supervisor without services, as a task of the current tokio runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn launch(config: SupervisorConfig) -> Self {
        let (inbox, mailbox) = mpsc::channel(INBOX);
        let (version, versions) = watch::channel(0);
        let log = EventLog::new(config.event_history);
        let adapters = config.adapters;
        let outside = config.outside.unwrap_or_else(|| Arc::new(Surroundings::new(adapters.get(Stdio::KIND).ok())));
        let shared = Arc::new(Shared {
            snapshot: ArcSwap::from_pointee(Snapshot::default()),
            version: versions,
            events: log.reader(),
            clock: config.clock.unwrap_or_else(|| Arc::new(TokioClock::new())),
            outside,
            wall_origin: SystemTime::now(),
            tracer: Tracer::default(),
            keeper: config.lists.map(|store| Arc::new(Keeper::new(store))),
        });
        tracing::info!(seed = config.fleet.seed, "supervisor starts");
        let fleet = Fleet::new(config.fleet);
        let mut owner = Owner::new(fleet, adapters, Arc::clone(&shared), version, log, inbox.downgrade());
        owner.sides = config.client_sides;
        if let Some(keeper) = &shared.keeper {
            tokio::spawn(Arc::clone(keeper).run(owner.over.child_token()));
        }
        tokio::spawn(owner.run(mailbox));
        tokio::spawn(sample_for_ever(Arc::clone(&shared), config.usage, config.usage_interval));
        Self { inbox, shared }
    }

    /// Registers services; all or none. They stay `not_started` until told otherwise.
    ///
    /// # Errors
    /// [`CommandError::Rejected`] when a name is taken, or the dependencies do not fit together (unknown names, cycles: all
    /// of them are told).
    ///
    /// # Cancel safety
    /// The command holds once it is sent, whether its answer is awaited or not. So with every command.
    pub async fn add(&self, specs: Vec<ServiceSpec>) -> Result<Reply, CommandError> {
        let known = self.known_of(&specs).await;
        self.ask(|answer| Msg::Register { specs, known, answer }).await
    }

    /// Starts the target and what it pulls in, each the moment its own dependencies are there.
    ///
    /// # Errors
    /// [`CommandError::Rejected`] for an unknown name or a conflict inside the target.
    pub async fn start(&self, target: Target) -> Result<Reply, CommandError> {
        self.command(Input::Start(target)).await
    }

    /// Stops the target and what cannot be without it, dependents first. `force` kills at once, in the same order.
    ///
    /// # Errors
    /// [`CommandError::Rejected`] for an unknown name.
    pub async fn stop(&self, target: Target, force: bool) -> Result<Reply, CommandError> {
        self.command(Input::Stop { target, force }).await
    }

    /// Restarts the target: dependents go down first and come up after it.
    ///
    /// # Errors
    /// [`CommandError::Rejected`] for an unknown name or a conflict inside the target.
    pub async fn restart(&self, target: Target, force: bool) -> Result<Reply, CommandError> {
        self.command(Input::Restart { target, force }).await
    }

    /// Removes a target of which nothing is active.
    ///
    /// # Errors
    /// [`CommandError::Rejected`] for an unknown name, or when others depend on it. A service that is active stands in
    /// [`Reply::refused`].
    pub async fn remove(&self, target: Target) -> Result<Reply, CommandError> {
        self.command(Input::Remove(target)).await
    }

    /// Stops the target, dependents first, and removes each once it is down.
    ///
    /// # Errors
    /// [`CommandError::Rejected`] for an unknown name, or when others depend on it.
    pub async fn stop_and_remove(&self, target: Target, force: bool) -> Result<Reply, CommandError> {
        self.command(Input::StopRemove { target, force }).await
    }

    /// Forgets the target's failures; one that gave up becomes `stopped`.
    ///
    /// # Errors
    /// [`CommandError::Rejected`] for an unknown name.
    pub async fn reset(&self, target: Target) -> Result<Reply, CommandError> {
        self.command(Input::ResetFailed(target)).await
    }

    /// Everything as of now, without waiting for anyone.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot.load_full()
    }

    /// One service as of now.
    #[must_use]
    pub fn info(&self, name: &str) -> Option<Arc<ServiceInfo>> {
        self.shared.snapshot.load().get(name).cloned()
    }

    /// The log of what happened.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.shared.events
    }

    /// What happens from now on.
    #[must_use]
    pub fn subscribe(&self) -> EventStream {
        self.shared.events.stream(self.shared.events.last_seq())
    }

    /// A receiver that changes with every new snapshot, and holds its version. Its sender goes with the supervisor.
    #[must_use]
    pub fn versions(&self) -> watch::Receiver<u64> {
        let mut versions = self.shared.version.clone();
        versions.mark_unchanged();
        versions
    }

    /// The measured health of one service over the last `over` (or all kept samples); `None`: no such service.
    #[must_use]
    pub fn metrics(&self, name: &str, over: Option<Duration>) -> Option<ServiceMetrics> {
        Some(self.info(name)?.monitor.metrics(self.now(), over))
    }

    /// What calls through this supervisor took; `None`: no such service.
    #[must_use]
    pub fn call_stats(&self, name: &str) -> Option<CallStats> {
        Some(self.info(name)?.monitor.call_stats())
    }

    /// The present moment on the supervisor's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// A moment of the supervisor's clock as wall-clock time, by the wall clock at its start.
    #[must_use]
    pub fn wall_time(&self, at: Timestamp) -> SystemTime {
        self.shared.wall_origin + at.since_start()
    }

    /// The wall-clock time of a notice.
    #[must_use]
    pub fn notice_time(&self, notice: &Notice) -> SystemTime {
        self.wall_time(notice.time)
    }

    /// The names of all services in the order in which they start; the reverse is the order in which they stop.
    #[must_use]
    pub fn start_order(&self) -> Arc<[ServiceName]> {
        Arc::clone(&self.shared.snapshot.load().start_order)
    }

    /// Has spans made of all calls from now on. Only the first one that is set counts.
    pub fn set_tracer(&self, tracer: Arc<dyn CallTracer>) {
        // A second one would cut traces in two.
        let _ = self.shared.tracer.set(tracer);
    }

    /// The circuit to a service opened or closed: readers are to see it.
    pub(crate) fn circuit_changed(&self, name: &ServiceName) {
        // With a full inbox it shows with the next thing that happens to the service.
        let _ = self.inbox.try_send(Msg::Touched(name.clone()));
    }

    /// What is kept of these services.
    pub(crate) async fn known_of(&self, specs: &[ServiceSpec]) -> KnownOf {
        let Some(keeper) = &self.shared.keeper else { return KnownOf::new() };
        let (store, specs) = (Arc::clone(keeper.store()), specs.to_vec());
        let loaded = spawn_blocking(move || load(store.as_ref(), &specs)).await;
        loaded.unwrap_or_else(|error| {
            tracing::warn!(%error, "kept lists could not be read");
            KnownOf::new()
        })
    }

    pub(crate) async fn command(&self, input: Input) -> Result<Reply, CommandError> {
        self.ask(|answer| Msg::Command { input, answer }).await
    }

    pub(crate) async fn ask(&self, msg: impl FnOnce(Answer) -> Msg) -> Result<Reply, CommandError> {
        let (answer, reply) = oneshot::channel();
        self.inbox.send(msg(answer)).await.map_err(|_| CommandError::ShutDown)?;
        Ok(reply.await.map_err(|_| CommandError::ShutDown)??)
    }
}
