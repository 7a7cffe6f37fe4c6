//! Whether a gateway offers what stands behind it: asked in the era of the suite's clients, as they will ask.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use super::lane::stateless;

/// A tool of the reference: whoever lists it is ready.
const READY: &str = "test_simple_text";
/// For one answer.
const LONG: Duration = Duration::from_secs(30);

/// Asks a gateway, again and again.
pub(super) struct Asker<'a> {
    address: SocketAddr,
    revision: &'a str,
    /// In the era that has sessions: the headers of ours.
    session: Option<String>,
    /// What it answered last.
    pub(super) answer: String,
}

impl<'a> Asker<'a> {
    pub(super) fn new(address: SocketAddr, revision: &'a str) -> Self {
        Self { address, revision, session: None, answer: String::new() }
    }

    /// True when the tools of the reference are listed.
    pub(super) fn ready(&mut self) -> bool {
        // It may not listen yet.
        self.answer = self.list().unwrap_or_else(|problem| problem.to_string());
        self.answer.contains(READY)
    }

    fn list(&mut self) -> std::io::Result<String> {
        let (revision, info) = (self.revision, json!({ "name": "xtask", "version": "1" }));
        if stateless(revision) {
            let meta = json!({
                "io.modelcontextprotocol/protocolVersion": revision,
                "io.modelcontextprotocol/clientInfo": info,
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            let headers = format!("mcp-protocol-version: {revision}\r\nmcp-method: tools/list\r\n");
            return self.post("tools/list", &json!({ "_meta": meta }), &headers);
        }
        let headers = match &self.session {
            Some(headers) => headers.clone(),
            None => {
                let hello = json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": info });
                let answer = self.post("initialize", &hello, "")?;
                let named = |line: &&str| line.to_ascii_lowercase().starts_with("mcp-session-id:");
                let Some(session) = answer.lines().find(named) else { return Ok(answer) };
                let headers = format!("{session}\r\nmcp-protocol-version: {revision}\r\n");
                self.session.insert(headers).clone()
            }
        };
        self.post("tools/list", &json!({}), &headers)
    }

    /// The whole answer to one request, with its headers.
    fn post(&self, method: &str, params: &Value, headers: &str) -> std::io::Result<String> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let mut stream = TcpStream::connect_timeout(&self.address, LONG)?;
        stream.set_read_timeout(Some(LONG))?;
        write!(
            stream,
            "POST /mcp HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    use super::*;

    /// Answers one request after the other, and tells what they were.
    fn server(answers: &'static [&'static str]) -> (SocketAddr, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let serve = move |answer: &&str| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            while !request.ends_with("\r\n\r\n") {
                reader.read_line(&mut request).unwrap();
                length = request
                    .lines()
                    .filter_map(|line| line.strip_prefix("content-length: "))
                    .map(|text| text.parse::<usize>().unwrap())
                    .sum();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            request + &String::from_utf8(body).unwrap()
        };
        (address, std::thread::spawn(move || answers.iter().map(serve).collect()))
    }

    #[test]
    fn one_session_is_asked_until_the_tools_are_there() {
        let (address, server) = server(&[
            "HTTP/1.1 200 OK\r\nMcp-Session-Id: s1\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\n\r\n{\"tools\":[]}",
            "HTTP/1.1 200 OK\r\n\r\n{\"name\":\"test_simple_text\"}",
        ]);
        let mut asker = Asker::new(address, "2025-11-25");
        assert!(!asker.ready() && asker.ready());
        let asked = server.join().unwrap();
        assert!(asked[0].contains("\"initialize\"") && asked[2].contains("Mcp-Session-Id: s1\r\n"), "{asked:?}");
    }

    #[test]
    fn without_sessions_every_request_says_who_asks() {
        let (address, server) = server(&["HTTP/1.1 200 OK\r\n\r\n{\"name\":\"test_simple_text\"}"]);
        assert!(Asker::new(address, "2026-07-28").ready());
        let asked = server.join().unwrap();
        assert!(
            asked[0].contains("mcp-method: tools/list\r\n") && asked[0].contains("clientCapabilities"),
            "{asked:?}"
        );
        let nobody = Asker::new(address, "2026-07-28").ready();
        assert!(!nobody);
    }
}
