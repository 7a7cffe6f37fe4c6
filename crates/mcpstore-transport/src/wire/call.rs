//! A raw request: its place, its answer, its limits, and its end when nobody waits any more.

use std::sync::atomic::Ordering;

use serde_json::value::RawValue;
use tokio::sync::{SemaphorePermit, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::table::{Answer, RawWaiter, Waiter};
use super::{Hub, MAX_IN_FLIGHT, MAX_WAITING, count, line};
use crate::deadline::later;
use crate::{CallError, CallLimits, TimeoutKind};

impl Hub {
    /// Sends a request and waits for its answer, within its limits.
    pub(crate) async fn request(&self, method: &str, params: Option<&RawValue>, limits: CallLimits) -> Answer {
        let clock = Limits::start(limits);
        // A ping asks whether the server is alive: it must not wait behind the calls that make one doubt it.
        let _place = if method == "ping" { None } else { Some(self.place(&clock).await?) };
        let (mut call, mut answer, line) = self.begin(method, params)?;
        match timeout_at(clock.first(), self.out.send(line)).await {
            Ok(Ok(())) => call.sent = true,
            Ok(Err(_)) => return Err(CallError::Closed),
            Err(_) => return Err(clock.passed()),
        }
        let mut deadline = clock.first();
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => {
                    call.over = true;
                    return answer.unwrap_or(Err(CallError::Closed));
                }
                () = sleep_until(deadline) => {
                    let now = Instant::now();
                    // Taken out between the two arms: the answer is there.
                    let Some(last_sign) = self.table().last_sign(call.id) else { continue };
                    deadline = clock.next(last_sign);
                    if deadline <= now {
                        return Err(clock.passed_at(now));
                    }
                }
            }
        }
    }

    /// A place among the requests under way.
    async fn place(&self, clock: &Limits) -> Result<SemaphorePermit<'_>, CallError> {
        if self.closed.is_cancelled() {
            return Err(CallError::Closed);
        }
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let queued = Queued::enter(self)?;
        let place = tokio::select! {
            biased;
            () = self.closed.cancelled() => Err(CallError::Closed),
            place = timeout_at(clock.first(), self.places.acquire()) => match place {
                Ok(Ok(place)) => Ok(place),
                Ok(Err(_)) => Err(CallError::Closed),
                Err(_) => Err(clock.passed()),
            },
        };
        drop(queued);
        place
    }

    /// Enters the request into the table and writes its line.
    fn begin(
        &self,
        method: &str,
        params: Option<&RawValue>,
    ) -> Result<(Call<'_>, oneshot::Receiver<Answer>, Vec<u8>), CallError> {
        let id = self.table().next_id();
        let tokened = match params {
            Some(params) if method == "tools/call" => Some(line::with_token(params, id)),
            _ => None,
        };
        let text = tokened.as_ref().map(|tokened| tokened.params.as_str()).or_else(|| params.map(RawValue::get));
        let line = line::request(id, method, text);
        let (sender, answer) = oneshot::channel();
        let token = tokened.and_then(|tokened| tokened.callers);
        let waiter = Waiter::Raw(RawWaiter { answer: sender, last_sign: Instant::now(), token });
        if !self.table().enter(id, waiter) {
            return Err(CallError::Closed);
        }
        Ok((Call { hub: self, id, sent: false, over: false }, answer, line))
    }
}

/// One more request in the queue for a place.
struct Queued<'a>(&'a Hub);

impl<'a> Queued<'a> {
    fn enter(hub: &'a Hub) -> Result<Self, CallError> {
        let queued = Self(hub);
        if hub.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            count(&hub.tally.overloaded);
            return Err(CallError::Overloaded { in_flight: MAX_IN_FLIGHT, limit: MAX_WAITING });
        }
        Ok(queued)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request under way. Dropped before its answer, it is given up and the server is told.
struct Call<'a> {
    hub: &'a Hub,
    id: u64,
    sent: bool,
    over: bool,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.over || self.hub.table().take(self.id).is_none() || !self.sent {
            return;
        }
        // A full queue means that the server does not read; it would not read this either.
        let _ = self.hub.out.try_send(line::cancelled(self.id, "the caller gave up"));
    }
}

/// The limits of one request as points in time.
struct Limits {
    limits: CallLimits,
    start: Instant,
}

impl Limits {
    fn start(limits: CallLimits) -> Self {
        Self { limits, start: Instant::now() }
    }

    /// The deadline when no sign of life comes.
    fn first(&self) -> Instant {
        self.next(self.start)
    }

    /// The deadline after a sign of life.
    fn next(&self, last_sign: Instant) -> Instant {
        later(last_sign, self.limits.idle).min(later(self.start, self.limits.total))
    }

    fn passed(&self) -> CallError {
        self.passed_at(Instant::now())
    }

    fn passed_at(&self, now: Instant) -> CallError {
        let CallLimits { idle, total } = self.limits;
        if now.duration_since(self.start) >= total {
            CallError::TimedOut { after: total, what: TimeoutKind::Total }
        } else {
            CallError::TimedOut { after: idle, what: TimeoutKind::Idle }
        }
    }
}
