//! The task that reads from the server and brings every message to whom it concerns.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rmcp::model::{JsonRpcMessage, ServerJsonRpcMessage};
use serde_json::value::RawValue;
use tokio::io::AsyncRead;
use tokio::sync::mpsc;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep};

use super::envelope::{self, Envelope};
use super::lines::{Line, LineReader};
use super::table::Waiter;
use super::{DRAIN, Hub, MAX_LINE_BYTES, MAX_PEER_REQUESTS, QUIET, count, line, lock};
use crate::{CallError, LogRing, LogStream};

/// Bytes at the beginning of an unreadable line in which its id is looked for.
const HEAD_BYTES: usize = 64 * 1024;

pub(super) struct Reader {
    hub: Arc<Hub>,
    to_rmcp: mpsc::Sender<ServerJsonRpcMessage>,
    logs: Arc<LogRing>,
    /// The id in the head of the line that is being skipped.
    skipped_id: Option<u64>,
}

impl Reader {
    pub(super) fn new(hub: Arc<Hub>, to_rmcp: mpsc::Sender<ServerJsonRpcMessage>, logs: Arc<LogRing>) -> Self {
        Self { hub, to_rmcp, logs, skipped_id: None }
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
            Line::Whole { text, ended } => {
                self.hub.tally.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
                self.on_text(text, *ended);
            }
            Line::Head(text) => self.skipped_id = envelope::id_in_head(&text[..text.len().min(HEAD_BYTES)]),
            Line::Tail { text, bytes } => {
                self.hub.tally.bytes.fetch_add(*bytes, Ordering::Relaxed);
                count(&self.hub.tally.oversized);
                let id = self.skipped_id.take().or_else(|| envelope::id_in_tail(text));
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
        match std::str::from_utf8(text) {
            // Batches (spec: MCP 2025-03-26, basic) are taken from whoever sends them.
            Ok(line) if line.starts_with('[') => match serde_json::from_str::<Vec<&RawValue>>(line) {
                Ok(batch) if !batch.is_empty() => {
                    batch.iter().for_each(|message| self.on_message(message.get(), ended))
                }
                _ => self.noise(text),
            },
            Ok(line) => self.on_message(line, ended),
            Err(_) => {
                self.noise(text);
                self.unreadable(envelope::id_in_head(&text[..text.len().min(HEAD_BYTES)]), "it is no valid UTF-8");
            }
        }
    }

    fn on_message(&self, line: &str, ended: bool) {
        let Some(message) = Envelope::peek(line) else {
            self.noise(line.as_bytes());
            if ended && line.starts_with('{') {
                let head = &line.as_bytes()[..line.len().min(HEAD_BYTES)];
                self.unreadable(envelope::id_in_head(head), "it is no valid JSON-RPC message");
            }
            return;
        };
        match (&message.method, message.id) {
            (Some(method), None) => self.on_notification(method, message.params),
            (Some(method), Some(id)) => self.on_request(line, method, id),
            (None, Some(id)) if message.result.is_some() || message.error.is_some() => {
                self.on_answer(line, id, &message);
            }
            // An error without an id answers a request that the server could not read.
            (None, None) if message.error.is_some() => self.on_lost_answer(line),
            _ => return self.noise(line.as_bytes()),
        }
        count(&self.hub.tally.received);
    }

    /// rmcp's handler would ignore every notification, each in a task of its own: they end here, in order.
    fn on_notification(&self, method: &str, params: Option<&RawValue>) {
        match method {
            "notifications/progress" => {
                if let Some(token) = params.and_then(envelope::progress_token) {
                    self.hub.table().progressed(token, Instant::now());
                }
            }
            "notifications/tools/list_changed" => self.hub.changes.send_modify(|changes| *changes += 1),
            _ => {}
        }
    }

    fn on_answer(&self, line: &str, id: &RawValue, message: &Envelope<'_>) {
        let Some(waiter) = envelope::wire_id(id).and_then(|id| self.hub.table().take(id)) else {
            // Errors to a null id are lost answers too.
            if id.get() == "null" {
                return self.on_lost_answer(line);
            }
            return count(&self.hub.tally.stray);
        };
        match (waiter, message.error, message.result) {
            (Waiter::Raw(raw), Some(error), _) => drop(raw.answer.send(Err(envelope::rpc_error(error)))),
            (Waiter::Raw(raw), None, Some(result)) => drop(raw.answer.send(Ok(result.to_owned()))),
            (Waiter::Raw(_), None, None) => {}
            (Waiter::Rmcp(original), ..) => match serde_json::from_str::<ServerJsonRpcMessage>(line) {
                Ok(JsonRpcMessage::Response(mut response)) => {
                    response.id = original;
                    self.hand_over(JsonRpcMessage::Response(response));
                }
                Ok(JsonRpcMessage::Error(mut error)) => {
                    error.id = Some(original);
                    self.hand_over(JsonRpcMessage::Error(error));
                }
                Ok(_) => self.spoil("it answers the handshake with something else".to_owned()),
                Err(error) => self.spoil(error.to_string()),
            },
        }
    }

    /// An error that names no request. Only the handshake, where one request is under way, can take it.
    fn on_lost_answer(&self, line: &str) {
        if !self.hub.is_ready()
            && let Ok(message @ JsonRpcMessage::Error(_)) = serde_json::from_str::<ServerJsonRpcMessage>(line)
        {
            return self.hand_over(message);
        }
        count(&self.hub.tally.stray);
    }

    fn on_request(&self, line: &str, method: &str, id: &RawValue) {
        // Before the handshake is over rmcp answers a ping, and lets everything else wait for ever.
        if !self.hub.is_ready() && method != "ping" {
            return self.refuse(id, -32600, "the handshake is not over");
        }
        if self.hub.peer_requests.load(Ordering::Relaxed) >= MAX_PEER_REQUESTS {
            return self.refuse(id, -32000, "too many requests are under way");
        }
        match serde_json::from_str::<ServerJsonRpcMessage>(line) {
            Ok(message @ JsonRpcMessage::Request(_)) => {
                self.hub.peer_requests.fetch_add(1, Ordering::Relaxed);
                self.hand_over(message);
            }
            _ => self.refuse(id, -32600, "the request cannot be understood"),
        }
    }

    /// Gives a message to rmcp. Its queue holds as many as may be under way at all.
    fn hand_over(&self, message: ServerJsonRpcMessage) {
        let is_request = matches!(message, JsonRpcMessage::Request(_));
        if self.to_rmcp.try_send(message).is_err() && is_request {
            self.hub.peer_requests.fetch_sub(1, Ordering::Relaxed);
            count(&self.hub.tally.refused);
        }
    }

    fn refuse(&self, id: &RawValue, code: i64, message: &str) {
        count(&self.hub.tally.refused);
        // A server that floods us and reads nothing hears nothing.
        let _ = self.hub.out.try_send(line::refusal(id.get(), code, message));
    }

    /// Fails the request whose answer cannot be read.
    fn unreadable(&self, id: Option<u64>, what: &str) {
        match id.and_then(|id| self.hub.table().take(id)) {
            Some(Waiter::Raw(raw)) => drop(raw.answer.send(Err(CallError::Malformed { what: what.to_owned() }))),
            Some(Waiter::Rmcp(_)) => self.spoil(what.to_owned()),
            None => {}
        }
    }

    /// The handshake cannot succeed any more.
    fn spoil(&self, what: String) {
        lock(&self.hub.spoiled).get_or_insert(what);
        self.hub.close();
    }

    fn noise(&self, text: &[u8]) {
        count(&self.hub.tally.noise);
        let shown = &text[..text.len().min(LogRing::MAX_LINE_BYTES + 1)];
        self.logs.push(LogStream::Noise, &String::from_utf8_lossy(shown));
    }
}
