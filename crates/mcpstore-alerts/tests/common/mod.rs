//! A receiver of webhooks on a real socket, with a script of what it does; and how to wait for something.

#![allow(dead_code, reason = "each test has its own use for it")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mcpstore_alerts::{Alert, AlertStatus, Options, Outcome, Receipt};
use mcpstore_types::{AlertKind, Secret, SinkKind, SinkSpec, WebhookTemplate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What the receiver does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers.
    Answer(u16, &'static str),
    /// Answers, with one more header.
    With(u16, String),
    /// Answers 200 after a while.
    Slow(Duration),
    /// Closes the connection in the middle of the request: the kernel resets it.
    Reset,
    /// Never answers.
    Hang,
    /// Answers 400 with the request's own address, as some do.
    Echo,
}

/// A request that came whole.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: serde_json::Value,
    /// With what it was answered.
    pub(crate) status: u16,
}

#[derive(Default)]
struct Script {
    acts: VecDeque<Act>,
    seen: Vec<Seen>,
    /// Requests begun, those that were reset or never answered included.
    begun: usize,
}

/// The receiver; dropped, it is gone with all its connections.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    script: Arc<Mutex<Script>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    pub(crate) async fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        Self::on(SocketAddr::from(([127, 0, 0, 1], 0)), acts).await
    }

    pub(crate) async fn on(address: SocketAddr, acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(Script { acts: acts.into_iter().collect(), ..Script::default() }));
        let shared = Arc::clone(&script);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, script, task }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.clone()
    }

    pub(crate) fn begun(&self) -> usize {
        self.script.lock().unwrap().begun
    }

    /// The keys of what was taken, in order.
    pub(crate) fn taken(&self) -> Vec<String> {
        let seen = self.seen();
        let taken = seen.iter().filter(|seen| (200..300).contains(&seen.status));
        taken.map(|seen| seen.headers["idempotency-key"].clone()).collect()
    }

    pub(crate) fn spec(&self, name: &str) -> SinkSpec {
        webhook(name, &format!("http://{}/hook", self.address), WebhookTemplate::Generic)
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    loop {
        let mut text = Vec::new();
        let mut piece = [0; 4096];
        let head = loop {
            if let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(read) => text.extend_from_slice(&piece[..read]),
            }
        };
        let act = {
            let mut script = script.lock().unwrap();
            script.begun += 1;
            script.acts.pop_front().unwrap_or(Act::Answer(200, ""))
        };
        if matches!(act, Act::Reset) {
            // What was sent and not read makes it a reset.
            stream.set_zero_linger().unwrap();
            return;
        }
        let first = String::from_utf8(text[..head].to_vec()).unwrap();
        let mut lines = first.lines();
        let target = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length: usize = headers["content-length"].parse().unwrap();
        while text.len() < head + length {
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(read) => text.extend_from_slice(&piece[..read]),
            }
        }
        let body = serde_json::from_slice(&text[head..head + length]).unwrap();
        let (status, extra, said) = match act {
            Act::Answer(status, said) => (status, String::new(), said.to_owned()),
            Act::With(status, header) => (status, format!("{header}\r\n"), String::new()),
            Act::Slow(wait) => {
                tokio::time::sleep(wait).await;
                (200, String::new(), String::new())
            }
            Act::Echo => {
                (400, String::new(), format!("cannot POST {target} {first} {}", String::from_utf8_lossy(&text)))
            }
            Act::Reset | Act::Hang => std::future::pending().await,
        };
        script.lock().unwrap().seen.push(Seen { target, headers, body, status });
        let answer = format!("HTTP/1.1 {status} X\r\n{extra}content-length: {}\r\n\r\n{said}", said.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

pub(crate) fn webhook(name: &str, url: &str, template: WebhookTemplate) -> SinkSpec {
    let (headers, sign_key) = (BTreeMap::new(), None);
    SinkSpec::new(name, SinkKind::Webhook { url: Secret::from(url), template, headers, sign_key })
}

pub(crate) fn alert(id: &str) -> Alert {
    let mut alert = Alert::new(id, AlertKind::GaveUp, "web", AlertStatus::Firing);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    alert.at_ms = u64::try_from(now.as_millis()).unwrap();
    alert
}

pub(crate) fn alerts(count: usize) -> Vec<Alert> {
    (0..count).map(|i| alert(&format!("a{i}"))).collect()
}

pub(crate) fn keys(alerts: &[Alert]) -> Vec<String> {
    alerts.iter().map(Alert::key).collect()
}

/// Waits that make a test short.
pub(crate) fn quick() -> Options {
    let (first_backoff, max_backoff) = (Duration::from_millis(10), Duration::from_millis(100));
    Options { first_backoff, max_backoff, ..Options::default() }
}

pub(crate) type Receipts = Arc<Mutex<Vec<Receipt>>>;

/// The same, with a list of what was told.
pub(crate) fn told(options: Options) -> (Options, Receipts) {
    let receipts = Receipts::default();
    let list = Arc::clone(&receipts);
    let on_receipt: mcpstore_alerts::OnReceipt = Arc::new(move |receipt| list.lock().unwrap().push(receipt));
    (Options { on_receipt: Some(on_receipt), ..options }, receipts)
}

pub(crate) fn outcomes(receipts: &Receipts, sink: &str) -> Vec<(String, Outcome)> {
    let receipts = receipts.lock().unwrap();
    receipts.iter().filter(|r| r.sink == sink).map(|r| (r.id.clone(), r.outcome.clone())).collect()
}

/// Waits until something is so, with a limit that is reached only when it never will be.
pub(crate) async fn until(what: &str, so: impl Fn() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
