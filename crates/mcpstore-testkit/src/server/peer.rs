//! The client, as the server sees it: whole messages out, and questions that get answers.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::era::META_CAPABILITIES;

/// Messages that wait for the writer.
const MAX_OUT: usize = 64;

/// What goes out to a client.
#[derive(Debug)]
pub(crate) enum Out {
    /// A message: JSON text.
    Message(String),
    /// Bytes as they are, where the transport is a stream of bytes.
    Bytes(Vec<u8>),
    /// A line: its head, so many bytes of `x`, its tail.
    Long { head: String, bytes: u64, tail: String },
    /// The server closes its output.
    Close,
    /// The stream of this answer breaks, where it can be taken up again.
    Break,
    /// The process ends with this code, once what came before is written.
    Die(i32),
}

/// Where the messages for one client, or about one request of it, go.
#[derive(Clone)]
pub(crate) struct Peer {
    out: mpsc::Sender<Out>,
    /// What the server knows of the client.
    pub(super) client: Arc<Client>,
    /// This request is of the stateless era.
    pub(super) stateless: bool,
}

/// What the server knows of a client.
#[derive(Default)]
pub(crate) struct Client {
    next: AtomicU64,
    open: Mutex<HashMap<String, oneshot::Sender<String>>>,
    /// The resources whose updates it wants.
    pub(super) subscribed: Mutex<BTreeSet<String>>,
    /// The least level of log messages it wants, as its place in the list of levels.
    pub(super) level: AtomicU64,
    /// Where what belongs to no request goes; `None`: where the answers go.
    pub(crate) stream: Mutex<Option<mpsc::Sender<Out>>>,
    /// What it said at the handshake that it can do.
    pub(super) capabilities: Mutex<Value>,
    /// The server's input shall close.
    pub(super) deaf: CancellationToken,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Peer {
    /// A peer, and what goes out to it.
    pub(crate) fn new(client: Arc<Client>) -> (Self, mpsc::Receiver<Out>) {
        let (out, messages) = mpsc::channel(MAX_OUT);
        (Self { out, client, stateless: false }, messages)
    }

    /// What this peer writes into.
    pub(crate) fn sender(&self) -> mpsc::Sender<Out> {
        self.out.clone()
    }

    /// This peer for a request of this era.
    pub(crate) fn of_era(&self, stateless: bool) -> Self {
        Self { stateless, ..self.clone() }
    }

    /// Whether the client can do this about this request; `what` is a pointer into its capabilities.
    pub(super) fn can(&self, params: &Value, what: &str) -> bool {
        if self.stateless {
            return params["_meta"][META_CAPABILITIES].pointer(what).is_some();
        }
        lock(&self.client.capabilities).pointer(what).is_some()
    }

    /// Answers with a result, given as JSON text.
    pub(super) async fn result(&self, id: &str, result: &str) {
        self.message(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)).await;
    }

    /// Answers with an error.
    pub(super) async fn error(&self, id: &str, code: i64, message: &str) {
        self.error_with(id, code, message, Value::Null).await;
    }

    /// Answers with an error that has data, when it is not null.
    pub(super) async fn error_with(&self, id: &str, code: i64, message: &str, data: Value) {
        let mut error = json!({ "code": code, "message": message });
        if !data.is_null() {
            error["data"] = data;
        }
        self.message(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#)).await;
    }

    /// Sends a notification that belongs to a request; `params` is JSON text.
    pub(super) async fn notify(&self, method: &str, params: &str) {
        self.message(notification(method, params)).await;
    }

    /// Sends a notification that belongs to no request.
    pub(super) async fn announce(&self, method: &str, params: &str) {
        let stream = lock(&self.client.stream).clone();
        // The client is gone when its stream is.
        let _ = stream.as_ref().unwrap_or(&self.out).send(Out::Message(notification(method, params))).await;
    }

    /// Asks the client something and returns the result or error it answers with, as JSON text.
    pub(super) async fn ask(&self, method: &str, params: &Value) -> String {
        let id = format!("\"q{}\"", self.client.next.fetch_add(1, Ordering::Relaxed));
        let (sender, answer) = oneshot::channel();
        lock(&self.client.open).insert(id.clone(), sender);
        let method = Value::from(method);
        let params = if params.is_null() { String::new() } else { format!(r#","params":{params}"#) };
        self.message(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method}{params}}}"#)).await;
        answer.await.unwrap_or_default()
    }

    /// Sends a message as it is.
    pub(super) async fn message(&self, message: String) {
        self.send(Out::Message(message)).await;
    }

    pub(crate) async fn send(&self, out: Out) {
        // The writer is gone when the client is.
        let _ = self.out.send(out).await;
    }
}

impl Client {
    /// Brings an answer to the one who asked.
    pub(super) fn answered(&self, id: &str, body: &str) {
        if let Some(asked) = lock(&self.open).remove(id) {
            // Who asked may have been cancelled.
            let _ = asked.send(body.to_owned());
        }
    }
}

fn notification(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
}
