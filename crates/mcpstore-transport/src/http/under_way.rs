//! The requests of one conversation that are under way. One task drives them all: what several of them have to send goes out in
//! one row, so that the server is woken once for it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep_until};

use super::driver::Driver;
use super::message::Message;

/// How often requests are looked through for those that nobody wants any more, should nobody have told them.
const STILL_WANTED: Duration = Duration::from_secs(1);

/// A request that is to be sent.
pub(super) struct Asked {
    pub(super) id: u64,
    pub(super) message: Message,
    /// Given back once the server has read it.
    pub(super) room: Option<OwnedSemaphorePermit>,
}

impl Driver {
    /// Drives all requests until no more can come and each has its answer.
    ///
    /// How many there are at once is bounded by the wire, which lets no more out.
    pub(super) async fn drive(self: &Arc<Self>, mut asked: mpsc::UnboundedReceiver<Asked>) {
        let mut under_way = FuturesUnordered::new();
        let mut open = true;
        let mut look = std::pin::pin!(sleep_until(Instant::now() + STILL_WANTED));
        loop {
            tokio::select! {
                biased;
                next = asked.recv(), if open => match next {
                    Some(Asked { id, message, room }) => under_way.push(Arc::clone(self).exchange(id, message, room)),
                    None => open = false,
                },
                Some(()) = under_way.next() => {}
                () = &mut look, if !under_way.is_empty() => {
                    self.give_up_unwanted();
                    look.as_mut().reset(Instant::now() + STILL_WANTED);
                }
                else => return,
            }
        }
    }
}
