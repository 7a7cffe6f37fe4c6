//! The limits of requests: one timer for all that wait for a server, set to the one that is due first.
//!
//! A timer for each would cost every request more than its answer does, and most are answered long before.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::outgoing::{Kind, Outgoing};
use super::table::Waiter;
use super::{Hub, line};
use crate::deadline::later;
use crate::{CallError, CallLimits, TimeoutKind};

/// The limits of one request as points in time.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    limits: CallLimits,
    start: Instant,
    entered: Instant,
}

impl Clock {
    pub(super) fn start(limits: CallLimits) -> Self {
        let start = Instant::now();
        Self { limits, start, entered: start }
    }

    /// It had to wait for a place, and has one now: the server hears of it only from here on.
    pub(super) fn enter(&mut self) {
        self.entered = Instant::now();
    }

    /// Since when it has a place.
    pub(super) const fn entered(&self) -> Instant {
        self.entered
    }

    /// When it is due where no sign of life comes.
    pub(super) fn first(&self) -> Instant {
        self.next(self.start)
    }

    /// When it is due after a sign of life.
    pub(super) fn next(&self, last_sign: Instant) -> Instant {
        later(last_sign, self.limits.idle).min(later(self.start, self.limits.total))
    }

    pub(super) fn passed(&self) -> CallError {
        self.passed_at(Instant::now())
    }

    pub(super) fn passed_at(&self, now: Instant) -> CallError {
        let CallLimits { idle, total } = self.limits;
        if now.duration_since(self.start) >= total {
            CallError::TimedOut { after: total, what: TimeoutKind::Total }
        } else {
            CallError::TimedOut { after: idle, what: TimeoutKind::Idle }
        }
    }
}

/// Gives up what is overdue, until the wire closes.
pub(super) async fn run(hub: Arc<Hub>) {
    loop {
        let due = hub.table().due();
        let passed = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = hub.closed.cancelled() => return,
            () = hub.sooner.notified() => {}
            () = passed => hub.give_up_overdue(),
        }
    }
}

impl Hub {
    fn give_up_overdue(&self) {
        let now = Instant::now();
        if self.asked.is_open() {
            self.waited_for_us(now);
        }
        let overdue = self.table().overdue(now);
        for (id, error) in overdue {
            if let Some(Waiter::Raw(raw)) = self.take(id) {
                if raw.sent {
                    self.tell_given_up(id);
                }
                // Whoever waited may be gone.
                let _ = raw.answer.send(Err(error));
            }
        }
    }

    /// A server that waits for what we answer, or did until now, is not idle. For which request it asked it may not have said.
    pub(super) fn waited_for_us(&self, now: Instant) {
        self.table().all_live(now);
    }

    /// Tells the server that nobody waits for this answer any more.
    pub(super) fn tell_given_up(&self, id: u64) {
        // A full queue means that the server does not read; it would not read this either.
        let line = line::cancelled(id, "the caller gave up");
        let _ = self.out.try_send(Outgoing { line, kind: Kind::GiveUp(id), room: None });
    }
}
