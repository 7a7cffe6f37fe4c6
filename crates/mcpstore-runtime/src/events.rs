//! The event log: what happened, bounded, for any number of readers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcpstore_types::Notice;
use tokio::sync::watch;

/// The last notices, and a stream of those to come. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events {
    ring: Arc<Ring>,
    last: watch::Receiver<u64>,
}

#[derive(Debug)]
struct Ring {
    kept: Mutex<VecDeque<Arc<Notice>>>,
    keep: usize,
}

/// The writing end. The streams end when it is dropped.
#[derive(Debug)]
pub(crate) struct EventLog {
    events: Events,
    last: watch::Sender<u64>,
}

impl EventLog {
    /// A log that keeps so many notices, at least one.
    pub(crate) fn new(keep: usize) -> Self {
        let (sender, last) = watch::channel(0);
        let ring = Arc::new(Ring { kept: Mutex::default(), keep: keep.max(1) });
        Self { events: Events { ring, last }, last: sender }
    }

    /// The reading end.
    pub(crate) fn reader(&self) -> Events {
        self.events.clone()
    }

    /// Appends notices, whose numbers go on without a gap.
    pub(crate) fn append(&self, notices: Vec<Notice>) {
        let Some(seq) = notices.last().map(|notice| notice.seq) else { return };
        let mut kept = self.events.kept();
        for notice in notices {
            if kept.len() == self.events.ring.keep {
                kept.pop_front();
            }
            kept.push_back(Arc::new(notice));
        }
        drop(kept);
        self.last.send_replace(seq);
    }
}

impl Events {
    /// The number of the newest notice; 0 before the first.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        *self.last.borrow()
    }

    /// The kept notices numbered above `seq`, oldest first; `0` gives all that are kept.
    #[must_use]
    pub fn since(&self, seq: u64) -> Vec<Arc<Notice>> {
        let kept = self.kept();
        let start = kept.partition_point(|notice| notice.seq <= seq);
        kept.iter().skip(start).cloned().collect()
    }

    /// A stream of the notices numbered above `seq`: those kept first, then those to come.
    #[must_use]
    pub fn stream(&self, seq: u64) -> EventStream {
        EventStream { events: self.clone(), seen: seq, missed: 0 }
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Arc<Notice>>> {
        // Nothing in here panics half-way, so what a poisoned lock holds is whole.
        self.ring.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notices in order, each once. A reader that is slower than the log is long skips, and is told how many it missed.
#[derive(Debug)]
pub struct EventStream {
    events: Events,
    seen: u64,
    missed: u64,
}

impl EventStream {
    /// The next notices, at least one; `None` once the supervisor is gone and everything was read.
    ///
    /// # Cancel safety
    /// Safe: a notice is only counted as seen when it is returned.
    pub async fn next(&mut self) -> Option<Vec<Arc<Notice>>> {
        loop {
            let seen = self.seen;
            let ended = self.events.last.wait_for(|last| *last > seen).await.is_err();
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
        let log = EventLog::new(3);
        let mut stream = log.reader().stream(0);
        log.append(vec![notice(1)]);
        log.append((2..=5).map(notice).collect());
        let seqs: Vec<_> = stream.next().await.unwrap().iter().map(|n| n.seq).collect();
        assert_eq!((seqs, stream.missed()), (vec![3, 4, 5], 2));
        let (next, ()) = tokio::join!(stream.next(), async { log.append(vec![notice(6)]) });
        assert_eq!(next.unwrap()[0].seq, 6);
        assert_eq!(stream.missed(), 2);
    }

    #[tokio::test]
    async fn a_stream_ends_with_its_log_once_all_is_read() {
        let log = EventLog::new(3);
        let mut stream = log.reader().stream(0);
        log.append(vec![notice(1)]);
        drop(log);
        assert_eq!(stream.next().await.unwrap().len(), 1);
        assert!(stream.next().await.is_none());
    }
}
