//! The client, as the server sees it: whole lines out, one writer, and questions that get answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::Behaviour;

/// The client, as the server sees it.
#[derive(Clone)]
pub(super) struct Peer {
    out: mpsc::Sender<Vec<u8>>,
    behaviour: Arc<Behaviour>,
    questions: Arc<Questions>,
}

#[derive(Default)]
struct Questions {
    next: AtomicU64,
    open: Mutex<HashMap<String, oneshot::Sender<String>>>,
}

impl Peer {
    /// Starts the writer; it ends when every clone of the peer is gone, and closes the stream then.
    pub(super) fn start<W>(behaviour: Arc<Behaviour>, mut output: W) -> (Self, JoinHandle<()>)
    where
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (out, mut lines) = mpsc::channel::<Vec<u8>>(64);
        let writer = tokio::spawn(async move {
            while let Some(line) = lines.recv().await {
                if output.write_all(&line).await.is_err() || output.flush().await.is_err() {
                    break;
                }
            }
            // The other side may be gone already.
            let _ = output.shutdown().await;
        });
        if behaviour.dos_lines {
            // The channel is new and has room.
            let _ = out.try_send(b"\xEF\xBB\xBF".to_vec());
        }
        (Self { out, behaviour, questions: Arc::default() }, writer)
    }

    /// Answers with a result, given as JSON text.
    pub(super) async fn result(&self, id: &str, result: &str) {
        self.send(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)).await;
    }

    /// Answers with an error.
    pub(super) async fn error(&self, id: &str, code: i64, message: &str) {
        let message = Value::from(message);
        self.send(&format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{message}}}}}"#)).await;
    }

    /// Sends a notification; `params` is JSON text.
    pub(super) async fn notify(&self, method: &str, params: &str) {
        self.send(&format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)).await;
    }

    /// Asks the client something and returns the result or error it answers with, as JSON text.
    pub(super) async fn ask(&self, method: &str) -> String {
        let id = format!("\"q{}\"", self.questions.next.fetch_add(1, Ordering::Relaxed));
        let (sender, answer) = oneshot::channel();
        self.open().insert(id.clone(), sender);
        let method = Value::from(method);
        self.send(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method}}}"#)).await;
        answer.await.unwrap_or_default()
    }

    /// Brings an answer to the one who asked.
    pub(super) fn answered(&self, id: &str, body: &str) {
        if let Some(asked) = self.open().remove(id) {
            // Who asked may have been cancelled.
            let _ = asked.send(body.to_owned());
        }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<String>>> {
        self.questions.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, message: &str) {
        let mut line = Vec::with_capacity(message.len() + 2);
        if self.behaviour.noise {
            line.extend_from_slice(b"Starting server, please wait...\n");
        }
        if self.behaviour.invalid_utf8 {
            line.extend_from_slice(b"\xFF\xFE\x80 broken\n");
        }
        line.extend_from_slice(message.as_bytes());
        line.extend_from_slice(if self.behaviour.dos_lines { b"\r\n" } else { b"\n" });
        // The writer is gone when the client is.
        let _ = self.out.send(line).await;
    }

    /// Writes bytes as they are.
    pub(super) async fn raw(&self, bytes: &[u8]) {
        let _ = self.out.send(bytes.to_vec()).await;
    }
}
