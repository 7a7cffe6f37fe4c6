//! Calls: limits, progress, cancelling, too many at once.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcpstore_transport::{CallError, CallLimits, TimeoutKind, list_tools, ping};

use crate::support::{LONG, start, until};

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn an_error_of_the_server_comes_whole() {
    let server = start("").await;
    let error = server.call("fail", r#"{"code":-7}"#).await.unwrap_err();
    assert!(matches!(&error, CallError::Rpc { code: -7, message, data: None } if message == "failed as asked"));
    let error = server.call("no-such-tool", "{}").await.unwrap_err();
    assert_eq!(error.to_string(), "the server answered with error -32602: unknown tool: no-such-tool");
    server.end().await;
}

#[tokio::test]
async fn both_limits_hold() {
    let server = start("").await;
    let idle = server.call_within("hang", "{}", CallLimits::new(SHORT, LONG)).await.unwrap_err();
    assert!(matches!(idle, CallError::TimedOut { after: SHORT, what: TimeoutKind::Idle }), "{idle:?}");
    let total = server.call_within("progress", r#"{"n":1000,"ms":10}"#, CallLimits::new(LONG, SHORT)).await;
    assert!(matches!(total, Err(CallError::TimedOut { after: SHORT, what: TimeoutKind::Total })), "{total:?}");
    assert_eq!(server.session.in_flight(), 0);
    assert_eq!(server.text("echo", r#"{"text":"fine"}"#).await, "fine");
    server.end().await;
}

#[tokio::test]
async fn progress_keeps_a_call_alive() {
    let server = start("").await;
    // 2 s in all, with a sign of life every 20 ms: longer than the idle limit, and each gap far shorter.
    let limits = CallLimits::new(Duration::from_millis(1_500), LONG);
    let result = server.call_within("progress", r#"{"n":100,"ms":20}"#, limits).await;
    assert!(result.is_ok(), "{result:?}");
    // With a token of the caller's own.
    let params = r#"{"name":"progress","arguments":{"n":100,"ms":20},"_meta":{"progressToken":"mine"}}"#;
    let params = serde_json::value::RawValue::from_string(params.to_owned()).unwrap();
    let result = server.session.request("tools/call", Some(params), limits).await;
    assert!(result.is_ok(), "{result:?}");
    server.end().await;
}

#[tokio::test]
async fn a_call_given_up_is_cancelled_at_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let server = start(&format!("--log {}", log.display())).await;
    let cancels = || fs::read_to_string(&log).unwrap_or_default().matches("notifications/cancelled").count();
    let timed_out = server.call_within("hang", "{}", CallLimits::within(SHORT)).await;
    assert!(timed_out.is_err());
    until("the timeout is told", || cancels() == 1).await;
    {
        let call = server.call("hang", "{}");
        tokio::pin!(call);
        assert!(tokio::time::timeout(SHORT, &mut call).await.is_err());
        assert_eq!(server.session.in_flight(), 1);
    }
    assert_eq!(server.session.in_flight(), 0);
    until("the drop is told", || cancels() == 2).await;
    // An answered call is not cancelled.
    server.call("echo", "{}").await.unwrap();
    server.end().await;
    assert_eq!(cancels(), 2);
}

#[tokio::test]
async fn too_many_calls_are_refused_at_once_and_a_ping_passes() {
    let server = Arc::new(start("").await);
    let calls: Vec<_> = (0..64 + 256)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.call("hang", "{}").await })
        })
        .collect();
    until("all places are taken", || server.session.in_flight() == 64).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let start = Instant::now();
    let refused = server.call("echo", "{}").await;
    assert!(matches!(refused, Err(CallError::Overloaded { in_flight: 64, limit: 256 })), "{refused:?}");
    assert!(start.elapsed() < LONG / 4);
    ping(&*server.session, LONG).await.unwrap();
    for call in &calls {
        call.abort();
    }
    for call in calls {
        assert!(call.await.is_err_and(|error| error.is_cancelled()));
    }
    assert_eq!(server.text("echo", r#"{"text":"free"}"#).await, "free");
    assert_eq!(server.session.counters().overloaded, 1);
    Arc::into_inner(server).unwrap().end().await;
}

#[tokio::test]
async fn lists_and_pings_have_their_limits() {
    let server = start("--hang-list --hang-ping").await;
    let list = list_tools(&*server.session, CallLimits::within(SHORT)).await;
    assert!(matches!(list, Err(CallError::TimedOut { .. })), "{list:?}");
    let pong = ping(&*server.session, SHORT).await;
    assert!(matches!(pong, Err(CallError::TimedOut { .. })), "{pong:?}");
    server.end().await;
}

#[tokio::test]
async fn long_lists_come_page_by_page_and_end() {
    let server = start("--many-tools 1234").await;
    let list = list_tools(&*server.session, CallLimits::within(LONG)).await.unwrap();
    assert_eq!(list.tools.iter().filter(|tool| tool.name.starts_with("tool-")).count(), 1234);
    server.end().await;
    for (flag, word) in [("--endless-cursor", "pages"), ("--same-cursor", "same cursor")] {
        let server = start(flag).await;
        let error = list_tools(&*server.session, CallLimits::within(LONG)).await.unwrap_err();
        assert!(matches!(&error, CallError::Malformed { what } if what.contains(word)), "{flag}: {error}");
        server.end().await;
    }
}

#[tokio::test]
async fn a_bad_tool_hides_only_itself() {
    let server = start("--bad-tool").await;
    let list = list_tools(&*server.session, CallLimits::within(LONG)).await.unwrap();
    assert_eq!(list.hidden.len(), 1);
    assert!(list.hidden[0].starts_with("`bad`: missing field `inputSchema`"), "{}", list.hidden[0]);
    assert!(list.tools.len() > 10 && list.tools.iter().all(|tool| tool.name != "bad"));
    server.end().await;
}
