//! What holds of a queue whatever its receiver answers, in virtual time.

use proptest::collection::vec;
use proptest::prelude::*;

use super::tests::{Bench, alert, asks_for, later};
use super::*;

/// What is done, one after the other.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send,
    /// Milliseconds.
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(prop_oneof![3 => Just(Step::Send), 1 => (0..20_000_u64).prop_map(Step::Pass)], 1..40)
}

fn answers() -> impl Strategy<Value = Vec<Result<(), SinkError>>> {
    let answer = prop_oneof![
        2 => Just(Ok(())),
        2 => Just(later("down")),
        1 => (0..400_u64).prop_map(asks_for),
        1 => Just(Err(SinkError::permanent("no"))),
    ];
    vec(answer, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_is_kept_and_every_alert_has_one_end(steps in steps(), answers in answers(), queue in 1..12_usize) {
        let refusals = answers.iter().filter(|answer| answer.as_ref().is_err_and(|error| error.permanent)).count();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new(SinkSpec::log(), answers, Options { queue, ..Options::default() });
            let mut sent = Vec::new();
            for step in steps {
                match step {
                    Step::Send => {
                        sent.push(sent.len().to_string());
                        bench.line.push(&alert(&sent[sent.len() - 1]));
                    }
                    Step::Pass(ms) => sleep(Duration::from_millis(ms)).await,
                }
                assert!(bench.line.status().queued <= queue);
            }
            let (asked, receipts, status) = bench.drained().await;
            let of = |wanted: fn(&Outcome) -> bool| -> Vec<&String> {
                receipts.iter().filter(|(_, outcome)| wanted(outcome)).map(|(id, _)| id).collect()
            };
            let queued = of(|outcome| *outcome == Outcome::Queued);
            let delivered = of(|outcome| *outcome == Outcome::Delivered);
            let dropped = of(|outcome| matches!(outcome, Outcome::Dropped { .. }));
            // Every alert ends once; what was not taken was dropped at once.
            let mut ends: Vec<&String> = delivered.iter().chain(&dropped).copied().collect();
            ends.sort_by_key(|id| id.parse::<usize>().unwrap());
            assert_eq!(ends, sent.iter().collect::<Vec<_>>());
            assert_eq!(dropped.len() - (sent.len() - queued.len()), dropped.iter().filter(|id| queued.contains(id)).count());
            assert!(dropped.iter().filter(|id| queued.contains(id)).count() <= refusals);
            // What was tried, was tried in the order in which it came, and never again after the next.
            let mut tried: Vec<&String> = asked.iter().map(|(id, _)| id).collect();
            tried.dedup();
            assert_eq!(tried, queued);
            assert_eq!(status.sent_total, delivered.len() as u64);
            assert_eq!(status.dropped_total, dropped.len() as u64);
            assert_eq!(status.failed_attempts_total, (asked.len() - delivered.len()) as u64);
        });
    }
}
