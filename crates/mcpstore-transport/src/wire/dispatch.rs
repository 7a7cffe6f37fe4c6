//! Brings every message of the server to whom it concerns.

use std::sync::Arc;

use rmcp::model::{JsonRpcMessage, RequestId, ServerJsonRpcMessage};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::batch::Elements;
use super::envelope::{self, Envelope};
use super::glimpse::Glimpse;
use super::table::{RawWaiter, Waiter};
use super::{Hub, MAX_LINE_BYTES, count, token};
use crate::{CallError, LogRing, LogStream, NoticeSink, Notification};

/// Messages of one batch that are taken; what comes after them is noise.
const MAX_BATCH: usize = 1024;
/// Bytes of an answer to the handshake, which is decoded as a whole.
const MAX_HANDSHAKE_BYTES: usize = 1024 * 1024;
/// Bytes of the id of a server's request, which goes back with our answer.
const MAX_ID_BYTES: usize = 256;

/// Takes what the server says, message by message, in its order.
pub(crate) struct Dispatch {
    hub: Arc<Hub>,
    to_rmcp: mpsc::Sender<ServerJsonRpcMessage>,
    logs: Arc<LogRing>,
    /// Everything comes on one stream.
    piped: bool,
}

impl Dispatch {
    pub(super) fn new(hub: Arc<Hub>, to_rmcp: mpsc::Sender<ServerJsonRpcMessage>, logs: Arc<LogRing>) -> Self {
        Self { hub, to_rmcp, logs, piped: false }
    }

    /// The same where everything comes on one stream, so that nothing says which request a message is about.
    pub(super) fn piped(self) -> Self {
        Self { piped: true, ..self }
    }

    pub(super) fn hub(&self) -> Arc<Hub> {
        Arc::clone(&self.hub)
    }

    /// A message over the bound was skipped; it was the answer to this request, as far as its ends tell.
    pub(crate) fn on_oversized(&self, id: Option<u64>, bytes: u64) {
        count(&self.hub.tally.oversized);
        self.unreadable(id, &format!("it has {bytes} bytes; at most {MAX_LINE_BYTES} are read"));
    }

    /// The same, when the first and the last bytes of the message are at hand.
    pub(crate) fn on_cut(&self, head: &[u8], tail: &[u8], bytes: u64) {
        self.on_oversized(Glimpse::of(head).answers_with(tail), bytes);
    }

    /// Takes a line: a message, a batch, or noise. One that did not end was cut off by the server's death: what is wrong
    /// with it is that. `origin` is the request of ours on whose response stream it came, where the transport has such.
    pub(crate) fn on_text(&self, text: &[u8], ended: bool, origin: Option<u64>) {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii();
        if text.is_empty() {
            return;
        }
        // Batches (spec: MCP 2025-03-26, basic) are taken from whoever sends them.
        let Some(elements) = Elements::of(text) else { return self.on_message(text, ended, origin) };
        // Many log lines begin with a bracket.
        if !elements.clone().take(MAX_BATCH).any(|element| element.starts_with(b"{")) {
            return self.noise(text);
        }
        for (n, element) in elements.enumerate() {
            if n == MAX_BATCH {
                return self.noise(text);
            }
            if element.is_empty() {
                self.noise(text);
            } else {
                self.on_message(element, ended, origin);
            }
        }
    }

    fn on_message(&self, text: &[u8], ended: bool, origin: Option<u64>) {
        let Ok(line) = std::str::from_utf8(text) else {
            self.noise(text);
            return self.unreadable(Glimpse::of(text).answers(), "it is no valid UTF-8");
        };
        let Some(message) = Envelope::peek(line) else {
            self.noise(text);
            if ended {
                self.unreadable(Glimpse::of(text).answers(), "it is no valid JSON-RPC message");
            }
            return;
        };
        // Some forget to say what they speak: an answer that somebody waits for is taken all the same.
        let versioned = message.is_versioned();
        match (&message.method, message.id) {
            (Some(method), None) if versioned => self.on_notification(method, message.params, origin),
            (Some(method), Some(id)) if versioned && is_request_id(id) => {
                self.on_request(method, id, message.params, origin)
            }
            (None, Some(id)) if message.result.is_some() || message.error.is_some() => {
                let waiter = envelope::wire_id(id).and_then(|id| self.hub.take(id));
                match waiter {
                    Some(waiter) => self.on_answer(waiter, line, &message),
                    None if !versioned => return self.noise(text),
                    // Errors to a null id are lost answers too.
                    None if id.get() == "null" => self.on_lost_answer(line),
                    None => count(&self.hub.tally.stray),
                }
            }
            // An error without an id answers a request that the server could not read.
            (None, None) if message.error.is_some() && versioned => self.on_lost_answer(line),
            _ => return self.noise(text),
        }
        count(&self.hub.tally.received);
    }

    /// rmcp's handler would take each notification in a task of its own, in no order: they end here.
    fn on_notification(&self, method: &str, params: Option<&RawValue>, origin: Option<u64>) {
        match method {
            "notifications/progress" => return self.on_progress(params),
            "notifications/cancelled" => {
                if let Some(id) = params.and_then(envelope::cancelled_id) {
                    self.hub.asked.take_back(id.get());
                }
                return;
            }
            "notifications/tools/list_changed" => self.hub.changes.send_modify(|changes| *changes += 1),
            _ => {}
        }
        let sink = match origin {
            // What comes on the response stream of a request belongs to it.
            Some(id) => self.hub.table().lives(id, Instant::now()).and_then(|raw| raw.notices.clone()),
            // Nothing can tie it to a request, and there is but one that it may be about.
            None if self.piped && !is_of_session(method) => self.hub.table().only_sink().cloned(),
            None => None,
        };
        match sink {
            Some(sink) => sink.push(Notification::new(method, params)),
            None if self.hub.feed.push(method, params) => {}
            None => count(&self.hub.tally.dropped),
        }
    }

    fn on_progress(&self, params: Option<&RawValue>) {
        let Some((params, (token, at))) = params.and_then(|params| Some((params, token::of_progress(params)?))) else {
            return count(&self.hub.tally.stray);
        };
        let push = |sink: &NoticeSink, callers_token: Option<&str>| {
            let callers = callers_token.and_then(|token| {
                let text = params.get();
                RawValue::from_string(format!("{}{token}{}", &text[..at.start], &text[at.end..])).ok()
            });
            sink.push(Notification::new("notifications/progress", Some(callers.as_deref().unwrap_or(params))));
        };
        let mut table = self.hub.table();
        // Under the lock: whoever gets the answer has its notices already.
        match table.progressed(&token, Instant::now()) {
            Some(RawWaiter { notices: Some(sink), callers_token, .. }) => push(sink, callers_token.as_deref()),
            Some(_) => {}
            None => match table.lingering(&token) {
                Some((sink, callers_token)) => push(sink, callers_token),
                None => count(&self.hub.tally.stray),
            },
        }
    }

    fn on_answer(&self, waiter: Waiter, line: &str, message: &Envelope<'_>) {
        match (waiter, message.error, message.result) {
            (Waiter::Raw(raw), Some(error), _) => drop(raw.answer.send(Err(envelope::rpc_error(error)))),
            (Waiter::Raw(raw), None, Some(result)) => {
                if let (true, Some(id)) = (raw.lingers, message.id.and_then(envelope::wire_id)) {
                    self.hub.table().answered(id, &raw);
                }
                // Whoever asked may have gone.
                let _ = raw.answer.send(Ok(result.to_owned()));
            }
            (Waiter::Raw(_), None, None) => {}
            (Waiter::Rmcp { .. }, ..) if line.len() > MAX_HANDSHAKE_BYTES => {
                self.hub.spoil(&format!("it has {} bytes; at most {MAX_HANDSHAKE_BYTES} are read", line.len()));
            }
            (Waiter::Rmcp { id: original, .. }, ..) => {
                if let Some(capabilities) = message.result.and_then(envelope::capabilities) {
                    // There is one handshake.
                    let _ = self.hub.offered.set(capabilities.get().to_owned());
                }
                self.on_handshake(original, line);
            }
        }
    }

    /// rmcp leads the handshake: it gets the answer.
    fn on_handshake(&self, original: RequestId, line: &str) {
        match serde_json::from_str::<ServerJsonRpcMessage>(line) {
            Ok(JsonRpcMessage::Response(mut response)) => {
                response.id = original;
                self.hand_over(JsonRpcMessage::Response(response));
            }
            Ok(JsonRpcMessage::Error(mut error)) => {
                error.id = Some(original);
                self.hand_over(JsonRpcMessage::Error(error));
            }
            Ok(_) => self.hub.spoil("it answers the handshake with something else"),
            Err(error) => self.hub.spoil(&error.to_string()),
        }
    }

    /// An error that names no request. Only the handshake, where one request is under way, can take it.
    fn on_lost_answer(&self, line: &str) {
        if !self.hub.is_ready()
            && line.len() <= MAX_HANDSHAKE_BYTES
            && let Ok(message @ JsonRpcMessage::Error(_)) = serde_json::from_str::<ServerJsonRpcMessage>(line)
        {
            return self.hand_over(message);
        }
        count(&self.hub.tally.stray);
    }

    /// Who answers it depends on where it came from, when the transport knows.
    fn on_request(&self, method: &str, id: &RawValue, params: Option<&RawValue>, origin: Option<u64>) {
        let during = origin.and_then(|id| self.hub.table().lives(id, Instant::now())?.client.clone());
        self.hub.answer(method, id, params, during);
    }

    /// Gives a message to rmcp.
    fn hand_over(&self, message: ServerJsonRpcMessage) {
        if self.to_rmcp.try_send(message).is_err() {
            // It waits for one answer, and there is room for some: this is none that it waits for.
            count(&self.hub.tally.stray);
        }
    }

    /// Fails the request whose answer cannot be read.
    fn unreadable(&self, id: Option<u64>, what: &str) {
        if let Some(id) = id {
            self.hub.fail(id, CallError::Malformed { what: what.to_owned() });
        }
    }

    fn noise(&self, text: &[u8]) {
        count(&self.hub.tally.noise);
        let shown = &text[..text.len().min(LogRing::MAX_LINE_BYTES + 1)];
        self.logs.push(LogStream::Noise, &String::from_utf8_lossy(shown));
    }
}

/// True for what is about the conversation, whatever is under way in it.
fn is_of_session(method: &str) -> bool {
    matches!(
        method,
        "notifications/resources/updated" | "notifications/tasks/status" | "notifications/elicitation/complete"
    ) || method.ends_with("/list_changed")
}

/// True when a request with this id can be answered: it is a number or a text, and not too long to be sent back.
fn is_request_id(id: &RawValue) -> bool {
    id.get().len() <= MAX_ID_BYTES && matches!(id.get().as_bytes().first(), Some(b'"' | b'-' | b'0'..=b'9'))
}
