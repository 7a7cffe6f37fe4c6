//! Moments and lengths of time, as people and programs read them.

use std::time::{Duration, SystemTime};

/// A moment in RFC 3339, in UTC, to the millisecond.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}

/// A length of time in at most two units: `850ms`, `12s`, `2m05s`, `3h20m`, `3d4h`.
pub(crate) fn short_duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{}ms", time.as_millis()),
        1..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d{}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// Milliseconds with as many digits as say something: `0.42ms`, `4.1ms`, `212ms`, `3.2s`.
pub(crate) fn short_ms(ms: f64) -> String {
    if ms < 1.0 {
        format!("{ms:.2}ms")
    } else if ms < 10.0 {
        format!("{ms:.1}ms")
    } else if ms < 1_000.0 {
        format!("{ms:.0}ms")
    } else {
        format!("{:.1}s", ms / 1_000.0)
    }
}

/// Milliseconds to the microsecond, for documents.
pub(super) fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_short() {
        let secs = |s| short_duration(Duration::from_secs(s));
        assert_eq!(short_duration(Duration::from_millis(850)), "850ms");
        assert_eq!([secs(12), secs(125), secs(12_000), secs(273_600)], ["12s", "2m05s", "3h20m", "3d4h"]);
        assert_eq!([0.417, 4.12, 212.4, 3_210.0].map(short_ms), ["0.42ms", "4.1ms", "212ms", "3.2s"]);
        assert_eq!(ms(Duration::from_nanos(1_234_567)), 1.235);
    }

    #[test]
    fn moments_are_rfc3339() {
        assert_eq!(
            rfc3339(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123)),
            "2023-11-14T22:13:20.123Z"
        );
    }
}
