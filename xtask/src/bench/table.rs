//! The table of measurements, as markdown.

use std::fmt::Write as _;
use std::time::Duration;

use super::samples::Samples;

/// One line of the table.
pub(super) struct Row {
    /// What was measured.
    pub(super) what: String,
    /// What it is held against.
    pub(super) reference: String,
    /// What the reference took: its median in the same run, or a computed ideal.
    pub(super) reference_time: Duration,
    /// What the measured took.
    pub(super) measured: Samples,
}

/// One line of the table of sizes.
pub(super) struct Size {
    /// What was measured.
    pub(super) what: String,
    /// What it is held against.
    pub(super) reference: String,
    /// The size of that.
    pub(super) reference_bytes: u64,
    /// The size of the measured.
    pub(super) bytes: u64,
}

/// The table of sizes alone.
pub(super) fn sizes(sizes: &[Size]) -> String {
    let mut text = String::from("| what | reference | size of that | size | ratio |\n|---|---|--:|--:|--:|\n");
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0));
    for Size { what, reference, reference_bytes, bytes } in sizes {
        let ratio = *bytes as f64 / (*reference_bytes as f64).max(1.0);
        let (of_reference, size) = (mib(*reference_bytes), mib(*bytes));
        let _ = writeln!(text, "| {what} | {reference} | {of_reference} | {size} | {} |", shown(ratio));
    }
    text
}

/// The table alone.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| what | reference | reference p50 | p50 | p99 | ratio of p50 | runs |\n|---|---|--:|--:|--:|--:|--:|\n",
    );
    for Row { what, reference, reference_time, measured } in rows {
        let ratio = measured.p50().as_secs_f64() / reference_time.as_secs_f64().max(f64::MIN_POSITIVE);
        let (of_reference, p50, p99) = (time(*reference_time), time(measured.p50()), time(measured.percentile(99)));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {what} | {reference} | {of_reference} | {p50} | {p99} | {} | {} |",
            shown(ratio),
            measured.runs()
        );
    }
    text
}

/// A ratio with digits enough to say something: what is far below 1 is not shown as nothing.
fn shown(ratio: f64) -> String {
    if ratio < 0.01 { format!("{ratio:.5}") } else { format!("{ratio:.2}") }
}

/// Where it was measured.
pub(super) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("Release profile; {cores} cores, {}, {}.\n", std::env::consts::ARCH, std::env::consts::OS)
}

/// The page with another text in this part, which stands between two marks; `None` when it has no such part. What stands
/// outside of all parts is written by hand.
pub(super) fn with_part(page: &str, part: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- measured: {part} -->\n"), format!("<!-- end of {part} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, behind) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{text}\n{end}{behind}"))
}

/// A time with three digits in the unit that fits.
pub(super) fn time(duration: Duration) -> String {
    let nanos = duration.as_secs_f64() * 1e9;
    let (value, unit) = match nanos {
        n if n < 1e3 => (n, "ns"),
        n if n < 1e6 => (n / 1e3, "µs"),
        n if n < 1e9 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let said: Vec<String> =
            [0, 999, 1_500, 25_300, 123_456_789, 2_000_000_000].map(|nanos| time(Duration::from_nanos(nanos))).into();
        assert_eq!(said, ["0.00 ns", "999 ns", "1.50 µs", "25.3 µs", "123 ms", "2.00 s"]);
    }

    #[test]
    fn a_small_ratio_is_not_shown_as_nothing() {
        assert_eq!([0.000_49, 0.01, 1.5].map(shown), ["0.00049", "0.01", "1.50"]);
    }

    #[test]
    fn a_part_takes_the_place_of_what_was_there() {
        let page = "# a\n<!-- measured: x -->\nold\n<!-- end of x -->\nby hand\n";
        let new = with_part(page, "x", "new").unwrap();
        assert_eq!(new, "# a\n<!-- measured: x -->\n\nnew\n<!-- end of x -->\nby hand\n");
        assert_eq!((with_part(&new, "x", "new"), with_part(page, "y", "new")), (Some(new.clone()), None));
    }

    #[test]
    fn a_row_shows_its_ratio() {
        let measured = Samples::new(vec![Duration::from_millis(30); 4]);
        let row = Row { what: "a".into(), reference: "b".into(), reference_time: Duration::from_millis(20), measured };
        assert!(table(&[row]).ends_with("| a | b | 20.0 ms | 30.0 ms | 30.0 ms | 1.50 | 4 |\n"));
    }
}
