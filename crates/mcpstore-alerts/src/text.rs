//! Other people's text, made harmless and short enough.

use mcpstore_types::clean_text;

/// What a limit counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// Bytes of UTF-8.
    Bytes,
    /// Units of UTF-16: never fewer than characters, however a service counts those.
    Utf16,
}

impl Unit {
    fn of(self, c: char) -> usize {
        match self {
            Self::Bytes => c.len_utf8(),
            Self::Utf16 => c.len_utf16(),
        }
    }

    /// How long a text is.
    pub(crate) fn length(self, text: &str) -> usize {
        match self {
            Self::Bytes => text.len(),
            Self::Utf16 => text.encode_utf16().count(),
        }
    }
}

/// What stands where a text was cut.
const CUT: char = '…';

/// The text with some characters replaced, at most `limit` long *after* that. A longer one is cut between two characters,
/// never within a replacement, and ends with `…`. A limit too small for that gives nothing.
pub(crate) fn fitted(text: &str, limit: usize, unit: Unit, replace: impl Fn(char) -> Option<&'static str>) -> String {
    let room_for_cut = limit.checked_sub(unit.of(CUT));
    let mut out = String::with_capacity(text.len().min(limit));
    let (mut length, mut cut_at) = (0, 0);
    for c in text.chars() {
        let replaced = replace(c);
        length += replaced.map_or_else(|| unit.of(c), |with| unit.length(with));
        if length > limit {
            out.truncate(cut_at);
            if room_for_cut.is_some() {
                out.push(CUT);
            }
            return out;
        }
        match replaced {
            Some(with) => out.push_str(with),
            None => out.push(c),
        }
        if room_for_cut.is_some_and(|room| length <= room) {
            cut_at = out.len();
        }
    }
    out
}

/// The text without escape sequences of terminals, without control characters but line feeds, and without characters that cannot
/// be seen or turn the direction of writing. A tab and a lone carriage return become a blank: a program that draws a line anew makes
/// no new one.
pub(crate) fn clean(text: &str) -> String {
    clean_text(text, ' ', ' ')
}

/// As [`clean`], on one line.
pub(crate) fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use mcpstore_types::is_hidden;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn amp(c: char) -> Option<&'static str> {
        (c == '&').then_some("&amp;")
    }

    #[test]
    fn a_text_is_cut_between_characters_and_never_within_a_replacement() {
        assert_eq!(fitted("abcdef", 6, Unit::Utf16, amp), "abcdef");
        assert_eq!(fitted("abcdefg", 6, Unit::Utf16, amp), "abcde…");
        assert_eq!(fitted("ab&cd", 9, Unit::Utf16, amp), "ab&amp;cd");
        assert_eq!(fitted("ab&cd", 8, Unit::Utf16, amp), "ab&amp;…");
        assert_eq!(fitted("ab&cd", 7, Unit::Utf16, amp), "ab…");
        assert_eq!(fitted("日本語", 8, Unit::Bytes, amp), "日…");
        assert_eq!(fitted("😀😀", 3, Unit::Utf16, amp), "😀…");
        assert_eq!(fitted("日本", 2, Unit::Bytes, amp), "");
        assert_eq!(fitted("", 0, Unit::Bytes, amp), "");
    }

    #[test]
    fn what_steers_a_terminal_goes() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m \u{9b}1mbold\r\nnext\rline\u{7}\u{0}"), "red bold\nnext line");
        assert_eq!(clean("a\u{1b}]0;PWN\u{7}b\u{1b}]8;;http://x\u{1b}\\link\u{9d}0;PWN\u{9c}c"), "ablinkc");
        assert_eq!(clean("\u{1b}Pq#0;2\u{1b}\\a\u{1b}(Bb\u{1b}cc\u{1b}"), "abc");
        assert_eq!(clean("\u{1b}]0;no end\nnext\u{1b}]0;title\u{1b}[31mred"), "\nnextred");
        assert_eq!(
            clean("  stderr | 10 %\r  stderr | 20 %\tdone\r\n  stderr | x"),
            "  stderr | 10 %   stderr | 20 % done\n  stderr | x"
        );
        assert_eq!(clean("user\u{202e}gpj.exe\u{feff}"), "usergpj.exe");
        assert_eq!(one_line(" a\n\n\tb  c "), "a b c");
    }

    proptest! {
        /// Whatever a server writes: nothing that steers a terminal is left, no line is made, and what is clean stays as it is.
        #[test]
        fn nothing_is_left_that_steers_a_terminal(
            text in prop_oneof![
                any::<String>(),
                vec(prop::sample::select(vec![
                    "\u{1b}", "\u{1b}[", "\u{1b}]", "\u{1b}P", "\u{1b}\\", "\u{7}", "\u{9b}", "\u{9c}", "\u{9d}", "\u{85}", "\u{7f}",
                    "\r", "\n", "\r\n", "\t", "\0", "0;", "31m", "PWN", " ", "é", "\u{202e}", "\u{2028}",
                ]), 0..24).prop_map(|parts| parts.concat()),
            ],
        ) {
            let cleaned = clean(&text);
            prop_assert!(!cleaned.chars().any(|c| c != '\n' && (c.is_control() || is_hidden(c))), "{cleaned:?}");
            prop_assert_eq!(cleaned.matches('\n').count(), text.matches('\n').count());
            prop_assert_eq!(clean(&cleaned), cleaned);
        }

        #[test]
        fn what_is_clean_stays(text in "[a-zA-Z0-9 \n;:\\[\\]|é日]{0,64}") {
            prop_assert_eq!(clean(&text), text);
        }
    }
}
