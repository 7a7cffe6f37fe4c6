//! Answers that are read over more than one connection.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;

use super::core::LONG;
use super::wire::{Site, Wire, of, request};
use crate::front::Limits;

const SOON: Duration = Duration::from_millis(60);

fn resumed() -> Limits {
    Limits { resume_wait: Some(LONG), ..Limits::default() }
}

/// A request whose answer is a stream, behind its first event.
async fn begun(site: &Site, session: &str, method: &str, stream: u64) -> Wire<TcpStream> {
    let mut wire = site.wire().await;
    wire.post("/mcp", session, &request(7, method, json!({"first": true}))).await;
    assert_eq!(wire.head().await.header("content-type"), Some("text/event-stream"));
    assert_eq!(wire.event_text().await, Some(format!("id: {stream}-0\nretry: 500\ndata: ")));
    wire
}

/// Gets on behind this event.
async fn behind(site: &Site, session: &str, event: &str) -> Wire<TcpStream> {
    let mut wire = site.wire().await;
    wire.send(&format!("GET /mcp HTTP/1.1\r\nHost: localhost\r\n{session}Last-Event-ID: {event}\r\n\r\n")).await;
    wire
}

/// The ids of the messages up to the end of a stream.
async fn ids(wire: &mut Wire<TcpStream>) -> Vec<String> {
    assert_eq!(wire.head().await.status, 200);
    let mut out = Vec::new();
    while let Some(event) = wire.event_text().await {
        out.push(event.lines().next().unwrap().to_owned());
    }
    out
}

#[tokio::test]
async fn a_call_outlives_its_connection() {
    let site = Site::with(resumed()).await;
    let session = of(&site.session().await);
    let mut wire = begun(&site, &session, "gate", 1).await;
    assert!(wire.event_text().await.unwrap().starts_with("id: 1-1\nevent: message\ndata: {"));
    drop(wire);
    // What was written and did not arrive comes once more.
    let mut second = behind(&site, &session, "1-0").await;
    assert_eq!(second.head().await.status, 200);
    assert_eq!(second.event_text().await, Some("id: 1-0\nretry: 500\ndata: ".to_owned()));
    assert!(second.event_text().await.unwrap().contains("notifications/progress"));
    // Whoever comes last reads on, and the other ends at once.
    let mut third = behind(&site, &session, "1-1").await;
    assert_eq!(third.head().await.status, 200);
    assert_eq!(second.event_text().await, None);
    drop(third);
    // The answer comes while nobody reads, and is there as often as it is asked for.
    site.core.gate.notify_one();
    site.core.until(|_| site.front.stats().results_total == 2).await;
    for _ in 0..2 {
        assert_eq!(ids(&mut behind(&site, &session, "1-1").await).await, ["id: 1-1", "id: 1-2"]);
    }
    let mut whole = behind(&site, &session, "1-0").await;
    assert_eq!(ids(&mut whole).await, ["id: 1-0", "id: 1-1", "id: 1-2"]);
    // Who has seen the end is told so: an empty stream would be asked for again and again.
    let answer = behind(&site, &session, "1-2").await.answer().await;
    assert_eq!((answer.status, answer.code()), (400, -32600));
    let stats = site.front.stats();
    assert_eq!((stats.cancelled_total, stats.results_total, stats.streams_resumed_total), (0, 2, 5));
}

#[tokio::test]
async fn a_stream_is_of_its_session_and_is_forgotten_with_it() {
    let site = Site::with(resumed()).await;
    let (session, other) = (of(&site.session().await), of(&site.session().await));
    drop(begun(&site, &session, "hang", 1).await);
    for (session, event) in [(&other, "1-0"), (&session, "2-0"), (&session, "0-0")] {
        let answer = behind(&site, session, event).await.answer().await;
        assert_eq!((answer.status, answer.code()), (400, -32600), "{event}");
    }
    assert_eq!(site.core.dropped.load(Ordering::SeqCst), 0);
    assert_eq!(site.ask("DELETE /mcp", &session).await.status, 204);
    site.core.until(|core| core.dropped.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn nobody_is_waited_for_too_long() {
    let site = Site::with(Limits { resume_wait: Some(SOON), ..Limits::default() }).await;
    let session = of(&site.session().await);
    drop(begun(&site, &session, "hang", 1).await);
    site.core.until(|core| core.dropped.load(Ordering::SeqCst) == 1).await;
    assert_eq!(behind(&site, &session, "1-0").await.answer().await.status, 400);
    assert_eq!(site.front.stats().cancelled_total, 1);
}

#[tokio::test]
async fn a_front_that_is_dropped_waits_for_nobody() {
    let site = Site::with(resumed()).await;
    let session = of(&site.session().await);
    drop(begun(&site, &session, "hang", 1).await);
    let Site { core, front } = site;
    drop(front);
    core.until(|core| core.dropped.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_stream_is_closed_to_be_asked_for_again() {
    let site = Site::with(Limits { poll_after: Some(SOON), ..resumed() }).await;
    let session = of(&site.session().await);
    // Who would rather have a stream has it at once, and nothing need be said for it.
    let mut wire = site.wire().await;
    let accept = format!("{session}Accept: text/event-stream, application/json\r\n");
    wire.post("/mcp", &accept, &request(7, "gate", json!({}))).await;
    assert_eq!(ids(&mut wire).await, ["id: 1-0"]);
    // Each time it begins with the id to come back with, as some clients know only those of their last connection.
    for _ in 0..3 {
        assert_eq!(ids(&mut behind(&site, &session, "1-0").await).await, ["id: 1-0"]);
    }
    site.core.gate.notify_one();
    assert_eq!(ids(&mut behind(&site, &session, "1-0").await).await, ["id: 1-0", "id: 1-1"]);
}

#[tokio::test]
async fn a_silent_answer_is_polled_as_soon_as_any_other() {
    let site = Site::with(Limits { poll_after: Some(SOON), ..resumed() }).await;
    let session = of(&site.session().await);
    let mut wire = site.wire().await;
    // Long before its silence would make a stream of it.
    wire.post("/mcp", &session, &request(7, "gate", json!({}))).await;
    assert_eq!(ids(&mut wire).await, ["id: 1-0"]);
    site.core.gate.notify_one();
    assert_eq!(ids(&mut behind(&site, &session, "1-0").await).await, ["id: 1-0", "id: 1-1"]);
}

#[tokio::test]
async fn what_waits_for_nobody_is_bounded() {
    let site = Site::with(resumed()).await;
    let session = of(&site.session().await);
    // More than is kept of what was read.
    let mut wire = site.wire().await;
    let accept = format!("{session}Accept: text/event-stream\r\n");
    wire.post("/mcp", &accept, &request(7, "flood", json!({"n": 15}))).await;
    drop(wire);
    site.core.until(|core| core.flooded.load(Ordering::SeqCst) >= 11).await;
    tokio::time::sleep(SOON).await;
    assert!(site.core.flooded.load(Ordering::SeqCst) <= 12);
    let all: Vec<String> = (0..=16).map(|n| format!("id: 1-{n}")).collect();
    assert_eq!(ids(&mut behind(&site, &session, "1-0").await).await, all);
    // Those beyond the most that are kept cannot be resumed: who goes takes them back.
    let mut held = Vec::new();
    for stream in 2..=33 {
        held.push(begun(&site, &session, "hang", stream).await);
    }
    let mut beyond = site.wire().await;
    beyond.post("/mcp", &session, &request(7, "hang", json!({"first": true}))).await;
    assert_eq!(beyond.head().await.status, 200);
    assert!(beyond.event_text().await.unwrap().starts_with("event: message"));
    drop((held, beyond));
    site.core.until(|core| core.dropped.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn an_answer_that_broke_off_comes_whole_however_large() {
    let site = Site::with(resumed()).await;
    let session = of(&site.session().await);
    let events = format!("{session}Accept: text/event-stream\r\n");
    for stream in 1..=40 {
        let mut wire = site.wire().await;
        wire.post("/mcp", &events, &request(7, "big", json!({"bytes": 3_000_000}))).await;
        assert_eq!(wire.head().await.status, 200);
        drop(wire);
        site.core.until(|_| site.front.stats().results_total == 1 + stream).await;
        let mut rest = behind(&site, &session, &format!("{stream}-0")).await;
        assert_eq!(rest.head().await.status, 200);
        assert_eq!(rest.event_text().await, Some(format!("id: {stream}-0\nretry: 500\ndata: ")));
        assert!(rest.event_text().await.unwrap().len() > 3_000_000);
        assert_eq!(rest.event_text().await, None);
    }
    // Of those that are over only so much is kept.
    for (stream, status) in [(38, 400), (39, 200), (40, 200)] {
        let mut wire = behind(&site, &session, &format!("{stream}-0")).await;
        assert_eq!(wire.head().await.status, status, "{stream}");
    }
}

#[tokio::test]
async fn clients_that_do_not_know_of_it_see_nothing_of_it() {
    let site = Site::with(resumed()).await;
    let hello = json!({"protocolVersion": "2025-06-18"});
    let answer = site.post("/mcp", "", &request(0, "initialize", hello)).await;
    let session = of(answer.header("mcp-session-id").unwrap());
    let mut wire = site.wire().await;
    wire.post("/mcp", &session, &request(1, "hang", json!({"first": true}))).await;
    assert_eq!(wire.head().await.status, 200);
    assert!(wire.event_text().await.unwrap().starts_with("event: message"));
    drop(wire);
    site.core.until(|core| core.dropped.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_long_silence_is_no_end() {
    let site = Site::with(Limits { stream_ping: SOON, ..Limits::default() }).await;
    let session = of(&site.session().await);
    let mut wire = site.wire().await;
    for (n, headers) in [(1, session.as_str()), (2, "")] {
        wire.post("/mcp", headers, &request(n, "gate", json!({}))).await;
        assert_eq!(wire.head().await.header("content-type"), Some("text/event-stream"));
        assert_eq!(wire.event_text().await.unwrap(), ":");
        site.core.gate.notify_one();
        assert_eq!(wire.event().await.unwrap()["id"], n);
        assert_eq!(wire.event().await, None);
        // The next one has its own time.
        wire.post("/mcp", headers, &request(9, "x", json!({}))).await;
        assert_eq!(wire.answer().await.header("content-type"), Some("application/json"));
    }
    // Who reads no stream gets none.
    wire.post("/mcp", &format!("{session}Accept: application/json\r\n"), &request(3, "gate", json!({}))).await;
    site.core.until(|core| core.hanging.load(Ordering::SeqCst) == 3).await;
    tokio::time::sleep(SOON * 3).await;
    site.core.gate.notify_one();
    assert_eq!(wire.answer().await.header("content-type"), Some("application/json"));
}
