//! The scripted adapter, and the record of what happened to its services.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use mcpstore_transport::{Adapter, LaunchError, LaunchRequest, Launched, LogStream};
use mcpstore_types::{ExitStatus, Incarnation, ServiceName};
use tokio::time::Instant;

use super::life::{self, Running};
use super::script::{Life, pause};

/// An adapter whose services do what their scripts say. A service without a script works well.
///
/// Cheap to clone; clones share everything. All its time is tokio's, so paused time works.
#[derive(Clone)]
pub struct ScriptedAdapter {
    kind: &'static str,
    world: Arc<World>,
}

/// Something that happened to a scripted service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, counted from the adapter's making.
    pub at: Duration,
    /// To which service.
    pub service: ServiceName,
    /// In which life.
    pub incarnation: Incarnation,
    /// What.
    pub what: Happened,
}

/// What happened to a scripted service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happened {
    /// It was launched, or failed to launch.
    Launched {
        /// It came to be.
        ok: bool,
    },
    /// Its handshake ended well.
    Initialised,
    /// It was asked for its tools.
    Listed,
    /// It was asked whether it lives: `ping` or `server/discover`.
    Pinged,
    /// A tool of it was called.
    Called,
    /// Its input was closed.
    InputClosed,
    /// It was asked to end.
    Terminated,
    /// It was killed.
    Killed,
    /// Its main process ended.
    Exited(ExitStatus),
    /// Its group is empty.
    GroupEmpty,
}

pub(super) struct World {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The lives still to come, per service; the last one repeats.
    scripts: BTreeMap<ServiceName, Vec<Life>>,
    /// The latest life of each service.
    running: BTreeMap<ServiceName, Arc<Running>>,
    records: Vec<Record>,
    alive: BTreeMap<ServiceName, usize>,
    most_alive: usize,
}

impl ScriptedAdapter {
    /// An adapter for this kind of transport (`stdio` serves ordinary specs). Make it inside the runtime whose time counts.
    #[must_use]
    pub fn new(kind: &'static str) -> Self {
        let world = World { start: Instant::now(), state: Mutex::default() };
        Self { kind, world: Arc::new(world) }
    }

    /// Writes the script of a service: its lives, one per launch; the last one repeats.
    pub fn script(&self, service: &ServiceName, lives: impl IntoIterator<Item = Life>) {
        let mut lives: Vec<_> = lives.into_iter().collect();
        lives.reverse();
        self.world.state().scripts.insert(service.clone(), lives);
    }

    /// Ends the present life of a service now, as a crash does; false when it has none.
    pub fn crash(&self, service: &ServiceName, status: ExitStatus) -> bool {
        let running = self.world.state().running.get(service).cloned();
        running.is_some_and(|running| running.crash(status))
    }

    /// Makes the present life of a service say that its tools changed.
    pub fn tools_changed(&self, service: &ServiceName) {
        if let Some(running) = self.world.state().running.get(service) {
            running.tools_changed();
        }
    }

    /// Everything that happened so far, in order.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.world.state().records.clone()
    }

    /// The services that have a life whose group is not empty.
    #[must_use]
    pub fn alive(&self) -> Vec<ServiceName> {
        let state = self.world.state();
        state.alive.iter().filter(|(_, lives)| **lives > 0).map(|(name, _)| name.clone()).collect()
    }

    /// The most lives any one service had at once: more than 1 is a fault.
    #[must_use]
    pub fn most_alive_at_once(&self) -> usize {
        self.world.state().most_alive
    }
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn record(&self, service: &ServiceName, incarnation: Incarnation, what: Happened) {
        let record = Record { at: self.start.elapsed(), service: service.clone(), incarnation, what };
        let mut state = self.state();
        match what {
            Happened::Launched { ok: true } => {
                let lives = state.alive.entry(service.clone()).or_default();
                *lives += 1;
                state.most_alive = (*lives).max(state.most_alive);
            }
            Happened::GroupEmpty => {
                let lives = state.alive.entry(service.clone()).or_default();
                *lives = lives.saturating_sub(1);
            }
            _ => {}
        }
        state.records.push(record);
    }
}

impl fmt::Debug for ScriptedAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedAdapter").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[async_trait]
impl Adapter for ScriptedAdapter {
    fn kind(&self) -> &'static str {
        self.kind
    }

    async fn launch(&self, request: LaunchRequest) -> Result<Launched, LaunchError> {
        let service = request.spec.name.clone();
        let life = {
            let mut state = self.world.state();
            match state.scripts.get_mut(&service) {
                Some(lives) if lives.len() > 1 => lives.pop().unwrap_or_default(),
                Some(lives) => lives.last().cloned().unwrap_or_default(),
                None => Life::default(),
            }
        };
        pause(life.spawn).await;
        if let Some(error) = life.spawn_error {
            self.world.record(&service, request.incarnation, Happened::Launched { ok: false });
            return Err(error);
        }
        self.world.record(&service, request.incarnation, Happened::Launched { ok: true });
        for line in &life.stderr {
            request.logs.push(LogStream::Stderr, line);
        }
        let running = Running::new(life, service.clone(), request.incarnation, Arc::clone(&self.world));
        self.world.state().running.insert(service, Arc::clone(&running));
        Ok(life::launched(running, request.spec.policy.timeouts.handshake))
    }
}
