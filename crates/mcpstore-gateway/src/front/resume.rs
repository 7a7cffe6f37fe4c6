//! Answers that outlive the connection that carries them, so that a client whose connection broke gets on with them over
//! another one (spec: MCP 2025-11-25, streamable HTTP, resumability and polling).

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use super::limits::Limits;
use super::pipe::Pipe;
use super::replay::Replay;
use crate::outlet::Outlet;

/// The most streams of one session that are kept.
const MOST: usize = 32;
/// The most bytes of those of one session that are over, when another one begins.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The streams of one session that can be resumed.
#[derive(Debug)]
pub(crate) struct Streams {
    wait: Duration,
    poll_after: Option<Duration>,
    /// The session is over.
    over: CancellationToken,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    by_number: BTreeMap<u64, Arc<Stream>>,
}

impl Streams {
    /// None yet. `None` where nothing is to be resumed.
    pub(crate) fn new(limits: &Limits, over: &CancellationToken) -> Option<Arc<Self>> {
        let wait = limits.resume_wait?;
        let table = Mutex::default();
        Some(Arc::new(Self { wait, poll_after: limits.poll_after, over: over.clone(), table }))
    }

    /// How long an answer may say nothing before it becomes a stream: no longer than its connection may last.
    pub(crate) fn patience(&self, otherwise: Duration) -> Duration {
        self.poll_after.map_or(otherwise, |after| after.min(otherwise))
    }

    /// Takes in what an answer comes out of, for which its client has `waited`.
    ///
    /// # Errors
    /// It comes back when too many are under way: then it is one that cannot be resumed.
    pub(crate) fn begin(self: &Arc<Self>, pipe: Box<Pipe>, waited: Duration) -> Result<Reader, Box<Pipe>> {
        let mut table = self.table();
        // Their tasks end whether there is room now or not.
        table.make_room().iter().for_each(|gone| gone.give_up());
        if table.by_number.len() >= MOST {
            return Err(pipe);
        }
        table.last += 1;
        let number = table.last;
        let stream = Arc::new(Stream { number, state: Mutex::new(State::new(pipe)) });
        table.by_number.insert(number, Arc::clone(&stream));
        drop(table);
        Ok(self.reader(stream, 0, 0, waited))
    }

    /// Gets on with the stream behind the event with this id. Whoever reads it now reads no more. `None` when there is no such
    /// stream, or no longer, or nothing in it behind that event: whoever saw its end must not ask again and again.
    pub(crate) fn resume(self: &Arc<Self>, (number, seen): (u64, u64)) -> Option<Reader> {
        let table = self.table();
        let stream = Arc::clone(table.by_number.get(&number)?);
        if !stream.state().goes_on_behind(seen) {
            return None;
        }
        // Under the lock of the table, so that its time does not run out meanwhile.
        let turn = stream.taken();
        drop(table);
        Some(self.reader(stream, turn, seen, Duration::ZERO))
    }

    /// Gives them all up.
    pub(crate) fn end(&self) {
        let gone = std::mem::take(&mut self.table().by_number);
        gone.values().for_each(|stream| stream.give_up());
    }

    fn reader(self: &Arc<Self>, stream: Arc<Stream>, turn: u64, seen: u64, waited: Duration) -> Reader {
        let until = self.poll_after.map(|after| Box::pin(tokio::time::sleep(after.saturating_sub(waited))));
        Reader { streams: Arc::clone(self), stream, turn, seen, until }
    }

    /// Forgets a stream, unless somebody reads it again.
    fn forget(&self, stream: &Stream, turn: u64) {
        let mut table = self.table();
        let gone = if stream.state().turn == turn { table.by_number.remove(&stream.number) } else { None };
        drop(table);
        drop(gone);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics half-way under this lock: what a poisoned one holds is whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Takes out streams that are over, the oldest first, where there are too many, or they are too large.
    fn make_room(&mut self) -> Vec<Arc<Stream>> {
        let over = |stream: &Arc<Stream>| {
            let state = stream.state();
            state.pipe.is_none().then(|| state.replay.bytes())
        };
        let over: Vec<_> =
            self.by_number.iter().filter_map(|(number, stream)| Some((*number, over(stream)?))).collect();
        let mut bytes: usize = over.iter().map(|(_, bytes)| bytes).sum();
        let mut gone = Vec::new();
        for (number, size) in over {
            if self.by_number.len() < MOST && bytes <= MOST_BYTES {
                break;
            }
            bytes -= size;
            gone.extend(self.by_number.remove(&number));
        }
        gone
    }
}

/// The id of an event in a stream of these (`STREAM-EVENT`), if it is one.
pub(crate) fn event_id(text: &str) -> Option<(u64, u64)> {
    let (stream, event) = text.trim().split_once('-')?;
    Some((stream.parse().ok()?, event.parse().ok()?))
}

/// A stream that can be resumed.
struct Stream {
    number: u64,
    state: Mutex<State>,
}

struct State {
    /// What it comes out of; `None` when all came out.
    pipe: Option<Box<Pipe>>,
    /// What came out last.
    replay: Replay,
    /// The client was too slow: something is missing.
    overrun: bool,
    /// Counts the readers.
    turn: u64,
    /// What drives it while nobody reads it.
    keeper: Option<AbortHandle>,
    /// Who reads it, and waits.
    reader: Option<Waker>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("number", &self.number).finish_non_exhaustive()
    }
}

impl State {
    fn new(pipe: Box<Pipe>) -> Self {
        Self { pipe: Some(pipe), replay: Replay::default(), overrun: false, turn: 0, keeper: None, reader: None }
    }

    /// Whether something is there, or comes, behind the message with this number.
    fn goes_on_behind(&self, seen: u64) -> bool {
        self.pipe.is_some() || self.replay.last() > seen
    }

    /// The next message out of the pipe, which is kept, and its number; `None` at the end.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        keep: impl FnOnce(&mut Replay, &Bytes) -> u64,
    ) -> Poll<Option<(u64, Bytes)>> {
        // Taken out: what panics is not asked again.
        let Some(mut pipe) = self.pipe.take() else { return Poll::Ready(None) };
        let next = pipe.poll_next(cx).map(|message| message.map(|message| (keep(&mut self.replay, &message), message)));
        if matches!(next, Poll::Ready(None)) {
            self.overrun = pipe.overrun();
        } else {
            self.pipe = Some(pipe);
        }
        next
    }
}

impl Stream {
    /// Somebody else reads it from now on; the number of his turn. Whoever did so until now ends.
    fn taken(&self) -> u64 {
        let mut state = self.state();
        state.turn += 1;
        if let Some(keeper) = state.keeper.take() {
            keeper.abort();
        }
        let (turn, reader) = (state.turn, state.reader.take());
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        turn
    }

    /// Nobody reads it any more.
    fn give_up(&self) {
        self.taken();
    }

    /// Takes what comes out while nobody reads it, as far as there is room for what waits. Never ready.
    fn drive(&self, turn: u64, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        // What does not fit waits in the outlet, which has bounds of its own.
        while state.turn == turn && state.replay.bytes() < Outlet::MAX_BYTES {
            match state.poll(cx, Replay::put) {
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What panics under this lock is what answers the request, and that is taken out of what is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who reads a stream now. Dropped, the stream waits for the next one, and is given up when none comes.
pub(crate) struct Reader {
    streams: Arc<Streams>,
    stream: Arc<Stream>,
    turn: u64,
    /// The number of the last message that was read.
    seen: u64,
    /// When it is to be read over another connection.
    until: Option<Pin<Box<Sleep>>>,
}

impl Reader {
    /// The number of the stream.
    pub(crate) fn number(&self) -> u64 {
        self.stream.number
    }

    /// The number of the last message that was read.
    pub(crate) const fn seen(&self) -> u64 {
        self.seen
    }

    /// The next message and its number; `None` at the end, of the stream or of its time on this connection.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(u64, Bytes)>> {
        let mut state = self.stream.state();
        if state.turn != self.turn {
            return Poll::Ready(None);
        }
        let next = match state.replay.next(self.seen) {
            Some(next) => Poll::Ready(Some(next)),
            None => state.poll(cx, Replay::keep_whole),
        };
        if next.is_pending() && !state.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
            state.reader = Some(cx.waker().clone());
        }
        drop(state);
        if let Poll::Ready(Some((number, _))) = next {
            self.seen = number;
        }
        let ends = next.is_pending() && self.until.as_mut().is_some_and(|until| until.as_mut().poll(cx).is_ready());
        if ends { Poll::Ready(None) } else { next }
    }

    /// Too much waited for a slow client: something was lost, so nothing more may come.
    pub(crate) fn overrun(&self) -> bool {
        self.stream.state().overrun
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.stream.state();
        if state.turn != self.turn {
            return;
        }
        let runtime = Handle::try_current().ok().filter(|_| !state.overrun);
        let Some(runtime) = runtime else {
            drop(state);
            self.streams.forget(&self.stream, self.turn);
            return;
        };
        let (streams, stream, turn) = (Arc::clone(&self.streams), Arc::clone(&self.stream), self.turn);
        let keeper = runtime.spawn(async move {
            tokio::select! {
                () = streams.over.cancelled() => {}
                () = tokio::time::sleep(streams.wait) => {}
                () = poll_fn(|cx| stream.drive(turn, cx)) => {}
            }
            streams.forget(&stream, turn);
        });
        state.keeper = Some(keeper.abort_handle());
    }
}
