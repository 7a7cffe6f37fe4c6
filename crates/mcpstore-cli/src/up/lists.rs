//! What services offer, kept in the state folder while the manager does not run.

use std::path::PathBuf;

use mcpstore::files::{read_lists, write_lists};
use mcpstore::runtime::{ListStore, MAX_KEPT_LISTS};
use mcpstore::types::ServiceName;

/// The lists in a state folder. Without them services are asked: nothing fails because of them.
pub(super) struct KeptLists {
    pub(super) state_dir: PathBuf,
}

impl ListStore for KeptLists {
    fn read(&self, service: &ServiceName) -> Option<Vec<u8>> {
        let most = u64::try_from(MAX_KEPT_LISTS).unwrap_or(u64::MAX);
        read_lists(&self.state_dir, service, most).unwrap_or_else(|error| {
            tracing::warn!(%service, %error, "its kept lists are not read");
            None
        })
    }

    fn write(&self, service: &ServiceName, bytes: &[u8]) {
        if let Err(error) = write_lists(&self.state_dir, service, bytes) {
            tracing::warn!(%service, %error, "its lists cannot be kept");
        }
    }
}
