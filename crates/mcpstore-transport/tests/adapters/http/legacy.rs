//! Legacy HTTP+SSE: one stream, one address for what we say.

use mcpstore_transport::{CallError, CallLimits, HandshakeError, list_tools, ping};
use mcpstore_types::ExitStatus;
use serde_json::{Value, json};

use super::site::{Piece, Reply, Site, event, said};
use super::support::{at, client_of, handshake_era, refusal};
use crate::support::{LONG, until, within};

/// A legacy server: what it is asked by POST it answers on its stream.
async fn site(endpoint: &'static str) -> Site {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel::<String>();
    let site = Site::start(move |asked| {
        if asked.method == "GET" {
            let hello = format!("event: endpoint\ndata: {endpoint}\n\n");
            return Reply::Stream(vec![Piece::Send(hello), Piece::Told]);
        }
        assert_eq!(asked.path, "/messages?s=1");
        let answer = |result: Value| event(&json!({ "jsonrpc": "2.0", "id": asked.json["id"], "result": result }));
        match (asked.rpc(), asked.json["params"]["name"].as_str()) {
            ("tools/call", Some("refused")) => return Reply::status(500),
            ("tools/call", Some("end")) => tell.send("end".to_owned()).unwrap(),
            ("tools/call", _) => tell.send(answer(said("hi"))).unwrap(),
            _ => {
                if let Some(Reply::Whole { body, .. }) = handshake_era(asked).filter(|_| asked.json["id"].is_number()) {
                    tell.send(format!("event: message\ndata: {body}\n\n")).unwrap();
                }
            }
        }
        Reply::text(202, "text/plain", "Accepted")
    })
    .await;
    let telling = site.clone();
    tokio::spawn(async move {
        while let Some(text) = told.recv().await {
            telling.tell(text);
        }
    });
    site
}

#[tokio::test]
async fn a_legacy_server_works() {
    let site = site("/messages?s=1").await;
    let server = client_of("sse", at(&site.url)).await;
    assert_eq!(server.session.server().name, "site");
    assert_eq!(list_tools(&*server.session, CallLimits::within(LONG)).await.unwrap().tools.len(), 1);
    ping(&*server.session, LONG).await.unwrap();
    assert_eq!(server.text("echo", "{}").await, "hi");
    let error = server.call("refused", "{}").await.unwrap_err();
    assert!(matches!(error, CallError::Http { status: 500, .. }), "{error}");
    assert_eq!(server.text("echo", "{}").await, "hi");
    // It is older than the question for the era.
    assert!(site.asked_for("server/discover").is_empty());
    server.endpoint.close_input();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Closed);
    until("the stream is closed", || site.listeners() == 0).await;
    assert_eq!(site.count("DELETE"), 0);
}

#[tokio::test]
async fn the_end_of_the_stream_is_the_end() {
    let site = Site::start(|asked| match asked.method.as_str() {
        "GET" => Reply::events(&["event: endpoint\ndata: /messages\n\n".into(), ": soon\n\n".into()]),
        _ => Reply::status(202),
    })
    .await;
    let error = refusal("sse", at(&site.url)).await;
    assert!(matches!(error, HandshakeError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn messages_go_to_no_other_origin() {
    for endpoint in ["http://127.0.0.1:1/messages", "//evil.example/messages", "http://169.254.169.254/x", "file:///x"]
    {
        let site = site(endpoint).await;
        let error = refusal("sse", at(&site.url)).await;
        assert!(matches!(&error, HandshakeError::Malformed { what } if what.contains("origin")), "{endpoint}: {error}");
        assert_eq!(site.count("POST"), 0);
    }
}

#[tokio::test]
async fn a_server_without_a_stream_is_told_apart() {
    let site = Site::start(|_| Reply::status(405)).await;
    let error = refusal("sse", at(&site.url)).await;
    assert!(matches!(&error, HandshakeError::Http { status: 405, .. }), "{error}");
    assert!(error.to_string().contains("\"type\": \"http\""), "{error}");
}
