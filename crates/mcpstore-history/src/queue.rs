//! What waits for the disk, and who waits for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    /// Somebody waits for the disk.
    wanted: bool,
    /// How often the disk failed.
    failures: u64,
    /// Why nothing can be written now.
    pub(crate) write_fault: Option<Fault>,
    /// Why nothing can be brought to the disk now.
    pub(crate) sync_fault: Option<Fault>,
    /// What the last one was.
    last_fault: String,
    pub(crate) size_bytes: u64,
    pub(crate) set_aside_total: u64,
    pub(crate) lost_bytes_total: u64,
    closing: bool,
    ended: bool,
}

/// Trouble with the disk.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) what: String,
    pub(crate) since_unix_ms: u64,
}

/// Whose trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Write,
    Sync,
}

impl State {
    const fn fault(&mut self, part: Part) -> &mut Option<Fault> {
        match part {
            Part::Write => &mut self.write_fault,
            Part::Sync => &mut self.sync_fault,
        }
    }
}

/// What the thread is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Write what there is.
    Work,
    /// Write it, and bring it to the disk at once.
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
        let wake = state.write_fault.is_none();
        drop(state);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Waits until the disk has what was accepted so far.
    pub(crate) fn sync(&self) -> Result<(), SyncError> {
        let mut state = self.lock();
        let (target, failures) = (state.given, state.failures);
        state.wanted = true;
        self.wake.notify_one();
        while state.durable < target {
            if state.failures != failures || state.ended {
                return Err(SyncError::Failing { what: state.last_fault.clone() });
            }
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Tells the thread to end, and waits for it at most so long. False: it has not ended yet.
    pub(crate) fn close(&self, wait: Duration) -> bool {
        let mut state = self.lock();
        state.closing = true;
        self.wake.notify_one();
        let waited = self.done.wait_timeout_while(state, wait, |state| !state.ended);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.ended
    }

    /// The thread waits until there is something to do. `retry_at`: the disk failed, and is tried again then.
    /// `held`: it has lines that were not written.
    pub(crate) fn next(&self, held: bool, retry_at: Option<Instant>) -> Task {
        let mut state = self.lock();
        loop {
            if state.closing {
                return Task::End;
            }
            if std::mem::take(&mut state.wanted) {
                return Task::Hurry;
            }
            let fresh = held || !state.lines.is_empty() || state.lost > 0;
            let Some(until) = retry_at else {
                if fresh {
                    return Task::Work;
                }
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
        let mut state = self.lock();
        state.durable = through;
        state.sync_fault = None;
        drop(state);
        self.done.notify_all();
    }

    /// The disk works, and has what these segments are.
    pub(crate) fn opened(&self, opened: &Opened, size_bytes: u64) {
        let mut state = self.lock();
        state.size_bytes = size_bytes;
        state.set_aside_total += u64::try_from(opened.set_aside.len()).unwrap_or(0);
        state.lost_bytes_total += opened.lost_bytes;
    }

    /// The disk fails. Who waits is told.
    pub(crate) fn fault(&self, part: Part, what: String, unix_ms: u64) {
        let mut state = self.lock();
        state.last_fault.clone_from(&what);
        state.failures += 1;
        let slot = state.fault(part);
        let since_unix_ms = slot.as_ref().map_or(unix_ms, |fault| fault.since_unix_ms);
        *slot = Some(Fault { what, since_unix_ms });
        drop(state);
        self.done.notify_all();
    }

    /// It can be written again.
    pub(crate) fn mended(&self) {
        self.lock().write_fault = None;
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
