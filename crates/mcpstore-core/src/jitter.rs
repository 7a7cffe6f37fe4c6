//! The wait before the next attempt, with a jitter that replays.

use std::time::Duration;

use mcpstore_types::{Backoff, ServiceName};

/// The key of a service's jitter: a hash of the run's seed and the service's name.
///
/// The same seed and name give the same key on every machine, so that a log line that names the seed replays the run.
#[must_use]
pub fn jitter_key(seed: u64, name: &ServiceName) -> u64 {
    name.as_str().bytes().fold(mix(seed), |h, b| mix(h ^ u64::from(b)))
}

/// The wait before attempt `attempt` (from 1): `min(max_delay, delay · 2^(attempt-1))` times a factor from
/// `1 ± jitter_percent/100`, drawn by hashing `key` and `attempt`.
#[must_use]
pub fn backoff_delay(backoff: &Backoff, key: u64, attempt: u32) -> Duration {
    let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    let base = backoff.delay.saturating_mul(doubled).min(backoff.max_delay);
    let half_width = f64::from(backoff.jitter_percent.min(100)) / 100.0;
    let factor = 1.0 - half_width + 2.0 * half_width * fraction(key ^ u64::from(attempt));
    base.mul_f64(factor)
}

/// A part of `interval` in whole milliseconds, from nothing up to nearly all of it, drawn by hashing `key`.
///
/// What is done every `interval` for many services begins with it, so that it is not done for all at the same instant.
#[must_use]
pub fn spread(interval: Duration, key: u64) -> Duration {
    // Another number than any attempt has. Whole milliseconds: timers know no finer ones.
    let part = interval.mul_f64(fraction(key ^ u64::MAX));
    Duration::from_millis(u64::try_from(part.as_millis()).unwrap_or(u64::MAX))
}

/// A fraction in [0, 1), made of 53 bits of the number's hash.
#[allow(clippy::cast_precision_loss)] // 53 bits are exact in an f64
fn fraction(x: u64) -> f64 {
    (mix(x) >> 11) as f64 / (1_u64 << 53) as f64
}

/// One round of SplitMix64: a cheap, well-spread, fixed hash of a number.
const fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap_within_the_jitter() {
        let backoff = Backoff::default();
        let key = jitter_key(7, &ServiceName::new("a").unwrap());
        for attempt in 1..=64 {
            let ideal = 2_f64.powi(i32::try_from(attempt).unwrap() - 1).min(60.0);
            let got = backoff_delay(&backoff, key, attempt).as_secs_f64();
            assert!(got >= ideal * 0.8 - 1e-9 && got <= ideal * 1.2 + 1e-9, "attempt {attempt}: {got}");
            assert_eq!(backoff_delay(&backoff, key, attempt), backoff_delay(&backoff, key, attempt));
        }
    }

    #[test]
    fn what_is_spread_fills_the_interval_evenly() {
        let interval = Duration::from_secs(10);
        let mut tenths = [0; 10];
        for index in 0..1_000 {
            let at = spread(interval, jitter_key(7, &ServiceName::new(format!("s{index}")).unwrap()));
            assert!(at < interval);
            tenths[at.as_secs() as usize] += 1;
        }
        assert!(tenths.iter().all(|tenth| (60..=140).contains(tenth)), "{tenths:?}");
    }

    #[test]
    fn no_jitter_is_exact() {
        let fixed = Backoff { delay: Duration::from_secs(5), max_delay: Duration::from_secs(5), jitter_percent: 0 };
        assert_eq!(backoff_delay(&fixed, 42, 1), Duration::from_secs(5));
        assert_eq!(backoff_delay(&fixed, 42, 9), Duration::from_secs(5));
    }
}
