//! The event log: what happened, bounded, for any number of readers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcpstore_types::Notice;
use tokio::sync::watch;

/// The last notices, and a stream of those to come. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ring: Mutex<VecDeque<Arc<Notice>>>,
    keep: usize,
    last: watch::Sender<u64>,
}

impl Events {
    pub(crate) fn new(keep: usize) -> Self {
        Self { shared: Arc::new(Shared { ring: Mutex::default(), keep: keep.max(1), last: watch::Sender::new(0) }) }
    }

    pub(crate) fn push(&self, notice: Notice) {
        let seq = notice.seq;
        let mut ring = self.ring();
        if ring.len() == self.shared.keep {
            ring.pop_front();
        }
        ring.push_back(Arc::new(notice));
        drop(ring);
        self.shared.last.send_replace(seq);
    }

    /// The number of the newest notice; 0 before the first.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        *self.shared.last.borrow()
    }

    /// The kept notices numbered above `seq`, oldest first; `0` gives all that are kept.
    #[must_use]
    pub fn since(&self, seq: u64) -> Vec<Arc<Notice>> {
        let ring = self.ring();
        let start = ring.partition_point(|notice| notice.seq <= seq);
        ring.iter().skip(start).cloned().collect()
    }

    /// A stream of the notices numbered above `seq`: those kept first, then those to come.
    #[must_use]
    pub fn stream(&self, seq: u64) -> EventStream {
        EventStream { events: self.clone(), seen: seq, missed: 0, last: self.shared.last.subscribe() }
    }

    fn ring(&self) -> MutexGuard<'_, VecDeque<Arc<Notice>>> {
        // Nothing in here panics half-way, so what a poisoned lock holds is whole.
        self.shared.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notices in order, each once. A reader that is slower than the log is long skips, and is told how many it missed.
#[derive(Debug)]
pub struct EventStream {
    events: Events,
    seen: u64,
    missed: u64,
    last: watch::Receiver<u64>,
}

impl EventStream {
    /// The next notices, at least one; `None` once the supervisor is gone and everything was read.
    ///
    /// # Cancel safety
    /// Safe: a notice is only counted as seen when it is returned.
    pub async fn next(&mut self) -> Option<Vec<Arc<Notice>>> {
        loop {
            let seen = self.seen;
            let ended = self.last.wait_for(|last| *last > seen).await.is_err();
            let notices = self.events.since(seen);
            if let (Some(first), Some(last)) = (notices.first(), notices.last()) {
                self.missed += first.seq - seen - 1;
                self.seen = last.seq;
                return Some(notices);
            }
            if ended {
                return None;
            }
        }
    }

    /// How many notices were overwritten before this reader came to them.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcpstore_types::{Incarnation, PhaseName, Reason, ServiceName, Timestamp};

    fn notice(seq: u64) -> Notice {
        Notice {
            seq,
            time: Timestamp::ZERO,
            service: ServiceName::new("a").unwrap(),
            incarnation: Incarnation(1),
            from: None,
            to: None,
            phase: PhaseName::Idle,
            reason: Reason::Registered,
            detail: None,
        }
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_what_it_missed() {
        let events = Events::new(3);
        let mut stream = events.stream(0);
        for seq in 1..=5 {
            events.push(notice(seq));
        }
        let seqs: Vec<_> = stream.next().await.unwrap().iter().map(|n| n.seq).collect();
        assert_eq!((seqs, stream.missed()), (vec![3, 4, 5], 2));
        let (next, ()) = tokio::join!(stream.next(), async { events.push(notice(6)) });
        assert_eq!(next.unwrap()[0].seq, 6);
        assert_eq!(stream.missed(), 2);
    }
}
