//! Lines out of a byte stream, with a bound on each.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// How many of the last bytes of a line over the bound are kept.
const TAIL_BYTES: usize = 256;

/// Splits a byte stream into lines; memory is bounded by the limit of a line.
pub struct LineReader<R> {
    reader: BufReader<R>,
    limit: usize,
    line: Vec<u8>,
    /// The caller has seen what is in `line`; the next call starts a new one.
    spent: bool,
    /// Bytes of the line being skipped, its kept head included; zero while no line is over the bound.
    skipped: u64,
}

/// What [`LineReader::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line without its end; the last one of a stream may lack the end anyway (`ended` is false then).
    Whole {
        /// Its bytes, without the end.
        text: &'a [u8],
        /// It had an end.
        ended: bool,
    },
    /// The line is over the bound: its first bytes. The rest is skipped.
    Head(&'a [u8]),
    /// The skipped line is over: its last bytes, and its length in all.
    Tail {
        /// Its last bytes, at most 256.
        text: &'a [u8],
        /// Its length.
        bytes: u64,
    },
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// Reads lines of at most `limit` bytes out of this stream.
    pub fn new(stream: R, limit: usize) -> Self {
        let reader = BufReader::with_capacity(64 * 1024, stream);
        Self { reader, limit, line: Vec::new(), spent: false, skipped: 0 }
    }

    /// The next line, or `None` at the end of the stream.
    ///
    /// # Errors
    /// What the stream says.
    ///
    /// # Cancel safety
    /// Safe: what was read stays in `self`.
    pub async fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        if self.spent {
            self.spent = false;
            self.line.clear();
            // One huge line must not hold its memory for ever.
            self.line.shrink_to(256 * 1024);
        }
        loop {
            let buffer = self.reader.fill_buf().await?;
            if buffer.is_empty() {
                return Ok(self.finish(false));
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            let used = piece.len() + usize::from(end.is_some());
            if self.skipped > 0 {
                self.skipped += piece.len() as u64;
                keep_tail(&mut self.line, piece);
                self.reader.consume(used);
                if end.is_some() {
                    return Ok(self.finish(true));
                }
                continue;
            }
            let room = self.limit - self.line.len();
            if piece.len() > room {
                // Take what fits and leave the rest, so that the head goes out before the skipping begins.
                self.line.extend_from_slice(&piece[..room]);
                self.reader.consume(room);
                self.skipped = self.line.len() as u64;
                self.spent = true;
                return Ok(Some(Line::Head(&self.line)));
            }
            self.line.extend_from_slice(piece);
            self.reader.consume(used);
            if end.is_some() {
                return Ok(self.finish(true));
            }
        }
    }

    fn finish(&mut self, ended: bool) -> Option<Line<'_>> {
        if self.skipped > 0 {
            let bytes = std::mem::take(&mut self.skipped);
            self.spent = true;
            return Some(Line::Tail { text: &self.line, bytes });
        }
        if !ended && self.line.is_empty() {
            return None;
        }
        self.spent = true;
        let text = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        Some(Line::Whole { text, ended })
    }
}

/// Appends to the tail and cuts it at its front.
fn keep_tail(tail: &mut Vec<u8>, piece: &[u8]) {
    let piece = &piece[piece.len().saturating_sub(TAIL_BYTES)..];
    tail.extend_from_slice(piece);
    let over = tail.len().saturating_sub(TAIL_BYTES);
    tail.drain(..over);
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(input: impl AsyncRead + Unpin, limit: usize) -> Vec<String> {
        let mut lines = LineReader::new(input, limit);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            found.push(match line {
                Line::Whole { text, ended } => format!("{}{}", show(text), if ended { "" } else { "<eof>" }),
                Line::Head(text) => format!("head {}", show(text)),
                Line::Tail { text, bytes } => format!("tail {} of {bytes}", show(text)),
            });
        }
        found
    }

    #[tokio::test]
    async fn lines_of_every_ending() {
        assert_eq!(all(b"a\nb\r\n\nc".as_slice(), 10).await, ["a", "b", "", "c<eof>"]);
        assert_eq!(all(b"".as_slice(), 10).await, Vec::<String>::new());
        assert_eq!(all(b"0123456789\nx\n".as_slice(), 10).await, ["0123456789", "x"]);
    }

    #[tokio::test]
    async fn a_long_line_shows_its_ends_and_the_next_is_whole() {
        assert_eq!(all(b"0123456789abc\nx\n".as_slice(), 10).await, ["head 0123456789", "tail abc of 13", "x"]);
        assert_eq!(all(b"0123456789abc".as_slice(), 10).await, ["head 0123456789", "tail abc of 13"]);
        let mut long = vec![b'y'; 1_000_000];
        long.extend_from_slice(b"end\nz\n");
        let found = all(long.as_slice(), 1000).await;
        assert!(found[1].ends_with("yend of 1000003") && found[1].len() < 300, "{found:?}");
        assert_eq!(found[2], "z");
    }

    #[tokio::test]
    async fn pieces_make_no_difference() {
        let input = b"short\r\n0123456789abc\n\n{\"id\":1}\nlast".as_slice();
        let whole = all(input, 10).await;
        for size in 1..input.len() {
            let (ours, mut theirs) = tokio::io::duplex(size);
            let write = async move { tokio::io::AsyncWriteExt::write_all(&mut theirs, input).await.unwrap() };
            let (found, ()) = tokio::join!(all(ours, 10), write);
            assert_eq!(found, whole, "in pieces of {size}");
        }
    }
}
