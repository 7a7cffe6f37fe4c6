//! Streams of events, and where what comes on them goes.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Response, StatusCode};
use tokio::sync::oneshot;
use tokio::task::coop::consume_budget;
use tokio::time::{sleep, timeout};

use super::driver::{Driver, lock};
use super::exchange::{Content, pause};
use super::fault::{Fault, explain};
use super::message::Message;
use super::sse::{Data, Decoder, Event};
use crate::wire::{Envelope, MAX_LINE_BYTES, wire_id};

/// How long the end of a stream is waited for whose request is answered.
const REST: Duration = Duration::from_millis(200);

/// The request on whose behalf a stream came.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) id: u64,
    pub(super) message: &'a Message,
}

impl Driver {
    /// Reads a stream until it ends, or until its request is answered and nothing more comes; says how it ended.
    pub(super) async fn pour(
        &self,
        response: &mut Response,
        decoder: &mut Decoder,
        origin: Option<Origin<'_>>,
    ) -> String {
        let mut answered = false;
        loop {
            let next = if answered {
                // Read to its end, the connection can be used again.
                match timeout(REST, response.chunk()).await {
                    Ok(next) => next,
                    Err(_) => return String::new(),
                }
            } else {
                response.chunk().await
            };
            let piece = match next {
                Ok(Some(piece)) => piece,
                Ok(None) => {
                    if let Some(event) = decoder.finish() {
                        self.on_event(event, false, origin);
                    }
                    return "the stream ended before the answer".to_owned();
                }
                Err(error) => return format!("the stream broke ({})", explain(&error)),
            };
            self.hub.received(piece.len());
            decoder.feed(&piece);
            while let Some(event) = decoder.next() {
                self.on_event(event, true, origin);
                // Many small events in one piece cost no budget by themselves.
                consume_budget().await;
            }
            answered = origin.is_some_and(|origin| !self.hub.waits(origin.id));
        }
    }

    fn on_event(&self, event: Event, ended: bool, origin: Option<Origin<'_>>) {
        match (event.name.as_str(), event.data) {
            ("" | "message", Data::Whole(data)) => self.deliver(&data, ended, origin),
            ("" | "message", Data::Cut { head, tail, bytes }) => self.dispatch.on_cut(&head, &tail, bytes),
            ("endpoint", Data::Whole(data)) if self.endpoint.is_some() => self.on_endpoint(&data),
            // Keep-alives and whatever servers think of.
            _ => {}
        }
    }

    /// Brings a message of the server to whom it concerns; what we must know of it is taken down first.
    pub(super) fn deliver(&self, text: &[u8], ended: bool, origin: Option<Origin<'_>>) {
        if let Some(Origin { id, message }) = origin
            && (message.is("initialize") || (message.is("tools/list") && message.is_stateless()))
            && let Some(answer) = std::str::from_utf8(text).ok().and_then(|text| Envelope::peek(text.trim()))
            && let Some(result) = answer.result.filter(|_| answer.id.and_then(wire_id) == Some(id))
        {
            if message.is("initialize") {
                lock(&self.talk).learn_version(result);
            } else {
                lock(&self.wishes).learn(result);
            }
        }
        self.dispatch.on_text(text, ended, origin.map(|origin| origin.id));
    }

    /// Opens the stream for what the server says by itself (spec: MCP 2025-03-26, transports), where it has one.
    ///
    /// What it returns resolves when the server has said whether it has one.
    pub(super) fn listen(self: &Arc<Self>) -> oneshot::Receiver<()> {
        let (opened, open) = oneshot::channel();
        if self.endpoint.is_some() {
            return open;
        }
        let (generation, stale) = {
            let talk = lock(&self.talk);
            (talk.generation, talk.stale.clone())
        };
        let driver = Arc::clone(self);
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = driver.hub.closed() => {}
                () = stale.cancelled() => {}
                () = driver.hear(generation, opened) => {}
            }
        });
        open
    }

    /// Reads the server's own stream, and takes it up again whenever it breaks.
    async fn hear(self: &Arc<Self>, generation: u64, opened: oneshot::Sender<()>) {
        let mut opened = Some(opened);
        let mut decoder = Decoder::new(MAX_LINE_BYTES);
        let mut tries = 0;
        loop {
            let last = decoder.last_id().map(str::to_owned);
            let answer = self.http.send(&self.get(last.as_deref())).await;
            // Dropped, it tells too.
            opened.take();
            match answer {
                Ok(mut response) if response.status().is_success() => {
                    if !matches!(Content::of(&response), Content::Events) {
                        return;
                    }
                    decoder.start_over();
                    let events = decoder.events();
                    self.pour(&mut response, &mut decoder, None).await;
                    if decoder.events() > events {
                        tries = 0;
                    }
                }
                Ok(response) if response.status() == StatusCode::NOT_FOUND && lock(&self.talk).session.is_some() => {
                    // The session is gone. Renewed, it gets a stream of its own; a server that has no streams and says so
                    // in this way would have us renew for ever, so it is the next request that finds out.
                    return;
                }
                Ok(response)
                    if response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS => {}
                // 405: it says nothing by itself. Other refusals will not change either.
                Ok(_) | Err(Fault::Auth(_) | Fault::Login(_)) => return,
                Err(_) => {}
            }
            sleep(pause(decoder.retry(), tries)).await;
            tries = tries.saturating_add(1);
            if lock(&self.talk).generation != generation {
                return;
            }
        }
    }
}
