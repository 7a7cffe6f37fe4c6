//! How long successful calls took, as a histogram that many threads write to at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use histogram::{AtomicHistogram, Config};

use crate::LatencyReport;

/// The upper bounds of the buckets that a metrics page shows of the times of calls, in seconds.
///
/// Counts up to a bound are taken from the finer histogram, so that each bound is blurred by up to 1.6 %.
pub const DURATION_BOUNDS_SECONDS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// 32 buckets to each doubling, up to 2^32 µs: the middle of a bucket is at most 1.6 % off. 896 buckets, 7,168 bytes.
const SHAPE: Config = match Config::new(5, 32) {
    Ok(shape) => shape,
    // Evaluated when this crate is compiled.
    Err(_) => panic!("the histogram's shape is out of range"),
};

/// The longest time that is told apart from longer ones: one hour.
const LONGEST_US: u64 = 3_600_000_000;

/// Times of calls. Takes its 7 kB with the first.
#[derive(Debug, Default)]
pub(super) struct Durations {
    histogram: OnceLock<AtomicHistogram>,
    sum_us: AtomicU64,
    max_us: AtomicU64,
}

impl Durations {
    /// Adds a call that took `us` microseconds.
    pub(super) fn record(&self, us: u64) {
        let histogram = self.histogram.get_or_init(|| AtomicHistogram::with_config(&SHAPE));
        // Cannot fail: an hour lies within the shape.
        let _ = histogram.increment(us.min(LONGEST_US));
        self.sum_us.fetch_add(us, Relaxed);
        self.max_us.fetch_max(us, Relaxed);
    }

    /// What was recorded so far; none when nothing was.
    pub(super) fn load(&self) -> Option<Recorded> {
        let counts = self.histogram.get()?.load();
        let filled = counts.iter().filter(|bucket| bucket.count() > 0);
        let buckets: Vec<(u64, u64)> =
            filled.map(|bucket| (bucket.start() + (bucket.end() - bucket.start()) / 2, bucket.count())).collect();
        let total = buckets.iter().map(|(_, count)| count).sum();
        let (sum_us, max_us) = (self.sum_us.load(Relaxed), self.max_us.load(Relaxed));
        (total > 0).then_some(Recorded { buckets, total, sum_us, max_us })
    }
}

/// The times of calls as of one moment; at least one.
pub(super) struct Recorded {
    /// The middle of each bucket that has calls, in microseconds, and how many; in ascending order.
    buckets: Vec<(u64, u64)>,
    total: u64,
    sum_us: u64,
    max_us: u64,
}

impl Recorded {
    /// The time that `percent` of 100 calls did not exceed (nearest rank), in microseconds: the middle of its bucket.
    pub(super) fn quantile_us(&self, percent: u64) -> u64 {
        let rank = u128::from(self.total).saturating_mul(u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0_u128;
        for &(middle, count) in &self.buckets {
            seen += u128::from(count);
            if seen >= rank {
                return middle.min(self.max_us);
            }
        }
        self.max_us
    }

    /// The sum of all times, in seconds.
    pub(super) fn sum_seconds(&self) -> f64 {
        self.sum_us as f64 / 1e6
    }

    /// How many calls took no longer than each of [`DURATION_BOUNDS_SECONDS`], and then how many there are.
    pub(super) fn cumulative(&self) -> Vec<u64> {
        let bounds = DURATION_BOUNDS_SECONDS.map(|seconds| (seconds * 1e6) as u64);
        let mut buckets = vec![0; bounds.len() + 1];
        for &(middle, count) in &self.buckets {
            buckets[bounds.partition_point(|&bound| bound < middle)] += count;
        }
        buckets
            .iter()
            .scan(0, |sum, count| {
                *sum += count;
                Some(*sum)
            })
            .collect()
    }

    /// Percentiles, longest and mean.
    pub(super) fn report(&self) -> LatencyReport {
        let at = |percent| self.quantile_us(percent) as f64 / 1e3;
        LatencyReport {
            p50_ms: at(50),
            p90_ms: at(90),
            p95_ms: at(95),
            p99_ms: at(99),
            max_ms: self.max_us as f64 / 1e3,
            mean_ms: self.sum_us as f64 / 1e3 / self.total as f64,
        }
    }
}

/// A duration in whole microseconds.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_every_quantile() {
        for us in [0, 1, 63, 64, 999, 1_000_003, LONGEST_US] {
            let durations = Durations::default();
            assert!(durations.load().is_none());
            durations.record(us);
            let recorded = durations.load().unwrap();
            for percent in [0, 50, 99, 100] {
                let got = recorded.quantile_us(percent);
                assert!(got.abs_diff(us) * 50 <= us, "{got} for {us}");
            }
            assert_eq!(recorded.report().max_ms, us as f64 / 1e3);
        }
    }

    #[test]
    fn what_takes_longer_than_an_hour_counts_as_an_hour_and_its_length_is_kept() {
        let durations = Durations::default();
        durations.record(2 * LONGEST_US);
        let report = durations.load().unwrap().report();
        assert_eq!((report.max_ms, report.mean_ms), (7_200_000.0, 7_200_000.0));
        assert!((report.p50_ms - 3_600_000.0).abs() < 72_000.0, "{}", report.p50_ms);
    }

    #[test]
    fn buckets_add_up() {
        let durations = Durations::default();
        [500, 900, 2_000, 40_000, 59_000_000, 70_000_000].into_iter().for_each(|us| durations.record(us));
        let cumulative = durations.load().unwrap().cumulative();
        assert_eq!(cumulative, [2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 6]);
    }

    #[test]
    fn a_meter_stays_within_its_8_kb() {
        assert_eq!(SHAPE.total_buckets() * size_of::<u64>(), 7_168);
        assert!(size_of::<super::super::CallMeter>() + 7_168 <= 8_192);
    }
}
