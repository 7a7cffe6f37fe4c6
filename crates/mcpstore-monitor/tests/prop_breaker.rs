//! Properties of the circuit breaker: one trial at a time, and a refused call is told when to come again.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use mcpstore_monitor::{Admit, Breaker, CircuitState, ErrorKind, Ticket};
use mcpstore_types::{BreakerPolicy, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Time passes, in milliseconds.
    Wait(u64),
    /// A call asks.
    Admit,
    /// One of the admitted calls that did not report yet reports.
    Record(usize, Result<(), ErrorKind>),
    /// A new life.
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let result = prop_oneof![
        3 => Just(Err(ErrorKind::Timeout)),
        2 => Just(Err(ErrorKind::Transport)),
        2 => Just(Ok(())),
        1 => Just(Err(ErrorKind::Rpc)),
        1 => Just(Err(ErrorKind::Cancelled)),
    ];
    prop_oneof![
        3 => (0..40_u64).prop_map(Step::Wait),
        6 => Just(Step::Admit),
        6 => (any::<usize>(), result).prop_map(|(which, result)| Step::Record(which, result)),
        1 => Just(Step::Reset),
    ]
}

fn policy() -> impl Strategy<Value = BreakerPolicy> {
    (0..4_u32, 0..6_u32, 0..=101_u8, 0..30_u64, 0..60_u64, 0..25_u64).prop_map(
        |(failures, window, failure_percent, open, max_open, trial)| BreakerPolicy {
            failures,
            window,
            failure_percent,
            open_for: Duration::from_millis(open),
            max_open_for: Duration::from_millis(max_open),
            trial_timeout: Duration::from_millis(trial),
        },
    )
}

fn config() -> ProptestConfig {
    // The failing input is printed and small; a file of seeds beside the sources would add nothing.
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn one_trial_at_a_time_and_refused_calls_know_when(policy in policy(), steps in vec(step(), 0..200)) {
        let mut breaker = Breaker::new(policy);
        let mut now = Timestamp::ZERO;
        let mut admitted: Vec<Ticket> = Vec::new();
        // The trial that did not report, and when its time is over.
        let mut trial: Option<(Ticket, Timestamp)> = None;
        let timeout = policy.trial_timeout.max(Duration::from_millis(1));
        for step in steps {
            match step {
                Step::Wait(ms) => now = now.after(Duration::from_millis(ms)),
                Step::Admit => match breaker.admit(now) {
                    Admit::Pass(ticket) => {
                        prop_assert!(trial.is_none_or(|(_, until)| now >= until), "a call passed beside a trial");
                        admitted.push(ticket);
                    }
                    Admit::Trial(ticket) => {
                        prop_assert!(trial.is_none_or(|(_, until)| now >= until), "two trials at once");
                        trial = Some((ticket, now.after(timeout)));
                        admitted.push(ticket);
                    }
                    Admit::Refused { retry_at } => {
                        prop_assert!(retry_at > now);
                        let just_before = Timestamp::from_nanos(retry_at.as_nanos() - 1);
                        prop_assert_eq!(breaker.clone().admit(just_before), Admit::Refused { retry_at });
                        prop_assert!(matches!(breaker.clone().admit(retry_at), Admit::Trial(_)));
                    }
                },
                Step::Record(which, result) if !admitted.is_empty() => {
                    let ticket = admitted.swap_remove(which % admitted.len());
                    let before = breaker.report(now);
                    breaker.record(now, ticket, result);
                    let after = breaker.report(now);
                    let decides = trial.is_some_and(|(of, until)| of == ticket && now < until);
                    if decides {
                        trial = None;
                        let expected = match result {
                            Ok(()) | Err(ErrorKind::Rpc) => CircuitState::Closed,
                            Err(ErrorKind::Cancelled) => CircuitState::HalfOpen,
                            // No time at all to stay open: tried again at once.
                            Err(_) if after.retry_in_seconds.is_none() => CircuitState::HalfOpen,
                            Err(_) => CircuitState::Open,
                        };
                        prop_assert_eq!(after.state, expected);
                    } else if before.state != CircuitState::Closed {
                        prop_assert_eq!(before, after, "a late word changed the circuit");
                    }
                }
                Step::Record(..) => {}
                Step::Reset => {
                    breaker.reset();
                    trial = None;
                    prop_assert_eq!(breaker.report(now).state, CircuitState::Closed);
                    // What was admitted before counts for nothing.
                    for &ticket in &admitted {
                        breaker.record(now, ticket, Err(ErrorKind::Timeout));
                    }
                    prop_assert_eq!(breaker.report(now).state, CircuitState::Closed);
                    admitted.clear();
                }
            }
        }
    }
}
