//! What a connection is doing, and whether it has done so for too long.
//!
//! hyper's own timer for heads also runs between two requests, and costs an allocation for each: so ours.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ended::Ended;
use crate::front::limits::Limits;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing: the next request has not begun.
    Idle,
    /// It sends the head of a request.
    Head,
    /// A request is answered.
    Busy,
    /// The body of a request is read, which sees by itself when no more comes: who sends half of one still hears what is
    /// wrong.
    Body,
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// The head of its request took too long.
    Head,
    /// There was no next request.
    Idle,
    /// It reads nothing of what is written to it.
    Stalled,
}

/// Watches one connection.
#[derive(Debug)]
pub(crate) struct Watch {
    began: Instant,
    /// Milliseconds since `began`, times four, and the phase since then.
    phase: AtomicU64,
    /// Since when nothing could be written, in milliseconds since `began` and one; zero while something can.
    stalled: AtomicU64,
    /// How often somebody looked since the request began that is answered now.
    looks: AtomicU32,
    /// How many requests are answered now, on all connections, but for those whose answers go on.
    busy: Arc<AtomicUsize>,
    /// Closes the connection in good order: at once when it is idle.
    pub(crate) close: CancellationToken,
}

impl Watch {
    /// A new connection: the head of its first request is due. All times are counted from `began`, which is the same for
    /// all that are compared.
    pub(crate) fn new(began: Instant, close: CancellationToken, busy: &Arc<AtomicUsize>) -> Arc<Self> {
        let (phase, stalled, looks) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU32::new(0));
        let watch = Self { began, phase, stalled, looks, busy: Arc::clone(busy), close };
        watch.enter(Phase::Head);
        Arc::new(watch)
    }

    /// Since when it is idle, if it is; comparable between connections.
    pub(crate) fn idle_since(&self) -> Option<u64> {
        let word = self.phase.load(Ordering::Relaxed);
        (word % 4 == Phase::Idle as u64).then_some(word / 4)
    }

    /// Takes a look, and notes that: whether it took too long with something.
    pub(crate) fn look(&self, limits: &Limits) -> Option<Overdue> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.overdue(limits)
    }

    /// How many looks were taken since the request began that is answered now.
    pub(crate) fn looks(&self) -> u32 {
        self.looks.load(Ordering::Relaxed)
    }

    /// How much time is over since so many looks had been taken, to one look.
    pub(crate) fn since(&self, looks: u32, limits: &Limits) -> Duration {
        Self::pace(limits) * self.looks().saturating_sub(looks)
    }

    /// Whether it took too long with something.
    fn overdue(&self, limits: &Limits) -> Option<Overdue> {
        let now = self.now_ms();
        let over = |since: u64, limit: Duration| Duration::from_millis(now.saturating_sub(since)) >= limit;
        let stalled = self.stalled.load(Ordering::Relaxed);
        if stalled > 0 && over(stalled - 1, limits.write_stall) {
            return Some(Overdue::Stalled);
        }
        let word = self.phase.load(Ordering::Relaxed);
        let (since, phase) = (word / 4, word % 4);
        if phase == Phase::Head as u64 && over(since, limits.head_wait) {
            Some(Overdue::Head)
        } else if phase == Phase::Idle as u64 && over(since, limits.keep_alive) {
            Some(Overdue::Idle)
        } else {
            None
        }
    }

    /// How often to look, so that no limit is overstepped by much.
    pub(crate) fn pace(limits: &Limits) -> Duration {
        let waits = [limits.head_wait, limits.body_idle, limits.keep_alive, limits.write_stall, limits.stream_ping];
        let least = waits.into_iter().chain(limits.poll_after).min().unwrap_or_default();
        (least / 4).max(Duration::from_millis(5))
    }

    /// The body of its request is read from now on.
    pub(crate) fn reads_body(&self) {
        self.phase.store(Phase::Body as u64, Ordering::Relaxed);
    }

    /// The body of its request is there: it is answered.
    pub(crate) fn has_body(&self) {
        self.phase.store(Phase::Busy as u64, Ordering::Relaxed);
    }

    fn is_busy(&self) -> bool {
        self.phase.load(Ordering::Relaxed) % 4 == Phase::Busy as u64
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(self.now_ms() * 4 + phase as u64, Ordering::Relaxed);
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX / 8)
    }
}

/// A request is answered on a connection, until this is dropped.
pub(crate) struct Busy {
    watch: Arc<Watch>,
    /// It counts as one that is about to be answered.
    counts: bool,
}

impl Busy {
    /// A request begins. How long it takes is counted in looks: so the clock is not asked.
    pub(crate) fn new(watch: &Arc<Watch>) -> Self {
        watch.phase.store(Phase::Busy as u64, Ordering::Relaxed);
        watch.looks.store(0, Ordering::Relaxed);
        watch.busy.fetch_add(1, Ordering::Relaxed);
        Self { watch: Arc::clone(watch), counts: true }
    }

    /// The watch of its connection.
    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Its answer goes on, and may say nothing for long: nobody waits for it with an answer of his own.
    pub(crate) fn goes_on(&mut self) {
        if std::mem::take(&mut self.counts) {
            self.watch.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.goes_on();
        self.watch.enter(Phase::Idle);
    }
}

/// A stream that tells its watch what happens.
pub(crate) struct Watched<S> {
    stream: S,
    watch: Arc<Watch>,
    /// It let the others go first.
    let_go: bool,
}

impl<S> Watched<S> {
    /// Tells `watch`.
    pub(crate) const fn new(stream: S, watch: Arc<Watch>) -> Self {
        Self { stream, watch, let_go: false }
    }

    /// Where several are answered, an answer is written when those that are ready are, too: so the writes come in one row, and
    /// whoever reads them is woken by the first.
    fn lets_others_go(&mut self, cx: &Context<'_>) -> bool {
        self.let_go = !self.let_go && self.watch.busy.load(Ordering::Relaxed) > 1;
        if self.let_go {
            cx.waker().wake_by_ref();
        }
        self.let_go
    }

    fn wrote<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let stalled = &self.watch.stalled;
        if result.is_ready() {
            stalled.store(0, Ordering::Relaxed);
        } else if stalled.load(Ordering::Relaxed) == 0 {
            stalled.store(self.watch.now_ms() + 1, Ordering::Relaxed);
        }
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before && self.watch.idle_since().is_some() {
            self.watch.enter(Phase::Head);
        }
        result
    }
}

impl<S: AsyncWrite + Ended + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper calls this whenever it is polled and has nothing to write.
        if S::KNOWS && self.watch.is_busy() && self.stream.poll_ended(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        // A flush that has nothing to do says nothing about a write that cannot go on.
        if result.is_pending() { self.wrote(result) } else { result }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.lets_others_go(cx) {
            return Poll::Pending;
        }
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn who_closes_its_side_is_gone_once_its_request_is_there_and_not_before() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        client.shutdown().await.unwrap();
        let watch = Watch::new(Instant::now(), CancellationToken::new(), &Arc::default());
        let _busy = Busy::new(&watch);
        stream.readable().await.unwrap();
        let mut watched = Watched::new(stream, Arc::clone(&watch));
        watch.reads_body();
        watched.flush().await.unwrap();
        watch.has_body();
        assert_eq!(watched.flush().await.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    }
}
