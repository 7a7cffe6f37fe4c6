//! A small HTTP/1.1 server, written out by hand, that does what a test says with each request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    /// Its body; null when it is no JSON.
    pub(crate) json: Value,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The method of the message in it.
    pub(crate) fn rpc(&self) -> &str {
        self.json["method"].as_str().unwrap_or_default()
    }

    /// The answer to it with this result.
    pub(crate) fn result(&self, result: Value) -> Reply {
        Reply::json(200, &json!({ "jsonrpc": "2.0", "id": self.json["id"], "result": result }))
    }

    /// The same as an event.
    pub(crate) fn event(&self, result: Value) -> String {
        event(&json!({ "jsonrpc": "2.0", "id": self.json["id"], "result": result }))
    }

    /// The text of a tool's result.
    pub(crate) fn says(&self, text: &str) -> Reply {
        self.result(said(text))
    }
}

pub(crate) fn said(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }] })
}

pub(crate) fn event(message: &Value) -> String {
    format!("data: {message}\n\n")
}

/// What is done with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// A header and a body.
    Whole { status: u16, headers: Vec<(String, String)>, body: String },
    /// An event stream, piece by piece.
    Stream(Vec<Piece>),
    /// Exactly these bytes, and the connection closes.
    Raw(String),
    /// Nothing, until the client goes.
    Hang,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::Whole { status, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", &body.to_string())
    }

    pub(crate) fn text(status: u16, kind: &str, body: &str) -> Self {
        Self::Whole { status, headers: vec![("Content-Type".into(), kind.into())], body: body.to_owned() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Whole { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// A stream of these events, which then ends.
    pub(crate) fn events(events: &[String]) -> Self {
        Self::Stream(events.iter().cloned().map(Piece::Send).collect())
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Send(String),
    Wait(Duration),
    /// The connection breaks.
    Cut,
    /// Nothing more, until the client goes.
    Hold,
    /// What is told with [`Site::tell`], as it comes, until the client goes.
    Told,
}

type Handler = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A running server.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

struct Inner {
    handler: Box<Handler>,
    asked: Mutex<Vec<Asked>>,
    connections: AtomicUsize,
    gone: AtomicUsize,
    told: tokio::sync::broadcast::Sender<String>,
}

impl Site {
    fn new(url: String, handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let inner = Inner {
            handler: Box::new(handler),
            asked: Mutex::default(),
            connections: AtomicUsize::new(0),
            gone: AtomicUsize::new(0),
            told: tokio::sync::broadcast::Sender::new(16),
        };
        Self { url, inner: Arc::new(inner) }
    }

    /// A server on a free port.
    pub(crate) async fn start(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = Self::new(format!("http://{}/mcp", listener.local_addr().unwrap()), handler);
        let serving = site.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                serving.accept(stream);
            }
        });
        site
    }

    /// A server on a free port that speaks TLS.
    pub(crate) async fn start_tls(
        config: rustls::ServerConfig,
        handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let site = Self::new(format!("https://localhost:{port}/mcp"), handler);
        let (serving, acceptor) = (site.clone(), tokio_rustls::TlsAcceptor::from(Arc::new(config)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serving.accept(stream);
                }
            }
        });
        site
    }

    /// A server behind a socket.
    pub(crate) fn start_unix(
        path: &std::path::Path,
        handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let site = Self::new(format!("unix:{}:/mcp", path.display()), handler);
        let serving = site.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.accept(stream);
            }
        });
        site
    }

    /// Everything that was asked.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().unwrap().clone()
    }

    /// What was asked with this message.
    pub(crate) fn asked_for(&self, rpc: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.rpc() == rpc).collect()
    }

    /// How often something was asked with this HTTP method.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.asked().iter().filter(|asked| asked.method == method).count()
    }

    /// Connections that were opened.
    pub(crate) fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::Relaxed)
    }

    /// Clients that went before their answer was complete.
    pub(crate) fn gone(&self) -> usize {
        self.inner.gone.load(Ordering::Relaxed)
    }

    /// Sends an event on every stream that listens.
    pub(crate) fn tell(&self, event: String) {
        self.inner.told.send(event).unwrap();
    }

    /// Streams that listen.
    pub(crate) fn listeners(&self) -> usize {
        self.inner.told.receiver_count()
    }

    fn accept(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        self.inner.connections.fetch_add(1, Ordering::Relaxed);
        let site = self.clone();
        tokio::spawn(async move { site.serve(stream).await });
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Send + Unpin) -> Option<()> {
        let mut read = Vec::new();
        loop {
            let asked = next_request(&mut stream, &mut read).await?;
            self.inner.asked.lock().unwrap().push(asked.clone());
            let reply = (self.inner.handler)(&asked);
            self.reply(&mut stream, reply).await?;
        }
    }

    async fn reply(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin), reply: Reply) -> Option<()> {
        match reply {
            Reply::Whole { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.ok()
            }
            Reply::Raw(bytes) => {
                stream.write_all(bytes.as_bytes()).await.ok()?;
                let _ = stream.shutdown().await;
                None
            }
            Reply::Hang => self.hold(stream).await,
            Reply::Stream(pieces) => {
                let head = "HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
                stream.write_all(head.as_bytes()).await.ok()?;
                for piece in pieces {
                    match piece {
                        Piece::Send(text) => chunk(stream, &text).await?,
                        Piece::Wait(time) => tokio::time::sleep(time).await,
                        Piece::Cut => return None,
                        Piece::Hold => return self.hold(stream).await,
                        Piece::Told => {
                            let mut told = self.inner.told.subscribe();
                            loop {
                                tokio::select! {
                                    text = told.recv() => chunk(stream, &text.ok()?).await?,
                                    _ = stream.read_u8() => return None,
                                }
                            }
                        }
                    }
                }
                stream.write_all(b"0\r\n\r\n").await.ok()
            }
        }
    }

    /// Waits until the client goes.
    async fn hold(&self, stream: &mut (impl AsyncRead + Unpin)) -> Option<()> {
        let _ = stream.read_u8().await;
        self.inner.gone.fetch_add(1, Ordering::Relaxed);
        None
    }
}

async fn chunk(stream: &mut (impl AsyncWrite + Unpin), text: &str) -> Option<()> {
    stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

async fn next_request(stream: &mut (impl AsyncRead + Unpin), read: &mut Vec<u8>) -> Option<Asked> {
    let head_end = loop {
        if let Some(at) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(read[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let (method, path) = (first.next()?, first.next()?);
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    while read.len() < head_end + length {
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
    let json = serde_json::from_slice(&read[head_end..head_end + length]).unwrap_or_default();
    read.drain(..head_end + length);
    Some(Asked { method, path, headers, json })
}
