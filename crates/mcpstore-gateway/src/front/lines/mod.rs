//! The lines front: newline-delimited JSON-RPC over any pair of byte streams (spec: MCP 2025-11-25 and 2026-07-28, stdio).

mod glimpse;
mod unix;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mcpstore_transport::{Line, LineReader, RpcError};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use self::glimpse::id_of_long;
use super::batch;
use super::limits::Limits;
use super::pipe::{Answers, Pipe};
use super::read::{INVALID_REQUEST, Message, message};
use super::running::{Running, answer};
use super::stats::Counters;
use crate::client::{Client, Ending};
use crate::guard::Trail;
use crate::message;
use crate::outlet::{Outlet, outlet};
use crate::seam::{Call, Core, Peer};

pub use unix::BoundUnix;
pub(crate) use unix::bind_unix;

/// What a connection needs beside its streams.
#[derive(Clone)]
pub(crate) struct LineFront {
    /// What its messages are given to.
    pub(crate) core: Arc<dyn Core>,
    /// Where it counts.
    pub(crate) counters: Arc<Counters>,
    /// How much it may take.
    pub(crate) limits: Limits,
    /// Who is at the other end.
    pub(crate) peer: Peer,
    /// How long requests under way may go on when the other side sends no more. Zero where that means that it is gone.
    pub(crate) grace: Duration,
}

impl LineFront {
    /// Serves one connection until the other side sends no more, takes no more, or `end` comes.
    ///
    /// # Cancel safety
    /// Dropped, it ends at once; requests under way are given up.
    pub(crate) async fn serve<R, W>(&self, reader: R, writer: W, end: &CancellationToken)
    where
        R: AsyncRead + Unpin + Send,
        W: AsyncWrite + Unpin + Send,
    {
        let client = Arc::new(Client::new(self.peer.clone()));
        let over = Ending::of(&client);
        let (outlet, notices) = outlet();
        client.set_main(Some(outlet.clone()));
        let (answers, receiver) = mpsc::channel(self.limits.requests.max(1));
        let conversation = Conversation {
            front: self,
            client: Arc::clone(&client),
            began: false,
            outlet,
            answers,
            under_way: JoinSet::new(),
            stateless: BTreeMap::new(),
            lasting: Vec::new(),
        };
        let pipe = Pipe::new(notices, Answers::Many(receiver));
        let mut writing = std::pin::pin!(write::run(pipe, writer, self.limits.write_stall, &self.counters));
        tokio::select! {
            biased;
            () = &mut writing => {}
            () = end.cancelled() => {}
            () = conversation.run(LineReader::new(reader, self.limits.line_bytes)) => {
                // Nothing more is begun; what was answered goes out.
                client.set_main(None);
                drop(over);
                writing.await;
                return;
            }
        }
        client.set_main(None);
    }
}

/// One connection, as far as it is read.
struct Conversation<'a> {
    front: &'a LineFront,
    client: Arc<Client>,
    /// It had its handshake.
    began: bool,
    outlet: Outlet,
    answers: mpsc::Sender<Bytes>,
    under_way: JoinSet<String>,
    /// Requests without a session that can be taken back, by their ids.
    stateless: BTreeMap<String, AbortHandle>,
    /// Requests that have no end of their own (spec: MCP 2026-07-28, subscriptions).
    lasting: Vec<AbortHandle>,
}

impl Conversation<'_> {
    async fn run<R: AsyncRead + Unpin>(mut self, mut lines: LineReader<R>) {
        let mut long = None;
        loop {
            let line = tokio::select! {
                Some(over) = self.under_way.join_next() => {
                    if let Ok(id) = over {
                        self.stateless.remove(&id);
                    }
                    continue;
                }
                line = lines.next() => line,
            };
            match line {
                Ok(Some(Line::Whole { text, .. })) if text.trim_ascii().is_empty() => {}
                Ok(Some(Line::Whole { text, .. })) => {
                    if !self.take_line(text).await {
                        return;
                    }
                }
                Ok(Some(Line::Head(head))) => long = Some(glimpse::Head::of(head)),
                Ok(Some(Line::Tail { text, bytes })) => {
                    self.front.counters.long_lines_total.up();
                    let id = long.take().and_then(|head| id_of_long(&head, text));
                    if let Some(id) = id {
                        let what = format!("the line has {bytes} bytes; at most {}", self.front.limits.line_bytes);
                        if !self.refuse(Some(&id), &RpcError::new(INVALID_REQUEST, what)).await {
                            return;
                        }
                    }
                }
                Ok(None) | Err(_) => break,
            }
        }
        // Who says nothing more listens no more.
        self.lasting.iter().for_each(AbortHandle::abort);
        let all = async { while self.under_way.join_next().await.is_some() {} };
        // What is not done by then is given up.
        let _ = tokio::time::timeout(self.front.grace, all).await;
    }

    /// Takes one message, or several in the version that has batches. Each is answered for itself.
    async fn take_line(&mut self, text: &[u8]) -> bool {
        if !batch::is_batch(text) || !batch::may(&self.client) {
            return self.take(text).await;
        }
        let Some(messages) = batch::messages(text) else {
            return self.refuse(None, &RpcError::new(INVALID_REQUEST, "a batch has from 1 to 64 messages")).await;
        };
        for message in messages {
            if !self.take(message.get().as_bytes()).await {
                return false;
            }
        }
        true
    }

    /// Takes one message; false when the other side takes no answers any more.
    async fn take(&mut self, text: &[u8]) -> bool {
        match message(text) {
            Ok(Message::Request { id, method, params }) => self.request(id, &method, params).await,
            Ok(Message::Notification { method, params }) if self.began => {
                self.front.core.notification(&self.client, &method, params);
                true
            }
            // In the stateless era it is how a request is taken back (spec: MCP 2026-07-28, cancellation).
            Ok(Message::Notification { method, params }) => {
                if method == "notifications/cancelled"
                    && let Some(work) = params.and_then(cancelled).and_then(|id| self.stateless.remove(id.get()))
                {
                    work.abort();
                }
                true
            }
            Ok(Message::Answer { id, outcome }) => {
                if self.began {
                    self.front.core.answer(&self.client, id, outcome.map(ToOwned::to_owned));
                }
                true
            }
            Err(bad) => self.refuse(bad.id, &bad.error).await,
        }
    }

    async fn request(&mut self, id: &RawValue, method: &str, params: Option<&RawValue>) -> bool {
        if self.under_way.len() >= self.front.limits.requests {
            let error = RpcError::new(-32000, "too many requests of this connection are under way");
            return self.refuse(Some(id), &error).await;
        }
        if let Err(many) = self.front.core.admit(&self.front.peer) {
            self.front.counters.limited_total.up();
            return self.refuse(Some(id), &many.rpc_error()).await;
        }
        let first = method == "initialize";
        if first && self.began {
            return self.refuse(Some(id), &RpcError::new(INVALID_REQUEST, "this session has begun already")).await;
        }
        let call = Call {
            peer: self.front.peer.clone(),
            client: (first || self.began).then(|| Arc::clone(&self.client)),
            id: id.to_owned(),
            method: method.into(),
            params: params.map(ToOwned::to_owned),
            headers: None,
            outlet: self.outlet.clone(),
            trail: Trail::default(),
        };
        let running = Running::begin(&self.front.core, &self.front.counters, call, None);
        if first {
            // Whatever comes behind it, be it in the same breath, comes after it.
            let outcome = running.await;
            self.began = outcome.is_ok();
            return self.answers.send(answer(id, &outcome)).await.is_ok();
        }
        let answers = self.answers.clone();
        let work = self.under_way.spawn(async move {
            let id = running.id.clone();
            let outcome = running.await;
            // Fails when nobody reads any more.
            let _ = answers.send(answer(&id, &outcome)).await;
            id.get().to_owned()
        });
        if method == "subscriptions/listen" {
            self.lasting.retain(|work| !work.is_finished());
            self.lasting.push(work.clone());
        }
        if !self.began {
            self.stateless.insert(id.get().to_owned(), work);
        }
        true
    }

    async fn refuse(&self, id: Option<&RawValue>, error: &RpcError) -> bool {
        self.answers.send(message::error(id, error)).await.is_ok()
    }
}

/// The request that a client takes back.
fn cancelled(params: &RawValue) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Cancelled<'a> {
        #[serde(borrow, rename = "requestId")]
        request_id: &'a RawValue,
    }
    serde_json::from_str::<Cancelled<'_>>(params.get()).ok().map(|cancelled| cancelled.request_id)
}
