//! A raw request: its place, its answer, its limits, and its end when nobody waits any more.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::table::{Answer, RawWaiter, Waiter};
use super::token::{Slot, Token};
use super::writer::Outgoing;
use super::{Hub, MAX_IN_FLIGHT, MAX_OUTGOING_BYTES, MAX_WAITING, count, line};
use crate::deadline::later;
use crate::{CallError, CallLimits, TimeoutKind};

/// Bytes around the method and the params of a request, at most.
const ENVELOPE_BYTES: usize = 256;

impl Hub {
    /// Sends a request and waits for its answer, within its limits.
    pub(crate) async fn request(&self, method: &str, params: Option<&RawValue>, limits: CallLimits) -> Answer {
        let clock = Limits::start(limits);
        // A ping asks whether the server is alive: it must not wait behind the calls that make one doubt it.
        let _place = if method == "ping" { None } else { Some(self.place(&clock).await?) };
        let room = if method == "ping" { None } else { Some(self.room_for(method, params)?) };
        let (mut call, mut answer, line) = self.begin(method, params)?;
        match timeout_at(clock.first(), self.out.send(Outgoing { line, request: Some(call.id), room })).await {
            Ok(Ok(())) => {}
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
        let slot = params.filter(|_| method == "tools/call").and_then(Slot::of);
        let (sender, answer) = oneshot::channel();
        let mut table = self.table();
        let id = table.next_id();
        let callers = slot.as_ref().and_then(|slot| slot.callers.as_ref()).filter(|token| !table.is_in_use(token));
        let ours = slot.as_ref().filter(|_| callers.is_none());
        let token = callers.cloned().or_else(|| ours.map(|_| Token::ours(id)));
        let waiter = RawWaiter { answer: sender, last_sign: Instant::now(), token, sent: false };
        if !table.enter(id, Waiter::Raw(waiter)) {
            return Err(CallError::Closed);
        }
        drop(table);
        let call = Call { hub: self, id, over: false };
        let line = match ours {
            Some(slot) => line::request(id, method, Some(&slot.with_ours(id))),
            None => line::request(id, method, params.map(RawValue::get)),
        };
        Ok((call, answer, line))
    }

    /// Room in the queue for a request of this size.
    fn room_for(&self, method: &str, params: Option<&RawValue>) -> Result<OwnedSemaphorePermit, CallError> {
        let bytes = method.len() + params.map_or(0, |params| params.get().len()) + ENVELOPE_BYTES;
        let too_large = CallError::TooLarge { bytes, limit: MAX_OUTGOING_BYTES };
        let share = u32::try_from(bytes).ok().filter(|_| bytes <= MAX_OUTGOING_BYTES).ok_or(too_large)?;
        Arc::clone(&self.room).try_acquire_many_owned(share).map_err(|_| {
            count(&self.tally.overloaded);
            CallError::Overloaded { in_flight: self.in_flight(), limit: MAX_WAITING }
        })
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
    over: bool,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        if let Some(Waiter::Raw(RawWaiter { sent: true, .. })) = self.hub.take(self.id) {
            // A full queue means that the server does not read; it would not read this either.
            let _ = self.hub.out.try_send(Outgoing::note(line::cancelled(self.id, "the caller gave up")));
        }
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
