//! Points in time that no duration can push over the end of the clock.

use std::time::Duration;

use tokio::time::Instant;

/// The longest time ahead: a year is for ever.
const FOR_EVER: Duration = Duration::from_secs(31_536_000);

/// The point in time so long from now; a year from now at the latest.
pub(crate) fn deadline_after(duration: Duration) -> Instant {
    later(Instant::now(), duration)
}

/// The point in time so long after `start`; a year after it at the latest.
pub(crate) fn later(start: Instant, duration: Duration) -> Instant {
    start + duration.min(FOR_EVER)
}
