//! All services and their dependency graph.

mod command;
mod depend;
mod entry;
mod external;
mod input;
#[cfg(feature = "planted-faults")]
mod peek;
mod register;
mod reload;
mod reload_input;
mod settle;
mod sleep;
mod status;
mod takeover;
mod timers;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use mcpstore_graph::{DepGraph, NodeId};
use mcpstore_types::Timestamp;

use entry::Entry;
pub use input::{Effect, Input, Rejection, Reply, ServiceDef, Target};
#[cfg(feature = "planted-faults")]
pub use peek::Pending;
pub use reload_input::{ChangedDef, Outcome, Reconfigure};
use timers::Timers;

/// What holds for the whole fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetConfig {
    /// How many services may be between spawn and ready at one time; at least 1, default 8.
    pub max_parallel_starts: usize,
    /// How long a dependency may be lost before services bound to it are stopped; default 5 s.
    pub dep_grace: Duration,
    /// How long a stop of all services may take before what is left is killed; default 30 s.
    pub stop_all_timeout: Duration,
    /// The run's one random number; every jitter is a hash of it. Default 0.
    pub seed: u64,
    /// Faults planted by the tests of the tests.
    #[cfg(feature = "planted-faults")]
    pub faults: Faults,
}

/// Faults that can be planted, so that the tests can prove that they would be caught.
#[cfg(feature = "planted-faults")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Dependencies are not evaluated again at the moment of the spawn.
    pub no_second_look: bool,
    /// A stop is not held for the service's dependents.
    pub no_stop_hold: bool,
    /// A service stays desired = up while its stop is held.
    pub held_stays_up: bool,
    /// What was there during an earlier wait counts for this one.
    pub old_waits_count: bool,
}

impl Default for FleetConfig {
    fn default() -> Self {
        Self {
            max_parallel_starts: 8,
            dep_grace: Duration::from_secs(5),
            stop_all_timeout: Duration::from_secs(30),
            seed: 0,
            #[cfg(feature = "planted-faults")]
            faults: Faults::default(),
        }
    }
}

/// All services, their graph, and what is under way between them.
///
/// Deterministic: [`Fleet::apply`] with the same inputs at the same times gives the same effects. The cost of an input
/// grows with the neighbours of the services that it changes, not with the size of the fleet.
#[derive(Clone, Debug)]
pub struct Fleet {
    config: FleetConfig,
    graph: DepGraph,
    /// By node of the graph.
    entries: Vec<Entry>,
    timers: Timers,
    /// Services whose dependencies are met and that wait for a start slot: longest waiting first, then by start order.
    ready: BTreeSet<(Timestamp, u32, NodeId)>,
    /// Services to look at again, each once ([`Entry::dirty`]).
    dirty: VecDeque<NodeId>,
    /// Start slots in use.
    starting: usize,
    /// Something was removed and waits to be forgotten.
    purge: bool,
    /// Reports of other lives, passed over.
    stale_reports: u64,
}

/// One call of [`Fleet::apply`]: its time and where its effects go.
struct Turn<'a> {
    now: Timestamp,
    effects: &'a mut Vec<Effect>,
}

impl Fleet {
    /// A fleet without services.
    #[must_use]
    pub fn new(config: FleetConfig) -> Self {
        Self {
            config,
            graph: DepGraph::default(),
            entries: Vec::new(),
            timers: Timers::default(),
            ready: BTreeSet::new(),
            dirty: VecDeque::new(),
            starting: 0,
            purge: false,
            stale_reports: 0,
        }
    }

    /// Takes one input at `now` and appends what is to be done and shown, in order, to `effects`.
    ///
    /// After it, ask [`Fleet::next_deadline`] when to come back with [`Input::Tick`].
    ///
    /// # Errors
    /// [`Rejection`] when the input as a whole cannot be taken; then nothing has changed. What one service of several
    /// refused stands in [`Reply::refused`].
    pub fn apply(&mut self, now: Timestamp, input: Input, effects: &mut Vec<Effect>) -> Result<Reply, Rejection> {
        let mut turn = Turn { now, effects };
        let reply = match input {
            Input::Register(defs) => self.register(&mut turn, defs)?,
            Input::Start(target) => self.start(&mut turn, &target)?,
            Input::Wake(name) => self.wake(&mut turn, &name)?,
            Input::Stop { target, force } => self.stop(&mut turn, &target, force)?,
            Input::Restart { target, force } => self.restart(&mut turn, &target, force)?,
            Input::Remove(target) => self.remove(&mut turn, &target)?,
            Input::StopRemove { target, force } => self.stop_remove(&mut turn, &target, force)?,
            Input::ResetFailed(target) => self.reset_failed(&mut turn, &target)?,
            Input::Reconfigure(change) => self.reconfigure(&mut turn, change)?,
            Input::Report { service, incarnation, report } => self.report(&mut turn, &service, incarnation, report)?,
            Input::ConditionsMet { service, wait } => self.conditions_met(&service, wait),
            Input::Tick => self.tick(&mut turn),
        };
        self.settle(&mut turn);
        self.forget_removed();
        Ok(reply)
    }

    /// When the fleet wants [`Input::Tick`]; `None`: time alone changes nothing. May lie in the past: then tick at once.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.first()
    }

    /// The dependency graph of the services as they are registered now.
    #[must_use]
    pub fn graph(&self) -> &DepGraph {
        &self.graph
    }

    /// The run's one random number.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.config.seed
    }

    /// Reports of other lives that were passed over, since the start.
    #[must_use]
    pub fn stale_reports(&self) -> u64 {
        self.stale_reports
    }

    fn entry(&self, id: NodeId) -> &Entry {
        &self.entries[id.index()]
    }

    fn entry_mut(&mut self, id: NodeId) -> &mut Entry {
        &mut self.entries[id.index()]
    }
}
