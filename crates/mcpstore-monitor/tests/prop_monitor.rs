//! Properties of verdicts and windows, against naive models: `PROPTEST_CASES` sets how many cases are tried (256 by
//! default).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use mcpstore_monitor::{ProbeOutcome, ProbeVerdict, Sample, SampleWindow};
use mcpstore_types::{Health, HealthSpec, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

fn outcome() -> impl Strategy<Value = ProbeOutcome> {
    prop_oneof![
        3 => (0..5_000_u64).prop_map(|ms| ProbeOutcome::Pass { latency: Duration::from_millis(ms) }),
        3 => Just(ProbeOutcome::Fail),
        1 => Just(ProbeOutcome::Unknown),
    ]
}

/// True for a pass, false for a failure, none when the probe says nothing.
fn passed(outcome: &ProbeOutcome) -> Option<bool> {
    match outcome {
        ProbeOutcome::Pass { .. } => Some(true),
        ProbeOutcome::Fail => Some(false),
        ProbeOutcome::Unknown => None,
    }
}

/// The verdict read off the whole history at once, without any state between the steps.
///
/// Everything before the last moment of good health is forgotten; what follows it decides.
fn naive_health(history: &[bool], rise: usize, fall: usize) -> Health {
    let Some(first_pass) = history.iter().position(|&pass| pass) else { return Health::Unknown };
    // Good health: at the first pass, and after it wherever a row of `rise` passes ends.
    let good = |end: usize| {
        end == first_pass || (end >= first_pass + rise && history[end + 1 - rise..=end].iter().all(|&p| p))
    };
    let last_good = (first_pass..history.len()).rev().find(|&end| good(end)).unwrap();
    // A healthy service stays so while it passes, however short the row.
    let since = history[last_good + 1..].iter().skip_while(|&&pass| pass).copied().collect::<Vec<bool>>();
    if since.is_empty() {
        return Health::Healthy;
    }
    let hung = since.windows(fall).any(|row| row.iter().all(|&pass| !pass));
    if hung { Health::Unhealthy } else { Health::Degraded }
}

fn sample() -> impl Strategy<Value = Sample> {
    (0..200_u64, any::<bool>(), proptest::option::weighted(0.8, 0..5_000_000_000_u64)).prop_map(
        |(at, healthy, nanos)| Sample {
            at: Timestamp::from_secs(at),
            healthy,
            response_time: nanos.map(Duration::from_nanos),
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
    fn the_verdict_is_what_the_history_says(outcomes in vec(outcome(), 0..40), rise in 0..5_u32, fall in 0..5_u32) {
        let spec = HealthSpec { rise, fall, ..HealthSpec::default() };
        let mut verdict = ProbeVerdict::new(&spec);
        let mut history = Vec::new();
        for outcome in outcomes {
            let before = verdict;
            let change = verdict.observe(outcome);
            history.extend(passed(&outcome));
            let expected = naive_health(&history, rise.max(1) as usize, fall.max(1) as usize);
            prop_assert_eq!(change.health, expected, "{:?}", history);
            prop_assert_eq!(verdict.health(), expected);
            prop_assert_eq!(change.changed, before.health() != expected);
            prop_assert_eq!(change.is_hung(), change.changed && expected == Health::Unhealthy);
            if outcome == ProbeOutcome::Unknown {
                prop_assert_eq!(verdict, before);
            }
        }
    }

    #[test]
    fn the_next_probe_is_never_later_than_its_interval(
        outcomes in vec(outcome(), 0..20),
        interval in 0..20_000_u64,
        startup in 0..2_000_u64,
    ) {
        let (interval, startup) = (Duration::from_millis(interval), Duration::from_millis(startup));
        let spec = HealthSpec { interval, startup, ..HealthSpec::default() };
        let mut verdict = ProbeVerdict::new(&spec);
        let mut last = None;
        for outcome in outcomes {
            verdict.observe(outcome);
            last = passed(&outcome).or(last);
            let doubt = match verdict.health() {
                Health::Unknown => None,
                Health::Healthy => Some(false),
                Health::Degraded => Some(true),
                // On its way back exactly when the last word was good.
                Health::Unhealthy => Some(last == Some(true)),
            };
            let expected = match doubt {
                None => startup,
                Some(true) => interval.min(Duration::from_secs(1)),
                Some(false) => interval,
            };
            prop_assert_eq!(verdict.next_probe_in(&spec), expected);
        }
    }

    #[test]
    fn metrics_are_those_of_the_samples_in_the_stretch(
        samples in vec(sample(), 0..260),
        capacity in 0..200_usize,
        now in 0..220_u64,
        over in proptest::option::of(0..220_u64),
    ) {
        let mut window = SampleWindow::with_capacity(capacity);
        for &sample in &samples {
            window.push(sample);
        }
        let capacity = capacity.max(100);
        let held = &samples[samples.len().saturating_sub(capacity)..];
        prop_assert_eq!(window.samples().copied().collect::<Vec<_>>(), held);
        prop_assert_eq!(window.checks_total(), samples.len() as u64);
        prop_assert_eq!(window.healthy_checks_total(), samples.iter().filter(|s| s.healthy).count() as u64);

        let (now, over) = (Timestamp::from_secs(now), over.map(Duration::from_secs));
        let metrics = window.metrics(now, over);
        let counted: Vec<&Sample> = held.iter().filter(|s| over.is_none_or(|over| s.at.after(over) >= now)).collect();
        let healthy = counted.iter().filter(|s| s.healthy).count();
        prop_assert_eq!(metrics.total_checks, counted.len() as u64);
        prop_assert_eq!(metrics.healthy_checks, healthy as u64);
        prop_assert_eq!(metrics.availability.is_none(), counted.is_empty());
        if let Some(availability) = metrics.availability {
            prop_assert!((0.0..=1.0).contains(&availability));
            prop_assert!((availability * counted.len() as f64 - healthy as f64).abs() < 1e-9);
        }
        let times: Vec<Duration> = counted.iter().filter_map(|s| s.response_time).collect();
        prop_assert_eq!(metrics.max_response_time, times.iter().max().copied());
        prop_assert_eq!(metrics.min_response_time, times.iter().min().copied());
        let average = (!times.is_empty()).then(|| times.iter().sum::<Duration>() / times.len() as u32);
        prop_assert_eq!(metrics.average_response_time, average);
        let oldest = counted.iter().map(|s| s.at).min();
        prop_assert_eq!(metrics.window, oldest.map_or(Duration::ZERO, |at| now.since(at)));
        prop_assert!(over.is_none_or(|over| metrics.window <= over));
        prop_assert_eq!(metrics.samples_dropped, (samples.len() - held.len()) as u64);
    }
}
