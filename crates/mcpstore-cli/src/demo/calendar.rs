//! Points in time as people write them (RFC 3339), for the demo's clock.

use std::fmt;
use std::str::FromStr;

/// A point in time and the offset in which it is written.
///
/// Years 1 to 9999 of the proleptic Gregorian calendar, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    unix_ms: i64,
    offset: Offset,
}

/// A distance from UTC: whole minutes, less than a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offset {
    minutes: i64,
}

const DAY_MS: i64 = 86_400_000;
const MONTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl Moment {
    /// The point `unix_ms`, written in `offset`; `None` outside the years 1 to 9999.
    pub(crate) fn new(unix_ms: i64, offset: Offset) -> Option<Self> {
        let first = days_before_year(1) - days_before_year(1970);
        let end = days_before_year(10_000) - days_before_year(1970);
        let local = unix_ms.checked_add(offset.minutes * 60_000)?;
        (first * DAY_MS..end * DAY_MS).contains(&local).then_some(Self { unix_ms, offset })
    }

    pub(crate) const fn unix_ms(self) -> i64 {
        self.unix_ms
    }

    /// The point `ms` later (earlier when negative); `None` outside the years 1 to 9999.
    pub(crate) fn plus(self, ms: i64) -> Option<Self> {
        Self::new(self.unix_ms.checked_add(ms)?, self.offset)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.unix_ms + self.offset.minutes * 60_000;
        let (day, ms) = (local.div_euclid(DAY_MS) + days_before_year(1970), local.rem_euclid(DAY_MS));
        // Close to the year sought, then at most a step away from it.
        let mut year = day * 400 / days_before_year(401) + 1;
        while days_before_year(year) > day {
            year -= 1;
        }
        while days_before_year(year + 1) <= day {
            year += 1;
        }
        let mut rest = day - days_before_year(year);
        let mut month = 1;
        while rest >= days_in(year, month) {
            rest -= days_in(year, month);
            month += 1;
        }
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}", rest + 1)?;
        if ms % 1000 != 0 {
            write!(f, ".{:03}", ms % 1000)?;
        }
        self.offset.fmt(f)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.minutes {
            0 => return f.write_str("Z"),
            1.. => '+',
            _ => '-',
        };
        write!(f, "{sign}{:02}:{:02}", self.minutes.abs() / 60, self.minutes.abs() % 60)
    }
}

impl FromStr for Offset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no offset; write UTC, Z, +02:00 or -05:30");
        if matches!(text, "" | "Z" | "z") || text.eq_ignore_ascii_case("utc") {
            return Ok(Self::default());
        }
        let (sign, digits) = match text.split_at_checked(1) {
            Some(("+", digits)) => (1, digits),
            Some(("-", digits)) => (-1, digits),
            _ => return Err(wrong()),
        };
        let (hours, minutes) = digits.split_once(':').ok_or_else(wrong)?;
        let hours = number(hours, 2).filter(|hours| *hours < 24).ok_or_else(wrong)?;
        let minutes = number(minutes, 2).filter(|minutes| *minutes < 60).ok_or_else(wrong)?;
        Ok(Self { minutes: sign * (hours * 60 + minutes) })
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time; write it as 2026-01-31T23:59:59Z or 2026-01-31T23:59:59.5+02:00");
        read(text).ok_or_else(wrong)
    }
}

fn read(text: &str) -> Option<Moment> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-');
    let year = number(date.next()?, 4).filter(|year| *year >= 1)?;
    let month = number(date.next()?, 2).filter(|month| (1..=12).contains(month))?;
    let day = number(date.next()?, 2).filter(|day| (1..=days_in(year, month)).contains(day))?;

    let (clock, offset) = time.split_at(time.find(['Z', 'z', '+', '-'])?);
    let offset: Offset = offset.parse().ok()?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut clock = clock.splitn(3, ':');
    let hour = number(clock.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = number(clock.next()?, 2).filter(|minute| *minute < 60)?;
    let second = number(clock.next()?, 2).filter(|second| *second < 60)?;
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let ms = fraction.bytes().chain(*b"00").take(3).fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'));

    let before = (1..month).map(|earlier| days_in(year, earlier)).sum::<i64>();
    let days = days_before_year(year) - days_before_year(1970) + before + day - 1;
    let seconds = (hour * 60 + minute) * 60 + second;
    Moment::new(days * DAY_MS + seconds * 1000 + ms - offset.minutes * 60_000, offset)
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Days from the beginning of year 1 to the beginning of this year.
const fn days_before_year(year: i64) -> i64 {
    let past = year - 1;
    past * 365 + past / 4 - past / 100 + past / 400
}

/// Days in a month, counted from 1.
fn days_in(year: i64, month: i64) -> i64 {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let index = usize::try_from(month - 1).unwrap_or_default();
    MONTHS.get(index).copied().unwrap_or(31) + i64::from(leap && month == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2000-02-29T23:59:59.250Z",
            "2026-12-31T00:30:00+14:00",
            "1900-03-01T12:00:00-05:30",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999Z",
        ] {
            assert_eq!(text.parse::<Moment>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut moment: Moment = "1800-01-01T00:00:00Z".parse().unwrap();
        let mut days = 0;
        let (mut year, mut month, mut day) = (1800, 1, 1);
        while year < 2201 {
            assert_eq!(moment.to_string(), format!("{year:04}-{month:02}-{day:02}T00:00:00Z"));
            assert_eq!(moment.to_string().parse::<Moment>().unwrap(), moment);
            moment = moment.plus(DAY_MS).unwrap();
            days += 1;
            day += 1;
            if day > days_in(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        // 400 years are 146,097 days wherever they begin; one more year of 365.
        assert_eq!(days, 146_097 + 365);
    }

    #[test]
    fn known_points() {
        let moment: Moment = "2009-02-13T23:31:30Z".parse().unwrap();
        assert_eq!(moment.unix_ms(), 1_234_567_890_000);
        let east: Moment = "2009-02-14T01:31:30+02:00".parse().unwrap();
        assert_eq!(east.unix_ms(), moment.unix_ms());
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "2026",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-1-1T00:00:00Z",
            "2026-01-01T00:00:00+25:00",
            "2026-01-01T00:00:00.Z",
            "0000-01-01T00:00:00Z",
            "９",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
        assert!("9999-12-31T23:59:59Z".parse::<Moment>().unwrap().plus(1000).is_none());
        assert!("+2".parse::<Offset>().is_err());
    }
}
