//! What is measured of one service, shared by its prober, its callers and its readers.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcpstore_monitor::{CallStats, LatencyWindow, Sample, SampleWindow, ServiceMetrics};
use mcpstore_transport::Session;
use mcpstore_types::Timestamp;

/// The samples of one service over all its lives. Each lock is held for a few stores only.
#[derive(Debug, Default)]
pub(crate) struct ServiceMonitor {
    checks: Mutex<SampleWindow>,
    calls: Mutex<LatencyWindow>,
    /// Probes and lists of ours under way: they keep no server busy.
    own: AtomicUsize,
    /// Calls that got an answer.
    answered: AtomicU64,
}

/// A request of ours under way, for as long as it is kept.
pub(crate) struct OwnRequest<'a>(&'a ServiceMonitor);

impl Drop for OwnRequest<'_> {
    fn drop(&mut self) {
        self.0.own.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ServiceMonitor {
    pub(crate) fn note_check(&self, at: Timestamp, healthy: bool, response_time: Option<Duration>) {
        lock(&self.checks).push(Sample { at, healthy, response_time });
    }

    pub(crate) fn note_call(&self, ok: bool, took: Duration) {
        if ok {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        let mut calls = lock(&self.calls);
        if ok { calls.success(took) } else { calls.failure() }
    }

    /// Notes that a probe or a list is under way.
    pub(crate) fn own_request(&self) -> OwnRequest<'_> {
        self.own.fetch_add(1, Ordering::Relaxed);
        OwnRequest(self)
    }

    /// True while somebody's call is in flight: a probe among them does not make another one think the server busy.
    pub(crate) fn is_busy(&self, session: &dyn Session) -> bool {
        session.in_flight() > self.own.load(Ordering::Relaxed)
    }

    /// A number that changes when the server shows that it lives: by bytes, or by an answer where bytes are not counted.
    pub(crate) fn signs_of_life(&self, session: &dyn Session) -> (u64, u64) {
        (session.counters().bytes, self.answered.load(Ordering::Relaxed))
    }

    pub(crate) fn metrics(&self, now: Timestamp, over: Option<Duration>) -> ServiceMetrics {
        lock(&self.checks).metrics(now, over)
    }

    pub(crate) fn call_stats(&self) -> CallStats {
        lock(&self.calls).stats()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A window is whole after every store, so what a poisoned lock holds is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
