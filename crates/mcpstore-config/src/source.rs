//! Texts, and places in them.

/// One config text and the name it goes by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The name shown in diagnostics, for example `mcp.json`.
    pub name: String,
    /// The text; a byte order mark at its beginning is tolerated.
    pub text: String,
}

impl Source {
    /// A text with its name.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// A range of bytes in a text; both ends lie on character boundaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Its first byte, counted from 0.
    pub start: usize,
    /// The byte after its last one.
    pub end: usize,
}

impl Span {
    /// The span from `start` to before `end`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// Where in the config something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which text: the index into the sources given to [`parse`](crate::parse()).
    pub source: usize,
    /// The bytes it covers.
    pub span: Span,
    /// The line of its first character, counted from 1.
    pub line: usize,
    /// The column of its first character, counted from 1 in characters (a tab is one, an accented letter is one).
    pub column: usize,
}

/// Every how many bytes the count of characters is noted down.
const STEP: usize = 256;

/// Finds lines and columns; a look-up costs the same however long the lines are.
#[derive(Debug, Default)]
pub(crate) struct LineIndex {
    /// Where each line begins.
    starts: Vec<usize>,
    /// Characters before byte `STEP * index`; empty for a text of ASCII alone, where each byte is one.
    characters: Vec<usize>,
}

impl LineIndex {
    pub(crate) fn new(text: &str) -> Self {
        let mut starts = vec![bom_len(text)];
        starts.extend(text.bytes().enumerate().filter(|&(_, b)| b == b'\n').map(|(at, _)| at + 1));
        if text.is_ascii() {
            return Self { starts, characters: Vec::new() };
        }
        let mut characters = Vec::with_capacity(text.len() / STEP + 1);
        let mut count = 0;
        for chunk in text.as_bytes().chunks(STEP) {
            characters.push(count);
            count += count_characters(chunk);
        }
        characters.push(count);
        Self { starts, characters }
    }

    /// Line and column of the character at byte `at`, both counted from 1.
    pub(crate) fn locate(&self, text: &str, at: usize) -> (usize, usize) {
        let at = at.min(text.len());
        let line = self.starts.partition_point(|&start| start <= at).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0).min(at);
        (line, self.before(text, at) - self.before(text, start) + 1)
    }

    /// The bytes of a line counted from 1, without its line end.
    pub(crate) fn line_span(&self, text: &str, line: usize) -> Span {
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(text.len());
        let end = self.starts.get(line).map_or(text.len(), |next| next - 1);
        let end = end.max(start);
        let end = if text[start..end].ends_with('\r') { end - 1 } else { end };
        Span::new(start, end)
    }

    fn before(&self, text: &str, at: usize) -> usize {
        if self.characters.is_empty() {
            return at;
        }
        let block = at / STEP;
        let noted = self.characters.get(block).copied().unwrap_or(0);
        noted + count_characters(&text.as_bytes()[block * STEP..at])
    }
}

/// Characters that begin in these bytes of a UTF-8 text.
fn count_characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b & 0b1100_0000 != 0b1000_0000).count()
}

/// The length of the byte order mark at the beginning of a text: 0 or 3.
pub(crate) fn bom_len(text: &str) -> usize {
    if text.starts_with('\u{feff}') { 3 } else { 0 }
}

/// The largest character boundary that is not past `at`.
pub(crate) fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "\u{feff}{\n\t\"ключ\": \"日本\", \"x\"\r\n}";
        let lines = LineIndex::new(text);
        let at = |needle: &str| lines.locate(text, text.find(needle).unwrap());
        assert_eq!(at("{"), (1, 1));
        assert_eq!(at("\"ключ"), (2, 2));
        assert_eq!(at("\"日本"), (2, 10));
        assert_eq!(at("\"x\""), (2, 16));
        assert_eq!(at("}"), (3, 1));
        assert_eq!(lines.locate(text, text.len() + 9), (3, 2));
        let second = lines.line_span(text, 2);
        assert_eq!(&text[second.start..second.end], "\t\"ключ\": \"日本\", \"x\"");
    }

    #[test]
    fn a_look_up_in_a_long_line_agrees_with_counting() {
        let text: String = "aé日🞄".chars().cycle().take(5000).collect();
        let lines = LineIndex::new(&text);
        for (nth, (at, _)) in text.char_indices().enumerate() {
            assert_eq!(lines.locate(&text, at), (1, nth + 1));
        }
    }
}
