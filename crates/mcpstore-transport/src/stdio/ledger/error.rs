//! Why a ledger could not be opened.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a ledger could not be opened. Completes "failed to open the ledger: …".
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another manager holds it.
    #[error("another manager{} keeps its state in {}", pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(), folder.display())]
    Held {
        /// The state folder.
        folder: PathBuf,
        /// The other manager, when it said so.
        pid: Option<u32>,
    },
    /// The folder or a file in it cannot be used.
    #[error("{} cannot be used", path.display())]
    Io {
        /// What could not be used.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
}

impl LedgerError {
    pub(super) fn io(path: impl Into<PathBuf>, error: io::Error) -> Self {
        Self::Io { path: path.into(), source: Arc::new(error) }
    }
}
