//! Which era a server spoke when it was asked last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use mcpstore_types::Era;

/// Servers remembered; beyond that all are forgotten, and asked again.
const MAX_SERVERS: usize = 4096;

/// The eras of the servers an adapter has met, in memory: one for each adapter. Shared by its clones.
#[derive(Clone, Debug, Default)]
pub struct EraCache(Arc<Mutex<BTreeMap<String, Era>>>);

impl EraCache {
    /// What is known of the server of this key: what makes it the same server as before (its address, for example).
    #[must_use]
    pub fn of(&self, key: impl Into<String>) -> EraMemory {
        EraMemory { cache: self.clone(), key: key.into() }
    }
}

/// What is known of one server: a handshake asks it first, and keeps there what it learned.
#[derive(Debug)]
pub struct EraMemory {
    cache: EraCache,
    key: String,
}

impl EraMemory {
    pub(crate) fn recall(&self) -> Option<Era> {
        self.with(|known| known.get(&self.key).copied())
    }

    pub(crate) fn keep(&self, era: Era) {
        self.with(|known| {
            if known.len() >= MAX_SERVERS {
                known.clear();
            }
            known.insert(self.key.clone(), era);
        });
    }

    pub(crate) fn forget(&self) {
        self.with(|known| known.remove(&self.key));
    }

    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<String, Era>) -> T) -> T {
        look(&mut self.cache.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
