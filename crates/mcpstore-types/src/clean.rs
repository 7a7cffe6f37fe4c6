//! Other people's text, made harmless for a terminal.

use std::iter::Peekable;
use std::str::Chars;

/// The text without escape sequences of terminals, without control characters, and without characters that cannot be seen or
/// turn the direction of writing ([`is_hidden`]). Line breaks stay.
///
/// `tab` stands for each tab, and `carriage_return` for each one that belongs to no line break. A sequence without its end takes its
/// line and no more (source: ECMA-48, 5.3 to 5.6).
#[must_use]
pub fn clean_text(text: &str, tab: char, carriage_return: char) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => out.push(c),
            '\t' => out.push(tab),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => out.push(carriage_return),
            '\u{1b}' => skip_escape(&mut chars),
            // CSI, and DCS, SOS, OSC, PM, APC, as one character.
            '\u{9b}' => skip_sequence(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut chars),
            c if c.is_control() || is_hidden(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// The text on one line with nothing left out: what a terminal would act on, or would not show, is written out
/// (`\u{1b}`). For what somebody approves.
#[must_use]
pub fn visible_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_hidden(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Soft hyphen, zero-width characters, direction marks and overrides, line separators, tags, the byte order mark. The joiners
/// U+200C and U+200D are none of these: words and emoji need them, and they change nothing else.
#[must_use]
pub const fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Behind ESC: the sequence that it begins.
fn skip_escape(chars: &mut Peekable<Chars<'_>>) {
    if chars.next_if_eq(&'[').is_some() {
        skip_sequence(chars);
    } else if chars.next_if(|c| matches!(c, ']' | 'P' | 'X' | '^' | '_')).is_some() {
        skip_string(chars);
    } else {
        while chars.next_if(|c| matches!(c, ' '..='/')).is_some() {}
        chars.next_if(|c| matches!(c, '0'..='~'));
    }
}

/// Behind ESC and `[`: parameters, intermediates, and one final character.
fn skip_sequence(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

/// A string of the terminal's: up to BEL or ST, or the next sequence, yet never past the end of the line.
fn skip_string(chars: &mut Peekable<Chars<'_>>) {
    while let Some(c) = chars.next_if(|c| *c != '\n') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => return skip_escape(chars),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(text: &str) -> String {
        clean_text(text, '\t', '\n')
    }

    #[test]
    fn escapes_go_and_text_stays() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m and \u{9b}1mbold"), "red and bold");
        assert_eq!(clean("\u{1b}]0;own title\u{7}hello"), "hello");
        assert_eq!(clean("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\"), "link");
        assert_eq!(clean("\u{1b}]52;c;aGVsbG8=\nnext line"), "\nnext line");
        assert_eq!(clean("\u{1b}(Bplain\u{1b}c\u{1b}7\u{1b}"), "plain");
        assert_eq!(clean("\u{1b}Pq#0;2\u{1b}\\after"), "after");
        assert_eq!(clean("\u{1b}]0;no end\u{1b}[31mred"), "red");
    }

    #[test]
    fn controls_and_direction_go() {
        assert_eq!(clean("a\u{8}b\u{0}c\u{7f}d\u{85}e"), "abcde");
        assert_eq!(clean("user\u{202e}gpj.exe\u{2066}x\u{2069}\u{200b}\u{feff}"), "usergpj.exex");
        assert_eq!(clean("one\r\ntwo\rthree\tfour"), "one\ntwo\nthree\tfour");
        assert_eq!(clean_text("one\r\ntwo\rthree\tfour", ' ', ' '), "one\ntwo three four");
        assert_eq!(clean("日本 ключ é 👩\u{200d}💻 עברית"), "日本 ключ é 👩\u{200d}💻 עברית");
    }

    #[test]
    fn nothing_hides_in_what_is_made_visible() {
        assert_eq!(
            visible_text("echo \u{1b}]0; ; evil ; \u{7} \u{202e}x\ny é"),
            "echo \\u{1b}]0; ; evil ; \\u{7} \\u{202e}x\\ny é"
        );
    }
}
