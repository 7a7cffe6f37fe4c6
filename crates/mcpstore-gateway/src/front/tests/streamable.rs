//! Streamable HTTP in both eras.

use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::json;

use super::wire::{Site, of, request};
use crate::message;

#[tokio::test]
async fn a_session_from_its_first_request_to_its_end() {
    let site = Site::new().await;
    let session = site.session().await;
    assert_eq!(session.len(), 43);
    let headers = of(&session);
    let answer = site.post("/mcp", &headers, &request(7, "tools/list", json!({}))).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let result = &answer.json()["result"];
    assert_eq!((&result["client"], &result["principal"]), (&json!(true), &json!("anyone")));
    let told = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let answer = site.post("/mcp", &headers, told).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    let said = r#"{"jsonrpc":"2.0","id":1,"result":{ "x":1.0}}"#;
    assert_eq!(site.post("/mcp", &headers, said).await.status, 202);
    assert_eq!(site.core.heard(), ["notifications/initialized -", r#"answer 1 { "x":1.0}"#]);
    let again = site.post("/mcp", &headers, &request(8, "initialize", json!({}))).await;
    assert_eq!((again.status, again.code()), (400, -32600));
    // It knows its version, when it says one.
    for (version, status) in [("2025-06-18", 200), ("2025-11-25", 200), ("1999-01-01", 400)] {
        let headers = format!("{headers}MCP-Protocol-Version: {version}\r\n");
        assert_eq!(site.post("/mcp", &headers, &request(9, "ping", json!({}))).await.status, status, "{version}");
    }
    let client = site.core.client();
    assert_eq!(site.ask("DELETE /mcp", &headers).await.status, 204);
    assert!(client.over.is_cancelled());
    for answer in [
        site.post("/mcp", &headers, &request(10, "ping", json!({}))).await,
        site.ask("DELETE /mcp", &headers).await,
        site.ask("GET /mcp", &headers).await,
        site.post("/mcp", &of("nonsense"), &request(10, "ping", json!({}))).await,
    ] {
        assert_eq!((answer.status, answer.code()), (404, -32600));
    }
    assert_eq!(site.front.stats().sessions, 0);
}

#[tokio::test]
async fn an_initialize_that_is_refused_begins_nothing() {
    let site = Site::new().await;
    let answer = site.post("/mcp", "", &request(0, "initialize", json!({"refuse": true}))).await;
    assert_eq!((answer.status, answer.code(), answer.header("mcp-session-id")), (200, -32602, None));
    assert_eq!(site.front.stats().sessions_total, 0);
}

#[tokio::test]
async fn five_thousand_notices_come_in_order_before_the_answer() {
    let site = Site::new().await;
    let session = site.session().await;
    let answer = site.post("/mcp", &of(&session), &request(1, "notices", json!({"n": 5000}))).await;
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    let events = answer.events();
    assert_eq!(events.len(), 5001);
    for (n, event) in events[..5000].iter().enumerate() {
        assert_eq!(event["params"]["progress"], n);
    }
    assert_eq!(events[5000], json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
    // Many go out together: at most one write for a hundred is what the core lets through at once.
    assert!(answer.body.len() > 300_000);
}

#[tokio::test]
async fn a_stream_begins_with_the_first_notice_and_not_with_the_answer() {
    let site = Site::new().await;
    let mut wire = site.wire().await;
    wire.post("/mcp", &of(&site.session().await), &request(1, "gate", json!({"first": true}))).await;
    assert_eq!(wire.head().await.header("content-type"), Some("text/event-stream"));
    assert_eq!(wire.event().await.unwrap()["method"], "notifications/progress");
    site.core.gate.notify_one();
    assert_eq!(wire.event().await.unwrap()["id"], 1);
    assert_eq!(wire.event().await, None);
    // The connection goes on.
    wire.post("/mcp", "", &request(2, "x", json!({}))).await;
    assert_eq!(wire.answer().await.status, 200);
}

#[tokio::test]
async fn clients_get_what_they_read() {
    let site = Site::new().await;
    let session = of(&site.session().await);
    let with = |accept: &str| format!("{session}Accept: {accept}\r\n");
    let only_json = site.post("/mcp", &with("application/json"), &request(1, "notices", json!({"n": 0}))).await;
    assert_eq!(only_json.json()["id"], 1);
    // Somebody that is asked there says so at once.
    let asked = site.post("/mcp", &with("application/json"), &request(1, "ask", json!({}))).await;
    assert_eq!((asked.status, asked.code()), (200, -32000));
    let only_events = site.post("/mcp", &with("text/event-stream"), &request(1, "x", json!({}))).await;
    assert_eq!(only_events.events().len(), 1);
    // Both would do: the one that is named first. An error keeps its status.
    let rather = site.post("/mcp", &with("text/event-stream, application/json"), &request(1, "x", json!({}))).await;
    assert_eq!(rather.events().len(), 1);
    let failed = with("text/event-stream, application/json");
    let failed = site.post("/mcp", &failed, &request(1, "fail", json!({"code": -32042}))).await;
    assert_eq!(failed.code(), -32042);
    let events = site.post("/mcp", "Accept: text/event-stream\r\n", &request(0, "initialize", json!({}))).await;
    assert!(events.header("mcp-session-id").is_some() && events.events().len() == 1);
    let neither = site.post("/mcp", &with("text/html"), &request(1, "x", json!({}))).await;
    assert_eq!((neither.status, neither.code()), (406, -32600));
    assert_eq!(site.ask("GET /mcp", &with("application/json")).await.status, 406);
}

#[tokio::test]
async fn what_is_no_message_is_told_so() {
    let site = Site::new().await;
    let batch = format!("[{}]", request(1, "x", json!({})));
    for (body, code) in [("{", -32700), ("", -32700), (batch.as_str(), -32600), (r#"{"id":1,"method":"x"}"#, -32600)] {
        let answer = site.post("/mcp", "", body).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{body}");
    }
    let mut wire = site.wire().await;
    wire.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}").await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.code()), (415, -32600));
}

#[tokio::test]
async fn raw_things_stay_raw_and_lines_stay_lines() {
    let site = Site::new().await;
    let session = of(&site.session().await);
    let failed = site.post("/mcp", &session, &request(1, "fail", json!({"code": -32042}))).await;
    assert_eq!(failed.status, 200);
    assert!(failed.body.contains(r#""data":{ "n":1.50}"#), "{}", failed.body);
    let broken = site.post("/mcp", &session, &request(1, "broken-lines", json!({}))).await;
    assert_eq!(broken.events()[0]["params"], json!({"a": 1}));
    for bytes in [10, 8190, 20_000, 3_000_000] {
        let whole = site.post("/mcp", &session, &request(1, "big", json!({ "bytes": bytes }))).await;
        assert_eq!(whole.json()["result"].as_str().unwrap().len(), bytes);
        assert_eq!(whole.header("content-length").unwrap(), whole.body.len().to_string());
        let headers = format!("{session}Accept: text/event-stream\r\n");
        let events = site.post("/mcp", &headers, &request(1, "big", json!({ "bytes": bytes }))).await.events();
        assert_eq!(events[0]["result"].as_str().unwrap().len(), bytes);
    }
}

#[tokio::test]
async fn the_stream_of_a_session_carries_what_belongs_to_no_request() {
    let site = Site::new().await;
    let session = of(&site.session().await);
    let client = site.core.client();
    assert!(!client.tell(message::notification("n/0", None)));
    let get = format!("GET /mcp HTTP/1.1\r\nHost: localhost\r\n{session}\r\n");
    let mut first = site.wire().await;
    first.send(&get).await;
    assert_eq!(first.head().await.status, 200);
    assert!(client.tell(message::notification("n/1", None)));
    assert_eq!(first.event().await.unwrap()["method"], "n/1");
    // A second takes over.
    let mut second = site.wire().await;
    second.send(&get).await;
    assert_eq!(second.head().await.status, 200);
    assert_eq!(first.event().await, None);
    assert!(client.tell(message::notification("n/2", None)));
    assert_eq!(second.event().await.unwrap()["method"], "n/2");
    // It ends with its session.
    assert_eq!(site.ask("DELETE /mcp", &session).await.status, 204);
    assert_eq!(second.event().await, None);
    // There is none without a session.
    for headers in ["", "MCP-Protocol-Version: 2026-07-28\r\nMcp-Session-Id: x\r\n"] {
        let answer = site.ask("GET /mcp", headers).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    }
}

#[tokio::test]
async fn a_server_asks_in_the_stream_of_a_request() {
    let site = Site::new().await;
    let session = of(&site.session().await);
    let mut wire = site.wire().await;
    wire.post("/mcp", &session, &request(1, "ask", json!({}))).await;
    assert_eq!(wire.head().await.status, 200);
    let asked = wire.event().await.unwrap();
    assert_eq!(asked["method"], "elicitation/create");
    let said = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept"}}).to_string();
    assert_eq!(site.post("/mcp", &session, &said).await.status, 202);
    assert_eq!(wire.event().await.unwrap()["result"]["action"], "accept");
}

#[tokio::test]
async fn a_client_that_goes_takes_its_request_back() {
    let site = Site::new().await;
    let session = of(&site.session().await);
    for (n, first) in [false, true, false].into_iter().enumerate() {
        let mut wire = site.wire().await;
        wire.post("/mcp", &session, &request(1, "hang", json!({ "first": first }))).await;
        site.core.until(|core| core.hanging.load(Ordering::SeqCst) == n + 1).await;
        if first {
            assert!(wire.head().await.status == 200 && wire.event().await.is_some());
        }
        let began = Instant::now();
        drop(wire);
        site.core.until(|core| core.dropped.load(Ordering::SeqCst) == n + 1).await;
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }
    assert_eq!(site.front.stats().cancelled_total, 3);
}

#[tokio::test]
async fn a_client_that_sends_no_more_is_gone_too() {
    use tokio::io::AsyncWriteExt;
    let site = Site::new().await;
    let mut wire = site.wire().await;
    wire.post("/mcp", "", &request(1, "hang", json!({}))).await;
    site.core.until(|core| core.hanging.load(Ordering::SeqCst) == 1).await;
    wire.stream().shutdown().await.unwrap();
    site.core.until(|core| core.dropped.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn the_next_request_may_come_before_the_answer_and_is_no_end() {
    let site = Site::new().await;
    let mut wire = site.wire().await;
    wire.post("/mcp", "", &request(1, "gate", json!({}))).await;
    site.core.until(|core| core.hanging.load(Ordering::SeqCst) == 1).await;
    wire.post("/mcp", "", &request(2, "x", json!({}))).await;
    site.core.gate.notify_one();
    for id in [1, 2] {
        assert_eq!(wire.answer().await.json()["id"], id);
    }
    assert_eq!(site.front.stats().cancelled_total, 0);
}

fn meta(version: &str) -> serde_json::Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

#[tokio::test]
async fn requests_without_a_session_carry_their_headers() {
    let site = Site::new().await;
    let version = "MCP-Protocol-Version: 2026-07-28\r\n";
    let headers = |method: &str| {
        format!("{version}Mcp-Method: {method}\r\nMcp-Param-X: 1\r\nAuthorization: Bearer x\r\nCookie: a=b\r\n")
    };
    let whole = json!({"_meta": meta("2026-07-28")});
    let answer = site.post("/mcp", &headers("tools/list"), &request(1, "tools/list", whole.clone())).await;
    let result = &answer.json()["result"];
    assert_eq!((answer.status, &result["client"]), (200, &json!(false)));
    assert_eq!(result["headers"], json!([["mcp-param-x", "1"]]));
    // A session means nothing in this era.
    let with = format!("{}Mcp-Session-Id: nonsense\r\n", headers("tools/list"));
    assert_eq!(site.post("/mcp", &with, &request(1, "tools/list", whole.clone())).await.status, 200);
    // `initialize` is a request like any other there.
    let answer = site.post("/mcp", &headers("initialize"), &request(1, "x-initialize", whole.clone())).await;
    assert_eq!((answer.status, answer.code()), (400, -32020));
    for (sent, body, status, code) in [
        (version.to_owned(), request(5, "tools/list", whole.clone()), 400, -32020),
        (headers("prompts/list"), request(5, "tools/list", whole.clone()), 400, -32020),
        (String::new(), request(5, "tools/list", whole.clone()), 400, -32020),
        (headers("tools/list"), request(5, "tools/list", json!({"_meta": meta("v999")})), 400, -32020),
        (
            headers("tools/call"),
            request(5, "tools/call", json!({"name": "a", "_meta": meta("2026-07-28")})),
            400,
            -32020,
        ),
        (headers("fail"), request(5, "fail", json!({"code": -32601, "_meta": meta("2026-07-28")})), 404, -32601),
        (headers("fail"), request(5, "fail", json!({"code": -32602, "_meta": meta("2026-07-28")})), 200, -32602),
        (headers("fail"), request(5, "fail", json!({"code": -32602})), 400, -32602),
        (headers("fail"), request(5, "fail", json!({"code": -32021, "_meta": meta("2026-07-28")})), 400, -32021),
        (headers("fail"), request(5, "fail", json!({"code": -32022, "_meta": meta("2026-07-28")})), 400, -32022),
        (headers("fail"), request(5, "fail", json!({"code": -32000, "_meta": meta("2026-07-28")})), 200, -32000),
    ] {
        let answer = site.post("/mcp", &sent, &body).await;
        assert_eq!((answer.status, answer.code(), &answer.json()["id"]), (status, code, &json!(5)), "{sent} {body}");
    }
    // The core says what versions there are.
    let unknown = "MCP-Protocol-Version: v999\r\nMcp-Method: tools/list\r\n";
    let answer = site.post("/mcp", unknown, &request(5, "tools/list", json!({"_meta": meta("v999")}))).await;
    assert_eq!((answer.status, &answer.json()["result"]["client"]), (200, &json!(false)));
    // One of the other era needs its session.
    let old = site.post("/mcp", "MCP-Protocol-Version: 2025-06-18\r\n", &request(5, "tools/list", json!({}))).await;
    assert_eq!((old.status, old.code()), (400, -32600));
    let told = r#"{"jsonrpc":"2.0","method":"notifications/x"}"#;
    assert_eq!(site.post("/mcp", version, told).await.status, 202);
    assert_eq!(site.post("/mcp", "MCP-Protocol-Version: 2025-06-18\r\n", told).await.status, 400);
    assert_eq!(site.post("/mcp", version, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).await.status, 400);
}

#[tokio::test]
async fn what_was_lost_on_the_way_comes_once_more() {
    let site = Site::new().await;
    let session = of(&site.session().await);
    let client = site.core.client();
    let get = |more: &str| format!("GET /mcp HTTP/1.1\r\nHost: localhost\r\n{session}{more}\r\n");
    let mut first = site.wire().await;
    first.send(&get("")).await;
    assert_eq!(first.head().await.status, 200);
    for n in 1..=3 {
        assert!(client.tell(message::notification(&format!("n/{n}"), None)));
        let event = first.event_text().await.unwrap();
        assert!(event.starts_with(&format!("id: {n}\nevent: message\ndata: {{")) && event.contains(&format!("n/{n}")));
    }
    let mut second = site.wire().await;
    second.send(&get("Last-Event-ID: 1\r\n")).await;
    assert_eq!(second.head().await.status, 200);
    client.tell(message::notification("n/4", None));
    for n in 2..=4 {
        let event = second.event_text().await.unwrap();
        assert!(event.starts_with(&format!("id: {n}\n")) && event.contains(&format!("n/{n}")), "{event}");
    }
    // Without a word, or with one that means nothing, it goes on from here.
    for more in ["", "Last-Event-ID: nonsense\r\n", "Last-Event-ID: 99\r\n"] {
        let mut wire = site.wire().await;
        wire.send(&get(more)).await;
        assert_eq!(wire.head().await.status, 200);
        client.tell(message::notification("n/new", None));
        assert!(wire.event_text().await.unwrap().contains("n/new"));
    }
}

#[tokio::test]
async fn batches_are_taken_in_the_version_that_has_them() {
    let site = Site::new().await;
    let begin = request(0, "initialize", json!({"protocolVersion": "2025-03-26"}));
    let session = of(site.post("/mcp", "", &begin).await.header("mcp-session-id").unwrap());
    let told = r#"{"jsonrpc":"2.0","method":"n"}"#;
    let one = request(1, "x", json!({}));
    let all =
        format!("[{told},{one},{},{},5]", request(2, "notices", json!({"n": 2})), request(3, "initialize", json!({})));
    let events = site.post("/mcp", &session, &all).await.events();
    let ids = |events: &[serde_json::Value]| {
        let mut ids: Vec<_> = events.iter().map(|event| event["id"].to_string()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(events.len(), 6);
    assert_eq!(events.iter().filter(|event| event["method"] == "notifications/progress").count(), 2);
    let answers: Vec<_> = events.into_iter().filter(|event| event.get("method").is_none()).collect();
    assert_eq!(ids(&answers), ["1", "2", "3", "null"]);
    let headers = format!("{session}Accept: application/json\r\n");
    let array = site.post("/mcp", &headers, &format!(" [{one},{}]", request(2, "x", json!({})))).await.json();
    assert_eq!(ids(array.as_array().unwrap()), ["1", "2"]);
    assert_eq!(site.post("/mcp", &session, &format!("[{told}]")).await.status, 202);
    assert_eq!(site.core.heard(), ["n -", "n -"]);
    assert_eq!(site.post("/mcp", &session, "[]").await.code(), -32600);
    // In no other.
    let other = of(&site.session().await);
    assert_eq!(site.post("/mcp", &other, &format!("[{one}]")).await.code(), -32600);
    // A client that goes takes all of it back.
    let mut wire = site.wire().await;
    let hang = request(1, "hang", json!({}));
    wire.post("/mcp", &session, &format!("[{hang},{hang}]")).await;
    site.core.until(|core| core.hanging.load(Ordering::SeqCst) == 2).await;
    drop(wire);
    site.core.until(|core| core.dropped.load(Ordering::SeqCst) == 2).await;
}

#[tokio::test]
async fn a_silent_stream_gives_signs_of_life() {
    let limits = crate::front::Limits { stream_ping: std::time::Duration::from_millis(20), ..Default::default() };
    let site = Site::with(limits).await;
    let mut wire = site.wire().await;
    let session = of(&site.session().await);
    wire.send(&format!("GET /mcp HTTP/1.1\r\nHost: localhost\r\n{session}\r\n")).await;
    assert_eq!(wire.head().await.status, 200);
    for _ in 0..3 {
        assert_eq!(wire.event_text().await.unwrap(), ":");
    }
}
