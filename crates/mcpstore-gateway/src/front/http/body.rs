//! Bodies of responses: a whole one in pieces, or a stream of events.

use std::fmt::{self, Write};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::watch::Busy;
use crate::front::pipe::Pipe;
use crate::front::replay::Replay;
use crate::front::resume::Reader;
use crate::front::stats::Counters;

/// Messages of at least so many bytes are written without another copy.
const LARGE: usize = 16 * 1024;
/// Messages that are ready go out together up to so many bytes.
const TOGETHER: usize = 64 * 1024;

const BEFORE: &[u8] = b"event: message\ndata: ";
const BEHIND: &[u8] = b"\n\n";
const PING: &[u8] = b":\n\n";
/// How long a client is to wait until it resumes a stream, in milliseconds.
const RETRY_MS: u32 = 500;

/// The body of a response.
pub(crate) struct FrontBody {
    inner: Inner,
    /// The connection is busy until the body is written.
    busy: Option<Busy>,
}

enum Inner {
    Pieces([Bytes; 3]),
    Events(Box<Events>),
}

impl FrontBody {
    /// Nothing.
    pub(crate) fn empty() -> Self {
        Self::pieces([Bytes::new(), Bytes::new(), Bytes::new()])
    }

    /// These bytes.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::pieces([bytes, Bytes::new(), Bytes::new()])
    }

    /// These bytes, one after the other.
    pub(crate) const fn pieces(pieces: [Bytes; 3]) -> Self {
        Self { inner: Inner::Pieces(pieces), busy: None }
    }

    /// A stream of events.
    pub(crate) fn events(events: Events) -> Self {
        Self { inner: Inner::Events(Box::new(events)), busy: None }
    }

    /// Keeps the connection busy until the body is written.
    pub(crate) fn keep(&mut self, mut busy: Busy) {
        if matches!(self.inner, Inner::Events(_)) {
            busy.goes_on();
        }
        self.busy = Some(busy);
    }
}

impl Body for FrontBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.inner {
            Inner::Pieces(pieces) => {
                let next = pieces.iter_mut().find(|piece| !piece.is_empty()).map(std::mem::take);
                Poll::Ready(next.map(|piece| Ok(Frame::data(piece))))
            }
            Inner::Events(events) => events.poll(cx).map(|bytes| bytes.map(|bytes| bytes.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.inner, Inner::Pieces(pieces) if pieces.iter().all(Bytes::is_empty))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Pieces(pieces) => SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum()),
            Inner::Events(_) => SizeHint::new(),
        }
    }
}

/// A stream of events (source: WHATWG HTML, server-sent events), one for each message.
pub(crate) struct Events {
    source: Source,
    first: Bytes,
    /// What is still to be written of a large message.
    rest: [Bytes; 2],
    ping: Pin<Box<Sleep>>,
    ping_after: Duration,
    /// It ends then, whatever there is to be said.
    until: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    counters: Arc<Counters>,
    done: bool,
    /// Lives as long as the stream.
    kept: Option<Box<dyn Send + Sync>>,
}

/// What the events come from.
enum Source {
    /// A pipe, and where its messages get their numbers, and are kept for a client that lost them.
    Pipe(Pipe, Option<Arc<Mutex<Replay>>>),
    /// An answer that can be resumed.
    Answer(Reader),
}

impl Source {
    /// The next message; its id is written to `out`. `None` at the end.
    fn poll_next(&mut self, out: &mut BytesMut, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self {
            Self::Pipe(pipe, replay) => {
                let next = pipe.poll_next(cx);
                if let (Some(replay), Poll::Ready(Some(message))) = (replay, &next) {
                    put_id(out, format_args!("{}", lock(replay).keep(message)));
                }
                next
            }
            Self::Answer(reader) => {
                let next = reader.poll_next(cx);
                if let Poll::Ready(Some((number, _))) = next {
                    put_id(out, format_args!("{}-{number}", reader.number()));
                }
                next.map(|next| next.map(|(_, message)| message))
            }
        }
    }

    fn overrun(&self) -> bool {
        match self {
            Self::Pipe(pipe, _) => pipe.overrun(),
            Self::Answer(reader) => reader.overrun(),
        }
    }
}

impl Events {
    /// The events of a pipe; a sign of life after each such silence.
    pub(crate) fn new(pipe: Pipe, ping_after: Duration, counters: &Arc<Counters>) -> Self {
        Self::of(Source::Pipe(pipe, None), ping_after, counters)
    }

    /// The events of an answer that can be resumed. They begin with one that says nothing, and behind which they can be.
    pub(crate) fn answer(reader: Reader, ping_after: Duration, counters: &Arc<Counters>) -> Self {
        let (stream, seen) = (reader.number(), reader.seen());
        // Also where it is resumed: what a client counts as seen may be what it saw on this connection alone.
        let first = format!("id: {stream}-{seen}\nretry: {RETRY_MS}\ndata: \n\n");
        Self::of(Source::Answer(reader), ping_after, counters).after(first)
    }

    fn of(source: Source, ping_after: Duration, counters: &Arc<Counters>) -> Self {
        counters.streams_total.up();
        Self {
            source,
            first: Bytes::new(),
            rest: [Bytes::new(), Bytes::new()],
            ping: Box::pin(tokio::time::sleep(ping_after)),
            ping_after,
            until: None,
            counters: Arc::clone(counters),
            done: false,
            kept: None,
        }
    }

    /// These bytes go out before everything else.
    #[must_use]
    pub(crate) fn after(mut self, first: impl Into<Bytes>) -> Self {
        self.first = first.into();
        self
    }

    /// Ends with this token: what answers at once when nobody listens any more has the last word.
    #[must_use]
    pub(crate) fn until(mut self, end: &CancellationToken) -> Self {
        self.until = Some(Box::pin(end.clone().cancelled_owned()));
        self
    }

    /// Numbers its messages and keeps the last of them. Those behind `seen` go out once more.
    #[must_use]
    pub(crate) fn replayed(mut self, replay: &Arc<Mutex<Replay>>, seen: Option<u64>) -> Self {
        let mut first = BytesMut::new();
        let mut seen = seen.unwrap_or(u64::MAX);
        while let Some((number, message)) = lock(replay).next(seen) {
            put_id(&mut first, format_args!("{number}"));
            first.extend_from_slice(BEFORE);
            put_line(&mut first, &message);
            first.extend_from_slice(BEHIND);
            seen = number;
        }
        self.first = first.freeze();
        if let Source::Pipe(_, kept) = &mut self.source {
            *kept = Some(Arc::clone(replay));
        }
        self
    }

    /// This is dropped with the stream.
    #[must_use]
    pub(crate) fn keeping(mut self, kept: impl Send + Sync + 'static) -> Self {
        self.kept = Some(Box::new(kept));
        self
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(piece) = self.rest.iter_mut().find(|piece| !piece.is_empty()) {
            return Poll::Ready(Some(Ok(std::mem::take(piece))));
        }
        let ends = self.until.as_mut().is_some_and(|until| until.as_mut().poll(cx).is_ready());
        if ends {
            self.until = None;
            if let Source::Pipe(pipe, _) = &mut self.source {
                pipe.hang_up();
            }
        }
        if self.done {
            self.kept = None;
            return Poll::Ready(None);
        }
        let mut out = BytesMut::new();
        out.extend_from_slice(&std::mem::take(&mut self.first));
        self.fill(&mut out, cx);
        // What has no last word by now has none.
        self.done |= ends;
        if self.source.overrun() {
            // What is missing cannot be told in the stream, so it must not look like a whole one.
            self.done = true;
            self.counters.slow_readers_total.up();
            return Poll::Ready(Some(Err(io::Error::other("the client reads too slowly"))));
        }
        if out.is_empty() {
            if self.done {
                return Poll::Ready(None);
            }
            if self.ping.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            out.extend_from_slice(PING);
        }
        self.ping.as_mut().reset(Instant::now() + self.ping_after);
        Poll::Ready(Some(Ok(out.freeze())))
    }

    /// Takes all messages that are there, as far as they go together.
    fn fill(&mut self, out: &mut BytesMut, cx: &mut Context<'_>) {
        while out.len() < TOGETHER {
            let message = match self.source.poll_next(out, cx) {
                Poll::Ready(Some(message)) => message,
                Poll::Ready(None) => {
                    self.done = true;
                    return;
                }
                Poll::Pending => return,
            };
            out.extend_from_slice(BEFORE);
            if message.len() >= LARGE && !has_line_end(&message) {
                self.rest = [message, Bytes::from_static(BEHIND)];
                return;
            }
            put_line(out, &message);
            out.extend_from_slice(BEHIND);
        }
    }
}

/// The id of an event, before it.
fn put_id(out: &mut BytesMut, id: fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = writeln!(out, "id: {id}");
}

fn lock(replay: &Mutex<Replay>) -> MutexGuard<'_, Replay> {
    // Nothing panics half-way under this lock: what a poisoned one holds is whole.
    replay.lock().unwrap_or_else(PoisonError::into_inner)
}

fn has_line_end(message: &[u8]) -> bool {
    message.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
}

/// JSON as one line: a line end can only stand between its tokens, where a space means the same.
fn put_line(out: &mut BytesMut, message: &[u8]) {
    let from = out.len();
    out.put_slice(message);
    for byte in &mut out[from..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}
