//! Everything that can be wrong with an answer: it fails the one request, and the session goes on.

use std::time::Duration;

use mcpstore_transport::{CallError, HandshakeError, ping};
use serde_json::json;

use super::site::{Piece, Reply, Site, event, said};
use super::support::{at, client, handshake_era, refusal, site};
use crate::support::LONG;

fn whole(body: &str, length: usize) -> Reply {
    Reply::Raw(format!("HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"))
}

/// What is done with a call of the tool of this name.
fn ill(name: &str, id: &serde_json::Value) -> Reply {
    match name {
        "html" => Reply::text(200, "text/html", "<h1>hi</h1>"),
        "nothing" => Reply::status(202),
        "no-json" => Reply::text(200, "application/json", "{\"jsonrpc\":"),
        "other-id" => Reply::json(200, &json!({ "jsonrpc": "2.0", "id": 999, "result": {} })),
        "array" => Reply::text(200, "application/json", "[]"),
        "too-long" => whole("{", 17 * 1024 * 1024),
        "cut" => whole("{\"jsonrpc\":\"2.0\",", 1000),
        "no-http" => Reply::Raw("SSH-2.0-OpenSSH\r\n".into()),
        "closes" => Reply::Raw(String::new()),
        "500" => Reply::text(500, "text/html", "<h1>oh</h1>"),
        "500-json" => {
            Reply::json(500, &json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32603, "message": "m" } }))
        }
        "400-null" => {
            Reply::json(400, &json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32000, "message": "m" } }))
        }
        "429" => Reply::text(429, "text/plain", "slow down").with("Retry-After", "7"),
        "503" => Reply::status(503).with("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"),
        "401" => Reply::status(401).with("WWW-Authenticate", "Bearer realm=\"x\""),
        "403" => Reply::status(403),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn every_bad_answer_fails_its_one_request() {
    let site = site(|asked| ill(asked.json["params"]["name"].as_str().unwrap(), &asked.json["id"])).await;
    let server = client(&site.url).await;
    for name in ["html", "nothing", "no-json", "other-id", "array", "too-long"] {
        let error = server.call(name, "{}").await.unwrap_err();
        assert!(matches!(error, CallError::Malformed { .. }), "{name}: {error}");
    }
    for name in ["cut", "no-http", "closes"] {
        let error = server.call(name, "{}").await.unwrap_err();
        assert!(matches!(error, CallError::Broken { .. }), "{name}: {error}");
    }
    for (name, status, wait) in [("500", 500, None), ("429", 429, Some(7)), ("503", 503, None)] {
        let error = server.call(name, "{}").await.unwrap_err();
        let CallError::Http { status: told, retry_after, .. } = &error else { panic!("{name}: {error}") };
        assert_eq!((*told, *retry_after), (status, wait.map(Duration::from_secs)), "{name}");
    }
    assert_eq!(
        server.call("429", "{}").await.unwrap_err().to_string(),
        "the server refused the request with HTTP status 429: slow down; it asks to wait 7s"
    );
    for (name, code) in [("500-json", -32603), ("400-null", -32000)] {
        let error = server.call(name, "{}").await.unwrap_err();
        assert!(matches!(error, CallError::Rpc { code: told, .. } if told == code), "{name}: {error}");
    }
    for (name, words) in [("401", "Bearer realm"), ("403", "403")] {
        let error = server.call(name, "{}").await.unwrap_err();
        assert!(matches!(&error, CallError::Auth { message } if message.contains(words)), "{name}: {error}");
    }
    ping(&*server.session, LONG).await.unwrap();
    assert_eq!(server.session.in_flight(), 0);
    assert_eq!(site.asked_for("initialize").len(), 1);
    server.end().await;
}

#[tokio::test]
async fn an_event_over_the_bound_fails_its_call_and_the_rest_is_read() {
    let site = site(|asked| {
        let id = &asked.json["id"];
        let huge =
            format!("data: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"x\":\"{}\"}}}}\n\n", "x".repeat(17 << 20));
        let change = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" });
        Reply::events(&[huge, event(&change)])
    })
    .await;
    let server = client(&site.url).await;
    let mut changes = server.session.changes();
    let error = server.call("echo", "{}").await.unwrap_err();
    assert!(matches!(&error, CallError::Malformed { what } if what.contains("bytes")), "{error}");
    crate::support::within(changes.changed()).await.unwrap();
    assert_eq!(server.session.counters().oversized, 1);
    server.end().await;
}

#[tokio::test]
async fn a_handshake_that_is_refused_says_how() {
    let refused = |reply: Reply| async move {
        let site = Site::start(move |_| reply.clone()).await;
        refusal("http", at(&site.url)).await
    };
    let error = refused(Reply::status(401).with("WWW-Authenticate", "Bearer")).await;
    assert!(matches!(error, HandshakeError::Auth { .. }) && error.is_permanent(), "{error}");
    let error = refused(Reply::status(403)).await;
    assert!(matches!(error, HandshakeError::Auth { .. }), "{error}");
    let error = refused(Reply::status(404)).await;
    assert!(matches!(error, HandshakeError::Http { status: 404, .. }), "{error}");
    assert!(error.to_string().contains("\"type\": \"sse\"") && !error.is_permanent(), "{error}");
    let error = refused(Reply::status(503).with("Retry-After", "3")).await;
    let HandshakeError::Http { status: 503, retry_after: Some(wait), .. } = error else { panic!("{error}") };
    assert_eq!(wait, Duration::from_secs(3));
    let error = refused(Reply::text(200, "text/html", "<html>")).await;
    assert!(matches!(error, HandshakeError::Malformed { .. }), "{error}");
    let error = refused(Reply::Raw(String::new())).await;
    assert!(matches!(error, HandshakeError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn redirects_stay_at_home() {
    let elsewhere = site(|asked| asked.says("elsewhere")).await;
    let there = elsewhere.url.clone();
    let home = Site::start(move |asked| match (asked.path.as_str(), asked.json["params"]["name"].as_str()) {
        ("/mcp", Some("moved")) => Reply::status(307).with("Location", "/new"),
        ("/mcp", Some("old")) => Reply::status(301).with("Location", "/new"),
        ("/mcp", Some("away")) => Reply::status(308).with("Location", &there),
        ("/mcp", Some("metadata")) => Reply::status(307).with("Location", "http://169.254.169.254/"),
        (_, Some("around")) => Reply::status(307).with("Location", "/mcp"),
        ("/new", _) => asked.result(said("new")),
        _ => handshake_era(asked).unwrap(),
    })
    .await;
    let server = client(&home.url).await;
    assert_eq!(server.text("moved", "{}").await, "new");
    let moved = home.asked().pop().unwrap();
    assert_eq!((moved.path.as_str(), moved.header("mcp-session-id")), ("/new", Some("s-1")));
    for (name, words) in [
        ("old", "redirects to `/new`"),
        ("away", "another origin"),
        ("metadata", "another origin"),
        ("around", "more than 5 times"),
    ] {
        let error = server.call(name, "{}").await.unwrap_err();
        assert!(matches!(error, CallError::Http { .. }) && error.to_string().contains(words), "{name}: {error}");
    }
    assert!(elsewhere.asked().is_empty());
    assert_eq!(home.asked().iter().filter(|asked| asked.json["params"]["name"] == "around").count(), 6);
    server.end().await;
}

#[tokio::test]
async fn a_silent_body_is_not_waited_for_past_the_calls_deadline() {
    let site = site(|_| Reply::Stream(vec![Piece::Wait(Duration::from_millis(20)), Piece::Hold])).await;
    let server = client(&site.url).await;
    let started = std::time::Instant::now();
    let limits = mcpstore_transport::CallLimits::within(Duration::from_millis(200));
    assert!(matches!(server.call_within("echo", "{}", limits).await, Err(CallError::TimedOut { .. })));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    server.end().await;
}
