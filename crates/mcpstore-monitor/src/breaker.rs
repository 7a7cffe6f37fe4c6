//! The circuit breaker: calls to a service that does not answer fail at once, and one trial finds out when it does again.

use std::collections::VecDeque;
use std::time::Duration;

use mcpstore_types::{BreakerPolicy, Timestamp};

use crate::{CircuitReport, CircuitState, ErrorKind};

/// The circuit to one service.
///
/// Each call asks [`Breaker::admit`] first and tells [`Breaker::record`] how it ended, with the ticket it was given. Only
/// transport failures count against the service: an RPC error is an answer, a cancelled call says nothing.
///
/// - Closed: calls pass. So many failures in a row, or such a share of the last calls, open it.
/// - Open: calls are refused for `open_for`.
/// - Half-open: one call is let through as a trial. An answer closes the circuit. A failure opens it again, twice as long,
///   up to `max_open_for`. A trial that says nothing (cancelled) is over, and the next call is one. So is one that did not
///   report within `trial_timeout`; it counts as failed for how long the circuit opens next, and its late word is ignored.
///
/// What calls report that were admitted before the circuit last changed is ignored.
#[derive(Clone, Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: State,
    /// Which tickets count: changes with every change of the state, and with every trial.
    epoch: u64,
    failures_in_row: u32,
    /// The last calls that say something, oldest first; true for a failure.
    last: VecDeque<bool>,
    failures_in_last: u32,
    /// How long the circuit opens next time a trial fails.
    next_open_for: Duration,
    opened_total: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed,
    Open {
        until: Timestamp,
    },
    /// The trial under way is over by then; none: the next call is one.
    HalfOpen {
        trial_until: Option<Timestamp>,
    },
}

/// What a call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admit {
    /// It goes.
    Pass(Ticket),
    /// It goes, and decides for all others. There is one at a time.
    Trial(Ticket),
    /// It fails at once.
    Refused {
        /// From when on a call is let through again, unless a trial fails before.
        retry_at: Timestamp,
    },
}

/// What [`Breaker::record`] wants back: which state of the circuit let the call through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

impl Breaker {
    /// The most calls a policy can look back on.
    pub const MAX_WINDOW: u32 = 1_000;

    /// A closed circuit.
    #[must_use]
    pub fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            state: State::Closed,
            epoch: 0,
            failures_in_row: 0,
            last: VecDeque::new(),
            failures_in_last: 0,
            next_open_for: policy.open_for,
            opened_total: 0,
        }
    }

    /// Another policy from the next call on; the state stays.
    pub fn retune(&mut self, policy: BreakerPolicy) {
        self.policy = policy;
        while self.last.len() > self.window() {
            self.forget_oldest();
        }
        if let State::Closed = self.state {
            self.next_open_for = policy.open_for;
        }
    }

    /// A new life of the service: the circuit is closed, and what calls to the old one report is ignored.
    pub fn reset(&mut self) {
        self.close();
    }

    /// Whether a call may go now.
    pub fn admit(&mut self, now: Timestamp) -> Admit {
        self.expire(now);
        match self.state {
            State::Closed => Admit::Pass(Ticket(self.epoch)),
            State::Open { until } if now < until => Admit::Refused { retry_at: until },
            State::HalfOpen { trial_until: Some(retry_at) } => Admit::Refused { retry_at },
            State::Open { .. } | State::HalfOpen { trial_until: None } => {
                // Without any time a trial could never report.
                let timeout = self.policy.trial_timeout.max(Duration::from_millis(1));
                self.enter(State::HalfOpen { trial_until: Some(now.after(timeout)) });
                Admit::Trial(Ticket(self.epoch))
            }
        }
    }

    /// How an admitted call ended.
    pub fn record(&mut self, now: Timestamp, ticket: Ticket, result: Result<(), ErrorKind>) {
        self.expire(now);
        if ticket.0 != self.epoch {
            return;
        }
        let failed = match result {
            Err(kind) if kind.is_transport_failure() => true,
            Err(kind) if !kind.is_answer() => {
                if let State::HalfOpen { .. } = self.state {
                    self.enter(State::HalfOpen { trial_until: None });
                }
                return;
            }
            Ok(()) | Err(_) => false,
        };
        match (self.state, failed) {
            (State::Closed, _) => self.count(now, failed),
            (State::HalfOpen { .. }, true) => {
                self.trial_failed();
                self.enter(State::Open { until: now.after(self.next_open_for) });
            }
            (State::HalfOpen { .. }, false) => self.close(),
            // No ticket is of an open circuit.
            (State::Open { .. }, _) => {}
        }
    }

    /// The circuit as of `now`. One that may be tried again shows as half-open.
    #[must_use]
    pub fn report(&self, now: Timestamp) -> CircuitReport {
        let (state, retry_in_seconds) = match self.state {
            State::Closed => (CircuitState::Closed, None),
            State::Open { until } if now < until => (CircuitState::Open, Some(until.since(now).as_secs_f64())),
            State::Open { .. } | State::HalfOpen { .. } => (CircuitState::HalfOpen, None),
        };
        CircuitReport { state, opened_total: self.opened_total, retry_in_seconds }
    }

    fn count(&mut self, now: Timestamp, failed: bool) {
        if self.last.len() >= self.window() {
            self.forget_oldest();
        }
        self.last.push_back(failed);
        self.failures_in_last += u32::from(failed);
        self.failures_in_row = if failed { self.failures_in_row + 1 } else { 0 };
        let full = self.last.len() >= self.window();
        let share = u64::from(self.policy.failure_percent.clamp(1, 100)) * self.last.len() as u64;
        let many = full && u64::from(self.failures_in_last) * 100 >= share;
        if failed && (many || self.failures_in_row >= self.policy.failures.max(1)) {
            self.opened_total += 1;
            self.next_open_for = self.policy.open_for;
            self.enter(State::Open { until: now.after(self.policy.open_for) });
        }
    }

    /// Ends a trial whose time is over.
    fn expire(&mut self, now: Timestamp) {
        if let State::HalfOpen { trial_until: Some(until) } = self.state
            && now >= until
        {
            self.trial_failed();
            self.enter(State::HalfOpen { trial_until: None });
        }
    }

    fn trial_failed(&mut self) {
        let most = self.policy.max_open_for.max(self.policy.open_for);
        self.next_open_for = self.next_open_for.saturating_mul(2).min(most);
    }

    fn close(&mut self) {
        self.last.clear();
        (self.failures_in_last, self.failures_in_row) = (0, 0);
        self.next_open_for = self.policy.open_for;
        self.enter(State::Closed);
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }

    fn forget_oldest(&mut self) {
        let failed = self.last.pop_front().unwrap_or(false);
        self.failures_in_last -= u32::from(failed);
    }

    fn window(&self) -> usize {
        self.policy.window.clamp(1, Self::MAX_WINDOW) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    const FAIL: Result<(), ErrorKind> = Err(ErrorKind::Timeout);

    /// Lets a call through a closed circuit.
    fn call(breaker: &mut Breaker, ms: u64, result: Result<(), ErrorKind>) {
        let Admit::Pass(ticket) = breaker.admit(at(ms)) else { panic!("the circuit is not closed at {ms}") };
        breaker.record(at(ms), ticket, result);
    }

    fn trial(breaker: &mut Breaker, ms: u64) -> Ticket {
        match breaker.admit(at(ms)) {
            Admit::Trial(ticket) => ticket,
            other => panic!("{other:?} at {ms}"),
        }
    }

    /// One that opened at 1,000 ms.
    fn open() -> Breaker {
        let mut breaker = Breaker::new(BreakerPolicy::default());
        (0..5).for_each(|_| call(&mut breaker, 1_000, FAIL));
        breaker
    }

    fn refused(breaker: &mut Breaker, ms: u64) -> u64 {
        match breaker.admit(at(ms)) {
            Admit::Refused { retry_at } => retry_at.as_nanos() / 1_000_000,
            other => panic!("{other:?} at {ms}"),
        }
    }

    #[test]
    fn five_failures_in_a_row_open_it_for_five_seconds() {
        let mut breaker = Breaker::new(BreakerPolicy::default());
        for round in 0..3 {
            (0..4).for_each(|_| call(&mut breaker, round, FAIL));
            call(&mut breaker, round, Err(ErrorKind::Rpc));
        }
        (0..5).for_each(|_| call(&mut breaker, 10, Err(ErrorKind::Transport)));
        assert_eq!((refused(&mut breaker, 10), refused(&mut breaker, 5_009)), (5_010, 5_010));
        let report = breaker.report(at(3_010));
        assert_eq!((report.state, report.opened_total, report.retry_in_seconds), (CircuitState::Open, 1, Some(2.0)));
        assert_eq!(breaker.report(at(5_010)).state, CircuitState::HalfOpen);
        trial(&mut breaker, 5_010);
    }

    #[test]
    fn half_of_the_last_twenty_open_it() {
        let mut breaker = Breaker::new(BreakerPolicy::default());
        for _ in 0..9 {
            call(&mut breaker, 0, Ok(()));
            call(&mut breaker, 0, FAIL);
        }
        call(&mut breaker, 0, Ok(()));
        // 9 of 19: the window is not full yet. The 20th call is the tenth failure.
        call(&mut breaker, 7, FAIL);
        assert_eq!(refused(&mut breaker, 8), 5_007);
        // A success never opens it, even where many failures are left in the window.
        let mut late = Breaker::new(BreakerPolicy { failures: 100, failure_percent: 40, ..BreakerPolicy::default() });
        (0..8).for_each(|_| call(&mut late, 0, FAIL));
        (0..12).for_each(|_| call(&mut late, 0, Ok(())));
        call(&mut late, 0, Ok(()));
        assert_eq!(late.report(at(0)).state, CircuitState::Closed);
    }

    #[test]
    fn only_transport_failures_count() {
        let mut breaker = Breaker::new(BreakerPolicy { window: 3, failures: 3, ..BreakerPolicy::default() });
        for kind in ErrorKind::ALL.into_iter().filter(|kind| !kind.is_transport_failure()) {
            (0..10).for_each(|_| call(&mut breaker, 0, Err(kind)));
        }
        // What says nothing does not break a row either.
        let mut row = Breaker::new(BreakerPolicy { window: 100, failures: 3, ..BreakerPolicy::default() });
        for result in [FAIL, Err(ErrorKind::Cancelled), FAIL, Err(ErrorKind::Overloaded), FAIL] {
            call(&mut row, 0, result);
        }
        assert_eq!(row.report(at(0)).state, CircuitState::Open);
    }

    #[test]
    fn one_trial_decides_for_all() {
        let mut breaker = open();
        let ticket = trial(&mut breaker, 6_000);
        assert_eq!((refused(&mut breaker, 6_000), refused(&mut breaker, 15_999)), (16_000, 16_000));
        breaker.record(at(16_000 - 1), ticket, Err(ErrorKind::Tool));
        call(&mut breaker, 16_000, Ok(()));
        // The old failures are forgotten.
        (0..4).for_each(|_| call(&mut breaker, 16_000, FAIL));
        assert_eq!(breaker.report(at(16_000)).state, CircuitState::Closed);
    }

    #[test]
    fn failed_trials_double_the_wait_up_to_its_most() {
        let mut breaker = open();
        let mut now = 6_000;
        for seconds in [10, 20, 40, 60, 60] {
            let ticket = trial(&mut breaker, now);
            breaker.record(at(now), ticket, FAIL);
            assert_eq!(refused(&mut breaker, now), now + seconds * 1_000);
            now += seconds * 1_000;
        }
        let ticket = trial(&mut breaker, now);
        breaker.record(at(now), ticket, Ok(()));
        // From the start again.
        (0..5).for_each(|_| call(&mut breaker, now, FAIL));
        assert_eq!((refused(&mut breaker, now), breaker.report(at(now)).opened_total), (now + 5_000, 2));
    }

    #[test]
    fn a_trial_that_never_reports_is_over_and_its_late_word_is_ignored() {
        let mut breaker = open();
        let lost = trial(&mut breaker, 6_000);
        assert_eq!(refused(&mut breaker, 15_999), 16_000);
        let next = trial(&mut breaker, 16_000);
        breaker.record(at(16_001), lost, Ok(()));
        assert_eq!(refused(&mut breaker, 16_002), 26_000);
        // It counted as failed: the second failure makes the wait four times as long.
        breaker.record(at(16_003), next, FAIL);
        assert_eq!(refused(&mut breaker, 16_003), 36_003);
        // Late by itself, without another trial having begun.
        let slow = trial(&mut breaker, 36_003);
        breaker.record(at(46_003), slow, Ok(()));
        trial(&mut breaker, 46_003);
    }

    #[test]
    fn a_cancelled_trial_leaves_it_to_the_next() {
        let mut breaker = open();
        let ticket = trial(&mut breaker, 6_000);
        breaker.record(at(6_010), ticket, Err(ErrorKind::Cancelled));
        let ticket = trial(&mut breaker, 6_010);
        breaker.record(at(6_020), ticket, FAIL);
        assert_eq!(refused(&mut breaker, 6_020), 16_020);
    }

    #[test]
    fn a_new_life_is_not_judged_by_the_old_one() {
        let mut breaker = open();
        breaker.reset();
        let Admit::Pass(old) = breaker.admit(at(2_000)) else { panic!("closed") };
        breaker.reset();
        (0..9).for_each(|_| breaker.record(at(2_000), old, FAIL));
        assert_eq!(breaker.report(at(2_000)), CircuitReport { opened_total: 1, ..CircuitReport::default() });
    }

    #[test]
    fn another_policy_holds_from_the_next_call_on() {
        let mut breaker = Breaker::new(BreakerPolicy::default());
        (0..4).for_each(|_| call(&mut breaker, 0, FAIL));
        breaker.retune(BreakerPolicy { window: 2, open_for: Duration::from_secs(1), ..BreakerPolicy::default() });
        call(&mut breaker, 0, Ok(()));
        call(&mut breaker, 0, FAIL);
        assert_eq!(refused(&mut breaker, 0), 1_000);
    }
}
