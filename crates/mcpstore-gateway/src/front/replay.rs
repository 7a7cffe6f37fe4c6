//! What was written to the stream of a session last, for a client that lost it on the way (spec: MCP 2025-11-25,
//! streamable HTTP, resumability).

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// The most messages that are kept.
const MAX_MESSAGES: usize = 100;
/// The most bytes that are kept.
const MAX_BYTES: usize = 256 * 1024;

/// The last messages of one session's stream, and the number of each.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    kept: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

impl Replay {
    /// Keeps a message; its number.
    pub(crate) fn keep(&self, message: &Bytes) -> u64 {
        let mut state = self.state();
        state.last += 1;
        let number = state.last;
        state.bytes += message.len();
        state.kept.push_back((number, message.clone()));
        while state.kept.len() > MAX_MESSAGES || state.bytes > MAX_BYTES {
            let Some((_, oldest)) = state.kept.pop_front() else { break };
            state.bytes -= oldest.len();
        }
        number
    }

    /// The messages behind this number that are still kept.
    pub(crate) fn behind(&self, number: u64) -> Vec<(u64, Bytes)> {
        self.state().kept.iter().filter(|(kept, _)| *kept > number).cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics half-way under this lock: what a poisoned one holds is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_within_bounds() {
        let replay = Replay::default();
        for n in 1..=150_u8 {
            assert_eq!(replay.keep(&Bytes::copy_from_slice(&[n])), u64::from(n));
        }
        let behind = |number| replay.behind(number).iter().map(|(number, _)| *number).collect::<Vec<_>>();
        assert_eq!((behind(148), behind(150), behind(900)), (vec![149, 150], vec![], vec![]));
        assert_eq!(behind(0), (51..=150).collect::<Vec<_>>());
        replay.keep(&Bytes::from(vec![b'x'; 200_000]));
        replay.keep(&Bytes::from(vec![b'x'; 100_000]));
        assert_eq!(behind(0), [152]);
        replay.keep(&Bytes::from(vec![b'x'; MAX_BYTES + 1]));
        assert_eq!(behind(0), [0; 0]);
    }
}
