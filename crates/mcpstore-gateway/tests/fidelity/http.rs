//! Just enough of an HTTP client to see every byte of a message.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// One connection, and what of the last response was not read yet.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    events: Option<Vec<u8>>,
}

/// The head of a response.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn has_events(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"))
    }
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), events: None }
    }

    /// Sends a request, and reads the head of its response. What is left of the response before is read to its end.
    pub(crate) async fn ask(&mut self, line: &str, headers: &str, body: &str) -> Head {
        let late = self.event().await;
        assert!(late.is_none(), "nothing comes behind an answer: {late:?}");
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
        self.stream.write_all(head.as_bytes()).await.unwrap();
        let status = self.line().await.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line().await;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").unwrap();
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let head = Head { status, headers };
        self.events = head.has_events().then(Vec::new);
        head
    }

    /// The body of a response that says how long it is.
    pub(crate) async fn body(&mut self, head: &Head) -> String {
        let length = head.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        String::from_utf8(body).unwrap()
    }

    /// The data of the next event that has some; `None` at the end of the stream.
    pub(crate) async fn event(&mut self) -> Option<String> {
        loop {
            let buffer = self.events.as_mut()?;
            if let Some(end) = buffer.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = buffer.drain(..end + 2).collect();
                let event = String::from_utf8(event).unwrap();
                let data: Vec<&str> = event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
                if !data.is_empty() && data != [""] {
                    return Some(data.join("\n"));
                }
                continue;
            }
            let size = self.line().await;
            let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk).await.ok()?;
            if size == 0 {
                self.events = None;
                return None;
            }
            self.events.as_mut()?.extend_from_slice(&chunk[..size]);
        }
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        line.trim_end_matches(['\r', '\n']).to_owned()
    }
}
