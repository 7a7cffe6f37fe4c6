//! Single values of YAML: what a word means, and how text is written so that it stays text.

use crate::Plain;
use crate::edit::number;
use crate::plain::push_quoted;

/// The value of a word without quotes, by the core schema of YAML 1.2.
pub(super) fn resolve(word: &str) -> Plain {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
        "true" | "True" | "TRUE" => Plain::Bool(true),
        "false" | "False" | "FALSE" => Plain::Bool(false),
        _ if !word.contains('_') && !word.contains("0b") => {
            number::to_json(word).map_or_else(|| Plain::text(word), Plain::Number)
        }
        _ => Plain::text(word),
    }
}

/// A single value; text in quotes unless every reader takes it for text without them.
pub(super) fn write(value: &Plain) -> String {
    match value {
        Plain::Text(text) => text_or_quoted(text),
        other => other.to_string(),
    }
}

/// Text, or a key.
pub(super) fn text_or_quoted(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// True when the text needs no quotes, neither in a block nor between brackets, nor for readers of YAML 1.1.
fn is_plain(text: &str) -> bool {
    let inner =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/' | b'@' | b'+' | b'=' | b' ' | b':');
    let first = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'/');
    let word = text.to_ascii_lowercase();
    let other = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    text.bytes().next().is_some_and(first)
        && text.bytes().all(inner)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !other.contains(&word.as_str())
}

/// Text in double quotes.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_quoted(&mut out, text);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_could_be_something_else_is_quoted() {
        for plain in ["npx", "/usr/bin/x", "https://example.com/mcp", "a b", "user@host", "v1.2", "no-cache", "A=b"] {
            assert_eq!(text_or_quoted(plain), plain);
        }
        for quoted in [
            "",
            " a",
            "a ",
            "yes",
            "No",
            "NULL",
            "~",
            "1",
            "1e3",
            "0x1f",
            "2024-01-01",
            "12:30",
            "-y",
            "a: b",
            "a #b",
            "#",
            "a:",
            "*x",
            "&x",
            "!x",
            "{a}",
            "[a]",
            "a,b",
            "'",
            "%",
            "@x",
            "`",
            "?",
            "é",
            "<<",
            "=",
            ".inf",
            "${A}",
            "on",
        ] {
            let out = text_or_quoted(quoted);
            assert_eq!(out, format!("\"{quoted}\""), "{quoted}");
        }
        assert_eq!(text_or_quoted("a\nb\u{85}\\"), "\"a\\nb\\u0085\\\\\"");
    }

    #[test]
    fn words_mean_what_the_core_schema_says() {
        assert_eq!(resolve("~"), Plain::Null);
        assert_eq!(resolve("True"), Plain::Bool(true));
        for text in ["yes", "1_000", "0b1", ".inf", "12:30", "2024-01-01", "1.2.3"] {
            assert_eq!(resolve(text), Plain::text(text));
        }
        assert_eq!(resolve("0x10"), Plain::Number("16".into()));
        assert_eq!(resolve("1e3"), Plain::Number("1e3".into()));
    }
}
