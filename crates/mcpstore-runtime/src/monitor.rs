//! What is measured of one service, shared by its prober, its callers and its readers.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcpstore_monitor::{CallStats, LatencyWindow, Sample, SampleWindow, ServiceMetrics};
use mcpstore_types::Timestamp;

/// The samples of one service over all its lives. Each lock is held for a few stores only.
#[derive(Debug, Default)]
pub(crate) struct ServiceMonitor {
    checks: Mutex<SampleWindow>,
    calls: Mutex<LatencyWindow>,
}

impl ServiceMonitor {
    pub(crate) fn note_check(&self, at: Timestamp, healthy: bool, response_time: Option<Duration>) {
        lock(&self.checks).push(Sample { at, healthy, response_time });
    }

    pub(crate) fn note_call(&self, ok: bool, took: Duration) {
        let mut calls = lock(&self.calls);
        if ok { calls.success(took) } else { calls.failure() }
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
