//! How long to wait before the next attempt.

use std::time::{Duration, SystemTime};

use crate::options::Options;

/// The wait after the `failures`th failed attempt in a row (from 1): doubling from the first to the longest, and moved by
/// at most a fifth. What moves it is a hash, so that sinks which failed together do not try together.
pub(crate) fn backoff(options: &Options, failures: u32, of: &str) -> Duration {
    let doubled =
        options.first_backoff.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(options.max_backoff).mul_f64(0.8 + 0.4 * unit(of, failures))
}

/// What a receiver asks for, within reason: never below the first backoff, so that `0` is no busy loop.
pub(crate) fn asked(options: &Options, retry_after: Duration) -> Duration {
    retry_after.min(options.max_retry_after).max(options.first_backoff)
}

/// The value of a `Retry-After` header: seconds, or a date (spec: RFC 9110, section 10.2.3).
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Milliseconds since the Unix epoch.
pub(crate) fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A number from 0 to 1 that belongs to a text and an attempt (FNV-1a, finished so that near inputs are far apart).
fn unit(of: &str, attempt: u32) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in of.bytes().chain(attempt.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    f64::from(u32::try_from(hash >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_vary_by_a_fifth() {
        let options = Options::default();
        let mut different = std::collections::BTreeSet::new();
        for (failures, middle) in [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (40, 60.0), (u32::MAX, 60.0)] {
            for of in ["a", "b", "chat"] {
                let wait = backoff(&options, failures, of);
                let share = wait.as_secs_f64() / middle;
                assert!((0.799..=1.201).contains(&share), "{failures} {of}: {wait:?}");
                assert_eq!(wait, backoff(&options, failures, of), "the same again");
                different.insert(wait);
            }
        }
        assert!(different.len() > 15, "{different:?}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap();
        assert_eq!(retry_after(" 7 ", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:29:30 GMT", now), Some(Duration::from_secs(90)));
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:00:00 GMT", now), Some(Duration::ZERO));
        for odd in ["", "-1", "1.5", "soon"] {
            assert_eq!(retry_after(odd, now), None, "{odd}");
        }
        let options = Options::default();
        assert_eq!(asked(&options, Duration::from_secs(7)), Duration::from_secs(7));
        assert_eq!(asked(&options, Duration::ZERO), Duration::from_secs(1));
        assert_eq!(asked(&options, Duration::from_secs(86_400)), Duration::from_secs(300));
    }
}
