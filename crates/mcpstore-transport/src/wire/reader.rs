//! The task that reads from the server and brings every message to whom it concerns.

use std::sync::Arc;

use rmcp::model::{JsonRpcMessage, ServerJsonRpcMessage};
use serde_json::value::RawValue;
use tokio::io::AsyncRead;
use tokio::sync::mpsc;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep};

use super::batch::Elements;
use super::envelope::{self, Envelope};
use super::glimpse::Glimpse;
use super::lines::{Line, LineReader};
use super::table::Waiter;
use super::writer::Outgoing;
use super::{DRAIN, Hub, MAX_LINE_BYTES, QUIET, count, line, lock, token};
use crate::clip::clip;
use crate::{CallError, LogRing, LogStream};

/// Bytes at the beginning of a skipped line in which its id is looked for.
const HEAD_BYTES: usize = 64 * 1024;
/// Messages of one batch that are taken; what comes after them is noise.
const MAX_BATCH: usize = 1024;
/// Bytes of an answer to the handshake, which is decoded as a whole.
const MAX_HANDSHAKE_BYTES: usize = 1024 * 1024;
/// Bytes of the id of a server's request, which goes back with our answer.
const MAX_ID_BYTES: usize = 256;

pub(super) struct Reader {
    hub: Arc<Hub>,
    to_rmcp: mpsc::Sender<ServerJsonRpcMessage>,
    logs: Arc<LogRing>,
    /// What the head of the line that is being skipped says.
    skipped: Glimpse,
}

impl Reader {
    pub(super) fn new(hub: Arc<Hub>, to_rmcp: mpsc::Sender<ServerJsonRpcMessage>, logs: Arc<LogRing>) -> Self {
        Self { hub, to_rmcp, logs, skipped: Glimpse::default() }
    }

    /// Reads until the stream ends or the wire closes; closes the wire then.
    pub(super) async fn run<R: AsyncRead + Unpin>(mut self, input: R) {
        let hub = Arc::clone(&self.hub);
        let mut lines = LineReader::new(input, MAX_LINE_BYTES);
        // Once the server is gone: when reading ends at the latest.
        let mut last_call: Option<Instant> = None;
        loop {
            // Asked here and not in the select below, where a flood of lines could keep it from being seen.
            if last_call.is_none() && hub.doomed.is_cancelled() {
                last_call = Some(Instant::now() + DRAIN);
            }
            if last_call.is_some_and(|at| at <= Instant::now()) {
                break;
            }
            tokio::select! {
                biased;
                () = hub.closed.cancelled() => break,
                line = lines.next() => match line {
                    Ok(Some(line)) => self.on_line(&line),
                    Ok(None) | Err(_) => break,
                },
                () = hub.doomed.cancelled(), if last_call.is_none() => {}
                () = sleep(QUIET), if last_call.is_some() => break,
            }
            // Lines out of a full buffer cost no budget by themselves: a flood of short ones would hold the thread.
            consume_budget().await;
        }
        hub.close();
    }

    fn on_line(&mut self, line: &Line<'_>) {
        match line {
            Line::Whole { text, ended } => self.on_text(text, *ended),
            Line::Head(text) => self.skipped = Glimpse::of(&text[..text.len().min(HEAD_BYTES)]),
            Line::Tail { text, bytes } => {
                count(&self.hub.tally.oversized);
                let id = std::mem::take(&mut self.skipped).answers_with(text);
                self.unreadable(id, &format!("it has {bytes} bytes; at most {MAX_LINE_BYTES} are read"));
            }
        }
    }

    /// A line that did not end was cut off by the server's death: what is wrong with it is that.
    fn on_text(&self, text: &[u8], ended: bool) {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii();
        if text.is_empty() {
            return;
        }
        // Batches (spec: MCP 2025-03-26, basic) are taken from whoever sends them.
        let Some(elements) = Elements::of(text) else { return self.on_message(text, ended) };
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
                self.on_message(element, ended);
            }
        }
    }

    fn on_message(&self, text: &[u8], ended: bool) {
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
            (Some(method), None) if versioned => self.on_notification(method, message.params),
            (Some(method), Some(id)) if versioned && is_request_id(id) => self.on_request(method, id),
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

    /// rmcp's handler would ignore every notification, each in a task of its own: they end here, in order.
    fn on_notification(&self, method: &str, params: Option<&RawValue>) {
        match method {
            "notifications/progress" => {
                if let Some(token) = params.and_then(token::of_progress) {
                    self.hub.table().progressed(&token, Instant::now());
                }
            }
            "notifications/tools/list_changed" => self.hub.changes.send_modify(|changes| *changes += 1),
            _ => {}
        }
    }

    fn on_answer(&self, waiter: Waiter, line: &str, message: &Envelope<'_>) {
        match (waiter, message.error, message.result) {
            (Waiter::Raw(raw), Some(error), _) => drop(raw.answer.send(Err(envelope::rpc_error(error)))),
            (Waiter::Raw(raw), None, Some(result)) => drop(raw.answer.send(Ok(result.to_owned()))),
            (Waiter::Raw(_), None, None) => {}
            (Waiter::Rmcp { .. }, ..) if line.len() > MAX_HANDSHAKE_BYTES => {
                self.spoil(&format!("it has {} bytes; at most {MAX_HANDSHAKE_BYTES} are read", line.len()));
            }
            (Waiter::Rmcp { id: original, .. }, ..) => match serde_json::from_str::<ServerJsonRpcMessage>(line) {
                Ok(JsonRpcMessage::Response(mut response)) => {
                    response.id = original;
                    self.hand_over(JsonRpcMessage::Response(response));
                }
                Ok(JsonRpcMessage::Error(mut error)) => {
                    error.id = Some(original);
                    self.hand_over(JsonRpcMessage::Error(error));
                }
                Ok(_) => self.spoil("it answers the handshake with something else"),
                Err(error) => self.spoil(&error.to_string()),
            },
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

    /// We declare no capability, so there is nothing that a server may ask of us but whether we live.
    fn on_request(&self, method: &str, id: &RawValue) {
        let is_ping = method == "ping";
        let answer = if is_ping {
            line::pong(id.get())
        } else {
            line::refusal(id.get(), -32601, "this client offers no such thing")
        };
        // A server that floods us and reads nothing hears nothing.
        let sent = self.hub.out.try_send(Outgoing::note(answer)).is_ok();
        if !is_ping || !sent {
            count(&self.hub.tally.refused);
        }
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
        match id.and_then(|id| self.hub.take(id)) {
            Some(Waiter::Raw(raw)) => drop(raw.answer.send(Err(CallError::Malformed { what: what.to_owned() }))),
            Some(Waiter::Rmcp { .. }) => self.spoil(what),
            None => {}
        }
    }

    /// The handshake cannot succeed any more.
    fn spoil(&self, what: &str) {
        lock(&self.hub.spoiled).get_or_insert_with(|| clip(what));
        self.hub.close();
    }

    fn noise(&self, text: &[u8]) {
        count(&self.hub.tally.noise);
        let shown = &text[..text.len().min(LogRing::MAX_LINE_BYTES + 1)];
        self.logs.push(LogStream::Noise, &String::from_utf8_lossy(shown));
    }
}

/// True when a request with this id can be answered: it is a number or a text, and not too long to be sent back.
fn is_request_id(id: &RawValue) -> bool {
    id.get().len() <= MAX_ID_BYTES && matches!(id.get().as_bytes().first(), Some(b'"' | b'-' | b'0'..=b'9'))
}
