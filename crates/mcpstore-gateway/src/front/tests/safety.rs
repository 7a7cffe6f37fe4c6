//! Who is answered, and how much anybody can take.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use serde_json::value::RawValue;
use tokio::io::AsyncWriteExt;

use super::core::Fake;
use super::wire::{Site, of, request};
use crate::front::{FrontOptions, HttpFront, Limits, ListenError};
use crate::message;

const SOON: Duration = Duration::from_millis(60);

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused_on_every_route() {
    let options = FrontOptions {
        hosts: vec!["mcp.example".into()],
        origins: vec!["https://app.example".into()],
        ..FrontOptions::default()
    };
    let site = Site::of(options).await;
    let port = site.address().port();
    for (host, origin, status) in [
        ("localhost".to_owned(), None, 405),
        (format!("127.0.0.1:{port}"), None, 405),
        (format!("[::1]:{port}"), None, 405),
        ("mcp.example".to_owned(), None, 405),
        (format!("localhost:{port}"), Some(format!("http://localhost:{port}")), 405),
        ("localhost".to_owned(), Some("https://app.example".to_owned()), 405),
        ("evil.example".to_owned(), None, 403),
        ("evil.example".to_owned(), Some("http://evil.example".to_owned()), 403),
        ("localhost.evil.example".to_owned(), None, 403),
        ("192.0.2.1".to_owned(), None, 403),
        ("localhost".to_owned(), Some("http://evil.example".to_owned()), 403),
        ("localhost".to_owned(), Some("null".to_owned()), 403),
        ("localhost".to_owned(), Some("http://localhost:1".to_owned()), 403),
        ("user@localhost".to_owned(), None, 400),
    ] {
        for path in ["/mcp", "/mcp/work", "/sse", "/messages", "/elsewhere"] {
            let mut wire = site.wire().await;
            let origin = origin.as_ref().map_or_else(String::new, |origin| format!("Origin: {origin}\r\n"));
            wire.send(&format!("PUT {path} HTTP/1.1\r\nHost: {host}\r\n{origin}\r\n")).await;
            let status = if path == "/elsewhere" && status == 405 { 404 } else { status };
            let answer = wire.answer().await;
            assert_eq!(answer.status, status, "{path} {host} {origin}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    assert_eq!(site.front.stats().forbidden_total, 7 * 5);
}

#[tokio::test]
async fn other_methods_are_not_taken() {
    let site = Site::new().await;
    for method in ["HEAD", "OPTIONS", "PUT", "PATCH", "TRACE", "NONSENSE"] {
        let mut wire = site.wire().await;
        wire.send(&format!("{method} /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await;
        let head = wire.head().await;
        assert_eq!((head.status, head.header("allow")), (405, Some("POST, GET, DELETE")), "{method}");
    }
    assert_eq!(site.ask("DELETE /mcp", "").await.status, 405);
    assert_eq!(site.ask("POST /sse", "").await.status, 405);
    assert_eq!(site.ask("GET /messages", "").await.status, 405);
    assert_eq!(site.ask("GET /mcp/nothing", "").await.status, 404);
    assert_eq!(
        site.post("/mcp/nothing", "", &request(1, "x", json!({}))).await.json()["error"],
        "there is no such view"
    );
}

#[tokio::test]
async fn a_token_is_wanted_and_makes_the_principal() {
    let site = Site::of(FrontOptions { token: Some("s3cret".into()), ..FrontOptions::default() }).await;
    let body = request(1, "x", json!({}));
    let none = site.post("/mcp", "", &body).await;
    assert_eq!((none.status, none.header("www-authenticate")), (401, Some(r#"Bearer realm="mcpstore""#)));
    let wrong = site.post("/mcp", "Authorization: Bearer other\r\n", &body).await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.header("www-authenticate").unwrap().contains("invalid_token") && !wrong.body.contains("s3cret"));
    // Views are nobody's business without it.
    assert_eq!(site.ask("GET /mcp/nothing", "").await.status, 401);
    assert_eq!(site.ask("GET /elsewhere", "").await.status, 404);
    let right = site.post("/mcp/work", "Authorization: Bearer s3cret\r\n", &body).await;
    let result = right.json()["result"].clone();
    assert_eq!(
        (&result["principal"], &result["view"], &result["headers"]),
        (&json!("token"), &json!("work"), &json!([]))
    );
    assert_eq!(site.front.stats().unauthorized_total, 3);
}

#[tokio::test]
async fn a_session_is_of_its_view_alone() {
    let site = Site::new().await;
    let session = of(&site.session_at("/mcp/work", "").await);
    let body = request(1, "x", json!({}));
    assert_eq!(site.post("/mcp/work", &session, &body).await.json()["result"]["view"], "work");
    assert_eq!(site.post("/mcp", &session, &body).await.status, 404);
    assert_eq!(site.ask("DELETE /mcp", &session).await.status, 404);
    assert_eq!(site.front.stats().sessions_foreign_total, 2);
}

#[tokio::test]
async fn ten_thousand_abandoned_sessions_leave_room_for_the_next() {
    let site = Site::new().await;
    let kept = site.session().await;
    let mut stream = site.wire().await;
    stream.send(&format!("GET /mcp HTTP/1.1\r\nHost: localhost\r\n{}\r\n", of(&kept))).await;
    assert_eq!(stream.head().await.status, 200);
    let mut wire = site.wire().await;
    let mut last = String::new();
    for _ in 0..10_000 {
        wire.post("/mcp", "", &request(0, "initialize", json!({}))).await;
        let answer = wire.answer().await;
        assert_eq!(answer.status, 200);
        last = answer.header("mcp-session-id").unwrap().to_owned();
    }
    let stats = site.front.stats();
    assert_eq!((stats.sessions, stats.sessions_total), (256, 10_001));
    assert_eq!(stats.sessions_evicted_total, 10_001 - 256);
    // The one with a stream is still there, and so is the newest.
    for session in [kept, last] {
        assert_eq!(site.post("/mcp", &of(&session), &request(1, "x", json!({}))).await.status, 200);
    }
}

#[tokio::test]
async fn sessions_in_use_are_not_pushed_out() {
    let site = Site::with(Limits { sessions: 2, ..Limits::default() }).await;
    let mut busy = Vec::new();
    for n in 1..=2 {
        let session = of(&site.session().await);
        let mut wire = site.wire().await;
        wire.post("/mcp", &session, &request(1, "hang", json!({}))).await;
        site.core.until(|core| core.hanging.load(Ordering::SeqCst) == n).await;
        busy.push(wire);
    }
    let answer = site.post("/mcp", "", &request(0, "initialize", json!({}))).await;
    assert_eq!((answer.status, answer.code(), answer.header("retry-after")), (503, -32000, Some("1")));
    busy.pop();
    site.core.until(|core| core.dropped.load(Ordering::SeqCst) == 1).await;
    site.core.until(|_| site.front.stats().cancelled_total == 1).await;
    assert_eq!(site.post("/mcp", "", &request(0, "initialize", json!({}))).await.status, 200);
    assert_eq!(site.front.stats().sessions_refused_total, 1);
}

#[tokio::test]
async fn sessions_that_nobody_uses_expire() {
    let site = Site::with(Limits { session_idle: Duration::from_millis(100), ..Limits::default() }).await;
    let session = site.session().await;
    let client = site.core.client();
    tokio::time::timeout(super::core::LONG, client.over.cancelled()).await.unwrap();
    assert_eq!(site.post("/mcp", &of(&session), &request(1, "x", json!({}))).await.status, 404);
    assert_eq!(site.front.stats().sessions_expired_total, 1);
}

#[tokio::test]
async fn slow_heads_and_idle_connections_are_closed_and_others_served() {
    let site = Site::with(Limits { head_wait: SOON, keep_alive: SOON * 2, ..Limits::default() }).await;
    let mut slow = site.wire().await;
    slow.send("POST /mcp HTTP/1.1\r\nHost: local").await;
    let mut mute = site.wire().await;
    let mut idle = site.wire().await;
    idle.post("/mcp", "", &request(1, "x", json!({}))).await;
    assert_eq!(idle.answer().await.status, 200);
    for wire in [&mut slow, &mut mute, &mut idle] {
        assert!(wire.closed().await.is_empty());
    }
    // One that has had an answer may not be slow with the next head either.
    let mut again = site.wire().await;
    again.post("/mcp", "", &request(1, "x", json!({}))).await;
    assert_eq!(again.answer().await.status, 200);
    again.send("POST").await;
    assert!(again.closed().await.is_empty());
    let stats = site.front.stats();
    assert_eq!((stats.slow_senders_total, stats.connections), (3, 0));
    // A request that takes long is none of this.
    let mut long = site.wire().await;
    long.post("/mcp", "", &request(1, "gate", json!({}))).await;
    tokio::time::sleep(SOON * 4).await;
    site.core.gate.notify_one();
    assert_eq!(long.answer().await.status, 200);
}

#[tokio::test]
async fn slow_and_large_bodies_are_refused() {
    let site = Site::with(Limits { body_idle: SOON, body_bytes: 1000, ..Limits::default() }).await;
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let mut slow = site.wire().await;
    slow.send(&format!("{head}Content-Length: 100\r\n\r\n{{")).await;
    assert_eq!(slow.answer().await.status, 408);
    assert!(slow.closed().await.is_empty());
    let large = site.post("/mcp", "", &request(1, "x", json!({"x": "y".repeat(1000)}))).await;
    assert_eq!((large.status, large.code(), large.header("connection")), (413, -32600, Some("close")));
    let mut chunked = site.wire().await;
    chunked.send(&format!("{head}Transfer-Encoding: chunked\r\n\r\n")).await;
    for _ in 0..3 {
        chunked.send(&format!("{:x}\r\n{}\r\n", 700, "x".repeat(700))).await;
    }
    assert_eq!(chunked.answer().await.status, 413);
    let mut pieces = site.wire().await;
    let body = request(1, "x", json!({}));
    pieces.send(&format!("{head}Transfer-Encoding: chunked\r\n\r\n")).await;
    for piece in body.as_bytes().chunks(9) {
        pieces.send(&format!("{:x}\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).unwrap())).await;
    }
    pieces.send("0\r\n\r\n").await;
    assert_eq!(pieces.answer().await.status, 200);
    let heads = site.post("/mcp", &format!("X: {}\r\n", "x".repeat(40_000)), "{}").await;
    assert_eq!(heads.status, 431);
}

#[tokio::test]
async fn a_reader_that_stands_still_is_dropped() {
    let site = Site::with(Limits { write_stall: SOON, ..Limits::default() }).await;
    let mut wire = site.wire().await;
    wire.post("/mcp", "", &request(1, "big", json!({"bytes": 50_000_000}))).await;
    site.core.until(|_| site.front.stats().slow_readers_total == 1).await;
    assert!(wire.closed().await.len() < 50_000_000);
}

#[tokio::test]
async fn a_stream_that_is_not_read_is_given_up() {
    let site = Site::new().await;
    let session = of(&site.session().await);
    let mut wire = site.wire().await;
    wire.send(&format!("GET /mcp HTTP/1.1\r\nHost: localhost\r\n{session}\r\n")).await;
    assert_eq!(wire.head().await.status, 200);
    let client = site.core.client();
    let text = RawValue::from_string(format!("\"{}\"", "x".repeat(100_000))).unwrap();
    let mut told = 0;
    while client.tell(message::notification("n", Some(&text))) {
        told += 1;
        assert!(told < 1000, "it is bounded");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // It learns so when it reads on: the stream breaks off instead of leaving something out.
    let rest = wire.closed().await;
    assert!(!rest.is_empty() && !rest.ends_with(b"0\r\n\r\n"));
    site.core.until(|_| site.front.stats().slow_readers_total == 1).await;
    // The session goes on.
    assert_eq!(site.post("/mcp", &session, &request(1, "x", json!({}))).await.status, 200);
}

#[tokio::test]
async fn a_request_waits_for_a_slow_reader() {
    let site = Site::new().await;
    let mut wire = site.wire().await;
    wire.post("/mcp", "", &request(1, "flood", json!({"n": 300}))).await;
    assert_eq!(wire.head().await.status, 200);
    let mut seen = 0;
    while let Some(event) = wire.event().await {
        seen += 1;
        if event["id"] == 1 {
            break;
        }
    }
    assert_eq!(seen, 301);
}

#[tokio::test]
async fn one_connection_too_many_takes_the_place_of_an_idle_one_or_waits() {
    let site = Site::with(Limits { connections: 3, ..Limits::default() }).await;
    let mut oldest = site.wire().await;
    let mut newer = site.wire().await;
    for wire in [&mut oldest, &mut newer] {
        wire.post("/mcp", "", &request(1, "x", json!({}))).await;
        assert_eq!(wire.answer().await.status, 200);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut busy = site.wire().await;
    busy.post("/mcp", "", &request(1, "gate", json!({}))).await;
    site.core.until(|core| core.hanging.load(Ordering::SeqCst) == 1).await;
    let mut fourth = site.wire().await;
    fourth.post("/mcp", "", &request(1, "hang", json!({}))).await;
    assert!(oldest.closed().await.is_empty());
    let mut fifth = site.wire().await;
    fifth.post("/mcp", "", &request(1, "hang", json!({}))).await;
    assert!(newer.closed().await.is_empty());
    site.core.until(|core| core.hanging.load(Ordering::SeqCst) == 3).await;
    // All are busy: the next one waits.
    let mut sixth = site.wire().await;
    sixth.post("/mcp", "", &request(1, "x", json!({}))).await;
    drop(fourth);
    assert_eq!(sixth.answer().await.status, 200);
    site.core.gate.notify_one();
    assert_eq!(busy.answer().await.status, 200);
    assert_eq!(site.front.stats().connections_displaced_total, 2);
}

#[tokio::test]
async fn off_loopback_it_wants_tls_and_a_token() {
    let bind = |options| HttpFront::bind("0.0.0.0:0".parse().unwrap(), Fake::new(), options);
    let error = bind(FrontOptions { token: Some("x".into()), ..FrontOptions::default() }).await.unwrap_err();
    assert!(matches!(error, ListenError::NoTls { .. }) && error.to_string().contains("without TLS"), "{error}");
    let taken = Site::new().await;
    let error = HttpFront::bind(taken.address(), Fake::new(), FrontOptions::default()).await.unwrap_err();
    assert!(matches!(error, ListenError::InUse { .. }), "{error}");
}

#[tokio::test]
async fn it_ends_in_good_order() {
    let site = Site::new().await;
    let address = site.address();
    let session = of(&site.session().await);
    let mut stream = site.wire().await;
    stream.send(&format!("GET /mcp HTTP/1.1\r\nHost: localhost\r\n{session}\r\n")).await;
    assert_eq!(stream.head().await.status, 200);
    let mut old = site.wire().await;
    old.send("GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(old.head().await.status == 200 && old.event_text().await.is_some());
    let mut listens = site.wire().await;
    listens.post("/mcp", "Accept: text/event-stream\r\n", &request(1, "subscriptions/listen", json!({}))).await;
    assert_eq!(listens.head().await.status, 200);
    let mut idle = site.wire().await;
    idle.post("/mcp", "", &request(1, "x", json!({}))).await;
    assert_eq!(idle.answer().await.status, 200);
    let mut under_way = site.wire().await;
    under_way.post("/mcp", "", &request(1, "gate", json!({}))).await;
    let mut hangs = site.wire().await;
    hangs.post("/mcp", "", &request(1, "hang", json!({}))).await;
    let core = site.core.clone();
    core.until(|core| core.hanging.load(Ordering::SeqCst) == 3).await;
    let ending = tokio::spawn(site.front.shutdown(Duration::from_millis(500)));
    assert!(idle.closed().await.is_empty());
    for wire in [&mut stream, &mut old, &mut listens] {
        assert_eq!(wire.event_text().await, None);
    }
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens");
    core.gate.notify_one();
    assert_eq!(under_way.answer().await.status, 200);
    ending.await.unwrap();
    assert!(hangs.closed().await.is_empty());
    assert_eq!(core.dropped.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn dropped_it_ends_at_once() {
    let site = Site::new().await;
    let mut wire = site.wire().await;
    wire.post("/mcp", "", &request(1, "hang", json!({}))).await;
    let core = site.core.clone();
    core.until(|core| core.hanging.load(Ordering::SeqCst) == 1).await;
    drop(site.front);
    assert!(wire.closed().await.is_empty());
    core.until(|core| core.dropped.load(Ordering::SeqCst) == 1).await;
    wire.stream().shutdown().await.ok();
}

#[tokio::test]
async fn who_asks_too_often_hears_when_to_try_again() {
    let site = Site::new().await;
    let session = of(&site.session().await);
    *site.core.admits.lock().unwrap() = Some(1);
    let body = request(1, "x", json!({}));
    assert_eq!(site.post("/mcp", &session, &body).await.status, 200);
    for line in ["POST /mcp", "GET /mcp", "GET /sse", "POST /messages"] {
        let refused = site.ask(line, "").await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("2")), "{line}");
        let error = refused.json()["error"].clone();
        assert_eq!((&error["code"], &error["data"]["retryAfterMs"]), (&json!(-32003), &json!(1500)), "{line}");
    }
    // What is refused for other reasons costs nothing, and says nothing of the rate.
    assert_eq!(site.ask("GET /elsewhere", "").await.status, 404);
    assert_eq!(site.front.stats().limited_total, 4);
    *site.core.admits.lock().unwrap() = None;
    assert_eq!(site.post("/mcp", &session, &body).await.status, 200);
}

#[tokio::test]
async fn another_token_ends_the_sessions_of_the_old_one_and_no_connection() {
    let site = Site::of(FrontOptions { token: Some("old".into()), ..FrontOptions::default() }).await;
    let (old, new) = ("Authorization: Bearer old\r\n", "Authorization: Bearer new\r\n");
    let body = request(1, "x", json!({}));
    let session = of(&site.session_at("/mcp", old).await);
    let mut kept = site.wire().await;
    kept.post("/mcp", &format!("{old}{session}"), &body).await;
    assert_eq!(kept.answer().await.status, 200);
    let mut stream = site.wire().await;
    stream.send(&format!("GET /mcp HTTP/1.1\r\nHost: localhost\r\n{old}{session}\r\n")).await;
    assert_eq!(stream.head().await.status, 200);
    // Other names alone end nothing.
    site.front.set_gate(Some("old".into()), vec!["mcp.example".into()], Vec::new()).unwrap();
    kept.post("/mcp", &format!("{old}{session}"), &body).await;
    assert_eq!(kept.answer().await.status, 200);
    site.front.set_gate(Some("new".into()), Vec::new(), Vec::new()).unwrap();
    assert_eq!(stream.event_text().await, None, "who listens with the old token hears no more");
    kept.post("/mcp", &format!("{old}{session}"), &body).await;
    assert_eq!(kept.answer().await.status, 401);
    kept.post("/mcp", &format!("{new}{session}"), &body).await;
    assert_eq!(kept.answer().await.status, 404);
    kept.post("/mcp", new, &body).await;
    assert_eq!(kept.answer().await.status, 200);
    site.front.set_gate(None, Vec::new(), Vec::new()).unwrap();
    assert_eq!(site.post("/mcp", "", &body).await.status, 200);
}
