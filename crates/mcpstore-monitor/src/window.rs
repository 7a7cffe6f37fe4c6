//! The last health checks of a service, and what they say over a stretch of time (seed: performance monitor).

use std::time::Duration;

use mcpstore_types::Timestamp;

use crate::ring::Ring;

/// One health check that gave an answer, good or bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When the check ended.
    pub at: Timestamp,
    /// Whether it passed.
    pub healthy: bool,
    /// How long the service took to answer; none when it did not.
    pub response_time: Option<Duration>,
}

/// The last checks of one service.
///
/// Holds so many checks, whatever time they span; the oldest goes when there is no room, and is counted. Takes memory only
/// as it fills (32 bytes a check).
#[derive(Clone, Debug)]
pub struct SampleWindow {
    samples: Ring<Sample>,
    checks_total: u64,
    healthy_checks_total: u64,
}

/// How a service did over a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServiceMetrics {
    /// Checks counted here.
    pub total_checks: u64,
    /// Those of them that passed.
    pub healthy_checks: u64,
    /// `healthy_checks / total_checks`, 0 to 1; none without a check, for then nothing is known.
    pub availability: Option<f64>,
    /// The mean over the checks that were answered; none when none was.
    pub average_response_time: Option<Duration>,
    /// The longest.
    pub max_response_time: Option<Duration>,
    /// The shortest.
    pub min_response_time: Option<Duration>,
    /// From the oldest check counted here to the moment asked for: zero without a check, and never more than was asked.
    pub window: Duration,
    /// Checks no longer held, since the service was registered. Some may lie in the time asked for when `window` is shorter.
    pub samples_dropped: u64,
}

impl Default for SampleWindow {
    fn default() -> Self {
        Self::with_capacity(Self::DEFAULT_SAMPLES)
    }
}

impl SampleWindow {
    /// How many checks are held by default: an hour and a half at one each 10 s.
    pub const DEFAULT_SAMPLES: usize = 512;
    /// The fewest that can be asked for.
    pub const MIN_SAMPLES: usize = 100;
    /// The most that can be asked for.
    pub const MAX_SAMPLES: usize = 65_536;

    /// An empty one for the last `samples` checks; raised to [`SampleWindow::MIN_SAMPLES`], cut to
    /// [`SampleWindow::MAX_SAMPLES`].
    #[must_use]
    pub fn with_capacity(samples: usize) -> Self {
        let capacity = samples.clamp(Self::MIN_SAMPLES, Self::MAX_SAMPLES);
        Self { samples: Ring::new(capacity), checks_total: 0, healthy_checks_total: 0 }
    }

    /// Adds a check.
    pub fn push(&mut self, sample: Sample) {
        self.samples.push(sample);
        self.checks_total += 1;
        self.healthy_checks_total += u64::from(sample.healthy);
    }

    /// The checks held, oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &Sample> {
        self.samples.iter()
    }

    /// How many checks can be held.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.samples.capacity()
    }

    /// All checks ever added, those no longer held too.
    #[must_use]
    pub const fn checks_total(&self) -> u64 {
        self.checks_total
    }

    /// Those of them that passed.
    #[must_use]
    pub const fn healthy_checks_total(&self) -> u64 {
        self.healthy_checks_total
    }

    /// What the checks of the last stretch `over` before `now` say, its first moment included; without `over`, all held.
    ///
    /// A check from after `now` counts as one from `now`.
    #[must_use]
    pub fn metrics(&self, now: Timestamp, over: Option<Duration>) -> ServiceMetrics {
        let mut metrics = ServiceMetrics { samples_dropped: self.samples.dropped(), ..ServiceMetrics::default() };
        let (mut answered, mut sum_nanos) = (0_u128, 0_u128);
        for sample in self.samples.iter() {
            let age = now.since(sample.at);
            if over.is_some_and(|over| age > over) {
                continue;
            }
            metrics.total_checks += 1;
            metrics.healthy_checks += u64::from(sample.healthy);
            metrics.window = metrics.window.max(age);
            if let Some(time) = sample.response_time {
                answered += 1;
                sum_nanos += time.as_nanos();
                metrics.max_response_time = metrics.max_response_time.max(Some(time));
                metrics.min_response_time = Some(metrics.min_response_time.map_or(time, |min| min.min(time)));
            }
        }
        metrics.average_response_time = sum_nanos.checked_div(answered).map(duration_of_nanos);
        // Counts up to 65,536 are exact as floating-point numbers.
        metrics.availability =
            (metrics.total_checks > 0).then(|| metrics.healthy_checks as f64 / metrics.total_checks as f64);
        metrics
    }
}

/// The other way of `Duration::as_nanos`. A mean of durations is never longer than the longest of them, so it fits.
fn duration_of_nanos(nanos: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    Duration::new(u64::try_from(nanos / SECOND).unwrap_or(u64::MAX), (nanos % SECOND) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(second: u64, healthy: bool, ms: Option<u64>) -> Sample {
        Sample { at: Timestamp::from_secs(second), healthy, response_time: ms.map(Duration::from_millis) }
    }

    #[test]
    fn without_a_check_nothing_is_known() {
        let metrics = SampleWindow::default().metrics(Timestamp::from_secs(9), Some(Duration::from_secs(5)));
        assert_eq!(metrics, ServiceMetrics::default());
        assert_eq!(metrics.availability, None);
    }

    #[test]
    fn the_seeds_numbers_over_all_and_over_a_stretch() {
        let mut window = SampleWindow::default();
        for (second, healthy, ms) in [
            (10, true, Some(20)),
            (20, true, Some(40)),
            (30, false, None),
            (40, false, Some(3_000)),
            (50, true, Some(10)),
        ] {
            window.push(sample(second, healthy, ms));
        }
        let all = window.metrics(Timestamp::from_secs(55), None);
        assert_eq!((all.total_checks, all.healthy_checks, all.availability), (5, 3, Some(0.6)));
        assert_eq!(all.average_response_time, Some(Duration::from_micros(767_500)));
        assert_eq!(all.max_response_time, Some(Duration::from_secs(3)));
        assert_eq!(all.min_response_time, Some(Duration::from_millis(10)));
        assert_eq!((all.window, all.samples_dropped), (Duration::from_secs(45), 0));

        // The first moment of the stretch belongs to it.
        let last = window.metrics(Timestamp::from_secs(55), Some(Duration::from_secs(25)));
        assert_eq!((last.total_checks, last.healthy_checks), (3, 1));
        assert_eq!(last.window, Duration::from_secs(25));
        let less = window.metrics(Timestamp::from_secs(55), Some(Duration::from_secs(24)));
        assert_eq!((less.total_checks, less.window), (2, Duration::from_secs(15)));
        let none = window.metrics(Timestamp::from_secs(55), Some(Duration::from_secs(1)));
        assert_eq!(none, ServiceMetrics::default());
    }

    #[test]
    fn only_silence_gives_no_response_times() {
        let mut window = SampleWindow::default();
        window.push(sample(1, false, None));
        let metrics = window.metrics(Timestamp::from_secs(1), None);
        assert_eq!((metrics.availability, metrics.average_response_time), (Some(0.0), None));
        assert_eq!((metrics.max_response_time, metrics.min_response_time), (None, None));
    }

    #[test]
    fn the_oldest_go_and_are_counted() {
        let mut window = SampleWindow::with_capacity(0);
        assert_eq!(window.capacity(), SampleWindow::MIN_SAMPLES);
        assert_eq!(SampleWindow::with_capacity(usize::MAX).capacity(), SampleWindow::MAX_SAMPLES);
        for second in 0..250 {
            window.push(sample(second, second < 200, Some(1)));
        }
        let metrics = window.metrics(Timestamp::from_secs(249), None);
        assert_eq!((metrics.total_checks, metrics.healthy_checks, metrics.samples_dropped), (100, 50, 150));
        assert_eq!((window.checks_total(), window.healthy_checks_total()), (250, 200));
        assert_eq!(window.samples().next(), Some(&sample(150, true, Some(1))));
    }

    #[test]
    fn absurd_times_do_not_overflow() {
        let mut window = SampleWindow::default();
        for _ in 0..600 {
            window.push(Sample { at: Timestamp::MAX, healthy: true, response_time: Some(Duration::MAX) });
        }
        let metrics = window.metrics(Timestamp::ZERO, Some(Duration::ZERO));
        assert_eq!((metrics.total_checks, metrics.window), (512, Duration::ZERO));
        assert_eq!(metrics.average_response_time, Some(Duration::MAX));
    }
}
