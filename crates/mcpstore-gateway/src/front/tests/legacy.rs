//! The transport of 2024-11-05.

use std::sync::atomic::Ordering;

use serde_json::json;
use tokio::net::TcpStream;

use super::wire::{Site, Wire, request};
use crate::front::Limits;
use crate::message;

/// Opens a stream; the address for its messages.
async fn open(site: &Site, path: &str) -> (Wire<TcpStream>, String) {
    let mut wire = site.wire().await;
    wire.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")).await;
    assert_eq!(wire.head().await.status, 200);
    let event = wire.event_text().await.unwrap();
    let place = event.strip_prefix("event: endpoint\ndata: ").unwrap().to_owned();
    assert!(place.starts_with("/messages?sessionId=") && place.len() > 60, "{place}");
    (wire, place)
}

#[tokio::test]
async fn what_is_posted_is_answered_on_the_stream() {
    let site = Site::new().await;
    let (mut wire, place) = open(&site, "/sse/work").await;
    let answer = site.post(&place, "", &request(0, "initialize", json!({}))).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    assert_eq!(wire.event().await.unwrap()["id"], 0);
    site.post(&place, "", r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    assert_eq!(site.core.heard(), ["notifications/initialized -"]);
    site.post(&place, "", &request(1, "x", json!({}))).await;
    assert_eq!(wire.event().await.unwrap()["result"]["view"], "work");
    // Notices come before the answer, and what belongs to no request comes too.
    site.post(&place, "", &request(2, "notices", json!({"n": 1000}))).await;
    for n in 0..1000 {
        assert_eq!(wire.event().await.unwrap()["params"]["progress"], n);
    }
    assert_eq!(wire.event().await.unwrap()["id"], 2);
    assert!(site.core.client().tell(message::notification("n/1", None)));
    assert_eq!(wire.event().await.unwrap()["method"], "n/1");
    // A server asks.
    site.post(&place, "", &request(3, "ask", json!({}))).await;
    let asked = wire.event().await.unwrap();
    site.post(&place, "", &json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"a": 1}}).to_string()).await;
    assert_eq!(wire.event().await.unwrap()["result"]["a"], 1);
    assert_eq!(site.post(&place, "", "{").await.status, 400);
}

#[tokio::test]
async fn a_session_ends_with_its_stream() {
    let site = Site::new().await;
    let (wire, place) = open(&site, "/sse").await;
    site.post(&place, "", &request(0, "initialize", json!({}))).await;
    site.post(&place, "", &request(1, "hang", json!({}))).await;
    site.core.until(|core| core.hanging.load(Ordering::SeqCst) == 1).await;
    drop(wire);
    site.core.until(|core| core.dropped.load(Ordering::SeqCst) == 1).await;
    assert_eq!(site.post(&place, "", &request(2, "x", json!({}))).await.status, 404);
    assert_eq!((site.front.stats().sessions, site.core.client().over.is_cancelled()), (0, true));
}

#[tokio::test]
async fn its_session_is_none_of_the_other_transport() {
    let site = Site::new().await;
    let (_wire, place) = open(&site, "/sse").await;
    let id = place.split('=').nth(1).unwrap();
    let answer = site.post("/mcp", &super::wire::of(id), &request(1, "x", json!({}))).await;
    assert_eq!(answer.status, 404);
    let session = site.session().await;
    let answer = site.post(&format!("/messages?sessionId={session}"), "", &request(1, "x", json!({}))).await;
    assert_eq!(answer.status, 404);
    assert_eq!(site.post("/messages", "", &request(1, "x", json!({}))).await.status, 404);
}

#[tokio::test]
async fn requests_under_way_are_bounded() {
    let site = Site::with(Limits { requests: 2, ..Limits::default() }).await;
    let (_wire, place) = open(&site, "/sse").await;
    site.post(&place, "", &request(0, "initialize", json!({}))).await;
    for (n, status) in [(1, 202), (2, 202), (3, 503)] {
        assert_eq!(site.post(&place, "", &request(n, "hang", json!({}))).await.status, status);
        site.core.until(|core| core.hanging.load(Ordering::SeqCst) == usize::min(usize::try_from(n).unwrap(), 2)).await;
    }
}
