//! Points in time that pure code can compute with, and the number of a service's life.

use std::fmt;
use std::time::Duration;

/// A point in time, counted from the manager's start.
///
/// Unit: nanoseconds, `0` is the manager's start. It never goes back and knows no calendar; the runtime maps it to
/// wall-clock time for people. Tests build it from plain numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Timestamp(u64);

impl Timestamp {
    /// The manager's start.
    pub const ZERO: Self = Self(0);
    /// A point no run ever reaches (about 584 years after the start).
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the manager's start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The point `ms` milliseconds after the manager's start.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// The point `seconds` seconds after the manager's start.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the manager's start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time since the manager's start.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// This point moved later by `by`; stays at [`Timestamp::MAX`] when it would overflow.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// Time from `earlier` to this point; zero when `earlier` lies later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}s", self.since_start().as_secs_f64())
    }
}

/// Tells the time. Injected once, in the runtime; pure crates take a [`Timestamp`] as an argument instead.
pub trait Clock: Send + Sync {
    /// The present moment. Never earlier than what an earlier call returned.
    fn now(&self) -> Timestamp;
}

/// The number of a service's life: `0` before the first spawn, then `1`, `2`, … with each spawn.
///
/// Every report about a process or a session carries the incarnation it speaks of, so that a late word about a dead
/// process never touches its successor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Incarnation(pub u64);

impl Incarnation {
    /// The life after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let t = Timestamp::from_secs(1);
        assert_eq!(t.after(Duration::from_millis(500)), Timestamp::from_millis(1500));
        assert_eq!(Timestamp::MAX.after(Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(t.since(Timestamp::from_secs(2)), Duration::ZERO);
        assert_eq!(Timestamp::from_secs(3).since(t), Duration::from_secs(2));
    }
}
