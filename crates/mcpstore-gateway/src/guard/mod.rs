//! What stands between clients and servers: who may, how often, what was done, and whether tools are what they were.
//!
//! Each part is usable alone, and knows nothing of the others; [`Guard`] holds them for the core.

pub(crate) mod audit;
pub(crate) mod held;
mod noted;
pub(crate) mod pins;
pub(crate) mod rate;
pub(crate) mod seal;
mod setup;
pub(crate) mod token;
mod trail;

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use mcpstore_types::{Timestamp, ToolChanges};
use tokio::sync::watch;

use crate::seam::{Call, Peer};
use audit::Audit;
use held::Pinning;
use noted::Noted;
use rate::{RateLimit, TooMany};

pub(crate) use held::{HeldBack, Judge};
pub use setup::{AuditFault, AuditIsWhole, AuditStats, read_audit, verify_audit};
pub(crate) use trail::{Trail, client_name};

/// A second, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// The parts of the guard that the core asks. Without any set, everything passes and nothing is noted.
#[derive(Debug)]
pub(crate) struct Guard {
    rate: ArcSwapOption<RateLimit>,
    audit: ArcSwapOption<Audit>,
    /// From here on time is counted: the wall clock may jump.
    began: Instant,
    /// When a refusal for the rate was noted last, in nanoseconds. Noting each would wash everything else out of the log.
    told: AtomicU64,
    pinning: ArcSwapOption<Pinning>,
    /// Goes up when somebody approved something.
    round: AtomicU64,
    /// What waits for approval, whether it is held back for it or not.
    held: watch::Sender<HeldBack>,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            rate: ArcSwapOption::empty(),
            audit: ArcSwapOption::empty(),
            began: Instant::now(),
            told: AtomicU64::new(0),
            pinning: ArcSwapOption::empty(),
            round: AtomicU64::new(0),
            held: watch::Sender::new(HeldBack::new()),
        }
    }
}

impl Guard {
    /// Takes one request of this peer's.
    ///
    /// # Errors
    /// [`TooMany`]: it asks too often.
    pub(crate) fn admit(&self, peer: &Peer) -> Result<(), TooMany> {
        let rate = self.rate.load();
        let Some(rate) = rate.as_ref() else { return Ok(()) };
        // A second more than there was: a bucket at the very beginning is full, not empty.
        let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX).saturating_add(SECOND);
        let taken = rate.take(&peer.principal, Timestamp::from_nanos(now));
        if taken.is_err()
            && let Some(audit) = &*self.audit.load()
        {
            let told = self.told.load(Ordering::Relaxed);
            let due = now.saturating_sub(told) >= SECOND;
            if due && self.told.compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                audit.note(noted::too_many(peer));
            }
        }
        taken
    }

    /// What will be noted of a request; `None`: nothing.
    pub(crate) fn begin<'a>(&self, call: &'a Call) -> Option<Noted<'a>> {
        Noted::of(self.audit.load().as_ref()?, call)
    }

    /// From now on each principal may ask so often in a minute; `None`: as often as it likes. Buckets begin anew.
    pub(crate) fn set_rate(&self, per_minute: Option<NonZeroU32>) {
        self.rate.store(per_minute.map(|requests| Arc::new(RateLimit::per_minute(requests))));
    }

    /// From now on this log is written; `None`: none. Gives the one before.
    pub(crate) fn set_audit(&self, audit: Option<Arc<Audit>>) -> Option<Arc<Audit>> {
        self.audit.swap(audit)
    }

    /// From now on tools are measured so, by what is pinned in this folder.
    pub(crate) fn set_tool_changes(&self, folder: &Path, changes: ToolChanges) {
        let now = self.pinning();
        if held::wanted(now.as_ref(), folder, changes) {
            self.pinning.store(Pinning::new(folder, changes).map(Arc::new));
        }
    }

    /// What somebody should know of, one line each.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let waiting = self.held.borrow();
        let tools = waiting.iter().map(|(service, tools)| {
            let named: Vec<String> =
                tools.iter().map(|tool| format!("`{}`", mcpstore_types::visible_text(tool))).collect();
            format!("of `{service}` not as approved: {}; mcpstore approve {service}", named.join(", "))
        });
        let mut out: Vec<String> = tools.collect();
        if let Some(health) = self.audit().map(|audit| audit.health()) {
            out.extend(health.fault);
            if health.lost_total > 0 {
                out.push(format!("{} requests are missing in the audit log, which says where", health.lost_total));
            }
        }
        out
    }

    fn pinning(&self) -> Option<Pinning> {
        self.pinning.load().as_deref().cloned()
    }

    fn round(&self) -> u64 {
        self.round.load(Ordering::Acquire)
    }

    /// The log that is written.
    pub(crate) fn audit(&self) -> Option<Arc<Audit>> {
        self.audit.load_full()
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        out.push_str(&format!(": {error}"));
        cause = error.source();
    }
    out
}

#[cfg(test)]
mod tests;
