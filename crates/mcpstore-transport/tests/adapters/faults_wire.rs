//! Faults on the wire: what is written between the messages, and answers in forms that no server should use.

use std::time::Duration;

use mcpstore_testkit::server::ODD_RESULT;
use mcpstore_transport::{CallError, CallLimits, LogStream};

use crate::faults_support::{
    Neighbour, SOON, fails_at_its_deadline, fails_at_its_total, start_fault, start_for_call, works_on,
};
use crate::support::{LONG, Server, until};

/// What the fixture's `echo` answers.
const ECHOED: &str = r#"{"content":[{"text":"x","type":"text"}]}"#;

async fn echo(server: &Server) -> Result<String, CallError> {
    let limits = CallLimits::within(SOON * 10);
    server.call_within("echo", r#"{"text":"x"}"#, limits).await.map(|result| result.get().to_owned())
}

#[tokio::test]
async fn junk_between_the_messages_is_counted_and_skipped() {
    let neighbour = Neighbour::start().await;
    for name in ["noise", "invalid-utf8", "nul", "empty-array", "bare-number"] {
        let server = start_fault(name).await;
        for _ in 0..3 {
            works_on(&server).await;
        }
        let counters = server.session.counters();
        assert!(counters.noise >= 4 && server.logs.noise() == counters.noise, "{name}: {counters:?}");
        assert_eq!((counters.stray, counters.oversized), (0, 0), "{name}");
        assert!(server.logs.tail(usize::MAX).iter().all(|line| line.stream == LogStream::Noise), "{name}");
        server.end().await;
    }
    neighbour.end().await;
}

#[tokio::test]
async fn other_ends_of_lines_and_a_mark_at_the_beginning_are_nothing() {
    for name in ["byte-order-mark", "cr-lf"] {
        let server = start_fault(name).await;
        works_on(&server).await;
        assert_eq!(server.session.counters().noise, 0, "{name}");
        server.end().await;
    }
}

#[tokio::test]
async fn an_answer_under_no_id_of_ours_leaves_the_call_to_its_deadline() {
    let neighbour = Neighbour::start().await;
    for name in ["unknown-id", "float-id", "null-id"] {
        let server = start_fault(name).await;
        fails_at_its_deadline(server.call_within("echo", "{}", CallLimits::within(SOON))).await;
        until("the answer is counted", || server.session.counters().stray == 1).await;
        server.end().await;
    }
    for name in ["no-id", "wrong-case", "neither-result-nor-error"] {
        let server = start_fault(name).await;
        fails_at_its_deadline(server.call_within("echo", "{}", CallLimits::within(SOON))).await;
        until("the line is counted", || server.session.counters().noise == 1).await;
        server.end().await;
    }
    neighbour.end().await;
}

#[tokio::test]
async fn an_answer_that_can_be_told_is_taken() {
    for name in ["string-id", "no-version", "batch", "answer-in-pieces"] {
        let server = start_fault(name).await;
        for _ in 0..3 {
            assert_eq!(echo(&server).await.unwrap(), ECHOED, "{name}");
        }
        server.end().await;
    }
}

#[tokio::test]
async fn a_second_answer_is_counted_and_reaches_nobody() {
    let server = start_fault("duplicate-answer").await;
    for n in 1..=5 {
        assert_eq!(echo(&server).await.unwrap(), ECHOED);
        until("the second answer is counted", || server.session.counters().stray == n).await;
    }
    server.end().await;
}

#[tokio::test]
async fn an_answer_with_a_member_twice_fails_its_call_alone() {
    for name in ["same-id-twice", "two-results"] {
        let server = start_fault(name).await;
        let outcome = echo(&server).await;
        assert!(matches!(outcome, Err(CallError::Malformed { .. })), "{name}: {outcome:?}");
        crate::support::within(mcpstore_transport::ping(&*server.session, LONG)).await.unwrap();
        server.end().await;
    }
    // Which of the two ids is meant, nobody can say.
    let server = start_fault("two-ids").await;
    fails_at_its_deadline(server.call_within("echo", "{}", CallLimits::within(SOON))).await;
    server.end().await;
}

#[tokio::test]
async fn an_answer_that_is_an_error_too_is_an_error() {
    let server = start_fault("result-and-error").await;
    let outcome = echo(&server).await;
    assert!(matches!(outcome, Err(CallError::Rpc { code: -9, .. })), "{outcome:?}");
    server.end().await;
}

#[tokio::test]
async fn answers_out_of_order_reach_the_one_who_asked() {
    let server = start_fault("answers-out-of-order").await;
    let texts: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let calls = texts.iter().map(|text| {
        let (server, arguments) = (&server, format!(r#"{{"text":"{text}"}}"#));
        async move { server.text("echo", &arguments).await }
    });
    assert_eq!(futures_util::future::join_all(calls).await, texts);
    assert_eq!(server.session.counters().stray, 0);
    server.end().await;
}

#[tokio::test]
async fn an_answer_after_its_cancel_is_counted_and_reaches_nobody() {
    let server = start_fault("answer-after-cancel").await;
    for n in 1..=3 {
        fails_at_its_deadline(server.call_within("hang", "{}", CallLimits::within(SOON))).await;
        until("the late answer is counted", || server.session.counters().stray == n).await;
        assert_eq!(echo(&server).await.unwrap(), ECHOED);
    }
    server.end().await;
}

#[tokio::test]
async fn what_a_server_asks_of_us_is_refused_and_its_call_goes_on() {
    let (server, deed) = start_for_call("request-the-client-cannot-take").await;
    let result = deed.pull(&server).await.unwrap();
    assert!(result.get().contains("-32601"), "{result}");
    assert_eq!(server.session.counters().refused, 1);
    server.end().await;
}

#[tokio::test]
async fn an_odd_result_comes_out_byte_for_byte() {
    let server = start_fault("odd-result").await;
    assert_eq!(echo(&server).await.unwrap(), ODD_RESULT);
    server.end().await;
    let (server, deed) = start_for_call("deep-nesting").await;
    let result = deed.pull(&server).await.unwrap();
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(result.get(), format!(r#"{{"content":[],"nested":{nested}}}"#));
    server.end().await;
}

#[tokio::test]
async fn a_reply_over_the_bound_fails_its_call_alone() {
    let neighbour = Neighbour::start().await;
    let (server, deed) = start_for_call("big-reply").await;
    let (outcome, other) = tokio::join!(deed.pull(&server), server.text("echo", r#"{"text":"beside it"}"#));
    assert!(matches!(&outcome, Err(CallError::Malformed { what }) if what.contains("16777216")), "{outcome:?}");
    assert_eq!(other, "beside it");
    works_on(&server).await;
    assert_eq!(server.session.counters().oversized, 1);
    server.end().await;
    neighbour.end().await;
}

#[tokio::test]
async fn floods_hold_up_nobody() {
    let neighbour = Neighbour::start().await;
    for name in ["noise-flood", "stderr-flood", "stderr-flood-of-short-lines"] {
        let server = start_fault(name).await;
        until("the flood is there", || server.logs.dropped() > 0).await;
        works_on(&server).await;
        neighbour.is_well().await;
        server.end().await;
    }
    for name in ["notification-flood", "list-changed-storm"] {
        let (server, deed) = start_for_call(name).await;
        let ((), result) = tokio::join!(neighbour.is_well(), deed.pull(&server));
        assert!(result.is_ok(), "{name}: {result:?}");
        let expected = if name == "list-changed-storm" { 20_000 } else { 0 };
        assert_eq!(*server.session.changes().borrow(), expected, "{name}");
        works_on(&server).await;
        server.end().await;
    }
    neighbour.end().await;
}

#[tokio::test]
async fn progress_for_ever_keeps_a_call_to_its_total_limit() {
    let neighbour = Neighbour::start().await;
    for name in ["endless-progress", "endless-progress-flood"] {
        let (server, deed) = start_for_call(name).await;
        let limits = CallLimits::new(Duration::from_secs(10), SOON);
        tokio::join!(fails_at_its_total(deed.pull_within(&server, limits)), neighbour.is_well());
        // Cancelled, it stops.
        works_on(&server).await;
        server.end().await;
    }
    neighbour.end().await;
}
