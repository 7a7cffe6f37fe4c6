//! Other people's text, made harmless for a terminal.

use mcpstore::types::clean_text;

/// The text without ANSI escape sequences, without control characters except line breaks and tabs, and without characters
/// that are invisible or turn the direction of writing. A lone carriage return becomes a line break.
pub(crate) fn clean(text: &str) -> String {
    clean_text(text, '\t', '\n')
}

/// As [`clean`], on one line: line breaks and tabs become spaces.
pub(crate) fn clean_line(text: &str) -> String {
    clean(text).split(['\n', '\t']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A reason where there is room for one line: without the folders that were searched, and the first line only. `status`
/// has it in full.
pub(crate) fn brief(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.split_once(" in any folder of PATH").map_or(line, |(short, _)| short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_and_lines_stay() {
        assert_eq!(clean("\u{1b}[31mone\r\ntwo\rthree\tfour\u{202e}"), "one\ntwo\nthree\tfour");
    }

    #[test]
    fn a_brief_reason_leaves_out_the_path() {
        assert_eq!(brief("no program `x` in any folder of PATH (/bin, /usr/bin)\nmore"), "no program `x`");
        assert_eq!((brief("exit code 3\n  stderr | a"), brief("")), ("exit code 3", ""));
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(clean_line("  a\n\n\tb \u{1b}[2Jc\r\n"), "a b c");
        assert!(!clean_line("\u{2028}x\u{b}y").contains(char::is_control));
    }
}
