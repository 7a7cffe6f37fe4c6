//! A raw request: its place, its answer, its limits, and its end when nobody waits any more.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::value::RawValue;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit, oneshot};
use tokio::time::timeout_at;

use super::deadlines::Clock;
use super::outgoing::{Kind, Outgoing};
use super::params::{Params, Stateless};
use super::table::{Answer, RawWaiter, Waiter};
use super::token::Token;
use super::{Hub, MAX_IN_FLIGHT, MAX_OUTGOING_BYTES, MAX_WAITING, count, line};
use crate::{CallError, CallLimits, RequestOptions};

/// The question for versions and capabilities; in the stateless era also the one whether the server lives.
pub(crate) const DISCOVER: &str = "server/discover";
/// The request for a server's changes, which is open for as long as they are wanted (spec: MCP 2026-07-28, subscriptions).
pub(crate) const LISTEN: &str = "subscriptions/listen";
/// Bytes around the method and the params of a request, at most.
const ENVELOPE_BYTES: usize = 256;

impl Hub {
    /// Sends a request and waits for its answer, within its limits.
    pub(crate) async fn request(
        &self,
        method: &str,
        params: Option<&RawValue>,
        limits: CallLimits,
        options: RequestOptions,
    ) -> Answer {
        self.request_as(self.stateless.get(), method, params, limits, options).await
    }

    /// The same, as who asks in the stateless era.
    pub(crate) async fn request_as(
        &self,
        stateless: Option<&Stateless>,
        method: &str,
        params: Option<&RawValue>,
        limits: CallLimits,
        options: RequestOptions,
    ) -> Answer {
        let mut clock = Clock::start(limits);
        // A ping asks whether the server is alive: it must not wait behind the calls that make one doubt it.
        // One that lasts would hold a place for ever.
        let is_probe = matches!(method, "ping" | DISCOVER | LISTEN);
        let _place = match self.place_now()? {
            Some(place) => Some(place).filter(|_| !is_probe),
            None if is_probe => None,
            // Put aside, as what comes seldom: every request would carry the room for it.
            None => {
                let place = Box::pin(self.place(&clock)).await?;
                clock.enter();
                Some(place)
            }
        };
        let room = if is_probe { None } else { Some(self.room_for(method, params)?) };
        let (mut call, answer, line) = self.begin(stateless, method, params, clock, options)?;
        let outgoing = Outgoing { line, kind: Kind::Request(call.id), room };
        match self.out.try_send(outgoing) {
            Ok(()) => {}
            Err(TrySendError::Closed(_)) => return Err(CallError::Closed),
            // Only then is there something to wait for.
            Err(TrySendError::Full(outgoing)) => {
                match Box::pin(timeout_at(clock.first(), self.out.send(outgoing))).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Err(CallError::Closed),
                    Err(_) => return Err(clock.passed()),
                }
            }
        }
        // Its limits are kept for all requests together.
        let answer = answer.await;
        call.over = true;
        answer.unwrap_or(Err(CallError::Closed))
    }

    /// A place among the requests under way, when one is free.
    fn place_now(&self) -> Result<Option<SemaphorePermit<'_>>, CallError> {
        if self.closed.is_cancelled() {
            return Err(CallError::Closed);
        }
        Ok(self.places.try_acquire().ok())
    }

    /// True when more than one request has its place, so that more than one may be about to go out.
    pub(super) fn has_company(&self) -> bool {
        self.places.available_permits() + 1 < MAX_IN_FLIGHT
    }

    /// A place among the requests under way, when it is this one's turn.
    async fn place(&self, clock: &Clock) -> Result<SemaphorePermit<'_>, CallError> {
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

    /// Sends a notification.
    pub(crate) fn notify(&self, method: &str, params: Option<&RawValue>) -> Result<(), CallError> {
        if self.closed.is_cancelled() {
            return Err(CallError::Closed);
        }
        let room = Some(self.room_for(method, params)?);
        let line = line::notification(method, params.map(RawValue::get));
        self.out.try_send(Outgoing { line, kind: Kind::Note, room }).map_err(|error| match error {
            TrySendError::Closed(_) => CallError::Closed,
            TrySendError::Full(_) => self.overloaded(),
        })
    }

    /// Enters the request into the table and writes its line.
    fn begin(
        &self,
        stateless: Option<&Stateless>,
        method: &str,
        params: Option<&RawValue>,
        clock: Clock,
        options: RequestOptions,
    ) -> Result<(Call<'_>, oneshot::Receiver<Answer>, Vec<u8>), CallError> {
        let RequestOptions { notices, client, lingers } = options;
        let wants_token = method == "tools/call" || notices.is_some();
        let text = params.map(RawValue::get);
        let read = if wants_token || stateless.is_some() { Params::read(text.unwrap_or("{}")) } else { None };
        let (sender, answer) = oneshot::channel();
        let mut table = self.table();
        let id = table.next_id();
        let callers = read.as_ref().and_then(|read| read.token.as_ref()).filter(|token| !table.is_in_use(token));
        let ours = read.as_ref().filter(|read| callers.is_none() && (wants_token || read.token.is_some()));
        let waiter = RawWaiter {
            answer: sender,
            clock,
            last_sign: clock.entered(),
            token: callers.cloned(),
            own_token: ours.is_some(),
            callers_token: ours.and_then(Params::token_text).map(ToOwned::to_owned),
            notices,
            client,
            sent: false,
            lingers,
            lasts: method == LISTEN,
        };
        let ours = ours.map(|_| Token::ours_text(id));
        let ours = ours.as_ref().map(|text| text as &dyn Display);
        if !table.enter(id, Waiter::Raw(waiter)) {
            return Err(CallError::Closed);
        }
        let is_sooner = table.is_due(clock.first());
        drop(table);
        if is_sooner {
            self.sooner.notify_one();
        }
        let call = Call { hub: self, id, over: false };
        let line = match read.filter(|_| ours.is_some() || stateless.is_some()) {
            Some(read) => line::request_filled(id, method, &read, ours, stateless),
            None => line::request(id, method, text),
        };
        Ok((call, answer, line))
    }

    /// Room in the queue for a request of this size.
    fn room_for(&self, method: &str, params: Option<&RawValue>) -> Result<OwnedSemaphorePermit, CallError> {
        let bytes = method.len() + params.map_or(0, |params| params.get().len()) + ENVELOPE_BYTES;
        let too_large = CallError::TooLarge { bytes, limit: MAX_OUTGOING_BYTES };
        let share = u32::try_from(bytes).ok().filter(|_| bytes <= MAX_OUTGOING_BYTES).ok_or(too_large)?;
        Arc::clone(&self.room).try_acquire_many_owned(share).map_err(|_| self.overloaded())
    }

    fn overloaded(&self) -> CallError {
        count(&self.tally.overloaded);
        CallError::Overloaded { in_flight: self.in_flight(), limit: MAX_WAITING }
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
            self.hub.tell_given_up(self.id);
        }
    }
}
