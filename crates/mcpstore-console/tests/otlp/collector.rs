//! A collector that keeps what it is sent, and answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// None: the connection is closed without one.
    status: Option<u16>,
    retry_after: bool,
    body: String,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self { status: Some(status), retry_after: false, body: "{}".into() }
    }
    /// It may be tried again at once.
    pub(crate) fn later(status: u16) -> Self {
        Self { retry_after: true, ..Self::status(status) }
    }
    pub(crate) fn hang_up() -> Self {
        Self { status: None, retry_after: false, body: String::new() }
    }
    pub(crate) fn body(body: &str) -> Self {
        Self { body: body.into(), ..Self::status(200) }
    }
}

#[derive(Default)]
struct State {
    next: VecDeque<Reply>,
    /// Heads in lower case, of all requests.
    heads: Vec<String>,
    /// Paths and bodies of those that were taken.
    taken: Vec<(String, Value)>,
}

/// It listens until it is dropped.
pub(crate) struct Collector {
    addr: SocketAddr,
    state: Arc<Mutex<State>>,
    _task: AbortOnDropHandle<()>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, Arc::clone(&shared)));
            }
        });
        Self { addr, state, _task: AbortOnDropHandle::new(task) }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The answers to the next requests; after them, all is taken.
    pub(crate) fn answer_next(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.lock().unwrap().next.extend(replies);
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.state.lock().unwrap().heads.clone()
    }

    /// Waits until so many requests were seen.
    pub(crate) async fn seen(&self, count: usize) {
        self.until(|state| (state.heads.len() >= count).then_some(())).await;
    }

    /// Waits until so many requests to this path were taken.
    pub(crate) async fn taken(&self, path: &str, count: usize) -> Vec<Value> {
        self.taken_until(path, |requests| requests.len() >= count).await
    }

    pub(crate) async fn taken_until(&self, path: &str, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        self.until(|state| {
            let ours = state.taken.iter().filter(|(to, _)| to.ends_with(path));
            let ours: Vec<Value> = ours.map(|(_, body)| body.clone()).collect();
            enough(&ours).then_some(ours)
        })
        .await
    }

    async fn until<T>(&self, found: impl Fn(&State) -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let Some(found) = found(&self.state.lock().unwrap()) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it is pushed")
    }
}

async fn connection(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).await.unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let reply = {
            let mut state = state.lock().unwrap();
            state.heads.push(head);
            let reply = state.next.pop_front().unwrap_or_else(|| Reply::status(200));
            if reply.status == Some(200) {
                state.taken.push((path, serde_json::from_slice(&body).expect("JSON")));
            }
            reply
        };
        let Some(status) = reply.status else { return };
        let after = if reply.retry_after { "Retry-After: 0\r\n" } else { "" };
        let text = format!("HTTP/1.1 {status} X\r\n{after}Content-Length: {}\r\n\r\n{}", reply.body.len(), reply.body);
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}
