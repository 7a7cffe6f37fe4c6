//! The requests of one conversation that are under way. One task drives them all: what several of them have to send goes out in
//! one row, so that the server is woken once for it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::driver::{Driver, lock};
use super::message::Message;

/// How often requests are looked through for those that nobody wants any more, should nobody have told them.
const STILL_WANTED: Duration = Duration::from_secs(1);

/// A request that is to be sent.
pub(super) struct Asked {
    pub(super) id: u64,
    pub(super) message: Message,
    /// Given back once the server has read it.
    pub(super) room: Option<OwnedSemaphorePermit>,
    /// Cancelled when it is given up, also before it was sent.
    pub(super) given_up: CancellationToken,
}

/// A request under way, as those see it who may give it up.
#[derive(Default)]
pub(super) struct UnderWay {
    given_up: CancellationToken,
    /// Nobody waited for its answer at the last look: it may have come, and the rest of its stream is read.
    unwanted: bool,
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
                    Some(asked) => under_way.push(Arc::clone(self).exchange(asked)),
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

    /// Enters a request under way; what it is given, says when it is given up.
    pub(super) fn enter(&self, id: u64) -> CancellationToken {
        let request = UnderWay::default();
        let given_up = request.given_up.clone();
        lock(&self.under_way).insert(id, request);
        given_up
    }

    pub(super) fn leave(&self, id: u64) {
        lock(&self.under_way).remove(&id);
    }

    /// Gives a request up; true when the server is to hear of it by a message.
    pub(super) fn give_up(&self, id: u64) -> bool {
        if let Some(request) = lock(&self.under_way).get(&id) {
            request.given_up.cancel();
        }
        // The wire writes such a message only for what went out; of which era it is, the agreement tells.
        lock(&self.talk).version.is_some()
    }

    /// Gives up the requests whose answers nobody waits for, at this look and the one before.
    fn give_up_unwanted(&self) {
        for (id, request) in lock(&self.under_way).iter_mut() {
            let unwanted = !self.hub.waits(*id);
            if unwanted && request.unwanted {
                request.given_up.cancel();
            }
            request.unwanted = unwanted;
        }
    }
}
