//! The last calls of a service: how many, how many failed, and how long they took.

use std::time::Duration;

use crate::ring::Ring;

/// The latencies of the last calls that succeeded, and the counts of all.
///
/// A failed call is counted and leaves no latency: a quick refusal does not make a service fast. Takes memory only as it
/// fills (16 bytes a call).
#[derive(Clone, Debug)]
pub struct LatencyWindow {
    latencies: Ring<Duration>,
    calls_total: u64,
    errors_total: u64,
}

/// How a service's calls did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallStats {
    /// All calls that ended, since the service was registered.
    pub calls_total: u64,
    /// Those of them that failed.
    pub errors_total: u64,
    /// Half of the last successful calls took no longer; none without one.
    pub p50: Option<Duration>,
    /// 95 of 100 of the last successful calls took no longer; none without one.
    pub p95: Option<Duration>,
}

impl Default for LatencyWindow {
    fn default() -> Self {
        Self::with_capacity(Self::DEFAULT_SAMPLES)
    }
}

impl LatencyWindow {
    /// How many latencies are held by default.
    pub const DEFAULT_SAMPLES: usize = 512;
    /// The most that can be asked for.
    pub const MAX_SAMPLES: usize = 65_536;

    /// An empty one for the last `samples` successful calls, 1 to [`LatencyWindow::MAX_SAMPLES`]; the nearest of these
    /// stands for any other number.
    #[must_use]
    pub fn with_capacity(samples: usize) -> Self {
        Self { latencies: Ring::new(samples.clamp(1, Self::MAX_SAMPLES)), calls_total: 0, errors_total: 0 }
    }

    /// Adds a call that succeeded after `latency`.
    pub fn success(&mut self, latency: Duration) {
        self.calls_total += 1;
        self.latencies.push(latency);
    }

    /// Adds a call that failed.
    pub fn failure(&mut self) {
        self.calls_total += 1;
        self.errors_total += 1;
    }

    /// The smallest latency held that `percent` of 100 of those held do not exceed; none when none is held.
    ///
    /// Exact (nearest rank), not estimated. 0 gives the shortest, 100 and more the longest. Looks at all latencies held.
    #[must_use]
    pub fn percentile(&self, percent: u8) -> Option<Duration> {
        let mut held: Vec<Duration> = self.latencies.iter().copied().collect();
        let place = place(held.len(), percent)?;
        Some(*held.select_nth_unstable(place).1)
    }

    /// The counts and percentiles as of now.
    #[must_use]
    pub fn stats(&self) -> CallStats {
        let mut held: Vec<Duration> = self.latencies.iter().copied().collect();
        held.sort_unstable();
        let at = |percent| place(held.len(), percent).map(|place| held[place]);
        CallStats { calls_total: self.calls_total, errors_total: self.errors_total, p50: at(50), p95: at(95) }
    }
}

/// The place of the nearest rank among `count` sorted values, counted from 0.
fn place(count: usize, percent: u8) -> Option<usize> {
    let rank = (count * usize::from(percent.min(100))).div_ceil(100).max(1);
    (count > 0).then_some(rank - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn without_a_call_there_is_no_percentile() {
        assert_eq!(LatencyWindow::default().stats(), CallStats::default());
        let mut failed = LatencyWindow::default();
        failed.failure();
        assert_eq!(failed.stats(), CallStats { calls_total: 1, errors_total: 1, p50: None, p95: None });
        assert_eq!(failed.percentile(50), None);
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let mut window = LatencyWindow::default();
        (1..=100).rev().for_each(|i| window.success(ms(i)));
        let stats = window.stats();
        assert_eq!((stats.p50, stats.p95), (Some(ms(50)), Some(ms(95))));
        let at = |percent| window.percentile(percent).unwrap();
        assert_eq!((at(0), at(1), at(99), at(100), at(255)), (ms(1), ms(1), ms(99), ms(100), ms(100)));

        let mut few = LatencyWindow::default();
        [7, 3, 5].into_iter().for_each(|i| few.success(ms(i)));
        assert_eq!((few.stats().p50, few.stats().p95), (Some(ms(5)), Some(ms(7))));
    }

    #[test]
    fn counts_outlive_the_latencies() {
        let mut window = LatencyWindow::with_capacity(4);
        (0..10).for_each(|i| window.success(ms(i)));
        window.failure();
        assert_eq!(window.stats(), CallStats { calls_total: 11, errors_total: 1, p50: Some(ms(7)), p95: Some(ms(9)) });
    }
}
