//! Faults over a server's lives: how it ends, how often, and what it does not let go.

use std::time::{Duration, Instant};

use mcpstore_testkit::faults::fault;
use mcpstore_testkit::survivors;
use mcpstore_transport::{CallError, HandshakeError};
use mcpstore_types::ExitStatus;

use crate::faults_support::{Neighbour, fails_at_its_deadline, start_fault, works_on};
use crate::support::{LONG, end, failed_handshake, launch, start, until, within};

/// Long enough to see that something does not happen.
const MOMENT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn who_ignores_eof_and_term_is_killed() {
    let server = start_fault("ignores-eof-and-term").await;
    server.endpoint.close_input();
    server.endpoint.terminate();
    assert!(tokio::time::timeout(MOMENT, server.endpoint.exited()).await.is_err());
    server.endpoint.kill();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Signal(9));
    server.end().await;
}

#[tokio::test]
async fn a_slow_stop_is_seen_when_it_is_over() {
    let server = start_fault("slow-stop").await;
    let start = Instant::now();
    server.endpoint.terminate();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Code(0));
    assert!(start.elapsed() >= Duration::from_millis(300), "{:?}", start.elapsed());
    server.end().await;
}

#[tokio::test]
async fn a_crash_just_after_it_seemed_stable_fails_what_is_under_way() {
    let server = start_fault("crash-just-after-stable").await;
    works_on(&server).await;
    let outcome = server.call("hang", "{}").await;
    assert!(matches!(outcome, Err(CallError::Closed)), "{outcome:?}");
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Code(9));
    server.end().await;
}

#[tokio::test]
async fn a_server_that_flaps_lives_every_other_time_and_leaves_nothing() {
    let neighbour = Neighbour::start().await;
    let folder = tempfile::tempdir().unwrap();
    let flags = fault("flapping").flags.replace("FILE", &folder.path().join("state").display().to_string());
    for life in 1..=4 {
        let (launched, _, tag) = launch(&flags).await;
        // A life of 100 ms may end in its handshake, on a busy machine.
        let outcome = within(launched.handshake).await;
        if life % 2 == 1 {
            assert_eq!(within(launched.endpoint.exited()).await, ExitStatus::Code(9), "life {life}");
        } else {
            assert!(outcome.is_ok(), "life {life}");
            assert!(tokio::time::timeout(3 * MOMENT, launched.endpoint.exited()).await.is_err(), "life {life}");
        }
        end(launched.endpoint, &tag).await;
    }
    neighbour.end().await;
}

#[tokio::test]
async fn a_server_that_crashes_at_first_starts_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let flags = fault("crashes-at-first").flags.replace("FILE", &folder.path().join("state").display().to_string());
    for _ in 0..2 {
        let error = failed_handshake(&flags, LONG).await;
        assert!(matches!(error, HandshakeError::Exited { status: ExitStatus::Code(1), .. }), "{error:?}");
    }
    let server = start(&flags).await;
    works_on(&server).await;
    server.end().await;
}

#[tokio::test]
async fn grandchildren_are_ended_with_the_group() {
    let server = start_fault("grandchildren-in-the-group").await;
    until("the grandchildren are there", || survivors(&server.tag).len() == 3).await;
    server.endpoint.kill();
    within(server.endpoint.group_empty()).await;
    assert_eq!(survivors(&server.tag), Vec::<u32>::new());
    server.end().await;
}

#[tokio::test]
async fn a_second_life_fails_for_as_long_as_the_first_holds_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("lock").display().to_string();
    // Freed at once: the system gives the next one who asks another port.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port().to_string();
    for flags in
        [fault("holds-its-lock").flags.replace("FILE", &lock), fault("holds-its-port").flags.replace("PORT", &port)]
    {
        let first = start(&flags).await;
        let error = failed_handshake(&flags, LONG).await;
        let HandshakeError::Exited { status: ExitStatus::Code(5), stderr } = error else { panic!("{error:?}") };
        assert_eq!(stderr.len(), 1, "{stderr:?}");
        works_on(&first).await;
        first.end().await;
        // The end of the first is the end of its hold: a second may follow at once.
        let second = start(&flags).await;
        works_on(&second).await;
        second.end().await;
    }
}

#[tokio::test]
async fn a_greedy_server_holds_up_nobody() {
    let neighbour = Neighbour::start().await;
    for name in ["memory-hog", "cpu-hog"] {
        let server = start_fault(name).await;
        neighbour.is_well().await;
        let limits = mcpstore_transport::CallLimits::within(crate::faults_support::SOON);
        fails_at_its_deadline(server.call_within("hang", "{}", limits)).await;
        server.end().await;
    }
    neighbour.end().await;
}
