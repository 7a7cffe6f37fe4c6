//! Servers that break the rules of the wire: the fault is counted, and the rest works on.

use std::time::Duration;

use mcpstore_transport::{CallError, CallLimits, LogRing, LogStream};

use crate::support::{LONG, start, until};

#[tokio::test]
async fn noise_is_counted_kept_and_skipped() {
    for flags in ["--noise", "--invalid-utf8"] {
        let server = start(flags).await;
        assert_eq!(server.text("echo", r#"{"text":"x"}"#).await, "x");
        assert!(server.session.counters().noise >= 2 && server.logs.noise() >= 2, "{flags}");
        assert_eq!(server.logs.tail(1)[0].stream, LogStream::Noise);
        server.end().await;
    }
}

#[tokio::test]
async fn other_line_ends_and_a_byte_order_mark_are_understood() {
    let server = start("--dos-lines").await;
    assert_eq!(server.text("echo", r#"{"text":"x"}"#).await, "x");
    assert_eq!(server.session.counters().noise, 0);
    server.end().await;
}

#[tokio::test]
async fn answers_to_nobody_are_counted() {
    let server = start("--wrong-id").await;
    let limits = CallLimits::within(Duration::from_millis(200));
    let outcome = server.call_within("echo", "{}", limits).await;
    assert!(matches!(outcome, Err(CallError::TimedOut { .. })), "{outcome:?}");
    until("the answer is counted", || server.session.counters().stray == 1).await;
    server.end().await;
    let server = start("--duplicate-reply").await;
    for n in 1..=3 {
        assert_eq!(server.text("echo", r#"{"text":"x"}"#).await, "x");
        until("the second answer is counted", || server.session.counters().stray == n).await;
    }
    server.end().await;
}

#[tokio::test]
async fn an_oversized_answer_fails_its_call_alone() {
    let server = start("").await;
    let megabyte = server.text("big", r#"{"bytes":1000000}"#).await;
    assert_eq!(megabyte.len(), 1_000_000);
    let outcome = server.call("big", r#"{"bytes":20000000}"#).await;
    assert!(matches!(&outcome, Err(CallError::Malformed { what }) if what.contains("16777216")), "{outcome:?}");
    assert_eq!(server.text("echo", r#"{"text":"fine"}"#).await, "fine");
    assert_eq!(server.session.counters().oversized, 1);
    server.end().await;
}

#[tokio::test]
async fn deep_nesting_passes_untouched() {
    let server = start("").await;
    let result = server.call("deep", r#"{"depth":100000}"#).await.unwrap();
    assert!(result.get().contains(&"[".repeat(100_000)));
    server.end().await;
}

#[tokio::test]
async fn a_flood_on_stderr_disturbs_nothing() {
    let server = start("--stderr-flood").await;
    until("the line without an end is over", || server.logs.dropped() > 0).await;
    assert_eq!(server.text("echo", r#"{"text":"dry"}"#).await, "dry");
    let lines = server.logs.tail(usize::MAX);
    assert_eq!(lines.len(), LogRing::MAX_LINES);
    assert!(lines.iter().map(|line| line.text.len()).sum::<usize>() <= LogRing::MAX_BYTES);
    server.end().await;
}

/// One thread for all, so that a task which never yields stops everything.
#[tokio::test]
async fn a_flood_of_short_lines_does_not_hold_up_another_service() {
    for flags in ["--short-line-flood", "--noise-flood"] {
        let flooded = start(flags).await;
        until("the flood is there", || flooded.logs.dropped() > 0).await;
        let other = start("").await;
        // Usually some milliseconds in all; a flood that is read without a pause costs seconds for each.
        crate::support::within(async {
            for _ in 0..20 {
                assert_eq!(other.text("echo", r#"{"text":"dry"}"#).await, "dry");
            }
        })
        .await;
        assert_eq!(flooded.text("echo", r#"{"text":"wet"}"#).await, "wet");
        flooded.end().await;
        other.end().await;
    }
}

#[tokio::test]
async fn a_server_that_closes_its_stdin_still_answers_what_it_heard() {
    use mcpstore_types::{Era, EraChoice, ServiceName, ServiceSpec};
    let script = r#"
        read initialize
        echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}'
        read initialized
        read call
        exec 0</dev/null
        while ! [ -e "$0" ]; do sleep 0.02; done
        echo '{"jsonrpc":"2.0","id":2,"result":{"late":true}}'
        exec sleep 60"#;
    let folder = tempfile::tempdir().unwrap();
    let go_on = folder.path().join("go-on");
    let arguments = ["-c".to_owned(), script.to_owned(), go_on.display().to_string()];
    let mut spec = ServiceSpec::stdio(ServiceName::new("sh").unwrap(), "sh", arguments);
    spec.era = EraChoice::Only(Era::Handshake);
    let (spec, tag) = crate::support::tagged(spec);
    let mut server = crate::support::start_with(&crate::stdio(), spec).await;
    server.tag = tag;
    let refused = async {
        until("the call is under way", || server.session.in_flight() == 1).await;
        let a_moment = CallLimits::within(Duration::from_millis(20));
        while !matches!(server.call_within("echo", "{}", a_moment).await, Err(CallError::Closed)) {}
        std::fs::write(&go_on, "").unwrap();
    };
    let (answer, ()) = tokio::join!(server.call("echo", "{}"), refused);
    assert_eq!(answer.unwrap().get(), r#"{"late":true}"#);
    crate::support::within(server.session.closed()).await;
    server.end().await;
}

#[tokio::test]
async fn stderr_is_kept_line_by_line() {
    let server = start("--stderr-text hello").await;
    tokio::time::timeout(LONG, server.logs.changed(0)).await.unwrap();
    assert_eq!(server.logs.stderr_tail(5), ["hello"]);
    server.end().await;
}
