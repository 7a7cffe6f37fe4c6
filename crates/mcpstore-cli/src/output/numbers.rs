//! Counts, shares and sizes, as people read them.

/// A count in at most five characters: `9999`, `12.3k`, `456k`, `1.2M`.
pub(crate) fn short_count(count: u64) -> String {
    let number = count as f64;
    match count {
        0..10_000 => count.to_string(),
        10_000..100_000 => format!("{:.1}k", (number / 100.0).floor() / 10.0),
        100_000..1_000_000 => format!("{}k", count / 1_000),
        1_000_000..100_000_000 => format!("{:.1}M", (number / 100_000.0).floor() / 10.0),
        100_000_000..1_000_000_000 => format!("{}M", count / 1_000_000),
        _ => format!("{:.1}G", number / 1e9),
    }
}

/// Bytes in binary units: `512B`, `24K`, `1.2M`, `34M`, `1.2G`.
pub(crate) fn short_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "K", "M", "G", "T"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1_023.5 && unit + 1 < UNITS.len() {
        value /= 1_024.0;
        unit += 1;
    }
    if unit == 0 || value >= 9.95 { format!("{value:.0}{}", UNITS[unit]) } else { format!("{value:.1}{}", UNITS[unit]) }
}

/// A share, 0 to 1, in percent: `0%`, `0.4%`, `99.9%`, `100%`. Only nothing is 0 %, and only all is 100 %.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    match value {
        v if v <= 0.0 => "0%".to_owned(),
        v if v >= 100.0 => format!("{v:.0}%"),
        v => format!("{:.1}%", v.clamp(0.1, 99.9)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let counts = [0, 9_999, 10_000, 99_999, 456_789, 1_250_000, 123_456_789, 5_000_000_000];
        assert_eq!(counts.map(short_count), ["0", "9999", "10.0k", "99.9k", "456k", "1.2M", "123M", "5.0G"]);
        assert!((0..36).all(|power| short_count(1 << power).len() <= 5));
        let bytes = [0, 512, 1_024, 1_023 * 1_024, 1_300_000, 36_000_000, 1_300_000_000];
        assert_eq!(bytes.map(short_bytes), ["0B", "512B", "1.0K", "1023K", "1.2M", "34M", "1.2G"]);
    }

    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        assert_eq!([0.0, 0.000_01, 0.004, 0.999_99, 1.0].map(percent), ["0%", "0.1%", "0.4%", "99.9%", "100%"]);
    }
}
