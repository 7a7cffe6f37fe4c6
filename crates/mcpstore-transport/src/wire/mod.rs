//! The conversation with one server over a pair of byte streams.
//!
//! One task reads, one writes. rmcp leads the handshake; everything else goes past it, so that results stay raw and none
//! waits for a line that rmcp would drop. Its requests and ours share one space of ids. What the server asks of us is
//! answered beside the reading, by whoever the client side names.

mod asked;
mod batch;
mod call;
mod counted;
mod deadlines;
mod dispatch;
mod envelope;
mod glimpse;
mod line;
mod lines;
mod members;
mod outgoing;
mod params;
mod reader;
mod sdk;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rmcp::model::ServerJsonRpcMessage;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::clip::clip;
use crate::notices::Feed;
use crate::{CallError, ClientSide, LogRing, NoticeFeed, WireCounters};
use asked::Asked;
use counted::Counted;
use table::{Table, Waiter};

pub(crate) use call::DISCOVER;
pub(crate) use dispatch::Dispatch;
pub(crate) use envelope::wire_id;
pub use envelope::{Envelope, borrowed_text};
pub use lines::{Line, LineReader};
pub use members::each_member;
pub(crate) use outgoing::{Kind, Outgoing};
pub(crate) use params::Stateless;
pub(crate) use sdk::Wire;

/// Bytes of one line from the server; a longer one is skipped.
pub(crate) const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;
/// Raw requests sent and not answered.
pub(crate) const MAX_IN_FLIGHT: usize = 64;
/// Raw requests that wait for one of those places.
pub(crate) const MAX_WAITING: usize = 256;
/// Lines that wait for the writer.
const MAX_OUTGOING: usize = 128;
/// Bytes of raw requests that wait for the writer, one that is being written included.
pub(crate) const MAX_OUTGOING_BYTES: usize = 32 * 1024 * 1024;
/// Messages for rmcp that it has not taken: there is one answer it waits for.
const MAX_FOR_RMCP: usize = 8;
/// After the server's exit, how long its output may take to end: a grandchild can hold it open for ever.
const DRAIN: Duration = Duration::from_millis(100);

/// After the server's exit, a silence that ends the reading sooner: what it wrote before was there already.
const QUIET: Duration = Duration::from_millis(10);

/// What the tasks of a wire, its session and its endpoint share.
pub(crate) struct Hub {
    table: Mutex<Table>,
    out: mpsc::Sender<Outgoing>,
    /// What is left of [`MAX_OUTGOING_BYTES`].
    room: Arc<Semaphore>,
    /// A request is due sooner than all that were.
    sooner: Notify,
    places: Semaphore,
    waiting: AtomicUsize,
    changes: watch::Sender<u64>,
    feed: Feed,
    /// What the server asks of us.
    asked: Asked,
    /// Who asks, once the stateless era was agreed.
    stateless: OnceLock<Stateless>,
    /// See [`Hub::set_headers_matter`].
    headers_matter: AtomicBool,
    tally: Tally,
    /// What the server said in its handshake that it can do, byte for byte: rmcp knows only a part of it.
    offered: OnceLock<String>,
    /// Why the handshake cannot succeed, when the reader knows better than rmcp.
    spoiled: Mutex<Option<String>>,
    /// The handshake is over.
    ready: AtomicBool,
    /// The writing is over; true when the server did not read all of it.
    unheard: watch::Sender<Option<bool>>,
    /// The conversation is over.
    closed: CancellationToken,
    /// The server cannot be reached any more; what it wrote may still be read for [`DRAIN`].
    doomed: CancellationToken,
    /// Our side of the server's input shall close.
    input: CancellationToken,
}

#[derive(Default)]
struct Tally {
    bytes: AtomicU64,
    received: AtomicU64,
    noise: AtomicU64,
    oversized: AtomicU64,
    stray: AtomicU64,
    overloaded: AtomicU64,
    refused: AtomicU64,
    dropped: AtomicU64,
}

impl Hub {
    /// Ends the conversation: everyone who waits for an answer hears it at once.
    pub(crate) fn close(&self) {
        self.closed.cancel();
        self.table().close();
    }

    /// Resolves when the conversation is over.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Says that the server is gone; what it wrote before is still read for a moment.
    pub(crate) fn doom(&self) {
        self.doomed.cancel();
    }

    /// Closes the server's input once what waits for it is written.
    pub(crate) fn close_input(&self) {
        self.input.cancel();
    }

    /// Takes out the one who waits for this answer.
    fn take(&self, id: u64) -> Option<Waiter> {
        let mut table = self.table();
        let waiter = table.take(id);
        let done = table.is_done();
        drop(table);
        if done {
            self.doom();
        }
        waiter
    }

    /// Nothing goes out any more; whose request did not hears it. A server that is deaf can still give the answers it owes; after those it is doomed.
    fn shut(&self, deaf: bool) {
        let mut table = self.table();
        table.shut(deaf);
        let done = table.is_done();
        drop(table);
        if done {
            self.doom();
        }
    }

    fn note_unheard(&self, unheard: bool) {
        self.unheard.send_replace(Some(unheard));
    }

    /// Resolves when the writing is over: true when the server left something unread of what was written to it.
    pub(crate) async fn unheard(&self) -> bool {
        let mut unheard = self.unheard.subscribe();
        unheard.wait_for(Option::is_some).await.ok().and_then(|unheard| *unheard).unwrap_or(false)
    }

    /// The JSON object of what the server said in its handshake that it can do.
    pub(crate) fn offered(&self) -> Option<&str> {
        self.offered.get().map(String::as_str)
    }

    /// Says that the handshake is over.
    fn set_ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The notifications that belong to no request, from now on.
    pub(crate) fn notices(&self) -> NoticeFeed {
        self.feed.subscribe(self.closed.clone())
    }

    /// From now on every request says who asks.
    pub(crate) fn agree_stateless(&self, stateless: Stateless) {
        // Agreed once; a second agreement would be the same.
        let _ = self.stateless.set(stateless);
        self.set_ready();
    }

    /// Fails the request with this wire id, if it still waits.
    pub(crate) fn fail(&self, id: u64, error: CallError) {
        match self.take(id) {
            Some(Waiter::Raw(raw)) => drop(raw.answer.send(Err(error))),
            Some(Waiter::Rmcp { .. }) => self.spoil(&error.to_string()),
            None => {}
        }
    }

    /// The request goes out; false when nobody waits for its answer any more.
    pub(crate) fn goes_out(&self, id: u64) -> bool {
        self.table().send(id)
    }

    /// True while somebody waits for the answer to this request.
    pub(crate) fn waits(&self, id: u64) -> bool {
        self.table().waits(id)
    }

    /// Counts bytes that came from the server.
    pub(crate) fn received(&self, bytes: usize) {
        self.tally.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The server may have become another: what it lists may differ.
    pub(crate) fn lists_may_differ(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Arguments of tools may go into headers: their schemas have rules about that.
    pub(crate) fn set_headers_matter(&self) {
        self.headers_matter.store(true, Ordering::Relaxed);
    }

    /// True where they do: over HTTP, in the era that knows of it.
    pub(crate) fn headers_matter(&self) -> bool {
        self.headers_matter.load(Ordering::Relaxed) && self.stateless.get().is_some()
    }

    /// Resolves when the server's input is to be closed.
    pub(crate) async fn input_closed(&self) {
        self.input.cancelled().await;
    }

    /// The handshake cannot succeed any more.
    fn spoil(&self, what: &str) {
        lock(&self.spoiled).get_or_insert_with(|| clip(what));
        self.close();
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.table().in_flight()
    }

    pub(crate) fn counters(&self) -> WireCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WireCounters {
            bytes: read(&self.tally.bytes),
            received: read(&self.tally.received),
            noise: read(&self.tally.noise),
            oversized: read(&self.tally.oversized),
            stray: read(&self.tally.stray),
            overloaded: read(&self.tally.overloaded),
            refused: read(&self.tally.refused),
            dropped: read(&self.tally.dropped),
        }
    }

    /// Why the handshake cannot succeed, when the wire knows.
    pub(crate) fn spoiled(&self) -> Option<String> {
        lock(&self.spoiled).clone()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }
}

/// The guarded value; nothing panics half-way under our locks, so what a poisoned one holds is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A wire without a driver: whoever has it brings what is outgoing to the server, and what comes from there to `dispatch`.
pub(crate) struct Parts {
    pub(crate) hub: Arc<Hub>,
    pub(crate) outgoing: mpsc::Receiver<Outgoing>,
    pub(crate) dispatch: Dispatch,
    pub(crate) wire: Wire,
}

/// Makes a wire without a driver, in the current tokio runtime.
pub(crate) fn parts(logs: Arc<LogRing>, client: ClientSide) -> Parts {
    let (out, outgoing) = mpsc::channel(MAX_OUTGOING);
    let (to_rmcp, from_peer) = mpsc::channel::<ServerJsonRpcMessage>(MAX_FOR_RMCP);
    let hub = Arc::new(Hub {
        table: Mutex::default(),
        out,
        room: Arc::new(Semaphore::new(MAX_OUTGOING_BYTES)),
        sooner: Notify::new(),
        places: Semaphore::new(MAX_IN_FLIGHT),
        waiting: AtomicUsize::new(0),
        changes: watch::Sender::new(0),
        feed: Feed::default(),
        asked: Asked::new(client),
        stateless: OnceLock::new(),
        headers_matter: AtomicBool::new(false),
        tally: Tally::default(),
        offered: OnceLock::new(),
        spoiled: Mutex::default(),
        ready: AtomicBool::new(false),
        unheard: watch::Sender::new(None),
        closed: CancellationToken::new(),
        doomed: CancellationToken::new(),
        input: CancellationToken::new(),
    });
    tokio::spawn(deadlines::run(Arc::clone(&hub)));
    let dispatch = Dispatch::new(Arc::clone(&hub), to_rmcp, logs);
    Parts { wire: Wire::new(Arc::clone(&hub), from_peer), hub, outgoing, dispatch }
}

/// Starts the tasks of a wire over these streams. They end when the wire closes.
pub(crate) fn open<R, W>(input: R, output: W, logs: Arc<LogRing>, client: ClientSide) -> (Arc<Hub>, Wire)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    open_watching(input, output, |_| false, logs, client)
}

/// The same over an output of which `unread` can say whether the server has left something in it unread.
pub(crate) fn open_watching<R, W>(
    input: R,
    output: W,
    unread: impl Fn(&W) -> bool + Send + 'static,
    logs: Arc<LogRing>,
    client: ClientSide,
) -> (Arc<Hub>, Wire)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let Parts { hub, outgoing, dispatch, wire } = parts(logs, client);
    let dispatch = dispatch.piped();
    tokio::spawn(reader::run(dispatch, Counted::new(input, Arc::clone(&hub))));
    tokio::spawn(writer::run(Arc::clone(&hub), outgoing, output, unread));
    (hub, wire)
}
