//! Streamable HTTP in the stateless era: its headers, and the end of a stream as the one way to give up.

use std::time::Duration;

use mcpstore_transport::{CallError, CallLimits, list_tools, ping};
use mcpstore_types::Era;
use serde_json::json;

use super::site::{Piece, Reply, Site};
use super::support::{client, stateless_era};
use crate::support::{LONG, until, within};

/// A server of this era, one of whose tools wants arguments in headers, and one in a way that is against the rules.
async fn site() -> Site {
    Site::start(|asked| {
        stateless_era(asked).unwrap_or_else(|| match asked.rpc() {
            "tools/list" => asked.result(json!({ "resultType": "complete", "tools": [
                { "name": "plain", "inputSchema": { "type": "object" } },
                { "name": "wants", "inputSchema": { "type": "object", "properties": {
                    "region": { "type": "string", "x-mcp-header": "Region" },
                    "n": { "type": "integer", "x-mcp-header": "Count" },
                    "none": { "type": "boolean", "x-mcp-header": "None" } } } },
                { "name": "bad", "inputSchema": { "type": "object", "properties": {
                    "x": { "type": "object", "x-mcp-header": "X" } } } },
            ] })),
            "tools/call" if asked.json["params"]["name"] == "hang" => Reply::Stream(vec![Piece::Hold]),
            "tools/call" => {
                asked.result(json!({ "resultType": "complete", "content": [{ "type": "text", "text": "x" }] }))
            }
            _ => Reply::status(404),
        })
    })
    .await
}

#[tokio::test]
async fn headers_say_what_the_body_says() {
    let site = site().await;
    let server = client(&site.url).await;
    assert_eq!((server.session.server().era, server.session.server().name.as_str()), (Era::Stateless, "modern"));
    list_tools(&*server.session, CallLimits::within(LONG)).await.unwrap();
    ping(&*server.session, LONG).await.unwrap();
    server.text("wants", r#"{"region":" eu ","n":7,"none":null}"#).await;
    server.text("plain", r#"{"region":"eu"}"#).await;
    for asked in site.asked() {
        assert_eq!(asked.method, "POST");
        assert_eq!(asked.header("mcp-method"), Some(asked.rpc()), "{asked:?}");
        let meta = &asked.json["params"]["_meta"];
        assert_eq!(asked.header("mcp-protocol-version"), meta["io.modelcontextprotocol/protocolVersion"].as_str());
        assert_eq!(asked.header("mcp-protocol-version"), Some("2026-07-28"));
        assert_eq!(asked.header("mcp-session-id"), None);
    }
    let [wants, plain] = &site.asked_for("tools/call")[..] else { panic!("two calls") };
    assert_eq!((wants.header("mcp-name"), plain.header("mcp-name")), (Some("wants"), Some("plain")));
    assert_eq!(wants.header("mcp-param-region"), Some("=?base64?IGV1IA==?="));
    assert_eq!((wants.header("mcp-param-count"), wants.header("mcp-param-none")), (Some("7"), None));
    assert!(!plain.headers.keys().any(|name| name.starts_with("mcp-param-")));
    server.endpoint.close_input();
    within(server.endpoint.exited()).await;
    assert_eq!((site.count("DELETE"), site.count("GET")), (0, 0));
}

#[tokio::test]
async fn a_tool_whose_headers_break_the_rules_is_hidden_and_not_called() {
    let site = site().await;
    let server = client(&site.url).await;
    let list = list_tools(&*server.session, CallLimits::within(LONG)).await.unwrap();
    assert_eq!(list.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["plain", "wants"]);
    assert!(list.hidden[0].starts_with("`bad`: `x`:"), "{:?}", list.hidden);
    let error = server.call("bad", "{}").await.unwrap_err();
    assert!(matches!(&error, CallError::Malformed { what } if what.contains("x-mcp-header")), "{error}");
    assert!(site.asked_for("tools/call").is_empty());
    server.end().await;
}

#[tokio::test]
async fn the_end_of_the_stream_is_all_that_gives_up() {
    let site = site().await;
    let server = client(&site.url).await;
    let limits = CallLimits::within(Duration::from_millis(100));
    let error = server.call_within("hang", "{}", limits).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
    until("the stream is closed", || site.gone() == 1).await;
    server.text("plain", "{}").await;
    assert!(site.asked_for("notifications/cancelled").is_empty());
    server.end().await;
}

#[tokio::test]
async fn an_unknown_method_is_an_error_of_its_request() {
    let site = Site::start(|asked| {
        stateless_era(asked).unwrap_or_else(|| {
            let error = json!({ "code": -32601, "message": "no" });
            Reply::json(404, &json!({ "jsonrpc": "2.0", "id": asked.json["id"], "error": error }))
        })
    })
    .await;
    let server = client(&site.url).await;
    assert!(matches!(server.call("x", "{}").await, Err(CallError::Rpc { code: -32601, .. })));
    server.end().await;
}

#[tokio::test]
async fn a_server_that_names_its_versions_is_asked_again_in_one_of_them() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let site = Site::start(move |asked| {
        if first.swap(false, std::sync::atomic::Ordering::SeqCst) {
            let data = json!({ "supported": ["2026-07-28"], "requested": "x" });
            let error = json!({ "code": -32022, "message": "no", "data": data });
            return Reply::json(400, &json!({ "jsonrpc": "2.0", "id": asked.json["id"], "error": error }));
        }
        stateless_era(asked).unwrap_or_else(|| Reply::status(404))
    })
    .await;
    let server = client(&site.url).await;
    assert_eq!(server.session.server().protocol_version, "2026-07-28");
    assert_eq!(site.asked_for("server/discover").len(), 2);
    server.end().await;
}
