//! What the server asks of us, answered beside the reading; bounded, and taken back when the server says so.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use serde_json::value::RawValue;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::outgoing::Outgoing;
use super::{Hub, count, line, lock};
use crate::{ClientSide, RpcError, ServerRequest, ServerRequests};

/// Requests of one server that are answered at once; more are refused.
const MAX_ASKED: usize = 64;
/// Bytes of an answer of ours.
const MAX_ANSWER_BYTES: usize = super::MAX_LINE_BYTES;

/// The requests of a server that are being answered, by the JSON text of their ids.
pub(super) struct Asked {
    client: ClientSide,
    open: Mutex<HashMap<String, CancellationToken>>,
}

impl Asked {
    pub(super) fn new(client: ClientSide) -> Self {
        Self { client, open: Mutex::default() }
    }

    /// Takes a place for a request; `None` when too many are being answered, or one of this id already is.
    fn enter(&self, id: &str) -> Option<CancellationToken> {
        let mut open = lock(&self.open);
        if open.len() >= MAX_ASKED || open.contains_key(id) {
            return None;
        }
        let taken_back = CancellationToken::new();
        open.insert(id.to_owned(), taken_back.clone());
        Some(taken_back)
    }

    /// True while a request is being answered.
    pub(super) fn is_open(&self) -> bool {
        !lock(&self.open).is_empty()
    }

    /// Requests that are being answered.
    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        lock(&self.open).len()
    }

    /// The server takes its request back.
    pub(super) fn take_back(&self, id: &str) {
        if let Some(taken_back) = lock(&self.open).get(id) {
            taken_back.cancel();
        }
    }
}

impl Hub {
    /// Answers a request of the server; `during` answers it when it came because of a request of ours.
    pub(super) fn answer(
        self: &Arc<Self>,
        method: &str,
        id: &RawValue,
        params: Option<&RawValue>,
        during: Option<Arc<dyn ServerRequests>>,
    ) {
        let id = id.get();
        if method == "ping" {
            // A server that floods us and reads nothing hears nothing.
            if self.out.try_send(Outgoing::note(line::result(id, "{}"))).is_err() {
                count(&self.tally.refused);
            }
            return;
        }
        let Some(handler) = during.or_else(|| self.asked.client.handler().cloned()) else {
            return self.refuse(id, &RpcError::no_method());
        };
        let Some(taken_back) = self.asked.enter(id) else {
            return self.refuse(id, &RpcError::new(-32000, "too many requests, or two of one id, are being answered"));
        };
        let request = ServerRequest { method: method.to_owned(), params: params.map(ToOwned::to_owned) };
        let (hub, id) = (Arc::clone(self), id.to_owned());
        tokio::spawn(async move {
            let answered = async {
                let answer = handler.answer(request).await;
                let line = match &answer {
                    Ok(result) if result.get().len() > MAX_ANSWER_BYTES => {
                        line::refusal(&id, &RpcError::new(-32603, "the answer is too large"))
                    }
                    Ok(result) => line::result(&id, result.get()),
                    Err(error) => line::refusal(&id, error),
                };
                // A closed wire takes none, and needs none.
                let _ = hub.out.send(Outgoing::note(line)).await;
            };
            tokio::select! {
                biased;
                () = hub.closed.cancelled() => {}
                () = taken_back.cancelled() => {}
                () = answered => {}
            }
            hub.waited_for_us(Instant::now());
            lock(&hub.asked.open).remove(&id);
        });
    }

    fn refuse(&self, id: &str, error: &RpcError) {
        let _ = self.out.try_send(Outgoing::note(line::refusal(id, error)));
        self.tally.refused.fetch_add(1, Ordering::Relaxed);
    }
}
