//! Event streams: of answers, and of what a server says by itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mcpstore_transport::{CallError, CallLimits, Fed, RequestOptions, notice_channel, ping};
use serde_json::json;
use serde_json::value::RawValue;

use super::site::{Piece, Reply, Site, event, said};
use super::support::{client, handshake_era, site};
use crate::support::{LONG, until, within};

fn told(method: &str, params: serde_json::Value) -> String {
    event(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
}

#[tokio::test]
async fn answers_come_on_streams_and_connections_are_used_again() {
    let site = site(|asked| {
        let odd = "{\"content\":[],\"big\":123456789012345678901234567890,\"x\":1.0}";
        let text = asked.event(json!("RESULT")).replace("\"RESULT\"", odd);
        Reply::events(&[": hello\n\n".to_owned(), text])
    })
    .await;
    let server = client(&site.url).await;
    for _ in 0..20 {
        let result = server.call("echo", "{}").await.unwrap();
        assert_eq!(result.get(), r#"{"content":[],"big":123456789012345678901234567890,"x":1.0}"#);
    }
    assert!(site.connections() <= 6, "{} connections", site.connections());
    server.end().await;
}

#[tokio::test]
async fn notices_come_in_order_and_before_their_result() {
    let site = site(|asked| {
        let token = &asked.json["params"]["_meta"]["progressToken"];
        let progress = |n| told("notifications/progress", json!({ "progressToken": token, "progress": n }));
        let mut events: Vec<String> = (0..5000).map(progress).collect();
        events.push(told("notifications/message", json!({ "level": "info", "data": "x" })));
        events.push(asked.event(said("done")));
        Reply::events(&[events.concat()])
    })
    .await;
    let server = client(&site.url).await;
    let (sink, mut notices) = notice_channel();
    let params = RawValue::from_string(r#"{"name":"echo"}"#.to_owned()).unwrap();
    let options = RequestOptions { notices: Some(sink), ..RequestOptions::default() };
    server.session.request_with("tools/call", Some(params), CallLimits::within(LONG), options).await.unwrap();
    let mut seen = 0;
    while let Some(notice) = notices.try_next() {
        if seen < 5000 {
            let params: serde_json::Value = serde_json::from_str(notice.params.unwrap().get()).unwrap();
            assert_eq!(params["progress"], seen);
        } else {
            assert_eq!(&*notice.method, "notifications/message");
        }
        seen += 1;
    }
    assert_eq!(seen, 5001);
    server.end().await;
}

#[tokio::test]
async fn a_broken_stream_is_taken_up_where_it_broke() {
    let tries = AtomicUsize::new(0);
    let retry = Duration::from_millis(150);
    let broke = std::sync::Arc::new(std::sync::Mutex::new(None));
    let broke_at = std::sync::Arc::clone(&broke);
    let id = AtomicUsize::new(0);
    let site = Site::start(move |asked| match (asked.method.as_str(), asked.header("last-event-id")) {
        ("GET", Some(last)) => {
            let waited = broke_at.lock().unwrap().take().map(|at: Instant| at.elapsed());
            assert!(waited.is_none_or(|waited| waited >= retry), "{waited:?}");
            match tries.fetch_add(1, Ordering::SeqCst) {
                0 => {
                    assert_eq!(last, "e-1");
                    Reply::Stream(vec![Piece::Send("id: e-2\ndata: \n\n".into()), Piece::Cut])
                }
                1 => Reply::status(503),
                _ => {
                    assert_eq!(last, "e-2");
                    let answer = json!({ "jsonrpc": "2.0", "id": id.load(Ordering::SeqCst), "result": said("late") });
                    Reply::events(&[event(&answer)])
                }
            }
        }
        ("POST", _) if asked.rpc() == "tools/call" => {
            id.store(asked.json["id"].as_u64().unwrap() as usize, Ordering::SeqCst);
            *broke_at.lock().unwrap() = Some(Instant::now());
            Reply::events(&[format!("id: e-1\nretry: {}\ndata: \n\n", retry.as_millis())])
        }
        _ => handshake_era(asked).unwrap(),
    })
    .await;
    let server = client(&site.url).await;
    assert_eq!(server.text("echo", "{}").await, "late");
    let resumed = site.asked().into_iter().find(|asked| asked.header("last-event-id").is_some()).unwrap();
    assert_eq!(resumed.header("mcp-session-id"), Some("s-1"));
    assert!(broke.lock().unwrap().is_none());
    server.end().await;
}

#[tokio::test]
async fn a_stream_that_cannot_be_taken_up_fails_its_one_call() {
    let site = site(|asked| match asked.json["params"]["name"].as_str().unwrap() {
        "ends" => Reply::events(&[": nothing\n\n".into()]),
        "breaks" => Reply::Stream(vec![Piece::Send(": nothing\n\n".into()), Piece::Cut]),
        "half" => Reply::Stream(vec![Piece::Send("data: {\"jsonrpc\":\"2.0\",\"id\":".into()), Piece::Cut]),
        "known" => Reply::events(&["id: 1\nretry: 1\ndata: \n\n".into()]),
        _ => asked.says("fine"),
    })
    .await;
    let server = client(&site.url).await;
    for tool in ["ends", "breaks", "half", "known"] {
        let error = server.call(tool, "{}").await.unwrap_err();
        assert!(matches!(error, CallError::Broken { .. }) && error.is_transport(), "{tool}: {error}");
    }
    assert_eq!(server.text("echo", "{}").await, "fine");
    server.end().await;
}

#[tokio::test]
async fn what_the_server_says_by_itself_is_heard_and_answered() {
    let site = Site::start(|asked| match asked.method.as_str() {
        "GET" => Reply::Stream(vec![Piece::Told]),
        _ => handshake_era(asked).unwrap_or_else(|| Reply::status(202)),
    })
    .await;
    let server = client(&site.url).await;
    until("the stream is open", || site.listeners() == 1).await;
    let mut changes = server.session.changes();
    let mut notices = server.session.notices();
    site.tell(told("notifications/tools/list_changed", json!({})));
    within(changes.changed()).await.unwrap();
    let Some(Fed::Notice(notice)) = within(notices.next()).await else { panic!("no notice") };
    assert_eq!(&*notice.method, "notifications/tools/list_changed");
    site.tell(event(&json!({ "jsonrpc": "2.0", "id": "p-1", "method": "ping" })));
    site.tell(event(&json!({ "jsonrpc": "2.0", "id": "r-1", "method": "roots/list" })));
    let answers = || site.asked().into_iter().filter(|asked| asked.json["id"].is_string()).collect::<Vec<_>>();
    until("both are answered", || answers().len() == 2).await;
    for answer in answers() {
        let expected = if answer.json["id"] == "p-1" { &answer.json["result"] } else { &answer.json["error"] };
        assert!(expected.is_object(), "{answer:?}");
        assert_eq!(answer.header("mcp-session-id"), Some("s-1"));
    }
    server.end().await;
}

#[tokio::test]
async fn the_servers_own_stream_is_taken_up_again() {
    let opened = AtomicUsize::new(0);
    let site = Site::start(move |asked| match asked.method.as_str() {
        "GET" if opened.fetch_add(1, Ordering::SeqCst) == 0 => {
            Reply::Stream(vec![Piece::Send("id: 7\nretry: 1\ndata: \n\n".into()), Piece::Cut])
        }
        "GET" => Reply::Stream(vec![Piece::Told]),
        _ => handshake_era(asked).unwrap(),
    })
    .await;
    let server = client(&site.url).await;
    until("the stream is open again", || site.listeners() == 1).await;
    let again = site.asked().into_iter().rfind(|asked| asked.method == "GET").unwrap();
    assert_eq!(again.header("last-event-id"), Some("7"));
    let mut changes = server.session.changes();
    site.tell(told("notifications/tools/list_changed", json!({})));
    within(changes.changed()).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn a_call_given_up_closes_its_stream_and_the_server_is_told() {
    let site = site(|_| Reply::Stream(vec![Piece::Hold])).await;
    let server = client(&site.url).await;
    let limits = CallLimits::within(Duration::from_millis(100));
    let error = server.call_within("echo", "{}", limits).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
    until("the stream is closed", || site.gone() == 1).await;
    until("the server is told", || site.asked_for("notifications/cancelled").len() == 1).await;
    let told = site.asked_for("notifications/cancelled").remove(0);
    assert_eq!(told.json["params"]["requestId"], site.asked_for("tools/call")[0].json["id"]);
    ping(&*server.session, LONG).await.unwrap();
    server.end().await;
}
