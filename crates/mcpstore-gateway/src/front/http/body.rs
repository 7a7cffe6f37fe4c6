//! Bodies of responses: a whole one in pieces, or a stream of events.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::watch::Busy;
use crate::front::pipe::Pipe;
use crate::front::stats::Counters;

/// Messages of at least so many bytes are written without another copy.
const LARGE: usize = 16 * 1024;
/// Messages that are ready go out together up to so many bytes.
const TOGETHER: usize = 64 * 1024;

const BEFORE: &[u8] = b"event: message\ndata: ";
const BEHIND: &[u8] = b"\n\n";
const PING: &[u8] = b":\n\n";

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
    pub(crate) fn keep(&mut self, busy: Busy) {
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
    pipe: Pipe,
    /// What is still to be written of a large message.
    rest: [Bytes; 2],
    first: Bytes,
    ping: Pin<Box<Sleep>>,
    ping_after: Duration,
    counters: Arc<Counters>,
    done: bool,
    /// Lives as long as the stream.
    _kept: Option<Box<dyn Send + Sync>>,
}

impl Events {
    /// The events of a pipe; a sign of life after each such silence. `kept` is dropped with the stream.
    pub(crate) fn new(
        pipe: Pipe,
        ping_after: Duration,
        counters: &Arc<Counters>,
        kept: Option<Box<dyn Send + Sync>>,
    ) -> Self {
        counters.streams_total.up();
        Self {
            pipe,
            rest: [Bytes::new(), Bytes::new()],
            first: Bytes::new(),
            ping: Box::pin(tokio::time::sleep(ping_after)),
            ping_after,
            counters: Arc::clone(counters),
            done: false,
            _kept: kept,
        }
    }

    /// These bytes go out before everything else.
    #[must_use]
    pub(crate) fn after(mut self, first: impl Into<Bytes>) -> Self {
        self.first = first.into();
        self
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(piece) = self.rest.iter_mut().find(|piece| !piece.is_empty()) {
            return Poll::Ready(Some(Ok(std::mem::take(piece))));
        }
        if self.done {
            return Poll::Ready(None);
        }
        let mut out = BytesMut::new();
        out.extend_from_slice(&std::mem::take(&mut self.first));
        while out.len() < TOGETHER {
            match self.pipe.poll_next(cx) {
                Poll::Ready(Some(message)) => {
                    out.extend_from_slice(BEFORE);
                    if message.len() >= LARGE && !has_line_end(&message) {
                        self.rest = [message, Bytes::from_static(BEHIND)];
                        break;
                    }
                    put_line(&mut out, &message);
                    out.extend_from_slice(BEHIND);
                }
                Poll::Ready(None) => {
                    self.done = true;
                    break;
                }
                Poll::Pending => break,
            }
        }
        if self.pipe.overrun() {
            // What is missing cannot be told in the stream, so it must not look like a whole one.
            self.done = true;
            self.counters.slow_readers_total.up();
            return Poll::Ready(Some(Err(io::Error::other("the client reads too slowly"))));
        }
        if out.is_empty() && !self.done {
            if self.ping.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            out.extend_from_slice(PING);
        }
        if out.is_empty() {
            return Poll::Ready(None);
        }
        if !self.done {
            self.ping.as_mut().reset(Instant::now() + self.ping_after);
            // Asks to be woken.
            let _ = self.ping.as_mut().poll(cx);
        }
        Poll::Ready(Some(Ok(out.freeze())))
    }
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
