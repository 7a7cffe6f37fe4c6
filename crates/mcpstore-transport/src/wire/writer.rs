//! The task that writes to the server: whole lines, in order, from one bounded queue.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::outgoing::{Kind, Outgoing};
use super::{DRAIN, Hub, MAX_OUTGOING};

/// Lines taken from the queue at once: all that fit into it.
const BATCH: usize = MAX_OUTGOING;
/// Bytes that go out in one call of the system when they are of several lines; a longer line goes alone.
const CHUNK_BYTES: usize = 64 * 1024;

/// Writes until the wire closes, the input is to be closed, or the server takes no more. `unread` says whether the server
/// has left something unread of what was written.
pub(super) async fn run<W>(
    hub: Arc<Hub>,
    mut queue: mpsc::Receiver<Outgoing>,
    mut output: W,
    unread: impl Fn(&W) -> bool + Send,
) where
    W: AsyncWrite + Unpin + Send,
{
    let mut taken = Vec::new();
    let mut pending = VecDeque::new();
    let mut closing = false;
    let mut chunk = Chunk::default();
    let mut deaf = false;
    let mut wrote = false;
    // Kept from one line to the next: each would put itself into a list and take itself out again for every line.
    let (mut closed, mut input) = (pin!(hub.closed.cancelled()), pin!(hub.input.cancelled()));
    // A server that does not read must not keep its own input open, nor a sender that comes to nothing.
    let due = || async {
        hub.input.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    let mut overdue = pin!(due());
    loop {
        // Asked here, since in the selects below what there is to do comes first.
        if hub.closed.is_cancelled() {
            break;
        }
        if !closing && hub.input.is_cancelled() {
            // Nothing new comes in; what was asked for before still goes out.
            queue.close();
            closing = true;
        }
        if pending.is_empty() {
            tokio::select! {
                biased;
                taken = queue.recv_many(&mut taken, BATCH) => if taken == 0 { break },
                () = &mut closed => break,
                () = &mut input, if !closing => continue,
                () = &mut overdue => break,
            }
            if taken.len() < BATCH && hub.has_company() {
                // Whoever is about to send, sends first: one call of the system for all is much less than one for each.
                behind_others().await;
                while taken.len() < BATCH
                    && let Ok(more) = queue.try_recv()
                {
                    taken.push(more);
                }
            }
            pending.extend(taken.drain(..));
        }
        chunk.fill(&hub, &mut pending);
        tokio::select! {
            biased;
            result = chunk.write(&mut output) => if result.is_err() {
                deaf = true;
                break;
            },
            () = &mut closed => break,
            () = &mut overdue => break,
        }
        chunk.clear();
        wrote = true;
        if closing {
            // It reads: it has as long again for the next.
            overdue.set(due());
        }
    }
    // Senders hear at once that nothing more goes out; so do those whose lines did not.
    queue.close();
    chunk.unwritten().for_each(|id| drop(hub.take(id)));
    hub.shut(deaf);
    // One that ended before anything was written to it heard nothing either.
    hub.note_unheard(deaf || !wrote || unread(&output));
    // A duplex stream only tells the other side when it is shut down; a pipe also when it is dropped.
    let _ = output.shutdown().await;
}

/// Resolves when the tasks that are ready now on this worker had their turn. tokio's `yield_now` would ask the system for what is
/// new first.
async fn behind_others() {
    let mut asked = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Lines that go out in one call of the system.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    written: usize,
    /// Of every line: where it ends, its request, and its share of what may wait.
    lines: Vec<(usize, Option<u64>, Option<OwnedSemaphorePermit>)>,
}

impl Chunk {
    /// Takes the next lines, as many as go together. A request that was given up meanwhile is left out: its caller may
    /// have asked somebody else by now.
    fn fill(&mut self, hub: &Hub, pending: &mut VecDeque<Outgoing>) {
        while let Some(next) = pending.front() {
            if !self.bytes.is_empty() && self.bytes.len() + next.line.len() > CHUNK_BYTES {
                break;
            }
            let Some(next) = pending.pop_front() else { break };
            let request = match next.kind {
                Kind::Request(id) => Some(id),
                Kind::GiveUp(_) | Kind::Note => None,
            };
            if request.is_some_and(|id| !hub.table().send(id)) {
                continue;
            }
            if self.bytes.is_empty() {
                // Most go alone, and need no copy.
                self.bytes = next.line;
            } else {
                self.bytes.extend_from_slice(&next.line);
            }
            self.lines.push((self.bytes.len(), request, next.room));
        }
    }

    async fn write<W: AsyncWrite + Unpin>(&mut self, output: &mut W) -> io::Result<()> {
        while self.written < self.bytes.len() {
            match output.write(&self.bytes[self.written..]).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                more => self.written += more,
            }
        }
        output.flush().await
    }

    fn clear(&mut self) {
        // A huge line must not hold its memory for ever.
        self.bytes = Vec::new();
        self.written = 0;
        self.lines.clear();
    }

    /// The requests that did not go out as a whole.
    fn unwritten(&self) -> impl Iterator<Item = u64> + '_ {
        self.lines.iter().filter(|(end, ..)| *end > self.written).filter_map(|(_, request, _)| *request)
    }
}
