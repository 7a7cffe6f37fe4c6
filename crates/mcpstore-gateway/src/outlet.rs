//! Messages on their way to one client, in order and bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Makes a pair: messages go into the outlet, and a front writes what comes out of the stream.
pub(crate) fn outlet() -> (Outlet, OutletStream) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let level = Arc::new(Level::default());
    (Outlet { sender, level: Arc::clone(&level) }, OutletStream { receiver, level })
}

#[derive(Debug, Default)]
struct Level {
    waiting: AtomicUsize,
    over: CancellationToken,
}

/// Takes messages (whole JSON-RPC texts) for one client. Never waits. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Outlet {
    sender: mpsc::UnboundedSender<Bytes>,
    level: Arc<Level>,
}

impl Outlet {
    /// Bytes that may wait for a client that reads slowly. One message may be larger; behind it nothing waits.
    pub(crate) const MAX_BYTES: usize = 1024 * 1024;

    /// Adds a message; false when the client is gone, or reads so slowly that it is given up ([`OutletStream::overrun`]).
    pub(crate) fn push(&self, message: Bytes) -> bool {
        let bytes = message.len();
        let before = self.level.waiting.fetch_add(bytes, Ordering::AcqRel);
        if before > 0 && before + bytes > Self::MAX_BYTES {
            self.level.over.cancel();
        }
        !self.level.over.is_cancelled() && self.sender.send(message).is_ok()
    }

    /// True when nobody reads any more.
    #[cfg(test)]
    pub(crate) fn is_closed(&self) -> bool {
        self.level.over.is_cancelled() || self.sender.is_closed()
    }

    /// Resolves when nobody reads any more.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn closed(&self) {
        tokio::select! {
            () = self.sender.closed() => {}
            () = self.level.over.cancelled() => {}
        }
    }
}

/// The messages for one client, in the order in which they were pushed.
#[derive(Debug)]
pub(crate) struct OutletStream {
    receiver: mpsc::UnboundedReceiver<Bytes>,
    level: Arc<Level>,
}

impl OutletStream {
    /// The next message; `None` when every outlet is dropped and all were read, or the client is given up.
    ///
    /// # Cancel safety
    /// Safe: none is lost.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        if self.overrun() {
            return None;
        }
        let message = self.receiver.recv().await?;
        self.took(&message);
        Some(message)
    }

    /// The same for a hand-written future: the task is woken when there is more.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.overrun() {
            return Poll::Ready(None);
        }
        self.receiver.poll_recv(cx).map(|message| message.inspect(|message| self.took(message)))
    }

    /// The next message that is here already.
    pub(crate) fn try_next(&mut self) -> Option<Bytes> {
        let message = self.receiver.try_recv().ok()?;
        self.took(&message);
        Some(message)
    }

    /// Too much waited: messages were lost, and the client must be told by being dropped.
    pub(crate) fn overrun(&self) -> bool {
        self.level.over.is_cancelled()
    }

    fn took(&self, message: &Bytes) {
        self.level.waiting.fetch_sub(message.len(), Ordering::AcqRel);
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
    async fn what_was_pushed_is_read_after_the_outlet_is_gone() {
        let (outlet, mut stream) = outlet();
        outlet.push("a".into());
        drop(outlet);
        assert_eq!((stream.next().await, stream.next().await), (Some("a".into()), None));
    }
}
