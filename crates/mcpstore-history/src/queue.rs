//! What waits for the disk, and who waits for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::history::{Opened, SyncError};
use crate::options::Options;
use crate::record::{GapRecord, Record, encode};

/// Between those who append and the thread that writes.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Wakes the thread.
    wake: Condvar,
    /// Wakes who waits for the disk.
    done: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Lines that the thread has not taken.
    lines: Vec<u8>,
    /// Records and bytes that the system has not got, those that the thread has taken included.
    waiting_records: usize,
    waiting_bytes: usize,
    /// Those of them that the thread has taken.
    taken_records: usize,
    taken_bytes: usize,
    /// Records lost since the thread took what there was: they become a gap.
    lost: u64,
    /// Records that were lost since the start.
    pub(crate) dropped_total: u64,
    /// Records that were accepted since the start.
    given: u64,
    /// Those of them that the disk has.
    durable: u64,
    /// Up to where somebody waits for the disk.
    wanted: u64,
    /// How often the disk failed.
    failures: u64,
    /// Since when it does now, in milliseconds since the Unix epoch.
    pub(crate) failing_since: Option<u64>,
    /// Why it did the last time.
    pub(crate) last_fault: String,
    pub(crate) size_bytes: u64,
    pub(crate) set_aside_total: u64,
    pub(crate) lost_bytes_total: u64,
    closing: bool,
    ended: bool,
}

/// What the thread is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Write what there is, and sync when it is time.
    Work,
    /// Write and sync at once.
    Hurry,
    /// The same for the last time.
    End,
}

impl Queue {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a record, or counts it as lost when there is no room.
    pub(crate) fn push(&self, unix_ms: u64, record: Record, options: &Options) {
        let mut line = Vec::with_capacity(512);
        let fits = encode(&mut line, unix_ms, record);
        let mut state = self.lock();
        let room = state.waiting_records < options.queue_records
            && state.waiting_bytes.saturating_add(line.len()) <= options.queue_bytes;
        if state.ended || !fits || !room {
            state.lost += 1;
            state.dropped_total += 1;
        } else {
            state.lines.extend(&line);
            state.waiting_records += 1;
            state.waiting_bytes += line.len();
            state.given += 1;
        }
        // With a fault, the thread comes by itself when it is time to try again.
        let wake = state.failing_since.is_none();
        drop(state);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Waits until the disk has what was accepted so far.
    pub(crate) fn sync(&self) -> Result<(), SyncError> {
        let mut state = self.lock();
        let (target, failures) = (state.given, state.failures);
        state.wanted = state.wanted.max(target);
        self.wake.notify_one();
        while state.durable < target {
            if state.failures != failures || state.ended {
                return Err(SyncError::Failing { what: state.last_fault.clone() });
            }
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.wake.notify_one();
    }

    /// The thread waits until there is something to do. `retry_at`: the disk failed, and is tried again then.
    /// `sync_at`: it has something to bring to the disk by then. `held`: it has lines that were not written.
    pub(crate) fn next(&self, held: bool, retry_at: Option<Instant>, sync_at: Option<Instant>) -> Task {
        let mut state = self.lock();
        loop {
            if state.closing {
                return Task::End;
            }
            if state.wanted > state.durable {
                return Task::Hurry;
            }
            let fresh = held || !state.lines.is_empty() || state.lost > 0;
            let until = match retry_at {
                Some(retry_at) => Some(retry_at),
                None if fresh => return Task::Work,
                None => sync_at,
            };
            let Some(until) = until else {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let now = Instant::now();
            if now >= until {
                return Task::Work;
            }
            let waited = self.wake.wait_timeout(state, until - now);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The thread, which has nothing left, takes what there is, and says how many records were accepted up to there.
    pub(crate) fn take(&self, into: &mut Vec<u8>, unix_ms: u64) -> u64 {
        let mut state = self.lock();
        // The two change places, so that both keep their room.
        std::mem::swap(&mut state.lines, into);
        (state.taken_records, state.taken_bytes) = (state.waiting_records, state.waiting_bytes);
        let lost = std::mem::take(&mut state.lost);
        if lost > 0 {
            encode(into, unix_ms, Record::Gap(GapRecord { lost }));
        }
        state.given
    }

    /// The system has all that the thread took.
    pub(crate) fn written(&self, size_bytes: u64) {
        let mut state = self.lock();
        state.size_bytes = size_bytes;
        state.waiting_records -= std::mem::take(&mut state.taken_records);
        state.waiting_bytes -= std::mem::take(&mut state.taken_bytes);
    }

    /// The disk has all up to here.
    pub(crate) fn synced(&self, through: u64) {
        self.lock().durable = through;
        self.done.notify_all();
    }

    /// The disk works, and has what these segments are.
    pub(crate) fn opened(&self, opened: &Opened, size_bytes: u64) {
        let mut state = self.lock();
        state.size_bytes = size_bytes;
        state.set_aside_total += u64::try_from(opened.set_aside.len()).unwrap_or(0);
        state.lost_bytes_total += opened.lost_bytes;
    }

    /// The disk fails.
    pub(crate) fn fault(&self, what: String, unix_ms: u64) {
        let mut state = self.lock();
        state.failing_since.get_or_insert(unix_ms);
        state.last_fault = what;
        state.failures += 1;
        // Who waits is told, and asks again if it wants to.
        state.wanted = state.durable;
        drop(state);
        self.done.notify_all();
    }

    /// The disk works again.
    pub(crate) fn mended(&self) {
        self.lock().failing_since = None;
    }

    /// The thread ends; what was not written is lost.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.dropped_total += u64::try_from(state.waiting_records).unwrap_or(0);
        state.waiting_records = 0;
        drop(state);
        self.done.notify_all();
    }
}
