//! How a gateway is guarded: what may be set while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mcpstore_types::{ServiceName, ToolChanges};
use tokio::sync::watch;

use super::audit::{self, Audit, AuditOptions};
use crate::Gateway;

/// How long the end of a log waits for what was noted last to be on the disk.
const LAST_NOTES: Duration = Duration::from_secs(1);

/// What is wrong with an audit log.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct AuditFault {
    /// In words, with the causes.
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

/// An audit log that is as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditIsWhole {
    /// Lines of all its files.
    pub lines: u64,
    /// The hash of its last line, as 64 hexadecimal digits. Kept elsewhere, it shows later that nothing is missing at the end.
    pub last_hash: String,
}

/// Checks the audit log of a state folder: that each line is as it was written, and that none is missing before the last.
/// Blocks on the disk.
///
/// # Errors
/// [`AuditFault`]: the first line that is not what was written, or what the system says.
pub fn verify_audit(state_folder: &Path) -> Result<AuditIsWhole, AuditFault> {
    match audit::verify_all(state_folder) {
        Ok(audit::Verified { lines, last_hash }) => Ok(AuditIsWhole { lines, last_hash }),
        Err(error @ (audit::VerifyError::Broken { .. } | audit::VerifyError::Io { .. })) => {
            Err(AuditFault { what: super::chain(&error) })
        }
    }
}

/// The last lines of the audit log of a state folder that `wanted` takes, the oldest first: each is a JSON object. Blocks on
/// the disk.
///
/// # Errors
/// What the system says; that there is no log is no error.
pub fn read_audit(state_folder: &Path, most: usize, wanted: impl Fn(&str) -> bool) -> std::io::Result<Vec<String>> {
    audit::last(state_folder, most, wanted)
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
        if let Some(before) = self.inner.guard.set_audit(None) {
            // What does not get there in time is told when the log is opened again.
            let _ = tokio::task::spawn_blocking(move || before.flush(LAST_NOTES)).await;
        }
        let Some(folder) = folder.map(Path::to_path_buf) else { return Ok(()) };
        let opened = tokio::task::spawn_blocking(move || Audit::open(&folder, AuditOptions::default())).await;
        let fault = |what| AuditFault { what };
        let audit = opened.map_err(|error| fault(error.to_string()))?.map_err(|error| fault(super::chain(&error)))?;
        self.inner.guard.set_audit(Some(Arc::new(audit)));
        Ok(())
    }

    /// From now on tools that are not what they were become this, by what is pinned in this state folder; the default is
    /// [`ToolChanges::Off`]. To be there before the first list of tools, say it with
    /// [`Prepared::pinning`](crate::Prepared::pinning).
    pub fn set_tool_changes(&self, state_folder: &Path, changes: ToolChanges) {
        self.inner.guard.set_tool_changes(state_folder, changes);
        self.inner.renewed.notify_one();
    }

    /// Somebody approved changed tools in the state folder: they are looked at once more.
    pub fn look_at_approvals(&self) {
        self.inner.guard.round.fetch_add(1, Ordering::AcqRel);
        self.inner.renewed.notify_one();
    }

    /// The tools that wait for approval, by service, as the servers call them; and each time when these are others.
    #[must_use]
    pub fn waiting_tools(&self) -> watch::Receiver<BTreeMap<ServiceName, BTreeSet<String>>> {
        self.inner.guard.held.subscribe()
    }

    /// How the audit log fares; `None`: there is none.
    #[must_use]
    pub fn audit_stats(&self) -> Option<AuditStats> {
        let health = self.inner.guard.audit()?.health();
        let audit::AuditHealth { written_total, lost_total, fault, found } = health;
        Some(AuditStats { written_total, lost_total, fault, found })
    }
}
