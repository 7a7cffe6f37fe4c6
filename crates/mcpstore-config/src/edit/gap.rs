//! What stands between two items in brackets: blanks, comments, and a comma.

/// What a comment looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comments {
    /// `// to the end of the line` and `/* up to here */`.
    Slashes,
    /// `# to the end of the line`.
    Hash,
}

/// What was found in a gap.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gap {
    /// Where the comma is.
    pub(super) comma: Option<usize>,
    /// Behind the comma and the comments that end on the line the gap begins on.
    pub(super) line_end: usize,
    /// The beginning of the next line, when nothing else stands on the line the gap begins on.
    pub(super) next_line: Option<usize>,
    /// Behind the last comment.
    pub(super) last_comment: Option<usize>,
}

impl Gap {
    /// Reads the bytes from `from` to before `to`, which hold nothing but blanks, comments and at most one comma.
    pub(super) fn read(text: &str, from: usize, to: usize, comments: Comments) -> Self {
        let bytes = text.as_bytes();
        let mut gap = Self { line_end: from, ..Self::default() };
        let mut first_line = true;
        let mut at = from;
        while at < to {
            match bytes[at] {
                b',' => {
                    gap.comma = gap.comma.or(Some(at));
                    at += 1;
                    if first_line {
                        gap.line_end = at;
                    }
                }
                b'\n' => {
                    at += 1;
                    if first_line {
                        gap.next_line = Some(at);
                    }
                    first_line = false;
                }
                b'#' | b'/' => {
                    let end = comment_end(text, at, to, comments);
                    if first_line && !text[at..end].contains('\n') {
                        gap.line_end = end;
                    } else {
                        first_line = false;
                    }
                    gap.last_comment = Some(end);
                    at = end;
                }
                _ => at += 1,
            }
        }
        gap
    }
}

/// Behind the comment that begins at `at`.
fn comment_end(text: &str, at: usize, to: usize, comments: Comments) -> usize {
    let rest = &text[at..to];
    let block = comments == Comments::Slashes && rest.starts_with("/*");
    let length = if block {
        rest[2..].find("*/").map(|found| found + 4)
    } else {
        // The parser of JSON ends a comment at a lone carriage return, too.
        rest.find(['\n', '\r'])
    };
    at + length.unwrap_or(rest.len()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_comments_are_no_commas() {
        let text = "1 /* , */ // ,\n , // x\n}";
        let gap = Gap::read(text, 1, text.len() - 1, Comments::Slashes);
        assert_eq!(gap.comma, Some(16));
        assert_eq!(gap.line_end, 14);
        assert_eq!(gap.next_line, Some(15));
        assert_eq!(gap.last_comment, Some(22));
        let gap = Gap::read("1, /* a\n b */ }", 1, 14, Comments::Slashes);
        assert_eq!((gap.comma, gap.line_end, gap.next_line), (Some(1), 2, None));
    }
}
