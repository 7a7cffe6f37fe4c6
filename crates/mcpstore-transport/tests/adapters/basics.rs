//! What every adapter does alike: handshake, list, call, ping, close.

use std::sync::Arc;

use mcpstore_testkit::http::{HttpBehaviour, HttpServer};
use mcpstore_testkit::server::{self, Behaviour, ODD_RESULT};
use mcpstore_transport::{AdapterSet, CallError, CallLimits, InProcess, list_tools, ping};
use mcpstore_types::{ExitStatus, ServiceName, ServiceSpec};
use tempfile::{TempDir, tempdir};

use crate::support::{LONG, Server, start, start_with, until, within};

async fn in_process(behaviour: Behaviour) -> Server {
    let adapter = InProcess::new().with("it", server::factory(behaviour));
    start_with(&adapter, ServiceSpec::in_process(ServiceName::new("s").unwrap(), "it")).await
}

fn named() -> Behaviour {
    Behaviour { name: "fixture".to_owned(), ..Behaviour::default() }
}

/// A server over HTTP and the folder of its socket: it ends when they are dropped.
type Home = Option<(HttpServer, TempDir)>;

/// A client of a server over HTTP, and that server.
async fn over_http(web: HttpServer, folder: TempDir, legacy: bool) -> (Server, Home) {
    let name = ServiceName::new("s").unwrap();
    let (kind, spec) =
        if legacy { ("sse", ServiceSpec::sse(name, web.url())) } else { ("http", ServiceSpec::http(name, web.url())) };
    (start_with(&*AdapterSet::builtin().get(kind).unwrap(), spec).await, Some((web, folder)))
}

/// The server over HTTP in every way it is spoken to.
async fn every_http(behaviour: fn() -> Behaviour) -> Vec<(Server, Home)> {
    let mut servers = Vec::new();
    let plain = HttpBehaviour::default();
    for http in
        [plain.clone(), HttpBehaviour { json: true, ..plain.clone() }, HttpBehaviour { legacy: true, ..plain.clone() }]
    {
        let legacy = http.legacy;
        let web = HttpServer::start(behaviour(), http).await.unwrap();
        servers.push(over_http(web, tempdir().unwrap(), legacy).await);
    }
    let folder = tempdir().unwrap();
    let socket = HttpServer::start_unix(&folder.path().join("s"), behaviour(), plain).unwrap();
    servers.push(over_http(socket, folder, false).await);
    servers
}

/// A server of every adapter, stdio first.
async fn every(flags: &str, behaviour: fn() -> Behaviour) -> Vec<(Server, Home)> {
    let mut servers = vec![(start(flags).await, None), (in_process(behaviour()).await, None)];
    servers.extend(every_http(behaviour).await);
    servers
}

async fn works(server: &Server, status: ExitStatus) {
    let info = server.session.server();
    assert_eq!((info.name.as_str(), info.version.as_str()), ("fixture", "1.2.3"));
    assert_eq!(info.protocol_version, "2025-11-25");
    assert!(info.has_tools && info.has_prompts && info.has_resources && info.instructions.is_some());
    let list = list_tools(&*server.session, CallLimits::within(LONG)).await.unwrap();
    let echo = list.tools.iter().find(|tool| tool.name == "echo").unwrap();
    assert_eq!(echo.input_schema.get(), r#"{"properties":{"text":{"type":"string"}},"type":"object"}"#);
    assert!(echo.raw.get().contains("Returns its text") && list.hidden.is_empty());
    assert_eq!(server.text("echo", "{\n\"text\": \"hü\\n\"\n}").await, "hü\n");
    assert_eq!(server.text("add", r#"{"a":2,"b":3}"#).await, "5");
    ping(&*server.session, LONG).await.unwrap();
    assert_eq!(server.session.in_flight(), 0);
    // Many at once, each gets its own answer.
    let calls = (0..50).map(|n| async move { server.text("echo", &format!(r#"{{"text":"{n}"}}"#)).await });
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers, (0..50).map(|n| n.to_string()).collect::<Vec<_>>());
    server.endpoint.close_input();
    assert_eq!(within(server.endpoint.exited()).await, status);
    within(server.endpoint.group_empty()).await;
    within(server.session.closed()).await;
    assert!(matches!(server.call("echo", "{}").await, Err(CallError::Closed)));
}

#[tokio::test]
async fn a_child_works() {
    let server = start("").await;
    assert_eq!(server.text("pid", "{}").await, server.endpoint.pid().unwrap().to_string());
    works(&server, ExitStatus::Code(0)).await;
    server.end().await;
}

#[tokio::test]
async fn an_in_process_server_works() {
    let server = in_process(named()).await;
    assert_eq!(server.endpoint.pid(), None);
    works(&server, ExitStatus::Closed).await;
}

#[tokio::test]
async fn servers_over_http_work() {
    for (server, _web) in every_http(named).await {
        assert_eq!(server.endpoint.pid(), None);
        works(&server, ExitStatus::Closed).await;
    }
    let bare = HttpBehaviour { sessions: false, get_stream: false, ..HttpBehaviour::default() };
    let web = HttpServer::start(named(), bare).await.unwrap();
    let (server, _web) = over_http(web, tempdir().unwrap(), false).await;
    works(&server, ExitStatus::Closed).await;
}

#[tokio::test]
async fn results_come_back_byte_for_byte() {
    for (server, _web) in every("--odd-result", || Behaviour { odd_result: true, ..named() }).await {
        assert_eq!(server.call("echo", "{}").await.unwrap().get(), ODD_RESULT);
        server.end().await;
    }
}

#[tokio::test]
async fn list_changes_are_counted() {
    for (server, web) in every("", named).await {
        let mut changes = server.session.changes();
        assert_eq!(*changes.borrow_and_update(), 0);
        server.call("list_changed", r#"{"n":5000}"#).await.unwrap();
        if web.is_none() {
            // They are read in order, so all came before the answer.
            assert_eq!(*changes.borrow(), 5000);
        }
        until("all came", || *changes.borrow() == 5000).await;
        server.end().await;
    }
}

#[tokio::test]
async fn the_servers_own_requests_are_answered() {
    for (server, _web) in every("", named).await {
        assert_eq!(server.text("ask", r#"{"method":"ping"}"#).await, "{}");
        for method in ["roots/list", "sampling/createMessage", "no/such"] {
            let answer = server.text("ask", &format!(r#"{{"method":"{method}"}}"#)).await;
            assert!(answer.contains("-32601") || answer.contains("-32600"), "{method}: {answer}");
        }
        server.end().await;
    }
}

#[tokio::test]
async fn closing_a_session_fails_its_calls_and_drops_hang_nothing() {
    for (server, _web) in every("", named).await {
        let session = Arc::clone(&server.session);
        let (outcome, ()) = tokio::join!(server.call("hang", "{}"), async {
            while session.in_flight() == 0 {
                tokio::task::yield_now().await;
            }
            session.close();
        });
        assert!(matches!(outcome, Err(CallError::Closed)), "{outcome:?}");
        within(server.session.closed()).await;
        server.end().await;
    }
}
