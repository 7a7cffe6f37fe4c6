//! A client that sends the bytes it is given, over any stream.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::core::{Fake, LONG};
use crate::front::{BoundFront, FrontOptions, HttpFront, Limits};

/// A front and its core.
pub(super) struct Site {
    pub(super) core: Arc<Fake>,
    pub(super) front: BoundFront,
}

impl Site {
    pub(super) async fn new() -> Self {
        Self::of(FrontOptions::default()).await
    }

    pub(super) async fn with(limits: Limits) -> Self {
        Self::of(FrontOptions { limits, ..FrontOptions::default() }).await
    }

    pub(super) async fn of(options: FrontOptions) -> Self {
        let core = Fake::new();
        let front = HttpFront::bind("127.0.0.1:0".parse().unwrap(), core.clone(), options).await.unwrap();
        Self { core, front }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.front.address()
    }

    pub(super) async fn wire(&self) -> Wire<TcpStream> {
        Wire::new(TcpStream::connect(self.address()).await.unwrap())
    }

    /// One POST on a connection of its own.
    pub(super) async fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        let mut wire = self.wire().await;
        wire.post(path, headers, body).await;
        wire.answer().await
    }

    /// One request without a body, on a connection of its own.
    pub(super) async fn ask(&self, line: &str, headers: &str) -> Answer {
        let mut wire = self.wire().await;
        wire.send(&format!("{line} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")).await;
        wire.answer().await
    }

    /// Begins a session.
    pub(super) async fn session(&self) -> String {
        self.session_at("/mcp", "").await
    }

    pub(super) async fn session_at(&self, path: &str, headers: &str) -> String {
        let answer = self.post(path, headers, &request(0, "initialize", json!({}))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.header("mcp-session-id").unwrap().to_owned()
    }
}

/// A request as text.
pub(super) fn request(id: u64, method: &str, params: Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

/// A header line with a session.
pub(super) fn of(session: &str) -> String {
    format!("Mcp-Session-Id: {session}\r\n")
}

/// One connection.
pub(super) struct Wire<S> {
    stream: BufReader<S>,
    events: String,
}

/// A whole response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(super) fn code(&self) -> i64 {
        self.json()["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {self:?}"))
    }

    /// The data of its events.
    pub(super) fn events(&self) -> Vec<Value> {
        assert_eq!(self.header("content-type"), Some("text/event-stream"), "{self:?}");
        self.body.split_terminator("\n\n").filter_map(data).collect()
    }
}

/// The data of an event; `None` for a comment.
fn data(event: &str) -> Option<Value> {
    if event.starts_with(':') {
        return None;
    }
    let data = event.strip_prefix("event: message\ndata: ").unwrap_or_else(|| panic!("no message: {event:?}"));
    Some(serde_json::from_str(data).unwrap())
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream), events: String::new() }
    }

    pub(super) fn stream(&mut self) -> &mut S {
        self.stream.get_mut()
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    pub(super) async fn post(&mut self, path: &str, headers: &str, body: &str) {
        let length = body.len();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n{headers}\r\n{body}"
        ))
        .await;
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        tokio::time::timeout(LONG, self.stream.read_line(&mut line)).await.expect("it answers").unwrap();
        assert!(line.ends_with("\r\n"), "closed after {line:?}");
        line.truncate(line.len() - 2);
        line
    }

    /// The head of a response.
    pub(super) async fn head(&mut self) -> Answer {
        let status = self.line().await.split(' ').nth(1).unwrap().parse().unwrap();
        let mut head = Vec::new();
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(": ") else { break };
            head.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Answer { status, head, body: String::new() }
    }

    /// A whole response.
    pub(super) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        if let Some(length) = answer.header("content-length") {
            let mut body = vec![0; length.parse().unwrap()];
            tokio::time::timeout(LONG, self.stream.read_exact(&mut body)).await.expect("it is whole").unwrap();
            answer.body = String::from_utf8(body).unwrap();
        } else if answer.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk().await {
                answer.body.push_str(&chunk);
            }
        }
        answer
    }

    /// The next chunk of a stream; `None` at its end.
    pub(super) async fn chunk(&mut self) -> Option<String> {
        let length = usize::from_str_radix(&self.line().await, 16).unwrap();
        let mut chunk = vec![0; length + 2];
        tokio::time::timeout(LONG, self.stream.read_exact(&mut chunk)).await.expect("it is whole").unwrap();
        chunk.truncate(length);
        (length > 0).then(|| String::from_utf8(chunk).unwrap())
    }

    /// The next event, as it is written; `None` at the end.
    pub(super) async fn event_text(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.events.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.events = rest;
                return Some(event);
            }
            let chunk = self.chunk().await?;
            self.events.push_str(&chunk);
        }
    }

    /// The data of the next event that is no comment; `None` at the end.
    pub(super) async fn event(&mut self) -> Option<Value> {
        loop {
            if let Some(data) = data(&self.event_text().await?) {
                return Some(data);
            }
        }
    }

    /// Waits until the other side closes; what came before that.
    pub(super) async fn closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // One that was cut off is closed too.
        let _ = tokio::time::timeout(LONG, self.stream.read_to_end(&mut rest)).await.expect("it is closed");
        rest
    }
}
