//! Messages on their way to one client, in order and bounded.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::sync::Notify;

/// Makes a pair: messages go into the outlet, and a front writes what comes out of the stream.
///
/// Every request has one, and most have nothing to say before their answer: so it is one small allocation, and no channel
/// with room for what never comes.
pub(crate) fn outlet() -> (Outlet, OutletStream) {
    let shared = Arc::new(Shared::default());
    shared.state().outlets = 1;
    (Outlet(Arc::clone(&shared)), OutletStream(shared))
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Nobody reads any more.
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Bytes>,
    /// Bytes of all of them.
    waiting: usize,
    outlets: usize,
    /// Who waits for the next.
    reader: Option<Waker>,
    /// Too much waited.
    overrun: bool,
    /// The stream is dropped, or takes no more.
    unread: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics half-way under this lock: what a poisoned one holds is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes messages (whole JSON-RPC texts) for one client. Never waits. Cheap to clone.
#[derive(Debug)]
pub(crate) struct Outlet(Arc<Shared>);

impl Outlet {
    /// Bytes that may wait for a client that reads slowly. One message may be larger; behind it nothing waits.
    pub(crate) const MAX_BYTES: usize = 1024 * 1024;

    /// Adds a message; false when the client is gone, or reads so slowly that it is given up ([`OutletStream::overrun`]).
    pub(crate) fn push(&self, message: Bytes) -> bool {
        let mut state = self.0.state();
        if state.unread || state.overrun {
            return false;
        }
        let bytes = message.len();
        let taken = state.waiting == 0 || state.waiting + bytes <= Self::MAX_BYTES;
        if taken {
            state.waiting += bytes;
            state.messages.push_back(message);
        } else {
            state.overrun = true;
            // What waits is read by nobody now.
            state.messages = VecDeque::new();
        }
        let reader = state.reader.take();
        drop(state);
        if !taken {
            self.0.closed.notify_waiters();
        }
        if let Some(reader) = reader {
            reader.wake();
        }
        taken
    }

    /// True when nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        let state = self.0.state();
        state.unread || state.overrun
    }

    /// Resolves when nobody reads any more.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn closed(&self) {
        // Made before it is asked: what happens between the two is seen.
        let closed = self.0.closed.notified();
        if !self.is_closed() {
            closed.await;
        }
    }
}

impl Clone for Outlet {
    fn clone(&self) -> Self {
        self.0.state().outlets += 1;
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.outlets -= 1;
        let reader = if state.outlets == 0 { state.reader.take() } else { None };
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// The messages for one client, in the order in which they were pushed.
#[derive(Debug)]
pub(crate) struct OutletStream(Arc<Shared>);

impl OutletStream {
    /// The next message; `None` when every outlet is dropped and all were read, or the client is given up.
    ///
    /// # Cancel safety
    /// Safe: none is lost.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The same for a hand-written future: the task is woken when there is more.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.0.state();
        if state.overrun {
            return Poll::Ready(None);
        }
        if let Some(message) = state.take() {
            return Poll::Ready(Some(message));
        }
        if state.outlets == 0 || state.unread {
            return Poll::Ready(None);
        }
        if !state.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
            state.reader = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The next message that is here already.
    pub(crate) fn try_next(&mut self) -> Option<Bytes> {
        self.0.state().take()
    }

    /// Takes no more; what is here can still be read.
    pub(crate) fn close(&mut self) {
        self.0.state().unread = true;
        self.0.closed.notify_waiters();
    }

    /// Too much waited: messages were lost, and the client must be told by being dropped.
    pub(crate) fn overrun(&self) -> bool {
        self.0.state().overrun
    }
}

impl State {
    fn take(&mut self) -> Option<Bytes> {
        let message = self.messages.pop_front()?;
        self.waiting -= message.len();
        Some(message)
    }
}

impl Drop for OutletStream {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.unread = true;
        let (messages, reader) = (std::mem::take(&mut state.messages), state.reader.take());
        drop(state);
        drop((messages, reader));
        self.0.closed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_come_in_order_and_a_slow_reader_is_given_up() {
        let (outlet, mut stream) = outlet();
        assert!(outlet.push("a".into()) && outlet.push("b".into()));
        assert_eq!(
            (stream.next().await, stream.try_next(), stream.try_next()),
            (Some("a".into()), Some("b".into()), None)
        );
        // One may be larger than what may wait.
        let large = Bytes::from(vec![b'x'; Outlet::MAX_BYTES + 1]);
        assert!(outlet.push(large.clone()) && !outlet.is_closed());
        assert!(!outlet.push("c".into()) && outlet.is_closed());
        assert_eq!((stream.overrun(), stream.next().await), (true, None));
        outlet.closed().await;
    }

    #[tokio::test]
    async fn who_hangs_up_reads_what_was_said() {
        let (outlet, mut stream) = outlet();
        outlet.push("a".into());
        stream.close();
        outlet.closed().await;
        assert!(!outlet.push("b".into()));
        assert_eq!((stream.next().await, stream.next().await), (Some("a".into()), None));
    }

    #[tokio::test]
    async fn what_was_pushed_is_read_after_the_outlet_is_gone() {
        let (outlet, mut stream) = outlet();
        outlet.push("a".into());
        drop(outlet);
        assert_eq!((stream.next().await, stream.next().await), (Some("a".into()), None));
    }
}
