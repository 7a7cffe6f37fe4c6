//! A small lexer for Rust: what of a source text is code, and what is comment or literal.
//!
//! It knows just enough to never take a word in a string or a comment for code: nested block comments, strings with escapes,
//! raw strings with any number of `#`, byte and C strings, character literals against lifetimes, raw identifiers.

/// `text` with every comment and the inside of every string and character literal blanked.
///
/// Lines and byte offsets stay where they were: each blanked byte becomes a space, line ends stay. The quotes of a literal stay,
/// so that a literal still is a token.
pub(crate) fn strip(text: &str) -> String {
    let mut lexer = Lexer { bytes: text.as_bytes(), at: 0, out: text.as_bytes().to_vec() };
    lexer.run();
    String::from_utf8(lexer.out).expect("whole characters are blanked, never a part of one")
}

/// True for a byte that can stand in an identifier.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

struct Lexer<'t> {
    bytes: &'t [u8],
    at: usize,
    out: Vec<u8>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(byte) = self.peek(0) {
            match (byte, self.peek(1)) {
                (b'/', Some(b'/')) => self.line_comment(),
                (b'/', Some(b'*')) => self.block_comment(),
                (b'"', _) => self.string(),
                (b'\'', _) => self.quote(),
                _ if is_word(byte) => self.word(),
                _ => self.at += 1,
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn blank(&mut self, from: usize, to: usize) {
        let to = to.min(self.out.len());
        for byte in &mut self.out[from..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }

    fn line_comment(&mut self) {
        let from = self.at;
        while self.peek(0).is_some_and(|byte| byte != b'\n') {
            self.at += 1;
        }
        self.blank(from, self.at);
    }

    fn block_comment(&mut self) {
        let from = self.at;
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            match (self.peek(0), self.peek(1)) {
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        break;
                    }
                }
                _ => self.at += 1,
            }
        }
        self.blank(from, self.at);
    }

    /// A string whose opening quote is at the cursor.
    fn string(&mut self) {
        let from = self.at + 1;
        self.at = from;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.blank(from, self.at);
        self.at += 1;
    }

    /// A raw string whose first `#` or quote is at the cursor.
    fn raw_string(&mut self, hashes: usize) {
        let from = self.at + hashes + 1;
        self.at = from;
        while let Some(byte) = self.peek(0) {
            if byte == b'"' && (1..=hashes).all(|n| self.peek(n) == Some(b'#')) {
                break;
            }
            self.at += 1;
        }
        self.blank(from, self.at);
        self.at += 1 + hashes;
    }

    /// A character literal or a lifetime whose quote is at the cursor.
    fn quote(&mut self) {
        let Some(next) = self.peek(1) else {
            self.at += 1;
            return;
        };
        let from = self.at + 1;
        if next == b'\\' {
            // Past the backslash and what it escapes, then to the closing quote: `'\''`, `'\u{1F980}'`.
            self.at += 3;
            while self.peek(0).is_some_and(|byte| byte != b'\'') {
                self.at += 1;
            }
        } else {
            let len = char_len(next);
            if self.peek(1 + len) != Some(b'\'') {
                // A lifetime or a label: only the quote is special.
                self.at += 1;
                return;
            }
            self.at += 1 + len;
        }
        self.blank(from, self.at);
        self.at += 1;
    }

    /// An identifier, a number, or the prefix of a literal.
    fn word(&mut self) {
        let from = self.at;
        while self.peek(0).is_some_and(is_word) {
            self.at += 1;
        }
        let word = &self.bytes[from..self.at];
        if matches!(word, b"r" | b"br" | b"cr") {
            let hashes = self.bytes[self.at..].iter().take_while(|byte| **byte == b'#').count();
            // `r#name` has no quote after its `#`: an identifier.
            if self.peek(hashes) == Some(b'"') {
                self.raw_string(hashes);
            }
        }
    }
}

/// The length in bytes of the character that begins with `first`.
fn char_len(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::strip;

    #[track_caller]
    fn stripped(text: &str, expected: &str) {
        let got = strip(text);
        assert_eq!(got.len(), text.len(), "offsets must stay: {got:?}");
        assert_eq!(got.split_whitespace().collect::<Vec<_>>().join(" "), expected, "{got:?}");
    }

    #[test]
    fn comments_go() {
        stripped("a // b\nc", "a c");
        stripped("a /* b /* c */ d */ e", "a e");
        stripped("/// doc `_ => x`\n//! inner\nfn f() {}", "fn f() {}");
        stripped("a / b", "a / b");
        stripped("a /* never closed", "a");
    }

    #[test]
    fn the_inside_of_strings_goes() {
        stripped(r#"f("a _ => b", 1)"#, r#"f(" ", 1)"#);
        stripped(r#"f("a\"b // c", 1)"#, r#"f(" ", 1)"#);
        stripped(r#"f("a\\", b)"#, r#"f(" ", b)"#);
        stripped("f(\"a\nb\") g", "f(\" \") g");
        stripped(r#"f(b"x", c"y")"#, r#"f(b" ", c" ")"#);
        stripped("\"never closed", "\"");
    }

    #[test]
    fn raw_strings_end_at_their_own_hashes() {
        stripped(r##"f(r"a\", b)"##, r##"f(r" ", b)"##);
        stripped("f(r#\"a\"b\"#, c)", "f(r#\" \"#, c)");
        stripped("f(br##\"a\"#b\"##, c)", "f(br##\" \"##, c)");
        stripped("let r#type = r#fn();", "let r#type = r#fn();");
        stripped("for r in bar { \"x\" }", "for r in bar { \" \" }");
    }

    #[test]
    fn characters_are_told_from_lifetimes() {
        stripped("f('\"', x)", "f(' ', x)");
        stripped(r"f('\'', x)", "f(' ', x)");
        stripped(r"f('\\', x)", "f(' ', x)");
        stripped(r"f('\u{1F980}', b'{')", "f(' ', b' ')");
        stripped("f('é', '界', '🦀')", "f(' ', ' ', ' ')");
        stripped("fn f<'a>(x: &'a str, y: &'static str) {}", "fn f<'a>(x: &'a str, y: &'static str) {}");
        stripped("'outer: loop { break 'outer; }", "'outer: loop { break 'outer; }");
        stripped("f(&'_ str) \"x\"", "f(&'_ str) \" \"");
    }
}
