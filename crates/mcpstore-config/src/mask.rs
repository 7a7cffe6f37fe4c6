//! Hides what is secret in a text before any of it is shown.
//!
//! Values inside `env`, `headers` and `settings`, and the addresses of alert sinks, and what looks like a secret elsewhere, become `***`; references such as
//! `${TOKEN}` stay where they can be told apart: they name a secret and are none. This works on characters and lines, not on the
//! syntax tree, because it must work on broken texts too. Where it is in doubt it hides: a service that is called `env` has its
//! values hidden as well.

use std::ops::Range;

use crate::Format;

pub(crate) mod args;
pub(crate) mod header;
pub(crate) mod json;
pub(crate) mod keys;
mod lines;
pub(crate) mod shapes;
mod sinks;
mod toml;
mod yaml;

const HIDDEN: &str = "***";

/// A text with its secrets hidden, and how places moved by that.
#[derive(Debug, Default)]
pub(crate) struct Masked {
    pub(crate) text: String,
    /// The hidden ranges: in the original, and where their `***` stands; in order.
    cuts: Vec<(Range<usize>, Range<usize>)>,
}

impl Masked {
    /// Hides the secrets of `text`, and the ranges of `more`, which lie on character boundaries. `broken`: its syntax is.
    pub(crate) fn new(text: &str, format: Format, broken: bool, more: &[Range<usize>]) -> Self {
        let mut ranges = match format {
            Format::Json => json::secrets(text, broken),
            Format::Toml => toml::secrets(text, broken),
            Format::Yaml => yaml::secrets(text, broken),
        };
        ranges.extend(shapes::find(text).into_iter().map(|found| found.range));
        ranges.extend(sinks::addresses(text));
        ranges.extend(more.iter().map(|range| without_quotes(text, range.clone())));
        let mut masked = Self { text: String::with_capacity(text.len()), cuts: Vec::new() };
        let mut copied = 0;
        for hidden in joined(text, ranges) {
            masked.text.push_str(&text[copied..hidden.start]);
            let start = masked.text.len();
            masked.text.push_str(HIDDEN);
            copied = hidden.end;
            masked.cuts.push((hidden, start..start + HIDDEN.len()));
        }
        masked.text.push_str(&text[copied..]);
        masked
    }

    /// Where the byte `at` of the original is now; inside a hidden range, the end of its `***` if `end`, else its start.
    pub(crate) fn moved(&self, at: usize, end: bool) -> usize {
        let before = self.cuts.partition_point(|(original, _)| original.start < at || (!end && original.start == at));
        match before.checked_sub(1).and_then(|index| self.cuts.get(index)) {
            None => at,
            Some((original, now)) if at < original.end => {
                if end {
                    now.end
                } else {
                    now.start
                }
            }
            Some((original, now)) => at - original.end + now.end,
        }
    }
}

/// The ranges in order, none touching another, each within one line.
fn joined(text: &str, mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|range| range.start < range.end);
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut whole: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match whole.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => whole.push(range),
        }
    }
    let mut out = Vec::with_capacity(whole.len());
    for range in whole {
        let mut at = range.start;
        for line in text[range].split_inclusive('\n') {
            let inner = line.trim_end_matches(['\n', '\r']).len();
            if inner > 0 {
                out.push(at..at + inner);
            }
            at += line.len();
        }
    }
    out
}

/// The range without the quotes at its ends.
fn without_quotes(text: &str, range: Range<usize>) -> Range<usize> {
    let piece = &text[range.clone()];
    match piece.chars().next() {
        Some(quote @ ('"' | '\'')) if piece.len() > 1 && piece.ends_with(quote) => range.start + 1..range.end - 1,
        _ => range,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        Masked::new(text, Format::Json, false, &[]).text
    }

    #[test]
    fn values_of_env_and_headers_are_hidden() {
        assert_eq!(
            masked(
                r#"{"env": {"A": "s1", "B": 12, "C": null, "D": ["x"]}, "args": ["a"], "headers":{"H":"B ${env:T} ${U:-d}"}, "settings":{"S":"s2"}}"#
            ),
            r#"{"env": {"A": "***", "B": ***, "C": null, "D": ["***"]}, "args": ["a"], "headers":{"H":"***${env:T}***${U:-***"}, "settings":{"S":"***"}}"#
        );
        assert_eq!(
            masked(r#"{"oauth": {"clientId": "me", "clientSecret": "s1"}}"#),
            r#"{"oauth": {"clientId": "me", "clientSecret": "***"}}"#
        );
        assert_eq!(masked(r#""env": "A=s", "x": "y""#), r#""env": "***", "x": "y""#);
        assert_eq!(masked(r#"{"env": {"A": "say \"s\" ${no", "B": ""}}"#), r#"{"env": {"A": "***", "B": ""}}"#);
    }

    #[test]
    fn broken_texts_and_comments_hide_too() {
        assert_eq!(
            masked("{\"env\": {\"A\": s1\", \"B\": \"s2\n \"C\": 's3'"),
            "{\"env\": {\"A\": ***\"***\"***\"***\"***\n \"C\": '***'"
        );
        assert_eq!(
            masked("{\"env\": { // s1\n /* s2\r\n s3 */ } // open\n}"),
            "{\"env\": { //***\n /****\r\n*** } // open\n}"
        );
        assert_eq!(masked("// \"env\": { \"A\": \"s\" }"), "//***");
        for slip in ["\"env\" {", "\"env\"x: {", "\"env\": x {", "\"env\": = ["] {
            assert!(!masked(&format!("{{ {slip} \"A\": \"s1\" ")).contains("s1"), "{slip}");
        }
        assert_eq!(
            masked(r#"{"args": ["env", "A"], "x": ["headers"]}"#),
            r#"{"args": ["env", "A"], "x": ["headers"]}"#
        );
        assert_eq!(masked(r#"{ "\u0065nv": {"A": "s"} }"#), r#"{ "\u0065nv": {"A": "***"} }"#);
    }

    #[test]
    fn places_move_along() {
        let text = r#"{"env": {"A": "secret ${T}", "B": 5}}"#;
        let mask = Masked::new(text, Format::Json, false, &[]);
        let at = |needle: &str| (text.find(needle).unwrap(), mask.text.find(needle).unwrap());
        for needle in ["env", "${T}", "B", "}}"] {
            let (original, now) = at(needle);
            assert_eq!((mask.moved(original, false), mask.moved(original, true)), (now, now), "{needle}");
        }
        let inside = text.find("cret").unwrap();
        assert_eq!(&mask.text[mask.moved(inside, false)..mask.moved(inside + 2, true)], "***");
        assert_eq!(mask.moved(text.len(), true), mask.text.len());
    }
}
