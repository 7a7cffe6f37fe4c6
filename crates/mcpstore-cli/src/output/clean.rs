//! Other people's text, made harmless for a terminal.

/// The text without ANSI escape sequences, without control characters except line breaks and tabs, and without characters
/// that are invisible or turn the direction of writing. A lone carriage return becomes a line break.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            '\u{1b}' => skip_escape(&mut chars),
            // The same as ESC [ and as ESC ], ESC P, ESC X, ESC ^, ESC _ in one character.
            '\u{9b}' => skip_csi(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut chars),
            c if c.is_control() || is_hidden(c) => {}
            c => out.push(c),
        }
    }
    out
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

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Behind an ESC: skips what belongs to it.
fn skip_escape(chars: &mut Chars<'_>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_csi(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_string(chars);
        }
        Some(' '..='/') => {
            while chars.next_if(|c| matches!(c, ' '..='/')).is_some() {}
            chars.next_if(|c| matches!(c, '0'..='~'));
        }
        Some('0'..='~') => {
            chars.next();
        }
        Some(_) | None => {}
    }
}

/// Parameters, intermediates, and one final character.
fn skip_csi(chars: &mut Chars<'_>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

/// A string of the terminal's: up to BEL or ST, yet never past the end of the line.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(c) = chars.next_if(|c| *c != '\n') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' if chars.next_if_eq(&'\\').is_some() => return,
            _ => {}
        }
    }
}

/// Soft hyphen, zero-width characters, direction marks and overrides, line separators, tags, the byte order mark.
/// The joiners U+200C and U+200D stay: words and emoji need them, and they change nothing else.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_go_and_text_stays() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m and \u{9b}1mbold"), "red and bold");
        assert_eq!(clean("\u{1b}]0;own title\u{7}hello"), "hello");
        assert_eq!(clean("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\"), "link");
        assert_eq!(clean("\u{1b}]52;c;aGVsbG8=\nnext line"), "\nnext line");
        assert_eq!(clean("\u{1b}(Bplain\u{1b}c\u{1b}7\u{1b}"), "plain");
        assert_eq!(clean("\u{1b}Pq#0;2\u{1b}\\after"), "after");
    }

    #[test]
    fn controls_and_direction_go() {
        assert_eq!(clean("a\u{8}b\u{0}c\u{7f}d\u{85}e"), "abcde");
        assert_eq!(clean("user\u{202e}gpj.exe\u{2066}x\u{2069}\u{200b}\u{feff}"), "usergpj.exex");
        assert_eq!(clean("one\r\ntwo\rthree\tfour"), "one\ntwo\nthree\tfour");
        assert_eq!(clean("日本 ключ é 👩\u{200d}💻 עברית"), "日本 ключ é 👩\u{200d}💻 עברית");
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
