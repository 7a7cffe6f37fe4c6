//! Streamable HTTP in the handshake era: sessions, their headers, their loss and their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use mcpstore_transport::{CallError, CallLimits, list_tools, ping};
use mcpstore_types::{ExitStatus, HttpSpec, Secret};
use serde_json::json;

use super::site::{Asked, Reply, Site};
use super::support::{at, client, client_of, handshake_era, site};
use crate::support::{LONG, until, within};

#[tokio::test]
async fn a_server_works_and_hears_of_the_end() {
    let site = site(|asked| asked.says("hi")).await;
    let headers = [("X-Key", "secret"), ("Accept", "mine"), ("Mcp-Session-Id", "mine"), ("User-Agent", "me/1")];
    let headers = headers.map(|(name, value)| (name.to_owned(), Secret::from(value))).into();
    let server = client_of("http", HttpSpec { headers, ..at(&site.url) }).await;
    assert_eq!(server.session.server().name, "site");
    assert_eq!(list_tools(&*server.session, CallLimits::within(LONG)).await.unwrap().tools.len(), 1);
    ping(&*server.session, LONG).await.unwrap();
    assert_eq!(server.text("echo", "{}").await, "hi");
    server.endpoint.close_input();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Closed);
    within(server.session.closed()).await;
    assert!(matches!(server.call("echo", "{}").await, Err(CallError::Closed)));

    let [opening] = &site.asked_for("initialize")[..] else { panic!("one initialize") };
    assert_eq!((opening.header("mcp-session-id"), opening.header("mcp-protocol-version")), (None, None));
    let [call] = &site.asked_for("tools/call")[..] else { panic!("one call") };
    for (name, value) in [
        ("mcp-session-id", "s-1"),
        ("mcp-protocol-version", "2025-11-25"),
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("x-key", "secret"),
        ("user-agent", "me/1"),
    ] {
        assert_eq!(call.header(name), Some(value), "{name}");
    }
    // Headers of the other era say nothing here.
    assert_eq!(call.header("mcp-method"), None);
    let delete = site.asked().pop().unwrap();
    assert_eq!((delete.method.as_str(), delete.header("mcp-session-id")), ("DELETE", Some("s-1")));
    // One stream was asked for, in vain; one after the other, requests need few connections.
    assert_eq!(site.count("GET"), 1);
    assert!(site.connections() <= 4, "{} connections", site.connections());
}

#[tokio::test]
async fn many_calls_run_side_by_side() {
    let site = site(|asked| asked.says(&asked.json["params"]["arguments"]["text"].to_string())).await;
    let server = client(&site.url).await;
    let calls = (0..200).map(|n| {
        let server = &server;
        async move { server.text("echo", &format!(r#"{{"text":{n}}}"#)).await }
    });
    assert_eq!(join_all(calls).await, (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
    server.end().await;
}

/// A server that forgets its session once, after so many calls; and says whether it gives a new one.
async fn forgetful(after: usize, gives_another: bool) -> (Site, Arc<AtomicUsize>) {
    let error = json!({ "code": -32001, "message": "Session not found" });
    let reply = json!({ "jsonrpc": "2.0", "id": null, "error": error });
    forgetful_with(after, gives_another, move |_| Reply::json(404, &reply)).await
}

/// The same, with what it says to a call of the forgotten session.
async fn forgetful_with(
    after: usize,
    gives_another: bool,
    says: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> (Site, Arc<AtomicUsize>) {
    let (calls, sessions) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&sessions);
    let site = Site::start(move |asked| match asked.rpc() {
        "initialize" => {
            let session = counted.fetch_add(1, Ordering::SeqCst) + 1;
            if session > 1 && !gives_another {
                return Reply::status(503);
            }
            let Some(Reply::Whole { status, mut headers, body }) = handshake_era(asked) else { unreachable!() };
            headers.retain(|(name, _)| name != "Mcp-Session-Id");
            headers.push(("Mcp-Session-Id".into(), format!("s-{session}")));
            Reply::Whole { status, headers, body }
        }
        "tools/call" => {
            let session = asked.header("mcp-session-id").unwrap();
            if calls.fetch_add(1, Ordering::SeqCst) >= after && session == "s-1" {
                return says(asked);
            }
            asked.says(session)
        }
        _ => handshake_era(asked).unwrap(),
    })
    .await;
    (site, sessions)
}

#[tokio::test]
async fn a_lost_session_is_renewed_once_and_no_call_hears_of_it() {
    let (site, sessions) = forgetful(1, true).await;
    let server = client(&site.url).await;
    assert_eq!(server.text("echo", "{}").await, "s-1");
    let answers = join_all((0..20).map(|_| server.text("echo", "{}"))).await;
    assert!(answers.iter().all(|session| session == "s-2"), "{answers:?}");
    assert_eq!(sessions.load(Ordering::SeqCst), 2);
    // What it lists may have changed meanwhile.
    assert_eq!(*server.session.changes().borrow(), 1);
    assert_eq!(site.asked_for("notifications/initialized").len(), 2);
    assert_eq!(site.asked_for("notifications/initialized")[1].header("mcp-session-id"), Some("s-2"));
    // The new session has a stream of its own, and is the one that is ended.
    until("the stream is asked for", || site.count("GET") == 2).await;
    server.endpoint.close_input();
    within(server.endpoint.exited()).await;
    assert_eq!(site.asked().pop().unwrap().header("mcp-session-id"), Some("s-2"));
}

/// What servers of the SDKs say when they were started anew: not 404, as the protocol has it.
#[tokio::test]
async fn a_session_is_lost_also_where_400_says_so() {
    for (id, message) in [
        (json!(null), "Bad Request: No valid session ID provided"),
        (json!("server-error"), "Bad Request: No valid session ID provided"),
        (json!("that of the call"), "Bad Request: No valid session ID provided"),
        (json!(null), "Bad Request: Server not initialized"),
    ] {
        let error = json!({ "code": -32000, "message": message });
        let says = move |asked: &Asked| {
            let id = if id == "that of the call" { &asked.json["id"] } else { &id };
            Reply::json(400, &json!({ "jsonrpc": "2.0", "id": id, "error": error }))
        };
        let (forgetful, sessions) = forgetful_with(1, true, says).await;
        let server = client(&forgetful.url).await;
        assert_eq!(server.text("echo", "{}").await, "s-1");
        assert_eq!(server.text("echo", "{}").await, "s-2");
        assert_eq!(sessions.load(Ordering::SeqCst), 2);
        server.end().await;
    }
    // In words alone; and lost again at once, it is what the caller hears.
    let site = site(|_| Reply::text(400, "text/plain", "Invalid session")).await;
    let server = client(&site.url).await;
    let failed = server.call("echo", "{}").await.unwrap_err();
    assert!(matches!(failed, CallError::Http { status: 400, .. }), "{failed}");
    assert_eq!(site.asked_for("initialize").len(), 2);
    server.end().await;
}

#[tokio::test]
async fn a_400_about_something_else_is_the_answer() {
    for (code, message) in [(-32602, "`session` is missing in the arguments"), (-32000, "no such thing")] {
        let site = site(move |asked| {
            let error = json!({ "code": code, "message": message });
            Reply::json(400, &json!({ "jsonrpc": "2.0", "id": asked.json["id"], "error": error }))
        })
        .await;
        let server = client(&site.url).await;
        let failed = server.call("echo", "{}").await.unwrap_err();
        assert!(matches!(&failed, CallError::Rpc { code: found, .. } if *found == code), "{failed}");
        assert_eq!((site.asked_for("initialize").len(), site.asked_for("tools/call").len()), (1, 1));
        server.end().await;
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_is_over() {
    let (site, _) = forgetful(0, false).await;
    let server = client(&site.url).await;
    let error = server.call("echo", "{}").await.unwrap_err();
    assert!(error.to_string().contains("no new session"), "{error}");
    within(server.session.closed()).await;
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Closed);
}

#[tokio::test]
async fn an_unknown_method_is_no_lost_session() {
    let site = site(|asked| {
        let error = json!({ "code": -32601, "message": "no" });
        Reply::json(404, &json!({ "jsonrpc": "2.0", "id": asked.json["id"], "error": error }))
    })
    .await;
    let server = client(&site.url).await;
    assert!(matches!(server.call("echo", "{}").await, Err(CallError::Rpc { code: -32601, .. })));
    assert_eq!(site.asked_for("initialize").len(), 1);
    server.end().await;
}

#[tokio::test]
async fn a_session_that_is_lost_again_at_once_fails_the_one_call() {
    let site = site(|_| Reply::status(404)).await;
    let server = client(&site.url).await;
    let error = server.call("echo", "{}").await.unwrap_err();
    assert!(matches!(error, CallError::Http { status: 404, .. }), "{error}");
    assert_eq!(site.asked_for("initialize").len(), 2);
    ping(&*server.session, LONG).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn a_kill_says_no_goodbye_and_a_deaf_server_delays_none() {
    let site = site(|asked| asked.says("hi")).await;
    let server = client(&site.url).await;
    server.endpoint.kill();
    within(server.endpoint.exited()).await;
    assert_eq!(site.count("DELETE"), 0);
    let deaf = Site::start(|asked| match asked.method.as_str() {
        "DELETE" => Reply::Hang,
        _ => handshake_era(asked).unwrap(),
    })
    .await;
    let server = client(&deaf.url).await;
    server.endpoint.close_input();
    within(server.endpoint.exited()).await;
    assert_eq!(deaf.count("DELETE"), 1);
}

#[tokio::test]
async fn nothing_runs_on_when_the_endpoint_is_gone() {
    let site = site(|_| Reply::Hang).await;
    let server = client(&site.url).await;
    let hanging = async { server.call("echo", "{}").await };
    let ended = async {
        until("the call is there", || site.asked_for("tools/call").len() == 1).await;
        server.endpoint.close_input();
        within(server.endpoint.exited()).await;
    };
    let (outcome, ()) = tokio::join!(hanging, ended);
    assert!(matches!(outcome, Err(CallError::Closed)), "{outcome:?}");
    until("the client is gone", || site.gone() == 1).await;
}
