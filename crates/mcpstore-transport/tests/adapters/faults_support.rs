//! What every test of a fault needs: a server with it, a neighbour that must not feel it, a deadline that must hold.

use std::time::{Duration, Instant};

use mcpstore_testkit::faults::{Fault, fault};
use mcpstore_transport::{CallError, CallLimits, HandshakeError, TimeoutKind};
use serde_json::value::RawValue;

use crate::support::{LONG, Server, failed_handshake, start, within};

/// A deadline that passes soon.
pub(crate) const SOON: Duration = Duration::from_millis(300);
/// What a deadline may be late by: 200 ms are allowed, ten times that on a machine that is busy with other tests.
const LATE: Duration = Duration::from_secs(2);

/// A server with the fault of this name.
pub(crate) async fn start_fault(name: &str) -> Server {
    start(fault(name).flags).await
}

/// How the handshake with the fault of this name fails.
pub(crate) async fn fails(name: &str) -> HandshakeError {
    failed_handshake(fault(name).flags, LONG).await
}

/// A server without a fault, and the call that makes the one of this name happen.
pub(crate) async fn start_for_call(name: &str) -> (Server, Trigger) {
    let Fault { flags, call, .. } = fault(name);
    let (tool, arguments) = call.unwrap_or_else(|| panic!("{name} is made by no call"));
    (start(flags).await, Trigger { tool, arguments })
}

/// The call that makes a fault happen.
pub(crate) struct Trigger {
    tool: &'static str,
    arguments: &'static str,
}

impl Trigger {
    /// Makes it happen, with much time.
    pub(crate) async fn pull(&self, server: &Server) -> Result<Box<RawValue>, CallError> {
        server.call(self.tool, self.arguments).await
    }

    /// Makes it happen, with this much time.
    pub(crate) async fn pull_within(&self, server: &Server, limits: CallLimits) -> Result<Box<RawValue>, CallError> {
        server.call_within(self.tool, self.arguments, limits).await
    }
}

/// A call that gets no answer: it fails at its deadline, not before and not much after it.
pub(crate) async fn fails_at_its_deadline<T: std::fmt::Debug>(call: impl Future<Output = Result<T, CallError>>) {
    let start = Instant::now();
    let outcome = within(call).await;
    let took = start.elapsed();
    assert!(matches!(outcome, Err(CallError::TimedOut { after: SOON, .. })), "{outcome:?}");
    assert!(took >= SOON && took < SOON + LATE, "the deadline of {SOON:?} was kept after {took:?}");
}

/// The same for a call whose progress keeps it alive: only the limit for all of it counts.
pub(crate) async fn fails_at_its_total<T: std::fmt::Debug>(call: impl Future<Output = Result<T, CallError>>) {
    let start = Instant::now();
    let outcome = within(call).await;
    let took = start.elapsed();
    let expected = matches!(outcome, Err(CallError::TimedOut { after: SOON, what: TimeoutKind::Total }));
    assert!(expected, "{outcome:?}");
    assert!(took >= SOON && took < SOON + LATE, "the deadline of {SOON:?} was kept after {took:?}");
}

/// Another call of the same server is answered.
pub(crate) async fn works_on(server: &Server) {
    assert_eq!(server.text("echo", r#"{"text":"still here"}"#).await, "still here");
}

/// Another service of the same program, on the same thread.
pub(crate) struct Neighbour(Server);

impl Neighbour {
    pub(crate) async fn start() -> Self {
        Self(start("").await)
    }

    /// It answers, call after call, and nothing that others do is counted on it.
    pub(crate) async fn is_well(&self) {
        for _ in 0..10 {
            let start = Instant::now();
            works_on(&self.0).await;
            assert!(start.elapsed() < LATE, "the neighbour answered after {:?}", start.elapsed());
        }
        let counters = self.0.session.counters();
        assert_eq!((counters.noise, counters.oversized, counters.stray, counters.refused), (0, 0, 0, 0));
        assert_eq!(*self.0.session.changes().borrow(), 0);
    }

    pub(crate) async fn end(self) {
        self.is_well().await;
        self.0.end().await;
    }
}
