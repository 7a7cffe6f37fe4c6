//! Streams of events that outlive the connection that carries them, so that they can be resumed.

use std::sync::Mutex;

use tokio::sync::{mpsc, watch};

use crate::server::{Out, lock};

/// In place of a message: the connection that carries the stream ends here, and who resumes the stream gets on.
pub(super) const BREAK: &str = "";

/// A stream of messages, kept whole.
pub(super) struct Events {
    /// Its number, unique on the server.
    pub(super) number: u64,
    /// Its events have ids.
    pub(super) ids: bool,
    messages: Mutex<Vec<String>>,
    /// How many there are, and whether none will follow.
    state: watch::Sender<(usize, bool)>,
    /// How many went out over some connection.
    pub(super) sent: watch::Sender<usize>,
}

impl Events {
    pub(super) fn new(number: u64, ids: bool) -> Self {
        let (state, sent) = (watch::Sender::new((0, false)), watch::Sender::new(0));
        Self { number, ids, messages: Mutex::default(), state, sent }
    }

    /// A stream that is over.
    pub(super) fn over(number: u64) -> Self {
        let stream = Self::new(number, false);
        stream.state.send_replace((0, true));
        stream
    }

    /// Takes a message, which may be the last.
    pub(super) fn push(&self, message: String, last: bool) {
        let count = {
            let mut messages = lock(&self.messages);
            messages.push(message);
            messages.len()
        };
        self.state.send_replace((count, last));
    }

    /// Takes messages until the answer to a request came, or, for a stream that is no answer, until the sender is gone.
    pub(super) async fn fill(&self, mut messages: mpsc::Receiver<Out>, until_answer: bool) {
        while let Some(out) = messages.recv().await {
            let message = match out {
                Out::Message(message) => message,
                Out::Break if self.ids => BREAK.to_owned(),
                Out::Long { head, bytes, tail } => {
                    format!("{head}{}{tail}", "x".repeat(usize::try_from(bytes).unwrap_or(0)))
                }
                // There is no stream of bytes to write them to.
                Out::Bytes(_) | Out::Break | Out::Close | Out::Die(_) => continue,
            };
            let last = until_answer && message != BREAK && is_answer(&message);
            self.push(message, last);
            if last {
                return;
            }
        }
        self.state.send_modify(|state| state.1 = true);
    }

    /// The message of this place, once it is there; `None` when the stream ends before it.
    pub(super) async fn next(&self, place: usize) -> Option<String> {
        let mut state = self.state.subscribe();
        // The sender lives as long as we do.
        let _ = state.wait_for(|(count, over)| *count > place || *over).await;
        lock(&self.messages).get(place).cloned()
    }
}

/// True for an answer to a request of the client, and not for a question or a notice of the server.
pub(super) fn is_answer(message: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Outline {
        method: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_str::<Outline>(message).is_ok_and(|message| message.method.is_none())
}
