//! Times of many runs of one thing.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// The times of at least one run, sorted.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    sorted: Vec<Duration>,
}

impl Samples {
    /// Takes times in any order.
    pub(super) fn new(mut times: Vec<Duration>) -> Self {
        assert!(!times.is_empty(), "a benchmark without a run measures nothing");
        times.sort_unstable();
        Self { sorted: times }
    }

    /// The time that `percent` of the runs did not exceed (nearest rank).
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.sorted.len() * percent).div_ceil(100).max(1);
        self.sorted[rank - 1]
    }

    /// The median.
    pub(super) fn p50(&self) -> Duration {
        self.percentile(50)
    }

    /// How many runs there were.
    pub(super) fn runs(&self) -> usize {
        self.sorted.len()
    }
}

/// Runs `reference` and `measured` in turns, so that both meet the same noise; one turn of each before the first counts.
pub(super) fn in_turns<R, M>(
    runs: usize,
    mut reference: impl FnMut() -> R,
    mut measured: impl FnMut() -> M,
) -> (Samples, Samples) {
    black_box((reference(), measured()));
    let (mut of_reference, mut of_measured) = (Vec::with_capacity(runs), Vec::with_capacity(runs));
    for _ in 0..runs {
        of_reference.push(timed(&mut reference));
        of_measured.push(timed(&mut measured));
    }
    (Samples::new(of_reference), Samples::new(of_measured))
}

fn timed<T>(work: &mut impl FnMut() -> T) -> Duration {
    let began = Instant::now();
    let result = black_box(work());
    let took = began.elapsed();
    // Dropping the result is not part of the work.
    drop(result);
    took
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let samples = Samples::new((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!((samples.p50(), samples.percentile(99), samples.percentile(0)), (ms(100), ms(198), ms(1)));
        assert_eq!(Samples::new(vec![ms(7)]).percentile(99), ms(7));
    }

    #[test]
    fn both_run_equally_often() {
        let (mut a, mut b) = (0, 0);
        let (reference, measured) = in_turns(3, || a += 1, || b += 1);
        assert_eq!((a, b, reference.runs(), measured.runs()), (4, 4, 3, 3));
    }

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }
}
