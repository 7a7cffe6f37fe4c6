//! What happened to a service's calls lately: counts per 10 s, and the last times of calls.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use mcpstore_types::Timestamp;

use crate::ErrorKind;

/// The length of a slot.
const SLOT_SECONDS: u64 = 10;
/// How many slots are held: ten minutes.
const SLOTS: usize = 60;
/// How many times of calls are held.
const TIMES: usize = 512;

/// How calls did over a stretch of time that ends now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WindowStats {
    /// Calls that ended and say something about the service: those that failed by their caller's doing are left out.
    pub calls: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// 95 of 100 successful calls took no longer (nearest rank, exact over the last 512 of them); none without one.
    pub p95: Option<Duration>,
}

impl WindowStats {
    /// The share of calls that failed, 0 to 1; none without a call.
    #[must_use]
    pub fn error_ratio(&self) -> Option<f64> {
        (self.calls > 0).then(|| self.errors as f64 / self.calls as f64)
    }
}

/// The last ten minutes of a service's calls. About 5.5 kB; lock-free.
#[derive(Debug)]
pub(super) struct Recent {
    ended: [Slot; SLOTS],
    judged: [Slot; SLOTS],
    failed: [Slot; SLOTS],
    /// The newest slot anybody wrote to: the time of one who knows none.
    newest: AtomicU64,
    times: Vec<AtomicU64>,
    next_time: AtomicUsize,
}

impl Default for Recent {
    fn default() -> Self {
        let empty = || std::array::from_fn(|_| Slot::default());
        Self {
            ended: empty(),
            judged: empty(),
            failed: empty(),
            newest: AtomicU64::new(0),
            times: std::iter::repeat_with(AtomicU64::default).take(TIMES).collect(),
            next_time: AtomicUsize::new(0),
        }
    }
}

impl Recent {
    /// Adds a call that ended at `now`; without a time (a dropped call), at the newest time known.
    pub(super) fn record(&self, now: Option<Timestamp>, took_us: u64, result: Result<(), ErrorKind>) {
        let number = match now.map(slot_number) {
            Some(number) => {
                self.newest.fetch_max(number, Relaxed);
                number
            }
            None => self.newest.load(Relaxed),
        };
        let place = place(number);
        self.ended[place].add(number);
        match result {
            Ok(()) => self.judged[place].add(number),
            Err(kind) if kind.is_callers() => {}
            Err(_) => {
                self.judged[place].add(number);
                self.failed[place].add(number);
            }
        }
        if let (Some(now), Ok(())) = (now, result) {
            let at = self.next_time.fetch_add(1, Relaxed) % TIMES;
            self.times[at].store(pack(now, took_us), Relaxed);
        }
    }

    /// Calls that ended in each of the last 60 slots, oldest first, the last being the one that is not over yet.
    pub(super) fn slots(&self, now: Timestamp) -> Vec<u32> {
        let now = slot_number(now);
        let first = now.saturating_sub(SLOTS as u64 - 1);
        (first..=now).map(|number| self.ended[place(number)].count(number)).collect()
    }

    /// Calls that ended in the last minute: in this slot and the five before it, so over the last 50 to 60 s.
    pub(super) fn last_minute(&self, now: Timestamp) -> u64 {
        self.sum(&self.ended, slot_number(now), 6)
    }

    /// The last stretch `over`, at most ten minutes of it; counts in whole slots, so up to 10 s less than asked for.
    pub(super) fn window(&self, now: Timestamp, over: Duration) -> WindowStats {
        let number = slot_number(now);
        let slots = over.as_secs().div_ceil(SLOT_SECONDS).clamp(1, SLOTS as u64);
        let oldest = tenths(now).saturating_sub(u64::try_from(over.as_millis() / 100).unwrap_or(u64::MAX));
        let packed = self.times.iter().map(|time| time.load(Relaxed)).filter(|&packed| packed != 0);
        let mut times: Vec<u64> =
            packed.filter(|packed| packed >> 32 >= oldest).map(|packed| (packed & LOW) - 1).collect();
        let rank = (times.len() * 95).div_ceil(100);
        let p95 = rank.checked_sub(1).map(|place| *times.select_nth_unstable(place).1);
        WindowStats {
            calls: self.sum(&self.judged, number, slots),
            errors: self.sum(&self.failed, number, slots),
            p95: p95.map(Duration::from_micros),
        }
    }

    fn sum(&self, slots: &[Slot; SLOTS], now: u64, count: u64) -> u64 {
        let first = now.saturating_sub(count - 1);
        (first..=now).map(|number| u64::from(slots[place(number)].count(number))).sum()
    }
}

const LOW: u64 = 0xffff_ffff;

/// A count and the number of the slot it belongs to, in one word: so that a slot starts anew and counts in one step.
#[derive(Debug, Default)]
struct Slot(AtomicU64);

impl Slot {
    fn add(&self, number: u64) {
        // An error means: the slot belongs to a later time already. What comes that late is counted nowhere but in totals.
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| match (word >> 32).cmp(&number) {
            std::cmp::Ordering::Less => Some(number << 32 | 1),
            std::cmp::Ordering::Equal => Some(if word & LOW == LOW { word } else { word + 1 }),
            std::cmp::Ordering::Greater => None,
        });
    }

    fn count(&self, number: u64) -> u32 {
        let word = self.0.load(Relaxed);
        if word >> 32 == number { (word & LOW) as u32 } else { 0 }
    }
}

/// The number of the slot of a moment; fits 32 bits for 1,361 years.
fn slot_number(at: Timestamp) -> u64 {
    (at.since_start().as_secs() / SLOT_SECONDS).min(LOW)
}

fn place(number: u64) -> usize {
    (number % SLOTS as u64) as usize
}

/// A moment in tenths of a second; fits 32 bits for 13 years.
fn tenths(at: Timestamp) -> u64 {
    (at.as_nanos() / 100_000_000).min(LOW)
}

/// When a call ended and how long it took, in one word that is never zero.
fn pack(at: Timestamp, took_us: u64) -> u64 {
    tenths(at) << 32 | (took_us.min(LOW - 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn slots_hold_ten_minutes() {
        let recent = Recent::default();
        for second in [0, 9, 10, 25, 599] {
            recent.record(Some(at(second)), 1, Ok(()));
        }
        let mut expected = vec![0; 60];
        (expected[0], expected[1], expected[2], expected[59]) = (2, 1, 1, 1);
        assert_eq!(recent.slots(at(599)), expected);
        assert_eq!(recent.slots(at(29)), [2, 1, 1]);
        assert_eq!(recent.slots(at(600))[..2], [1, 1]);
        // A slot starts anew, and what comes too late for it is not counted in it.
        recent.record(Some(at(600)), 1, Ok(()));
        recent.record(Some(at(5)), 1, Ok(()));
        assert_eq!(recent.slots(at(600))[59], 1);
        assert_eq!(recent.last_minute(at(600)), 2);
        assert_eq!(recent.last_minute(at(649)), 2);
        assert_eq!(recent.last_minute(at(650)), 1);
        assert_eq!(recent.last_minute(at(660)), 0);
    }

    #[test]
    fn a_window_judges_the_service_and_not_its_callers() {
        let recent = Recent::default();
        assert_eq!(recent.window(at(1), Duration::from_secs(300)), WindowStats::default());
        (1..=100).for_each(|ms| recent.record(Some(at(100)), ms * 1_000, Ok(())));
        recent.record(Some(at(100)), 0, Err(ErrorKind::Timeout));
        recent.record(Some(at(100)), 0, Err(ErrorKind::BadArguments));
        recent.record(None, 0, Err(ErrorKind::Cancelled));
        let stats = recent.window(at(399), Duration::from_secs(300));
        assert_eq!((stats.calls, stats.errors), (101, 1));
        assert_eq!(stats.p95, Some(Duration::from_millis(95)));
        assert_eq!(recent.slots(at(100))[10], 103);
        assert_eq!(recent.window(at(401), Duration::from_secs(300)).p95, None);
        assert_eq!(recent.window(at(400), Duration::from_secs(300)).calls, 0);
    }

    #[test]
    fn the_last_times_are_held() {
        let recent = Recent::default();
        (0..5_000).for_each(|us| recent.record(Some(at(1)), us, Ok(())));
        // The last 512: 4,488 to 4,999.
        assert_eq!(recent.window(at(1), Duration::from_secs(60)).p95, Some(Duration::from_micros(4_974)));
    }
}
