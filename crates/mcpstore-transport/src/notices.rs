//! Notifications of a server: those that belong to one request, and those that belong to the session.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use serde_json::value::RawValue;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// A notification of a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Its method.
    pub method: Arc<str>,
    /// Its params, byte for byte.
    pub params: Option<Arc<RawValue>>,
}

impl Notification {
    pub(crate) fn new(method: &str, params: Option<&RawValue>) -> Self {
        Self { method: method.into(), params: params.map(|params| params.to_owned().into()) }
    }

    /// Roughly what it holds of memory.
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.method.len() + self.params.as_ref().map_or(0, |params| params.get().len())
    }
}

/// Makes a pair for the notices of one request: the sink goes with the request, the stream is read beside it.
#[must_use]
pub fn notice_channel() -> (NoticeSink, NoticeStream) {
    // Most requests have none: so it is one small allocation, and no channel with room for what never comes.
    let shared = Arc::new(Shared::default());
    shared.state().sinks = 1;
    (NoticeSink(Arc::clone(&shared)), NoticeStream(shared))
}

/// What waits between a sink and its stream.
#[derive(Debug, Default)]
struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    notices: VecDeque<Notification>,
    bytes: usize,
    dropped: u64,
    sinks: usize,
    /// Who waits for the next.
    reader: Option<Waker>,
    /// The stream is dropped.
    unread: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics half-way under this lock: what a poisoned one holds is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self) -> Option<Notification> {
        let notice = self.notices.pop_front()?;
        self.bytes -= notice.bytes();
        Some(notice)
    }
}

/// Takes the notices of a request, in the order in which they came. Never waits.
#[derive(Debug)]
pub struct NoticeSink(Arc<Shared>);

impl NoticeSink {
    /// Bytes that may wait to be read; what comes beyond them is dropped and counted ([`NoticeStream::dropped`]).
    pub const MAX_BYTES: usize = 16 * 1024 * 1024;

    /// True when nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.state().unread
    }

    /// Adds a notice; an adapter calls this for each, before it gives the answer of the request.
    pub fn push(&self, notice: Notification) {
        let bytes = notice.bytes();
        let mut state = self.0.state();
        // A reader that went away takes nothing, and misses nothing.
        if state.unread || state.bytes + bytes > Self::MAX_BYTES {
            state.dropped += 1;
            return;
        }
        state.bytes += bytes;
        state.notices.push_back(notice);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl Clone for NoticeSink {
    fn clone(&self) -> Self {
        self.0.state().sinks += 1;
        Self(Arc::clone(&self.0))
    }
}

impl Drop for NoticeSink {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.sinks -= 1;
        let reader = if state.sinks == 0 { state.reader.take() } else { None };
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// The notices of one request, in the order in which they came.
///
/// Every notice that the server wrote before its answer is in the stream when the request's future resolves: read the
/// rest with [`NoticeStream::try_next`] then, and nothing is lost or late.
#[derive(Debug)]
pub struct NoticeStream(Arc<Shared>);

impl NoticeStream {
    /// The next notice; `None` when the request is over and all were read.
    ///
    /// # Cancel safety
    /// Safe: none is lost.
    pub async fn next(&mut self) -> Option<Notification> {
        poll_fn(|cx| {
            let mut state = self.0.state();
            if let Some(notice) = state.take() {
                return Poll::Ready(Some(notice));
            }
            if state.sinks == 0 {
                return Poll::Ready(None);
            }
            if !state.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
                state.reader = Some(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// The next notice that is here already.
    pub fn try_next(&mut self) -> Option<Notification> {
        self.0.state().take()
    }

    /// Notices that were dropped because too much waited to be read ([`NoticeSink::MAX_BYTES`]).
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.state().dropped
    }
}

impl Drop for NoticeStream {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.unread = true;
        let left = (std::mem::take(&mut state.notices), state.reader.take());
        drop(state);
        drop(left);
    }
}

/// Notifications of a session that belong to no request: updates, changed lists, log lines.
///
/// Holds [`NoticeFeed::CAPACITY`] of them for a slow reader; then the oldest go, and the reader is told how many.
#[derive(Debug)]
pub struct NoticeFeed(Option<(broadcast::Receiver<Notification>, CancellationToken)>);

/// What [`NoticeFeed::next`] gives.
#[derive(Clone, Debug)]
pub enum Fed {
    /// The next notification.
    Notice(Notification),
    /// So many are missing here: this reader was too slow.
    Missed(u64),
}

impl NoticeFeed {
    /// Notifications kept for a slow reader.
    pub const CAPACITY: usize = 256;
    /// Bytes of a notification that is given to the readers of a feed; a larger one is dropped and counted
    /// ([`WireCounters::dropped`](crate::WireCounters::dropped)).
    pub const MAX_NOTICE_BYTES: usize = 64 * 1024;

    /// A feed that is over, for sessions that have none.
    #[must_use]
    pub fn silent() -> Self {
        Self(None)
    }

    /// The next notification; `None` when the session is over.
    ///
    /// # Cancel safety
    /// Safe: none is lost.
    pub async fn next(&mut self) -> Option<Fed> {
        let (receiver, over) = self.0.as_mut()?;
        let received = tokio::select! {
            biased;
            // What came before the end is read first.
            received = receiver.recv() => received,
            () = over.cancelled() => return None,
        };
        match received {
            Ok(notice) => Some(Fed::Notice(notice)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Fed::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// The writing end of all feeds of a session.
#[derive(Debug)]
pub(crate) struct Feed(broadcast::Sender<Notification>);

impl Default for Feed {
    fn default() -> Self {
        Self(broadcast::Sender::new(NoticeFeed::CAPACITY))
    }
}

impl Feed {
    /// A reader whose feed ends when the session is `over`.
    pub(crate) fn subscribe(&self, over: CancellationToken) -> NoticeFeed {
        NoticeFeed(Some((self.0.subscribe(), over)))
    }

    /// Gives a notification to every reader; false when it is too large for that.
    pub(crate) fn push(&self, method: &str, params: Option<&RawValue>) -> bool {
        if self.0.receiver_count() == 0 {
            return true;
        }
        let bytes = method.len() + params.map_or(0, |params| params.get().len());
        if bytes > NoticeFeed::MAX_NOTICE_BYTES {
            return false;
        }
        // Fails when the last reader has just gone.
        let _ = self.0.send(Notification::new(method, params));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str) -> Notification {
        Notification::new("n", Some(&RawValue::from_string(format!("\"{text}\"")).unwrap()))
    }

    #[tokio::test]
    async fn notices_come_in_order_and_end_with_their_sink() {
        let (sink, mut stream) = notice_channel();
        for text in ["a", "b", "c"] {
            sink.push(note(text));
        }
        drop(sink);
        let mut seen = Vec::new();
        while let Some(notice) = stream.next().await {
            seen.push(notice.params.unwrap().get().to_owned());
        }
        assert_eq!((seen, stream.dropped()), (vec!["\"a\"".into(), "\"b\"".into(), "\"c\"".into()], 0));
    }

    #[tokio::test]
    async fn what_nobody_reads_is_dropped_and_counted() {
        let (sink, mut stream) = notice_channel();
        let large = "x".repeat(NoticeSink::MAX_BYTES / 3);
        for _ in 0..5 {
            sink.push(note(&large));
        }
        assert_eq!(stream.dropped(), 3);
        assert!(stream.try_next().is_some() && stream.try_next().is_some() && stream.try_next().is_none());
        // What was read makes room.
        sink.push(note(&large));
        assert!(stream.try_next().is_some());
        assert_eq!(stream.dropped(), 3);
    }

    #[tokio::test]
    async fn a_slow_reader_of_the_feed_hears_what_it_missed() {
        let feed = Feed::default();
        assert!(feed.push("nobody", None));
        let over = CancellationToken::new();
        let mut reader = feed.subscribe(over.clone());
        for _ in 0..NoticeFeed::CAPACITY + 7 {
            assert!(feed.push("x", None));
        }
        assert!(matches!(reader.next().await, Some(Fed::Missed(7))));
        let large = RawValue::from_string(format!("\"{}\"", "x".repeat(NoticeFeed::MAX_NOTICE_BYTES))).unwrap();
        assert!(!feed.push("x", Some(&large)));
        over.cancel();
        let mut left = 0;
        while let Some(Fed::Notice(_)) = reader.next().await {
            left += 1;
        }
        assert_eq!(left, NoticeFeed::CAPACITY);
    }
}
