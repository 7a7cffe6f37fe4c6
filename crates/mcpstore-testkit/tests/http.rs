//! The server over HTTP speaks as it should, and misbehaves as it was told: seen byte by byte.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

use std::time::Duration;

use mcpstore_testkit::http::{HttpBehaviour, HttpFault, HttpServer};
use mcpstore_testkit::server::{Behaviour, Era};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
const PROGRESS: &str = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"progress","arguments":{"n":2},"_meta":{"progressToken":"p"}}}"#;
const LONG: Duration = Duration::from_secs(20);

/// What the server answers to one request on a connection of its own.
async fn ask(server: &HttpServer, head: &str, body: &str) -> String {
    exchange(connect(server).await, head, body).await
}

async fn connect(server: &HttpServer) -> TcpStream {
    let address = server.url().strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    TcpStream::connect(address).await.unwrap()
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, head: &str, body: &str) -> String {
    let request = format!("{head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset ends it too.
    let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await.expect("it ends in time");
    String::from_utf8(answer).unwrap()
}

/// The data of the events in an answer, its chunks put together.
fn data(answer: &str) -> Vec<String> {
    let (_, mut body) = answer.split_once("\r\n\r\n").unwrap();
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        text.push_str(&rest[..size]);
        body = &rest[(size + 2).min(rest.len())..];
    }
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(ToOwned::to_owned).collect()
}

async fn start(http: HttpBehaviour) -> HttpServer {
    HttpServer::start(Behaviour { name: "web".to_owned(), ..Behaviour::default() }, http).await.unwrap()
}

#[tokio::test]
async fn a_session_is_opened_wanted_back_and_closed() {
    let server = start(HttpBehaviour::default()).await;
    let answer = ask(&server, "POST /mcp HTTP/1.1", INITIALIZE).await;
    assert!(answer.contains("mcp-session-id: session-1\r\n"), "{answer}");
    assert!(data(&answer)[0].contains(r#""name":"web""#));
    let answer = ask(&server, "POST /mcp HTTP/1.1\r\nMcp-Session-Id: session-1", PROGRESS).await;
    let events = data(&answer);
    assert_eq!(events.len(), 3, "{answer}");
    assert!(events[0].contains(r#""progress":1"#) && events[2].contains(r#""text":"done""#));
    assert!(ask(&server, "POST /mcp HTTP/1.1", PROGRESS).await.starts_with("HTTP/1.1 400"));
    assert!(ask(&server, "POST /mcp HTTP/1.1\r\nmcp-session-id: no", PROGRESS).await.starts_with("HTTP/1.1 404"));
    let notice = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let answer = ask(&server, "POST /mcp HTTP/1.1\r\nmcp-session-id: session-1", notice).await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert_eq!(server.sessions(), 1);
    let answer = ask(&server, "DELETE /mcp HTTP/1.1\r\nmcp-session-id: session-1", "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.sessions(), 0);
    let requests = server.requests();
    assert_eq!((requests.len(), requests[1].header("mcp-session-id")), (6, Some("session-1")));
}

#[tokio::test]
async fn a_stream_that_was_cut_is_resumed() {
    let http = HttpBehaviour { event_ids: true, retry_ms: Some(50), ..HttpBehaviour::default() };
    let server = start(http.with_fault_in_calls(HttpFault::Cut)).await;
    ask(&server, "POST /mcp HTTP/1.1", INITIALIZE).await;
    let answer = ask(&server, "POST /mcp HTTP/1.1\r\nmcp-session-id: session-1", PROGRESS).await;
    assert!(answer.contains("retry: 50\n") && data(&answer).is_empty(), "{answer}");
    let id = answer.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let head = format!("GET /mcp HTTP/1.1\r\nmcp-session-id: session-1\r\nlast-event-id: {id}");
    let answer = ask(&server, &head, "").await;
    assert_eq!(data(&answer).len(), 3, "{answer}");
}

#[tokio::test]
async fn the_stateless_era_checks_what_every_request_says() {
    let behaviour = Behaviour { era: Era::Stateless, ..Behaviour::default() };
    let server = HttpServer::start(behaviour, HttpBehaviour { json: true, ..HttpBehaviour::default() }).await.unwrap();
    let request = |method: &str, params: &str, meta: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}"_meta":{{{meta}}}}}}}"#)
    };
    let meta =
        r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;
    let head = |method: &str| {
        format!("POST /mcp HTTP/1.1\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\nMcp-Name: ask")
    };
    let answer = ask(&server, &head("server/discover"), &request("server/discover", "", meta)).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""supportedVersions":["2026-07-28"]"#), "{answer}");
    let answer = ask(&server, &head("tools/list"), &request("tools/list", "", meta)).await;
    assert!(answer.contains(r#""resultType":"complete""#) && answer.contains(r#""ttlMs":0"#), "{answer}");
    let answer = ask(&server, &head("tools/list"), &request("tools/call", "", meta)).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("-32020"), "{answer}");
    let answer = ask(&server, &head("initialize"), &request("initialize", "", meta)).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let answer = ask(&server, &head("tools/list"), &request("tools/list", "", "")).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("-32602"), "{answer}");
    let roots = r#""name":"ask","arguments":{"method":"roots/list"},"#;
    let answer = ask(&server, &head("tools/call"), &request("tools/call", roots, meta)).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("-32021"), "{answer}");
    let able = meta.replace("{}", r#"{"roots":{}}"#);
    let answer = ask(&server, &head("tools/call"), &request("tools/call", roots, &able)).await;
    assert!(answer.contains(r#""resultType":"input_required""#), "{answer}");
    let again = format!(r#"{roots}"inputResponses":{{"asked":{{"roots":[]}}}},"requestState":"asked roots/list","#);
    let answer = ask(&server, &head("tools/call"), &request("tools/call", &again, &able)).await;
    assert!(answer.contains(r#"{\"roots\":[]}"#), "{answer}");
}

#[tokio::test]
async fn the_legacy_transport_says_where_messages_go_and_answers_on_its_stream() {
    let server = start(HttpBehaviour { legacy: true, ..HttpBehaviour::default() }).await;
    let mut stream = connect(&server).await;
    stream.write_all(b"GET /sse HTTP/1.1\r\n\r\n").await.unwrap();
    let mut seen = String::new();
    read_until(&mut stream, &mut seen, "data: /messages?sessionId=session-1\n\n").await;
    let answer = ask(&server, "POST /messages?sessionId=session-1 HTTP/1.1", INITIALIZE).await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    read_until(&mut stream, &mut seen, r#""protocolVersion":"2025-11-25""#).await;
    drop(stream);
    let answer = ask(&server, "POST /messages?sessionId=session-2 HTTP/1.1", INITIALIZE).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

async fn read_until(stream: &mut (impl AsyncRead + Unpin), seen: &mut String, what: &str) {
    while !seen.contains(what) {
        let mut piece = [0; 4096];
        let read = tokio::time::timeout(LONG, stream.read(&mut piece)).await.expect("it comes in time").unwrap();
        assert!(read > 0, "it ended without {what}: {seen}");
        seen.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
}

#[tokio::test]
async fn a_unix_socket_serves_as_well() {
    let folder = std::env::temp_dir().join(mcpstore_testkit::unique_tag("unix"));
    let server = HttpServer::start_unix(&folder, Behaviour::default(), HttpBehaviour::default()).unwrap();
    assert_eq!(server.url(), format!("unix:{}:/mcp", folder.display()));
    let stream = UnixStream::connect(&folder).await.unwrap();
    let answer = exchange(stream, "POST /mcp HTTP/1.1", INITIALIZE).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    std::fs::remove_file(folder).unwrap();
}

#[tokio::test]
async fn faults_are_what_they_are_called() {
    let plain = HttpBehaviour { sessions: false, ..HttpBehaviour::default() };
    let answers = |fault: HttpFault, json: bool| {
        let http = HttpBehaviour { json, retry_after: Some("7".to_owned()), ..plain.clone() };
        async move { ask(&start(http.with_fault(fault)).await, "POST /mcp HTTP/1.1", INITIALIZE).await }
    };
    let answer = answers(HttpFault::Status(503), false).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 7\r\n"), "{answer}");
    let answer = answers(HttpFault::Status(401), false).await;
    assert!(answer.contains("www-authenticate: Bearer\r\n"), "{answer}");
    let answer = answers(HttpFault::Redirect(307, "http://elsewhere.invalid/mcp".to_owned()), false).await;
    assert!(answer.contains("location: http://elsewhere.invalid/mcp\r\n"), "{answer}");
    assert_eq!(answers(HttpFault::Reset, false).await, "");
    assert!(answers(HttpFault::WrongType, false).await.contains("content-type: text/html"));
    let answer = answers(HttpFault::Truncated, false).await;
    assert!(answer.contains("data: {") && !answer.contains("protocolVersion\":\"2025-11-25\"}\n\n"), "{answer}");
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
    let whole = answers(HttpFault::ByteSplit, true).await;
    assert!(whole.contains("protocolVersion"), "{whole}");
    let half = answers(HttpFault::ShortBody, true).await;
    assert!(half.len() < whole.len(), "{half}");
    let answer = answers(HttpFault::HugeBody(1_000_000), false).await;
    assert!(answer.len() > 1_000_000);
}

#[tokio::test]
async fn a_fault_strikes_what_it_shall_and_as_often_as_it_shall() {
    let http = HttpBehaviour { fault_times: 1, ..HttpBehaviour::default() }.with_fault_in_calls(HttpFault::Status(500));
    let server = start(http).await;
    assert!(ask(&server, "POST /mcp HTTP/1.1", INITIALIZE).await.starts_with("HTTP/1.1 200"));
    let call = || ask(&server, "POST /mcp HTTP/1.1\r\nmcp-session-id: session-1", PROGRESS);
    assert!(call().await.starts_with("HTTP/1.1 500"));
    assert!(call().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_program_serves_over_http_and_says_where() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    for (flag, head) in [("--http", "POST /mcp HTTP/1.1"), ("--sse", "POST /messages?sessionId=none HTTP/1.1")] {
        let mut command = Command::new(mcpstore_testkit::fixture_path());
        let mut program = command.arg(flag).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let address = url.trim().strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
        let answer = exchange(TcpStream::connect(address).await.unwrap(), head, INITIALIZE).await;
        program.kill().unwrap();
        program.wait().unwrap();
        let expected = if flag == "--http" { "HTTP/1.1 200" } else { "HTTP/1.1 404" };
        assert!(answer.starts_with(expected), "{flag}: {answer}");
    }
}
