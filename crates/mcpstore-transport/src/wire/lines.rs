//! Lines out of a byte stream, with a bound on each.

use std::io;
use std::time::Duration;

use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

/// How many of the last bytes of a line over the bound are kept.
const TAIL_BYTES: usize = 256;
/// Room for a read, at least and at first: most servers are silent most of the time, and there may be many.
const LEAST_ROOM: usize = 4 * 1024;
/// The buffer that is kept whatever comes; a wider one goes after [`WIDE_FOR`] of silence.
const KEPT: usize = 64 * 1024;
/// One huge line must not hold its memory for ever.
const WIDE_FOR: Duration = Duration::from_secs(1);

/// Splits a byte stream into lines; memory is bounded by twice the limit of a line.
pub struct LineReader<R> {
    stream: R,
    limit: usize,
    /// What was read and not handed out, and before `start` what was.
    buffer: Vec<u8>,
    /// Where the line begins that comes next.
    start: usize,
    /// Up to here there is no end of it.
    seen: usize,
    /// The last read took all the room there was: more may wait.
    filled: bool,
    /// Bytes of the line being skipped, its head included; zero while no line is over the bound.
    skipped: u64,
    /// The last bytes of that line.
    tail: Vec<u8>,
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
        Self { stream, limit, buffer: Vec::new(), start: 0, seen: 0, filled: false, skipped: 0, tail: Vec::new() }
    }

    /// The next line, or `None` at the end of the stream.
    ///
    /// # Errors
    /// What the stream says.
    ///
    /// # Cancel safety
    /// Safe: what was read stays in `self`.
    pub async fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            let end = memchr(b'\n', &self.buffer[self.seen..]).map(|at| self.seen + at);
            let upto = end.unwrap_or(self.buffer.len());
            self.seen = upto;
            if self.skipped > 0 {
                let piece = self.start..upto;
                self.skipped += piece.len() as u64;
                keep_tail(&mut self.tail, &self.buffer[piece]);
                self.take(upto + usize::from(end.is_some()));
                if end.is_some() {
                    return Ok(self.end_of_skipped());
                }
            } else if upto - self.start > self.limit {
                // What fits goes out before the skipping begins.
                let head = self.start..self.start + self.limit;
                self.take(head.end);
                self.skipped = head.len() as u64;
                self.tail.clear();
                return Ok(Some(Line::Head(&self.buffer[head])));
            } else if let Some(end) = end {
                let text = self.start..end;
                self.take(end + 1);
                return Ok(Some(whole(&self.buffer[text], true)));
            }
            if self.read().await? == 0 {
                if self.skipped > 0 {
                    return Ok(self.end_of_skipped());
                }
                let rest = self.start..self.buffer.len();
                self.take(rest.end);
                return Ok(if rest.is_empty() { None } else { Some(whole(&self.buffer[rest], false)) });
            }
        }
    }

    /// What stands before this was handed out.
    fn take(&mut self, upto: usize) {
        self.start = upto;
        self.seen = upto;
    }

    /// Reads more behind what is there.
    async fn read(&mut self) -> io::Result<usize> {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.take(0);
        }
        if self.room() < LEAST_ROOM && self.start > 0 {
            self.buffer.drain(..self.start);
            self.seen -= self.start;
            self.start = 0;
        }
        if self.room() < LEAST_ROOM || (self.filled && self.buffer.capacity() < KEPT) {
            // Twice as much each time, as a vector grows.
            let wanted = (2 * self.buffer.capacity()).max(LEAST_ROOM);
            self.buffer.reserve_exact(wanted - self.buffer.len());
        }
        let is_idle = self.buffer.is_empty() && self.buffer.capacity() > KEPT;
        let read = if is_idle { timeout(WIDE_FOR, self.stream.read_buf(&mut self.buffer)).await.ok() } else { None };
        let read = match read {
            Some(read) => read,
            None => {
                if is_idle {
                    self.buffer = Vec::with_capacity(LEAST_ROOM);
                }
                self.stream.read_buf(&mut self.buffer).await
            }
        };
        self.filled = self.room() == 0;
        read
    }

    /// What can be read at once.
    fn room(&self) -> usize {
        self.buffer.capacity() - self.buffer.len()
    }

    fn end_of_skipped(&mut self) -> Option<Line<'_>> {
        let bytes = std::mem::take(&mut self.skipped);
        Some(Line::Tail { text: &self.tail, bytes })
    }
}

fn whole(text: &[u8], ended: bool) -> Line<'_> {
    Line::Whole { text: text.strip_suffix(b"\r").unwrap_or(text), ended }
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

    #[tokio::test(start_paused = true)]
    async fn a_huge_line_holds_its_memory_only_for_a_moment() {
        use tokio::io::AsyncWriteExt as _;
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut lines = LineReader::new(ours, 10_000_000);
        let huge = [vec![b'x'; 1_000_000], b"\n".to_vec()].concat();
        let writing = tokio::spawn(async move {
            theirs.write_all(&huge).await.unwrap();
            theirs
        });
        assert!(matches!(lines.next().await, Ok(Some(Line::Whole { text, .. })) if text.len() == 1_000_000));
        assert!(lines.buffer.capacity() >= 1_000_000);
        let mut theirs = writing.await.unwrap();
        assert!(timeout(2 * WIDE_FOR, lines.next()).await.is_err());
        assert!(lines.buffer.capacity() <= KEPT, "{}", lines.buffer.capacity());
        theirs.write_all(b"y\n").await.unwrap();
        assert_eq!(lines.next().await.unwrap(), Some(Line::Whole { text: b"y", ended: true }));
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
