//! The last lines a server wrote where no protocol is spoken.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use mcpstore_types::Incarnation;
use tokio::sync::watch;

/// The last lines of one life of a server: its stderr, and what on its stdout is no protocol.
///
/// Bounded: [`LogRing::MAX_LINES`] lines and [`LogRing::MAX_BYTES`] bytes in all, a line cut at
/// [`LogRing::MAX_LINE_BYTES`]. What had to go is counted. The text is raw: clean it before it meets a terminal.
#[derive(Debug)]
pub struct LogRing {
    incarnation: Incarnation,
    /// Shared by all lives of a service, so that a late line of an earlier life gets a number of its own.
    next_seq: Arc<AtomicU64>,
    inner: Mutex<Inner>,
    last: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    lines: VecDeque<LogLine>,
    bytes: usize,
    dropped: u64,
    noise: u64,
}

/// One line a server wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its number: grows over all lives of the service; the first is 1.
    pub seq: u64,
    /// The life that wrote it.
    pub incarnation: Incarnation,
    /// When it was read.
    pub at: SystemTime,
    /// Where it was written.
    pub stream: LogStream,
    /// The line without its end; invalid UTF-8 replaced, nothing else cleaned.
    pub text: String,
}

/// Where a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogStream {
    /// Its stderr.
    Stderr,
    /// Its stdout, where only the protocol belongs.
    Noise,
}

impl LogStream {
    /// `stderr` or `noise`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stderr => "stderr",
            Self::Noise => "noise",
        }
    }
}

impl LogRing {
    /// Lines kept.
    pub const MAX_LINES: usize = 200;
    /// Bytes of text kept in all.
    pub const MAX_BYTES: usize = 1024 * 1024;
    /// Bytes of one line kept; a longer one is cut there and marked.
    pub const MAX_LINE_BYTES: usize = 8 * 1024;
    /// What marks a cut line.
    pub const CUT: &'static str = " …(cut)";

    /// An empty ring for the first life of a service.
    #[must_use]
    pub fn new(incarnation: Incarnation) -> Self {
        Self::build(incarnation, Arc::new(AtomicU64::new(1)))
    }

    /// An empty ring for the next life, whose numbers go on where this one's are.
    #[must_use]
    pub fn following(&self, incarnation: Incarnation) -> Self {
        Self::build(incarnation, Arc::clone(&self.next_seq))
    }

    fn build(incarnation: Incarnation, next_seq: Arc<AtomicU64>) -> Self {
        Self { incarnation, next_seq, inner: Mutex::default(), last: watch::Sender::new(0) }
    }

    /// Which life it belongs to.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Appends a line; cuts it, and drops the oldest ones, as the bounds want.
    pub fn push(&self, stream: LogStream, text: &str) {
        let text = cut(text);
        let at = SystemTime::now();
        let mut inner = self.lock();
        // Numbered under the lock: the lines of one ring are in the order of their numbers.
        let seq = self.next_seq.fetch_add(1, Ordering::Relaxed);
        if stream == LogStream::Noise {
            inner.noise += 1;
        }
        inner.bytes += text.len();
        inner.lines.push_back(LogLine { seq, incarnation: self.incarnation, at, stream, text });
        while inner.lines.len() > Self::MAX_LINES || inner.bytes > Self::MAX_BYTES {
            let Some(oldest) = inner.lines.pop_front() else { break };
            inner.bytes -= oldest.text.len();
            inner.dropped += 1;
        }
        drop(inner);
        // Two pushes may arrive here out of order; the number must not go back.
        self.last.send_if_modified(|last| {
            let newer = seq > *last;
            *last = seq.max(*last);
            newer
        });
    }

    /// The last `n` lines of both streams, oldest first.
    #[must_use]
    pub fn tail(&self, n: usize) -> Vec<LogLine> {
        let inner = self.lock();
        let skip = inner.lines.len().saturating_sub(n);
        inner.lines.iter().skip(skip).cloned().collect()
    }

    /// The text of the last `n` lines of stderr, oldest first.
    #[must_use]
    pub fn stderr_tail(&self, n: usize) -> Vec<String> {
        let inner = self.lock();
        let newest = inner.lines.iter().rev().filter(|line| line.stream == LogStream::Stderr).take(n);
        let mut tail: Vec<_> = newest.map(|line| line.text.clone()).collect();
        tail.reverse();
        tail
    }

    /// The kept lines numbered above `seq`, oldest first; `0` gives all.
    #[must_use]
    pub fn since(&self, seq: u64) -> Vec<LogLine> {
        self.lock().lines.iter().filter(|line| line.seq > seq).cloned().collect()
    }

    /// Resolves when there is, or was, a line numbered above `seq`; at once when there is one already.
    ///
    /// # Cancel safety
    /// Safe: it takes nothing out.
    pub async fn changed(&self, seq: u64) {
        // The sender lives as long as `self` is borrowed, so this cannot fail.
        let _ = self.last.subscribe().wait_for(|last| *last > seq).await;
    }

    /// Lines that had to go because newer ones came.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Lines of noise pushed, kept or not.
    #[must_use]
    pub fn noise(&self) -> u64 {
        self.lock().noise
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // Nothing in here panics half-way, so what a poisoned lock holds is whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The line, cut at a character boundary and marked when it is too long.
fn cut(text: &str) -> String {
    if text.len() <= LogRing::MAX_LINE_BYTES {
        return text.to_owned();
    }
    let mut end = LogRing::MAX_LINE_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{}", &text[..end], LogRing::CUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_lines_and_counts_the_rest() {
        let ring = LogRing::new(Incarnation(1));
        for n in 0..250 {
            ring.push(LogStream::Stderr, &format!("line {n}"));
        }
        ring.push(LogStream::Noise, "hello");
        assert_eq!((ring.tail(1000).len(), ring.dropped(), ring.noise()), (200, 51, 1));
        assert_eq!(ring.stderr_tail(2), ["line 248", "line 249"]);
        assert_eq!(ring.since(249).iter().map(|line| line.seq).collect::<Vec<_>>(), [250, 251]);
        let next = ring.following(Incarnation(2));
        next.push(LogStream::Stderr, "reborn");
        assert_eq!(next.tail(1)[0].seq, 252);
    }

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let ring = LogRing::new(Incarnation(1));
        ring.push(LogStream::Stderr, &"ä".repeat(LogRing::MAX_LINE_BYTES));
        let text = &ring.tail(1)[0].text;
        assert!(text.ends_with(LogRing::CUT) && text.len() <= LogRing::MAX_LINE_BYTES + LogRing::CUT.len());
        for _ in 0..300 {
            ring.push(LogStream::Stderr, &"x".repeat(LogRing::MAX_LINE_BYTES));
        }
        let kept: usize = ring.tail(1000).iter().map(|line| line.text.len()).sum();
        assert!(kept <= LogRing::MAX_BYTES, "{kept} bytes kept");
    }

    #[tokio::test]
    async fn waiters_hear_of_lines_before_and_after() {
        let ring = LogRing::new(Incarnation(1));
        ring.push(LogStream::Stderr, "one");
        ring.changed(0).await;
        tokio::join!(ring.changed(1), async { ring.push(LogStream::Stderr, "two") });
        assert_eq!(ring.since(1)[0].text, "two");
    }
}
