//! Clients that send and read the text of messages, through each front.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::http::Connection;
use crate::site::Site;

/// Only what hangs meets it.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// Streamable HTTP.
    Http,
    /// HTTP with SSE, as of 2024-11-05.
    Sse,
    /// Lines, as over stdin and stdout.
    Lines,
    /// Lines over a unix socket.
    Unix,
}

impl Front {
    pub(crate) const ALL: [Self; 4] = [Self::Http, Self::Sse, Self::Lines, Self::Unix];
}

/// A client.
pub(crate) struct Client {
    way: Way,
    stateless: bool,
    next: u64,
}

enum Way {
    Http { address: SocketAddr, session: Option<String>, connection: Connection, whole: Option<String> },
    Sse { address: SocketAddr, path: String, events: Connection },
    Lines { input: Box<dyn AsyncBufRead + Unpin + Send>, output: Box<dyn AsyncWrite + Unpin + Send> },
}

impl Client {
    /// A client that has initialized its conversation, and can be asked everything.
    pub(crate) async fn handshake(site: &Site, front: Front) -> Self {
        let mut client = Self::at(site, front, false).await;
        let can =
            r#"{"roots":{"listChanged":true},"sampling":{"tools":{},"context":{}},"elicitation":{"form":{},"url":{}}}"#;
        let version = if front == Front::Sse { "2024-11-05" } else { "2025-11-25" };
        let info = r#"{"name":"fidelity","version":"1"}"#;
        let params = format!(r#"{{"protocolVersion":"{version}","capabilities":{can},"clientInfo":{info}}}"#);
        let answer = client.ask("initialize", &params).await;
        assert!(answer.contains("\"serverInfo\""), "{answer}");
        client.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        client
    }

    /// A client of the other era.
    pub(crate) async fn stateless(site: &Site, front: Front) -> Self {
        Self::at(site, front, true).await
    }

    async fn at(site: &Site, front: Front, stateless: bool) -> Self {
        let address = site.address();
        let way = match front {
            Front::Http => {
                Way::Http { address, session: None, connection: Connection::open(address).await, whole: None }
            }
            Front::Sse => {
                let mut events = Connection::open(address).await;
                let head = events.ask("GET /sse", "Accept: text/event-stream\r\n", "").await;
                assert_eq!(head.status, 200);
                let path = events.event().await.unwrap();
                Way::Sse { address, path, events }
            }
            Front::Lines => {
                let (ours, theirs) = tokio::io::duplex(4 * 1024 * 1024);
                let gateway = site.gateway.clone();
                tokio::spawn(async move {
                    let (input, output) = tokio::io::split(theirs);
                    gateway.serve_lines(input, output, None).await;
                });
                let (input, output) = tokio::io::split(ours);
                Way::Lines { input: Box::new(BufReader::new(input)), output: Box::new(output) }
            }
            Front::Unix => {
                let (input, output) = UnixStream::connect(site.socket()).await.unwrap().into_split();
                Way::Lines { input: Box::new(BufReader::new(input)), output: Box::new(output) }
            }
        };
        Self { way, stateless, next: 1 }
    }

    /// Sends a request under the next id; gives the id.
    pub(crate) async fn request(&mut self, method: &str, params: &str) -> u64 {
        let id = self.next;
        self.next += 1;
        let params = if self.stateless { signed(params) } else { params.to_owned() };
        self.send(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)).await;
        id
    }

    /// Sends a request, and reads until its answer: that is given, as it stands.
    pub(crate) async fn ask(&mut self, method: &str, params: &str) -> String {
        let id = self.request(method, params).await;
        self.until(id).await.1
    }

    /// Reads until the answer to this request: what came before it, and the answer.
    pub(crate) async fn until(&mut self, id: u64) -> (Vec<String>, String) {
        let answers = ["result", "error"].map(|member| format!(r#"{{"jsonrpc":"2.0","id":{id},"{member}":"#));
        let mut before = Vec::new();
        loop {
            let message = self.read().await;
            if answers.iter().any(|answer| message.starts_with(answer)) {
                return (before, message);
            }
            before.push(message);
        }
    }

    /// Sends a message. The answer to a question goes on its own way, beside the request that is under way.
    pub(crate) async fn send(&mut self, text: &str) {
        let stateless = self.stateless;
        match &mut self.way {
            Way::Lines { output, .. } => output.write_all(format!("{text}\n").as_bytes()).await.unwrap(),
            Way::Sse { address, path, .. } => {
                let headers = "Content-Type: application/json\r\n";
                let head = Connection::open(*address).await.ask(&format!("POST {path}"), headers, text).await;
                assert_eq!(head.status, 202);
            }
            Way::Http { address, session, connection, whole } => {
                let mut headers = "Content-Type: application/json\r\n\
                                   Accept: application/json, text/event-stream\r\n"
                    .to_owned();
                if let Some(session) = session {
                    headers.push_str(&format!("Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: 2025-11-25\r\n"));
                }
                if stateless {
                    headers.push_str(&names(text));
                }
                if !text.contains(r#""id":"#) || !text.contains(r#""method":"#) {
                    let head = Connection::open(*address).await.ask("POST /mcp", &headers, text).await;
                    assert_eq!(head.status, 202, "{text}");
                    return;
                }
                let head = connection.ask("POST /mcp", &headers, text).await;
                if let Some(own) = head.header("mcp-session-id") {
                    *session = Some(own.to_owned());
                }
                *whole = if head.has_events() { None } else { Some(connection.body(&head).await) };
            }
        }
    }

    /// The next message, as it stands, but for those of the lists of a server that has just begun to run.
    pub(crate) async fn read(&mut self) -> String {
        let changed = ["tools", "prompts", "resources"]
            .map(|list| format!(r#"{{"jsonrpc":"2.0","method":"notifications/{list}/list_changed"}}"#));
        loop {
            let message = self.next().await;
            if !changed.contains(&message) {
                return message;
            }
        }
    }

    async fn next(&mut self) -> String {
        let read = async {
            match &mut self.way {
                Way::Lines { input, .. } => {
                    let mut line = String::new();
                    input.read_line(&mut line).await.unwrap();
                    line.trim_end_matches('\n').to_owned()
                }
                Way::Sse { events, .. } => events.event().await.unwrap(),
                Way::Http { connection, whole, .. } => match whole.take() {
                    Some(whole) => whole,
                    None => connection.event().await.unwrap(),
                },
            }
        };
        timeout(LONG, read).await.expect("a message comes in time")
    }
}

/// Params with what every request of the stateless era says.
fn signed(params: &str) -> String {
    let can = r#"{"roots":{},"sampling":{},"elicitation":{"form":{},"url":{}}}"#;
    let says = format!(
        r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{can}"#
    );
    let rest = &params[1..];
    if let Some(rest) = rest.strip_prefix(r#""_meta":{"#) {
        return format!(r#"{{"_meta":{{{says},{rest}"#);
    }
    let comma = if rest == "}" { "" } else { "," };
    format!(r#"{{"_meta":{{{says}}}{comma}{rest}"#)
}

/// The headers that say what the body says.
fn names(text: &str) -> String {
    #[derive(Deserialize)]
    struct Message {
        method: String,
        params: Params,
    }
    #[derive(Deserialize)]
    struct Params {
        name: Option<String>,
        uri: Option<String>,
    }
    let Message { method, params } = serde_json::from_str(text).unwrap();
    let name = params.name.or(params.uri).map(|name| format!("Mcp-Name: {name}\r\n")).unwrap_or_default();
    format!("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n{name}")
}
