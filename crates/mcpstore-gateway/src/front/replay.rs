//! What was written to a stream last, for a client that lost it on the way (spec: MCP 2025-11-25, streamable HTTP,
//! resumability).

use std::collections::VecDeque;

use bytes::Bytes;

/// The most messages that are kept of what was written.
const MAX_MESSAGES: usize = 100;
/// The most bytes that are kept of what was written.
const MAX_BYTES: usize = 256 * 1024;

/// The last messages of one stream, and the number of each.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    last: u64,
    kept: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

impl Replay {
    /// Keeps a message that is written now, and lets go of the oldest ones, or of itself where it is too large; its number.
    pub(crate) fn keep(&mut self, message: &Bytes) -> u64 {
        let number = self.put(message);
        self.trim(0);
        number
    }

    /// The same, but this message stays however large it is: it may be the answer, and then it is what counts.
    pub(crate) fn keep_whole(&mut self, message: &Bytes) -> u64 {
        let number = self.put(message);
        self.trim(1);
        number
    }

    /// Keeps a message that nobody has read, and all before it; its number.
    pub(crate) fn put(&mut self, message: &Bytes) -> u64 {
        self.last += 1;
        self.bytes += message.len();
        self.kept.push_back((self.last, message.clone()));
        self.last
    }

    /// Lets go of the oldest ones beyond the bounds, but for so many of the last.
    fn trim(&mut self, last: usize) {
        while self.kept.len() > last && (self.kept.len() > MAX_MESSAGES || self.bytes > MAX_BYTES) {
            let Some((_, oldest)) = self.kept.pop_front() else { break };
            self.bytes -= oldest.len();
        }
    }

    /// The number of the last message.
    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    /// Bytes of all that are kept.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first message behind this number that is still kept, and its own number.
    pub(crate) fn next(&self, number: u64) -> Option<(u64, Bytes)> {
        let at = self.kept.partition_point(|(kept, _)| *kept <= number);
        self.kept.get(at).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(replay: &Replay, mut number: u64) -> Vec<u64> {
        let mut out = Vec::new();
        while let Some((next, _)) = replay.next(number) {
            out.push(next);
            number = next;
        }
        out
    }

    #[test]
    fn the_last_ones_are_kept_within_bounds() {
        let mut replay = Replay::default();
        for n in 1..=150_u8 {
            assert_eq!(replay.keep(&Bytes::copy_from_slice(&[n])), u64::from(n));
        }
        assert_eq!((behind(&replay, 148), behind(&replay, 150)), (vec![149, 150], vec![]));
        assert_eq!((behind(&replay, 900), behind(&replay, 0)), (vec![], (51..=150).collect::<Vec<_>>()));
        replay.keep(&Bytes::from(vec![b'x'; 200_000]));
        replay.keep(&Bytes::from(vec![b'x'; 100_000]));
        assert_eq!(behind(&replay, 0), [152]);
        replay.keep(&Bytes::from(vec![b'x'; MAX_BYTES + 1]));
        assert_eq!((behind(&replay, 0), replay.bytes()), (vec![], 0));
    }

    #[test]
    fn what_nobody_has_read_stays_until_something_is_written_behind_it() {
        let mut replay = Replay::default();
        for _ in 0..3 {
            replay.put(&Bytes::from(vec![b'x'; MAX_BYTES]));
        }
        assert_eq!((behind(&replay, 0), replay.bytes()), (vec![1, 2, 3], 3 * MAX_BYTES));
        replay.keep(&Bytes::from_static(b"y"));
        assert_eq!(behind(&replay, 0), [4]);
        replay.keep_whole(&Bytes::from(vec![b'x'; 3 * MAX_BYTES]));
        assert_eq!((behind(&replay, 0), replay.last()), (vec![5], 5));
    }
}
