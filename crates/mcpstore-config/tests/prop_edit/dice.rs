//! Chance that proptest can shrink, and the text that grows by it.

/// A stream of choices.
#[derive(Debug)]
pub(crate) struct Dice {
    bytes: Vec<u8>,
    at: usize,
}

impl Dice {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    /// A number below `sides`. Zero when the stream is empty: the plainest style.
    pub(crate) fn roll(&mut self, sides: u8) -> u8 {
        let Some(&byte) = self.bytes.get(self.at % self.bytes.len().max(1)) else { return 0 };
        self.at += 1;
        byte % sides
    }

    /// True once in `sides` times.
    pub(crate) fn once_in(&mut self, sides: u8) -> bool {
        self.roll(sides) == sides - 1
    }
}

/// A comment of a rendered text, and what it goes with.
#[derive(Clone, Debug)]
pub(crate) struct Comment {
    /// What stands in it, once in the whole text.
    pub(crate) mark: String,
    /// The entry, and the field of it, that the comment stands in. Empty when it stands in no entry.
    pub(crate) owner: Vec<String>,
}

/// A text while it is written.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) text: String,
    pub(crate) dice: Dice,
    pub(crate) comments: Vec<Comment>,
    pub(crate) eol: &'static str,
    pub(crate) unit: &'static str,
    sign: &'static str,
}

impl Out {
    pub(crate) fn new(mut dice: Dice, sign: &'static str, units: &[&'static str]) -> Self {
        let eol = if dice.once_in(4) { "\r\n" } else { "\n" };
        let unit = units[usize::from(dice.roll(u8::try_from(units.len()).unwrap()))];
        let text = if dice.once_in(5) { "\u{feff}".to_owned() } else { String::new() };
        Self { text, dice, comments: Vec::new(), eol, unit, sign }
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Once in `sides` times the rare text, else the usual one.
    pub(crate) fn either(&mut self, sides: u8, rare: &str, usual: &str) {
        let text = if self.dice.once_in(sides) { rare } else { usual };
        self.push(text);
    }

    fn mark(&mut self, owner: &[String]) -> String {
        let mark = format!("comment {};", self.comments.len());
        self.comments.push(Comment { mark: mark.clone(), owner: owner.iter().take(2).cloned().collect() });
        mark
    }

    /// Perhaps blank lines and comments before a line, at its indentation.
    pub(crate) fn above(&mut self, indent: &str, owner: &[String]) {
        if self.dice.once_in(5) {
            self.push(self.eol);
        }
        if self.dice.once_in(4) {
            let mark = self.mark(owner);
            let (sign, eol) = (self.sign, self.eol);
            self.push(&format!("{indent}{sign} {mark} \"x\": {{ [ , {eol}"));
        }
    }

    /// Perhaps a comment, and the end of the line.
    pub(crate) fn end_line(&mut self, owner: &[String]) {
        if self.dice.once_in(4) {
            let mark = self.mark(owner);
            let sign = self.sign;
            self.push(&format!("  {sign} {mark} }} ] , '"));
        }
        self.push(self.eol);
    }

    /// Perhaps a comment within a line.
    pub(crate) fn within(&mut self, owner: &[String]) {
        if self.sign == "//" && self.dice.once_in(6) {
            let mark = self.mark(owner);
            self.push(&format!(" /* {mark} , */ "));
        }
    }

    /// The text, perhaps without its last line break.
    pub(crate) fn done(mut self) -> (String, Vec<Comment>, Dice) {
        if self.dice.once_in(4) && self.text.ends_with(self.eol) {
            self.text.truncate(self.text.len() - self.eol.len());
        }
        (self.text, self.comments, self.dice)
    }
}

/// Text in double quotes, as all three formats read it.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() || ('\u{2028}'..='\u{2029}').contains(&c) || ('\u{fe00}'..='\u{ffff}').contains(&c) => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// True for a word that needs no quotes in any format.
pub(crate) fn is_word(text: &str) -> bool {
    let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "inf", "nan"];
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !reserved.contains(&text)
}
