//! A stream whose bytes are counted as they come: a long line that comes slowly is a sign of life too.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::Hub;

/// A stream whose bytes are counted in the hub's tally.
pub(super) struct Counted<R> {
    stream: R,
    hub: Arc<Hub>,
}

impl<R> Counted<R> {
    pub(super) fn new(stream: R, hub: Arc<Hub>) -> Self {
        Self { stream, hub }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        let bytes = buffer.filled().len() - before;
        self.hub.tally.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        Poll::Ready(outcome)
    }
}
