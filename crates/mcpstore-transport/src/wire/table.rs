//! Who waits for which answer: one space of ids for rmcp's requests and for ours.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rmcp::model::RequestId;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::deadlines::Clock;
use super::token::Token;
use crate::{CallError, NoticeSink, ServerRequests};

/// Requests that were answered and whose progress may go on; the oldest is forgotten first.
const MAX_LINGERING: usize = 256;

/// The answer to a raw request.
pub(super) type Answer = Result<Box<RawValue>, CallError>;

/// Who waits for an answer.
pub(super) enum Waiter {
    /// rmcp, under its own id.
    Rmcp {
        /// That id.
        id: RequestId,
        /// See [`RawWaiter::sent`].
        sent: bool,
    },
    /// A raw request.
    Raw(RawWaiter),
}

/// A raw request that waits.
pub(super) struct RawWaiter {
    pub(super) answer: oneshot::Sender<Answer>,
    /// Its limits.
    pub(super) clock: Clock,
    /// The last sign of life for this request: its beginning or its latest progress.
    pub(super) last_sign: Instant,
    /// The caller's progress token, which it carries; no other request that waits has the same.
    pub(super) token: Option<Token>,
    /// It carries a token of ours, made of its id.
    pub(super) own_token: bool,
    /// The caller's own token (JSON text), when another had to go out in its place.
    pub(super) callers_token: Option<String>,
    /// Where its notices go.
    pub(super) notices: Option<NoticeSink>,
    /// Who answers what the server asks because of it.
    pub(super) client: Option<Arc<dyn ServerRequests>>,
    /// It went out, or is going: the server may know of it.
    pub(super) sent: bool,
    /// See [`RequestOptions::lingers`](crate::RequestOptions::lingers).
    pub(super) lingers: bool,
    /// It is no work that comes to an end: it is open for as long as somebody listens.
    pub(super) lasts: bool,
}

impl Waiter {
    /// See [`RawWaiter::lasts`].
    fn lasts(&self) -> bool {
        matches!(self, Self::Raw(RawWaiter { lasts: true, .. }))
    }
}

/// The requests that wait for an answer, by wire id.
#[derive(Default)]
pub(super) struct Table {
    next_id: u64,
    waiting: HashMap<u64, Waiter>,
    /// Who waits under which progress token of its caller's.
    tokens: HashMap<Token, u64>,
    /// Requests that were answered and whose progress may go on, the oldest first.
    lingering: VecDeque<Lingering>,
    /// When the first of those that wait is due, or sooner.
    due: Option<Instant>,
    shut: bool,
    deaf: bool,
}

/// A request that was answered, and became a task.
struct Lingering {
    token: Token,
    callers_token: Option<String>,
    notices: NoticeSink,
}

impl Table {
    /// The next wire id; each is given out once.
    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Enters a waiter; false when nothing goes out any more.
    pub(super) fn enter(&mut self, id: u64, waiter: Waiter) -> bool {
        if self.shut {
            return false;
        }
        if let Waiter::Raw(RawWaiter { token: Some(token), .. }) = &waiter {
            self.tokens.insert(token.clone(), id);
        }
        self.waiting.insert(id, waiter);
        true
    }

    /// Takes out the one who waits for this answer.
    pub(super) fn take(&mut self, id: u64) -> Option<Waiter> {
        let waiter = self.waiting.remove(&id)?;
        if let Waiter::Raw(RawWaiter { token: Some(token), .. }) = &waiter {
            self.tokens.remove(token);
        }
        Some(waiter)
    }

    /// Notes that the request goes out; false when nobody waits for its answer any more.
    pub(super) fn send(&mut self, id: u64) -> bool {
        match self.waiting.get_mut(&id) {
            Some(Waiter::Raw(RawWaiter { sent, .. }) | Waiter::Rmcp { sent, .. }) => *sent = true,
            None => return false,
        }
        true
    }

    /// True while somebody waits for this answer.
    pub(super) fn waits(&self, id: u64) -> bool {
        self.waiting.contains_key(&id)
    }

    /// Notes when one of those that wait is due; true when that is sooner than what was known.
    pub(super) fn is_due(&mut self, due: Instant) -> bool {
        let is_sooner = self.due.is_none_or(|known| due < known);
        if is_sooner {
            self.due = Some(due);
        }
        is_sooner
    }

    /// When the first of those that wait is due, or sooner.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The raw requests whose time is over, and what that was.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<(u64, CallError)> {
        self.due = None;
        let mut overdue = Vec::new();
        for (id, waiter) in &self.waiting {
            let Waiter::Raw(raw) = waiter else { continue };
            let due = raw.clock.next(raw.last_sign);
            if due <= now {
                overdue.push((*id, raw.clock.passed_at(now)));
            } else if self.due.is_none_or(|known| due < known) {
                self.due = Some(due);
            }
        }
        overdue
    }

    /// The last sign of life of a raw request that still waits.
    #[cfg(test)]
    pub(super) fn last_sign(&self, id: u64) -> Option<Instant> {
        match self.waiting.get(&id)? {
            Waiter::Raw(raw) => Some(raw.last_sign),
            Waiter::Rmcp { .. } => None,
        }
    }

    /// True when a request of the caller's must not carry this token: another does, or may yet.
    pub(super) fn is_in_use(&self, token: &Token) -> bool {
        token.looks_like_ours()
            || self.tokens.contains_key(token)
            || self.lingering.iter().any(|lingering| lingering.token == *token)
    }

    /// The request of this id was answered; its progress goes on when it asked for that.
    pub(super) fn answered(&mut self, id: u64, raw: &RawWaiter) {
        let RawWaiter { lingers: true, token, own_token, notices: Some(notices), callers_token, .. } = raw else {
            return;
        };
        let Some(token) = token.clone().or_else(|| own_token.then(|| Token::ours(id))) else { return };
        self.lingering.retain(|lingering| !lingering.notices.is_closed());
        if self.lingering.len() >= MAX_LINGERING {
            self.lingering.pop_front();
        }
        let (callers_token, notices) = (callers_token.clone(), notices.clone());
        self.lingering.push_back(Lingering { token, callers_token, notices });
    }

    /// Where the progress under this token goes after its request was answered, and the token of its caller.
    pub(super) fn lingering(&self, token: &Token) -> Option<(&NoticeSink, Option<&str>)> {
        let found = self.lingering.iter().find(|lingering| lingering.token == *token)?;
        Some((&found.notices, found.callers_token.as_deref()))
    }

    /// Notes progress for the request that carries this token, and gives that request.
    pub(super) fn progressed(&mut self, token: &Token, now: Instant) -> Option<&RawWaiter> {
        let id = match token.own_id() {
            Some(id) if matches!(self.waiting.get(&id)?, Waiter::Raw(raw) if raw.own_token) => id,
            Some(_) => return None,
            None => *self.tokens.get(token)?,
        };
        self.lives(id, now)
    }

    /// Notes a sign of life for this request, and gives it.
    pub(super) fn lives(&mut self, id: u64, now: Instant) -> Option<&RawWaiter> {
        match self.waiting.get_mut(&id)? {
            Waiter::Raw(raw) => {
                raw.last_sign = now;
                Some(raw)
            }
            Waiter::Rmcp { .. } => None,
        }
    }

    /// Notes a sign of life for all raw requests: whatever their server does, it is not idle.
    pub(super) fn all_live(&mut self, now: Instant) {
        for waiter in self.waiting.values_mut() {
            if let Waiter::Raw(raw) = waiter {
                raw.last_sign = now;
            }
        }
    }

    /// Where the notices go of the one request that takes any; `None`: there is none, or more than one. Those that last do
    /// not count.
    pub(super) fn only_sink(&self) -> Option<&NoticeSink> {
        let mut sinks = self.waiting.values().filter_map(|waiter| match waiter {
            Waiter::Raw(RawWaiter { lasts: false, notices: Some(sink), .. }) => Some(sink),
            Waiter::Raw(_) | Waiter::Rmcp { .. } => None,
        });
        let first = sinks.next()?;
        sinks.next().is_none().then_some(first)
    }

    /// Raw requests that wait, but for those that last.
    pub(super) fn in_flight(&self) -> usize {
        self.waiting.values().filter(|waiter| matches!(waiter, Waiter::Raw(RawWaiter { lasts: false, .. }))).count()
    }

    /// Nothing goes out any more: no one enters again, and whose request did not go out hears it. With `deaf`, the
    /// server took its ears away: once nobody waits, there is nothing to wait for.
    pub(super) fn shut(&mut self, deaf: bool) {
        self.shut = true;
        self.deaf = deaf;
        // Dropping a waiter's sender is what tells it.
        self.waiting.retain(|_, waiter| {
            matches!(waiter, Waiter::Raw(RawWaiter { sent: true, .. }) | Waiter::Rmcp { sent: true, .. })
        });
        let waiting = &self.waiting;
        self.tokens.retain(|_, id| waiting.contains_key(id));
    }

    /// True when the server is deaf, and every answer that can come has come.
    pub(super) fn is_done(&self) -> bool {
        self.deaf && self.waiting.values().all(Waiter::lasts)
    }

    /// No answer comes any more: everyone who waits hears it, and no one enters again.
    pub(super) fn close(&mut self) {
        self.shut = true;
        self.waiting.clear();
        self.tokens.clear();
        self.lingering.clear();
    }
}
