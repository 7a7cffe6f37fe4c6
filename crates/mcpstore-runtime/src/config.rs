//! How a supervisor is set up.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use mcpstore_core::FleetConfig;
use mcpstore_transport::{AdapterSet, Outside, ProcUsage, UsageSource};
use mcpstore_types::Clock;

use crate::client_sides::ClientSides;
use crate::known::ListStore;

/// How a supervisor is set up.
#[derive(Clone)]
pub struct SupervisorConfig {
    /// Start slots, grace, the stop-all deadline, and the seed of every jitter.
    pub fleet: FleetConfig,
    /// What launches servers. Default: every built-in adapter.
    pub adapters: AdapterSet,
    /// What tells the time; default [`crate::TokioClock`], made when the supervisor starts.
    pub clock: Option<Arc<dyn Clock>>,
    /// Who answers probes and conditions that pass no session (a port, an address, a file, a command); default the machine
    /// and its network, with commands run by the adapter of kind `stdio`.
    pub outside: Option<Arc<dyn Outside>>,
    /// What we are towards the servers; default a client that can do nothing for them.
    pub client_sides: Option<Arc<dyn ClientSides>>,
    /// Where what services offer is kept while the manager does not run; default nowhere. With it, a start of all has those
    /// lazy services started once of which nothing is known.
    pub lists: Option<Arc<dyn ListStore>>,
    /// Who measures what processes use; default [`ProcUsage`].
    pub usage: Arc<dyn UsageSource>,
    /// How often it is measured while any service runs; default 10 s.
    pub usage_interval: Duration,
    /// Notices kept for late subscribers; default 10,000.
    pub event_history: usize,
}

impl Default for SupervisorConfig {
    fn default() -> Self {
        Self {
            fleet: FleetConfig { seed: random_seed(), ..FleetConfig::default() },
            adapters: AdapterSet::builtin(),
            clock: None,
            outside: None,
            client_sides: None,
            lists: None,
            usage: Arc::new(ProcUsage),
            usage_interval: Duration::from_secs(10),
            event_history: 10_000,
        }
    }
}

impl std::fmt::Debug for SupervisorConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SupervisorConfig")
            .field("fleet", &self.fleet)
            .field("adapters", &self.adapters)
            .field("event_history", &self.event_history)
            .finish_non_exhaustive()
    }
}

/// The run's one random number: std seeds its hashers from the system.
fn random_seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}
