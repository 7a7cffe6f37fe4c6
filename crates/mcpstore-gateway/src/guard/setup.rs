//! How a gateway is guarded: what may be set while it runs.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use super::audit::{Audit, AuditOptions};
use crate::Gateway;

/// Why nothing is noted.
#[derive(Debug, thiserror::Error)]
#[error("the audit log is not written: {what}")]
pub struct AuditFault {
    /// What is wrong, with its causes.
    what: String,
}

/// How the audit log of a gateway fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditStats {
    /// Requests that are in the log since the start.
    pub written_total: u64,
    /// Requests that are not, since the start: too many at once, or the disk failed.
    pub lost_total: u64,
    /// Why nothing can be written now.
    pub fault: Option<String>,
    /// What was found wrong with the log when it was opened.
    pub found: Option<String>,
}

impl Gateway {
    /// From now on clients with the same credentials may together ask so often in a minute, and a sixth of that at once (at
    /// least 10); `None`, the default: as often as they like. Who asks too often hears when to try again.
    pub fn limit_rate(&self, per_minute: Option<NonZeroU32>) {
        self.inner.guard.set_rate(per_minute);
    }

    /// From now on what clients do is noted in this folder, which must exist: `audit.jsonl`, and older files beside it, at
    /// most 8 of 16 MiB. `None`, the default: nowhere. Nothing waits for the log: what it cannot take is counted.
    ///
    /// # Errors
    /// [`AuditFault`]: another process writes the log, others can read it, or the system does not let us. Nothing is noted
    /// then.
    ///
    /// # Cancel safety
    /// Dropped half-way, what was noted before still is.
    pub async fn keep_audit(&self, folder: Option<&Path>) -> Result<(), AuditFault> {
        // One that is written already is not opened twice: its file is locked.
        self.inner.guard.set_audit(None);
        let Some(folder) = folder.map(Path::to_path_buf) else { return Ok(()) };
        let opened = tokio::task::spawn_blocking(move || Audit::open(&folder, AuditOptions::default())).await;
        let fault = |what| AuditFault { what };
        let audit = opened.map_err(|error| fault(error.to_string()))?.map_err(|error| fault(super::chain(&error)))?;
        self.inner.guard.set_audit(Some(Arc::new(audit)));
        Ok(())
    }

    /// How the audit log fares; `None`: there is none.
    #[must_use]
    pub fn audit_stats(&self) -> Option<AuditStats> {
        let health = self.inner.guard.audit()?.health();
        let super::audit::AuditHealth { written_total, lost_total, fault, found } = health;
        Some(AuditStats { written_total, lost_total, fault, found })
    }
}
