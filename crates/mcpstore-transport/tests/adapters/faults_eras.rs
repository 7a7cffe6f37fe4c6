//! Faults around the era of a server: what it does when asked which one it speaks.

use mcpstore_testkit::faults::fault;
use mcpstore_transport::{CallError, CallLimits, HandshakeError};
use mcpstore_types::ExitStatus;

use crate::faults_support::{SOON, fails_at_its_deadline, works_on};
use crate::support::{LONG, Server, failed_handshake, start, within};

const METHOD: &str = "server/discover";

/// A server of both eras with this fault, led through a handshake.
async fn start_both(name: &str) -> Server {
    start(&format!("--era both {}", fault(name).flags)).await
}

#[tokio::test]
async fn who_exits_at_the_probe_is_seen_to_exit() {
    let server = start_both("exit-at-the-probe").await;
    let outcome = server.session.request(METHOD, None, CallLimits::within(LONG)).await;
    assert!(matches!(outcome, Err(CallError::Closed)), "{outcome:?}");
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Code(4));
    server.end().await;
}

#[tokio::test]
async fn who_hangs_at_the_probe_keeps_it_to_its_deadline() {
    let limits = CallLimits::within(SOON);
    let server = start_both("hang-at-the-probe").await;
    fails_at_its_deadline(server.session.request(METHOD, None, limits)).await;
    works_on(&server).await;
    server.end().await;
    // This one is lost after it.
    let server = start_both("blocked-by-the-probe").await;
    fails_at_its_deadline(server.session.request(METHOD, None, limits)).await;
    fails_at_its_deadline(server.call_within("echo", "{}", limits)).await;
    server.end().await;
}

#[tokio::test]
async fn who_refuses_the_probe_works_on() {
    let server = start_both("probe-refused").await;
    let outcome = server.session.request(METHOD, None, CallLimits::within(LONG)).await;
    assert!(matches!(outcome, Err(CallError::Rpc { code: -32601, .. })), "{outcome:?}");
    works_on(&server).await;
    server.end().await;
}

#[tokio::test]
async fn a_server_of_the_stateless_era_alone_refuses_the_handshake() {
    let error = failed_handshake("--era stateless", LONG).await;
    assert!(matches!(error, HandshakeError::Rejected { code: -32601, .. }), "{error:?}");
}
