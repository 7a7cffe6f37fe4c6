//! The counters of calls to one service or one tool.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::durations::{Durations, micros};
use crate::{CallReport, ErrorKind};

/// Counts calls. Shared by handle; every operation is a few relaxed atomic additions.
///
/// At most 8 kB, and 7 of these only once a call succeeded. Counters run for as long as the meter lives; reading them one
/// by one while calls end may show one call in one counter and not yet in another.
#[derive(Debug, Default)]
pub struct CallMeter {
    succeeded: AtomicU64,
    failed: [AtomicU64; ErrorKind::ALL.len()],
    in_flight: AtomicU64,
    request_bytes: AtomicU64,
    response_bytes: AtomicU64,
    durations: Durations,
}

impl CallMeter {
    pub(super) fn begin(&self, request_bytes: u64) {
        self.in_flight.fetch_add(1, Relaxed);
        self.request_bytes.fetch_add(request_bytes, Relaxed);
    }

    /// Ends a call that was begun. The time of a failed one is not kept: a quick refusal makes no service fast.
    pub(super) fn end(&self, took: Duration, result: Result<(), ErrorKind>, response_bytes: u64) {
        self.in_flight.fetch_sub(1, Relaxed);
        self.response_bytes.fetch_add(response_bytes, Relaxed);
        match result {
            Ok(()) => {
                self.succeeded.fetch_add(1, Relaxed);
                self.durations.record(micros(took));
            }
            Err(kind) => {
                self.failed[kind.index()].fetch_add(1, Relaxed);
            }
        }
    }

    /// Calls that failed this way.
    #[must_use]
    pub fn errors(&self, kind: ErrorKind) -> u64 {
        self.failed[kind.index()].load(Relaxed)
    }

    /// All calls that failed.
    #[must_use]
    pub fn errors_total(&self) -> u64 {
        self.failed.iter().map(|count| count.load(Relaxed)).sum()
    }

    /// All calls that ended.
    #[must_use]
    pub fn calls_total(&self) -> u64 {
        self.succeeded.load(Relaxed) + self.errors_total()
    }

    /// Calls under way.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// The time that `percent` of 100 successful calls did not exceed (nearest rank), within 2 %; none without one.
    #[must_use]
    pub fn quantile(&self, percent: u8) -> Option<Duration> {
        let recorded = self.durations.load()?;
        Some(Duration::from_micros(recorded.quantile_us(u64::from(percent.min(100)))))
    }

    /// All of it as of now; `last_minute` is left at 0, for it needs a time.
    #[must_use]
    pub fn report(&self) -> CallReport {
        let errors = ErrorKind::ALL.into_iter().map(|kind| (kind, self.errors(kind)));
        let errors: std::collections::BTreeMap<_, _> =
            errors.filter(|&(_, count)| count > 0).map(|(kind, count)| (kind.as_str().to_owned(), count)).collect();
        let errors_total = errors.values().sum();
        let recorded = self.durations.load();
        CallReport {
            calls_total: self.succeeded.load(Relaxed) + errors_total,
            errors_total,
            errors,
            in_flight: self.in_flight(),
            request_bytes_total: self.request_bytes.load(Relaxed),
            response_bytes_total: self.response_bytes.load(Relaxed),
            duration_seconds_sum: recorded.as_ref().map_or(0.0, super::durations::Recorded::sum_seconds),
            duration_buckets: recorded.as_ref().map(super::durations::Recorded::cumulative).unwrap_or_default(),
            latency: recorded.as_ref().map(super::durations::Recorded::report),
            last_minute: 0,
        }
    }
}
