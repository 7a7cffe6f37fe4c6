//! Who waits for which answer: one space of ids for rmcp's requests and for ours.

use std::collections::HashMap;

use rmcp::model::RequestId;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::CallError;

/// The answer to a raw request.
pub(super) type Answer = Result<Box<RawValue>, CallError>;

/// Who waits for an answer.
pub(super) enum Waiter {
    /// rmcp, under its own id.
    Rmcp(RequestId),
    /// A raw request.
    Raw(RawWaiter),
}

/// A raw request that waits.
pub(super) struct RawWaiter {
    pub(super) answer: oneshot::Sender<Answer>,
    /// The last sign of life for this request: its sending or its latest progress.
    pub(super) last_sign: Instant,
    /// The JSON text of the caller's own progress token; without one, the token is the wire id.
    pub(super) token: Option<Box<str>>,
}

/// The requests that wait for an answer, by wire id.
#[derive(Default)]
pub(super) struct Table {
    next_id: u64,
    waiting: HashMap<u64, Waiter>,
    closed: bool,
}

impl Table {
    /// The next wire id; each is given out once.
    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Enters a waiter; false when the wire is closed and no answer can come.
    pub(super) fn enter(&mut self, id: u64, waiter: Waiter) -> bool {
        if self.closed {
            return false;
        }
        self.waiting.insert(id, waiter);
        true
    }

    /// Takes out the one who waits for this answer.
    pub(super) fn take(&mut self, id: u64) -> Option<Waiter> {
        self.waiting.remove(&id)
    }

    /// The last sign of life of a raw request that still waits.
    pub(super) fn last_sign(&self, id: u64) -> Option<Instant> {
        match self.waiting.get(&id)? {
            Waiter::Raw(raw) => Some(raw.last_sign),
            Waiter::Rmcp(_) => None,
        }
    }

    /// Notes progress for the request that carries this token, given as its JSON text.
    pub(super) fn progressed(&mut self, token: &str, now: Instant) {
        let by_id = token.parse().ok().and_then(|id: u64| match self.waiting.get_mut(&id) {
            Some(Waiter::Raw(raw)) if raw.token.is_none() => Some(&mut raw.last_sign),
            _ => None,
        });
        if let Some(last_sign) = by_id {
            *last_sign = now;
            return;
        }
        // Tokens of the callers are rare, and the table is short: a search will do.
        for waiter in self.waiting.values_mut() {
            if let Waiter::Raw(raw) = waiter
                && raw.token.as_deref() == Some(token)
            {
                raw.last_sign = now;
            }
        }
    }

    /// Raw requests that wait.
    pub(super) fn in_flight(&self) -> usize {
        self.waiting.values().filter(|waiter| matches!(waiter, Waiter::Raw(_))).count()
    }

    /// No answer comes any more: everyone who waits hears it, and no one enters again.
    pub(super) fn close(&mut self) {
        self.closed = true;
        // Dropping a waiter's sender is what tells it.
        self.waiting.clear();
    }
}
