//! What is measured of one service, shared by its prober, its callers and its readers.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcpstore_monitor::{
    Admit, Breaker, CallStats, CircuitReport, ErrorKind, Sample, SampleWindow, ServiceMeter, ServiceMetrics,
    StateClock, Ticket,
};
use mcpstore_transport::Session;
use mcpstore_types::{BreakerPolicy, PhaseName, Timestamp};
use tokio::sync::Notify;

use crate::in_use::InUse;

/// The samples of one service over all its lives. Each lock is held for a few stores only.
#[derive(Debug, Default)]
pub(crate) struct ServiceMonitor {
    checks: Mutex<SampleWindow>,
    pub(crate) meter: Arc<ServiceMeter>,
    clock: Mutex<StateClock>,
    breaker: Mutex<Option<Breaker>>,
    /// Who uses it now.
    pub(crate) in_use: InUse,
    /// Probes and lists of ours under way: they keep no server busy.
    own: AtomicUsize,
    /// Calls that got an answer.
    answered: AtomicU64,
    /// The last real list or call of this life was answered.
    serving: AtomicBool,
    /// Calls failed in a way that makes a probe worth its while now.
    pub(crate) suspicion: Notify,
}

/// A request of ours under way, for as long as it is kept.
pub(crate) struct OwnRequest<'a>(&'a ServiceMonitor);

impl Drop for OwnRequest<'_> {
    fn drop(&mut self) {
        self.0.own.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ServiceMonitor {
    /// Of a service that was just registered, with the circuit that its policy wants.
    pub(crate) fn new(breaker: Option<BreakerPolicy>) -> Self {
        Self { breaker: Mutex::new(breaker.map(Breaker::new)), ..Self::default() }
    }

    pub(crate) fn note_check(&self, at: Timestamp, healthy: bool, response_time: Option<Duration>) {
        lock(&self.checks).push(Sample { at, healthy, response_time });
    }

    /// Whether a call may go; without a circuit every call may.
    pub(crate) fn admit(&self, now: Timestamp) -> Result<Option<Ticket>, Timestamp> {
        match lock(&self.breaker).as_mut().map(|breaker| breaker.admit(now)) {
            None => Ok(None),
            Some(Admit::Pass(ticket) | Admit::Trial(ticket)) => Ok(Some(ticket)),
            Some(Admit::Refused { retry_at }) => Err(retry_at),
        }
    }

    /// Takes note of how an admitted call ended. True when the circuit is another one now.
    pub(crate) fn note_call(&self, now: Timestamp, ticket: Option<Ticket>, result: Result<(), ErrorKind>) -> bool {
        match result {
            Err(kind) if kind.is_transport_failure() => self.serving.store(false, Ordering::Relaxed),
            // An answer of any kind is one; what never went out says nothing.
            Ok(()) | Err(ErrorKind::Rpc | ErrorKind::Tool) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                self.serving.store(true, Ordering::Relaxed);
            }
            Err(_) => {}
        }
        let mut breaker = lock(&self.breaker);
        let Some((breaker, ticket)) = breaker.as_mut().zip(ticket) else { return false };
        let before = breaker.report(now).state;
        breaker.record(now, ticket, result);
        breaker.report(now).state != before
    }

    /// The tools were listed, or could not be.
    pub(crate) fn note_list(&self, ok: bool) {
        self.serving.store(ok, Ordering::Relaxed);
    }

    /// A new life begins: what its callers met in the one before says nothing about it.
    pub(crate) fn begin_life(&self) {
        self.serving.store(false, Ordering::Relaxed);
        self.in_use.open();
        if let Some(breaker) = lock(&self.breaker).as_mut() {
            breaker.reset();
        }
    }

    /// Another policy of the circuit.
    pub(crate) fn retune(&self, policy: Option<BreakerPolicy>) {
        let mut breaker = lock(&self.breaker);
        match (breaker.as_mut(), policy) {
            (Some(breaker), Some(policy)) => breaker.retune(policy),
            (None, Some(policy)) => *breaker = Some(Breaker::new(policy)),
            (_, None) => *breaker = None,
        }
    }

    /// The circuit as of now; closed where there is none.
    pub(crate) fn circuit(&self, now: Timestamp) -> CircuitReport {
        lock(&self.breaker).as_ref().map(|breaker| breaker.report(now)).unwrap_or_default()
    }

    /// The service moved.
    pub(crate) fn note_phase(&self, now: Timestamp, phase: PhaseName, wanted: bool) {
        lock(&self.clock).observe(now, phase, wanted);
    }

    /// It is restarted after a failure.
    pub(crate) fn note_restart(&self, now: Timestamp) {
        lock(&self.clock).note_restart(now);
    }

    /// Reads, or restores, the times of its states.
    pub(crate) fn clock<T>(&self, read: impl FnOnce(&mut StateClock) -> T) -> T {
        read(&mut lock(&self.clock))
    }

    /// The last real list or call of this life was answered.
    pub(crate) fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
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

    /// All checks ever, and those of them that passed.
    pub(crate) fn checks_total(&self) -> (u64, u64) {
        let checks = lock(&self.checks);
        (checks.checks_total(), checks.healthy_checks_total())
    }

    pub(crate) fn call_stats(&self) -> CallStats {
        self.meter.stats()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each is whole after every store, so what a poisoned lock holds is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
