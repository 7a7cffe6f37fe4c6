//! Properties of the meters of calls: exact counters, quantiles within 2 %, with one thread and with many.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mcpstore_monitor::{CallReport, ErrorKind, ServiceMeter};
use mcpstore_types::Timestamp;
use proptest::prelude::*;

/// How the times of calls are spread.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Even,
    Exponential,
    Powers,
    TwoHumps,
    Same,
}

/// A stream of numbers from a seed (splitmix64: a plain counter, hashed).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to 1, without 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A time in microseconds, 1 µs to 1 h.
fn time(shape: Shape, scale: u64, numbers: &mut Numbers) -> u64 {
    let scale = scale as f64;
    let us = match shape {
        Shape::Even => numbers.share() * scale,
        Shape::Exponential => -scale * (1.0 - numbers.share()).ln(),
        Shape::Powers => (numbers.share() * 22.0).exp(),
        Shape::TwoHumps if numbers.share() < 0.93 => scale * (1.0 + numbers.share() / 10.0),
        Shape::TwoHumps => scale * 40.0 * (1.0 + numbers.share()),
        Shape::Same => scale,
    };
    (us as u64).clamp(1, 3_600_000_000)
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Even),
        Just(Shape::Exponential),
        Just(Shape::Powers),
        Just(Shape::TwoHumps),
        Just(Shape::Same),
    ]
}

/// The nearest rank.
fn exact(sorted: &[u64], percent: usize) -> u64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

fn check(report: &CallReport, mut times: Vec<u64>) -> Result<(), TestCaseError> {
    times.sort_unstable();
    let latency = report.latency.unwrap();
    for (percent, got) in [(50, latency.p50_ms), (90, latency.p90_ms), (95, latency.p95_ms), (99, latency.p99_ms)] {
        let exact = exact(&times, percent) as f64 / 1e3;
        prop_assert!((got - exact).abs() <= exact * 0.02, "p{}: {} is not {}", percent, got, exact);
    }
    prop_assert_eq!(latency.max_ms, *times.last().unwrap() as f64 / 1e3);
    let sum = times.iter().sum::<u64>() as f64;
    prop_assert!((report.duration_seconds_sum - sum / 1e6).abs() <= sum / 1e15);
    prop_assert!((latency.mean_ms - sum / 1e3 / times.len() as f64).abs() <= latency.mean_ms * 1e-9);
    prop_assert_eq!(*report.duration_buckets.last().unwrap(), times.len() as u64);
    prop_assert!(report.duration_buckets.is_sorted());
    Ok(())
}

fn config() -> ProptestConfig {
    // The failing input is printed and small; a file of seeds beside the sources would add nothing.
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn ten_thousand_calls_give_exact_counters_and_quantiles_within_two_percent(
        shape in shape(),
        scale in 1..100_000_000_u64,
        seed in any::<u64>(),
    ) {
        let meter = Arc::new(ServiceMeter::default());
        let tools = ["read", "write"].map(|name| (name, meter.tool(name)));
        let mut numbers = Numbers(seed);
        let (mut times, mut errors) = (Vec::new(), BTreeMap::new());
        let (mut sent, mut received) = (0, 0);
        for call in 0..10_000_u64 {
            let tool = &tools[(numbers.next() % 2) as usize].1;
            let (request, response) = (numbers.next() % 1_000, numbers.next() % 1_000);
            sent += request;
            received += response;
            let guard = meter.begin(Arc::clone(tool), request);
            let us = time(shape, scale, &mut numbers);
            let result = match ErrorKind::ALL.get((numbers.next() % 100) as usize) {
                Some(&kind) => Err(kind),
                None => Ok(()),
            };
            match result {
                Ok(()) => times.push(us),
                Err(kind) => *errors.entry(kind.as_str().to_owned()).or_insert(0) += 1,
            }
            guard.end(Timestamp::from_millis(call), Duration::from_micros(us), result, response);
        }
        let report = meter.report(Timestamp::from_secs(10));
        prop_assert_eq!(report.calls_total, 10_000);
        prop_assert_eq!(report.errors_total, errors.values().sum::<u64>());
        prop_assert_eq!(&report.errors, &errors);
        prop_assert_eq!((report.request_bytes_total, report.response_bytes_total), (sent, received));
        prop_assert_eq!((report.in_flight, report.last_minute), (0, 10_000));
        let per_tool: u64 = meter.tool_reports().values().map(|report| report.calls_total).sum();
        prop_assert_eq!(per_tool, 10_000);
        check(&report, times)?;
    }
}

#[test]
fn eight_threads_at_once_lose_nothing() {
    const CALLS: u64 = 5_000;
    let meter = Arc::new(ServiceMeter::default());
    let threads: Vec<_> = (0..8_u64)
        .map(|thread| {
            let meter = Arc::clone(&meter);
            std::thread::spawn(move || {
                let mut numbers = Numbers(thread);
                let mut times = Vec::new();
                for call in 0..CALLS {
                    let guard = meter.begin(meter.tool(&format!("t{}", numbers.next() % 20)), 3);
                    let now = Timestamp::from_millis(call * 10);
                    if call % 10 == 0 {
                        guard.end(now, Duration::ZERO, Err(ErrorKind::Timeout), 0);
                    } else if call % 10 == 1 {
                        drop(guard);
                    } else {
                        let us = time(Shape::Powers, 1, &mut numbers);
                        times.push(us);
                        guard.end(now, Duration::from_micros(us), Ok(()), 7);
                    }
                }
                times
            })
        })
        .collect();
    let times: Vec<u64> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let now = Timestamp::from_secs(50);
    let report = meter.report(now);
    assert_eq!((report.calls_total, report.in_flight), (8 * CALLS, 0));
    assert_eq!(report.errors, BTreeMap::from([("cancelled".to_owned(), 4_000), ("timeout".to_owned(), 4_000)]));
    assert_eq!((report.request_bytes_total, report.response_bytes_total), (8 * CALLS * 3, 8 * CALLS * 8 / 10 * 7));
    // No slot loses a call, however many threads begin it at once.
    assert_eq!(meter.recent_calls(now).iter().sum::<u32>(), 40_000);
    let window = meter.window(now, Duration::from_secs(600));
    assert_eq!((window.calls, window.errors), (36_000, 4_000));
    assert_eq!(meter.tool_reports().values().map(|report| report.calls_total).sum::<u64>(), 8 * CALLS);
    check(&report, times).unwrap();
}
