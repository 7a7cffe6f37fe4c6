//! Faults of a server over stdio that end it, stop it, or keep it silent: who hears what, and that nobody else does.

use std::time::{Duration, Instant};

use mcpstore_testkit::faults::fault;
use mcpstore_transport::{CallError, CallLimits, HandshakeError, list_tools, ping};
use mcpstore_types::ExitStatus;

use crate::faults_support::{Neighbour, SOON, fails, fails_at_its_deadline, start_fault, start_for_call, works_on};
use crate::support::{LONG, end, failed_handshake, launch, until, within};

#[tokio::test]
async fn an_exit_at_once_is_told_with_its_code() {
    let neighbour = Neighbour::start().await;
    let error = fails("exit-at-once-0").await;
    assert!(matches!(error, HandshakeError::Exited { status: ExitStatus::Code(0), .. }), "{error:?}");
    let error = fails("exit-at-once-3").await;
    let HandshakeError::Exited { status: ExitStatus::Code(3), stderr } = error else { panic!("{error:?}") };
    assert_eq!(stderr, ["no-such-database"]);
    neighbour.end().await;
}

#[tokio::test]
async fn half_a_line_and_death_in_the_handshake_is_an_exit() {
    let error = fails("half-line-then-death").await;
    assert!(matches!(error, HandshakeError::Exited { status: ExitStatus::Code(1), .. }), "{error:?}");
}

#[tokio::test]
async fn a_death_in_a_call_fails_it_at_once() {
    let neighbour = Neighbour::start().await;
    for (name, status) in [
        ("kill-in-call", ExitStatus::Signal(9)),
        ("segfault-in-call", ExitStatus::Signal(11)),
        ("abort-in-call", ExitStatus::Signal(6)),
        ("exit-in-call", ExitStatus::Code(7)),
    ] {
        let (server, deed) = start_for_call(name).await;
        // Another call is under way, and fails with it.
        let start = Instant::now();
        let (outcome, other) = tokio::join!(deed.pull(&server), server.call("hang", "{}"));
        assert!(matches!(outcome, Err(CallError::Closed)), "{name}: {outcome:?}");
        assert!(matches!(other, Err(CallError::Closed)), "{name}: {other:?}");
        assert!(start.elapsed() < Duration::from_millis(2500), "{name}: {:?}", start.elapsed());
        assert_eq!(within(server.endpoint.exited()).await, status, "{name}");
        within(server.session.closed()).await;
        let after = server.call("echo", "{}").await;
        assert!(matches!(after, Err(CallError::Closed)), "{name}: {after:?}");
        server.end().await;
    }
    neighbour.end().await;
}

#[tokio::test]
async fn half_an_answer_and_death_fails_the_call() {
    let (server, deed) = start_for_call("half-answer-then-death").await;
    let outcome = deed.pull(&server).await;
    assert!(matches!(outcome, Err(CallError::Closed)), "{outcome:?}");
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Code(6));
    server.end().await;
}

#[tokio::test]
async fn half_an_answer_and_silence_fails_the_call_at_its_deadline() {
    let (server, deed) = start_for_call("half-answer-then-silence").await;
    fails_at_its_deadline(deed.pull_within(&server, CallLimits::within(SOON))).await;
    // The line is not over: no answer gets through, and each call keeps its own deadline.
    fails_at_its_deadline(server.call_within("echo", "{}", CallLimits::within(SOON))).await;
    server.end().await;
}

#[tokio::test]
async fn a_stopped_server_fails_calls_at_their_deadlines_and_can_be_killed() {
    let neighbour = Neighbour::start().await;
    let (server, deed) = start_for_call("stop-in-call").await;
    fails_at_its_deadline(deed.pull_within(&server, CallLimits::within(SOON))).await;
    let (call, list, pong) = tokio::join!(
        fails_at_its_deadline(server.call_within("echo", "{}", CallLimits::within(SOON))),
        fails_at_its_deadline(list_tools(&*server.session, CallLimits::within(SOON))),
        fails_at_its_deadline(ping(&*server.session, SOON)),
    );
    assert_eq!((call, list, pong, server.session.in_flight()), ((), (), (), 0));
    neighbour.is_well().await;
    server.endpoint.kill();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Signal(9));
    server.end().await;
    neighbour.end().await;
}

#[tokio::test]
async fn a_hang_is_told_at_the_deadline() {
    let neighbour = Neighbour::start().await;
    for name in ["hang-in-handshake", "never-reads-stdin"] {
        let start = Instant::now();
        let error = failed_handshake(fault(name).flags, SOON).await;
        assert_eq!(error, HandshakeError::TimedOut { after: SOON }, "{name}");
        assert!(start.elapsed() < Duration::from_secs(5), "{name}: {:?}", start.elapsed());
    }
    let limits = CallLimits::within(SOON);
    let server = start_fault("hang-in-list").await;
    fails_at_its_deadline(list_tools(&*server.session, limits)).await;
    works_on(&server).await;
    server.end().await;
    let server = start_fault("hang-in-call").await;
    fails_at_its_deadline(server.call_within("echo", "{}", limits)).await;
    ping(&*server.session, LONG).await.unwrap();
    server.end().await;
    let server = start_fault("hang-in-ping").await;
    fails_at_its_deadline(ping(&*server.session, SOON)).await;
    works_on(&server).await;
    server.end().await;
    neighbour.end().await;
}

#[tokio::test]
async fn a_deaf_server_fails_calls_at_their_deadlines_however_full_its_pipe_is() {
    let neighbour = Neighbour::start().await;
    let server = start_fault("deaf-after-handshake").await;
    // More than a pipe holds, so that the writer cannot get rid of it.
    let arguments = format!(r#"{{"text":"{}"}}"#, "x".repeat(200_000));
    let limits = CallLimits::within(SOON);
    tokio::join!(
        fails_at_its_deadline(server.call_within("echo", &arguments, limits)),
        fails_at_its_deadline(server.call_within("echo", &arguments, limits)),
        fails_at_its_deadline(server.call_within("echo", "{}", limits)),
    );
    fails_at_its_deadline(server.call_within("echo", "{}", limits)).await;
    neighbour.is_well().await;
    server.end().await;
    neighbour.end().await;
}

#[tokio::test]
async fn a_server_that_closes_only_its_stdin_is_done_once_its_answers_are_given() {
    let neighbour = Neighbour::start().await;
    let (server, deed) = start_for_call("closes-only-stdin").await;
    let result = deed.pull(&server).await;
    assert!(result.is_ok_and(|result| result.get().contains("closed stdin")));
    // It hears nothing any more: seen at the first write, and the call that was written fails at once.
    let refused = async {
        while !matches!(server.call_within("echo", "{}", CallLimits::within(SOON)).await, Err(CallError::Closed)) {}
        server.session.closed().await;
    };
    within(refused).await;
    assert!(tokio::time::timeout(Duration::from_millis(50), server.endpoint.exited()).await.is_err());
    server.end().await;
    neighbour.end().await;
}

#[tokio::test]
async fn a_server_that_closes_only_its_stdout_fails_its_calls_at_once() {
    let neighbour = Neighbour::start().await;
    let (server, deed) = start_for_call("closes-only-stdout").await;
    let start = Instant::now();
    let outcome = deed.pull(&server).await;
    assert!(matches!(outcome, Err(CallError::Closed)), "{outcome:?}");
    assert!(start.elapsed() < Duration::from_millis(2500), "{:?}", start.elapsed());
    within(server.session.closed()).await;
    // The process lives, and its end is the endpoint's affair.
    assert!(tokio::time::timeout(Duration::from_millis(50), server.endpoint.exited()).await.is_err());
    server.endpoint.terminate();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Code(0));
    server.end().await;
    neighbour.end().await;
}

#[tokio::test]
async fn odd_handshakes_have_reasons_of_their_own() {
    let error = fails("handshake-rejected").await;
    assert!(matches!(error, HandshakeError::Rejected { code: -32602, .. }), "{error:?}");
    for name in ["handshake-odd", "handshake-huge"] {
        let error = fails(name).await;
        assert!(matches!(error, HandshakeError::Malformed { .. }), "{name}: {error:?}");
    }
    for (name, named) in [("wrong-version", "1999-01-01"), ("version-of-the-other-era", "2026-07-28")] {
        let error = fails(name).await;
        let expected = matches!(&error, HandshakeError::UnsupportedVersion { version, .. } if version == named);
        assert!(expected && error.is_permanent(), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn an_ambiguous_version_is_no_version() {
    for name in ["version-is-a-number", "version-is-a-list", "version-is-missing"] {
        let error = fails(name).await;
        assert!(matches!(error, HandshakeError::Malformed { .. }), "{name}: {error:?}");
    }
    let error = fails("version-is-empty").await;
    assert!(matches!(&error, HandshakeError::UnsupportedVersion { version, .. } if version.is_empty()), "{error:?}");
}

#[tokio::test]
async fn what_a_server_asks_before_its_handshake_is_over_does_not_disturb_it() {
    let server = start_fault("asks-in-handshake").await;
    until("its question is refused", || server.session.counters().refused == 1).await;
    works_on(&server).await;
    server.end().await;
}

#[tokio::test]
async fn a_slow_start_is_waited_for() {
    let server = start_fault("slow-start").await;
    works_on(&server).await;
    server.end().await;
    let (launched, _, tag) = launch(fault("slow-start").flags).await;
    // Given up half-way, it leaves nothing behind.
    assert!(tokio::time::timeout(Duration::from_millis(20), launched.handshake).await.is_err());
    end(launched.endpoint, &tag).await;
}
