//! The listener: where it may listen, how many it takes, how it ends.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use mcpstore_types::Secret;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::watch::Watch;
use super::{Front, serve};
use crate::front::gate::Gate;
use crate::front::options::{FrontOptions, ListenError};
use crate::front::sessions::Sessions;
use crate::front::stats::{Counters, FrontStats};
use crate::front::tls;
use crate::seam::Core;

/// After how long it is tried again when the system has no connection to give (no file left, for example).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The HTTP front, before it listens.
pub(crate) struct HttpFront;

impl HttpFront {
    /// Listens and serves from now on; port 0 takes one that is free.
    ///
    /// # Errors
    /// [`ListenError`].
    ///
    /// # Cancel safety
    /// Nothing is left when it is dropped.
    pub(crate) async fn bind(
        address: SocketAddr,
        core: Arc<dyn Core>,
        options: FrontOptions,
    ) -> Result<BoundFront, ListenError> {
        if !address.ip().to_canonical().is_loopback() {
            match (&options.tls, &options.token) {
                (None, _) => return Err(ListenError::NoTls { address }),
                (_, None) => return Err(ListenError::NoAuth { address }),
                _ => {}
            }
        }
        let acceptor = match options.tls {
            Some(files) => Some(TlsAcceptor::from(tls::config(files).await?)),
            None => None,
        };
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse { address },
            _ => ListenError::Io { what: address.to_string(), source },
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let counters = Arc::new(Counters::default());
        let front = Arc::new(Front {
            core,
            gate: ArcSwap::from_pointee(Gate::new(options.token, options.hosts, options.origins)),
            sessions: Sessions::new(&options.limits, Arc::clone(&counters)),
            limits: options.limits,
            counters,
            busy: Arc::default(),
            end: CancellationToken::new(),
        });
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(run(listener, acceptor, Arc::clone(&front), ended));
        Ok(BoundFront { address, front, end: Some(end), task })
    }
}

/// A front that listens and serves. Dropped, it ends at once, with all its connections.
pub struct BoundFront {
    address: SocketAddr,
    front: Arc<Front>,
    end: Option<oneshot::Sender<Duration>>,
    task: JoinHandle<()>,
}

impl BoundFront {
    /// Where it listens, with the port that was chosen.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> FrontStats {
        self.front.counters.read()
    }

    /// From now on who asks must show this; connections stay. Sessions that were begun with another token, or with none
    /// where there is one now, end: whoever holds them must show the new one.
    ///
    /// # Errors
    /// [`ListenError::NoAuth`]: other machines reach it, and there is no token. Nothing changes then.
    pub fn set_gate(&self, token: Option<Secret>, hosts: Vec<String>, origins: Vec<String>) -> Result<(), ListenError> {
        if token.is_none() && !self.address.ip().to_canonical().is_loopback() {
            return Err(ListenError::NoAuth { address: self.address });
        }
        let gate = Gate::new(token, hosts, origins);
        let other = !self.front.gate.load().asks_the_same(&gate);
        self.front.gate.store(Arc::new(gate));
        if other {
            self.front.sessions.end_all();
        }
        Ok(())
    }

    /// Ends it: it listens no longer, sessions end, and requests under way have until the deadline.
    ///
    /// # Cancel safety
    /// Dropped, it ends at once.
    pub async fn shutdown(mut self, deadline: Duration) {
        if let Some(end) = self.end.take() {
            // Fails when it has ended already.
            let _ = end.send(deadline);
        }
        let _ = (&mut self.task).await;
    }
}

impl fmt::Debug for BoundFront {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundFront").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for BoundFront {
    fn drop(&mut self) {
        self.task.abort();
        // What outlives its connection ends too.
        self.front.end.cancel();
        self.front.sessions.end_all();
    }
}

/// The connections that are open, by number.
#[derive(Default)]
struct Open {
    watches: Mutex<BTreeMap<u64, Arc<Watch>>>,
}

impl Open {
    fn watches(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Watch>>> {
        // Nothing panics half-way under this lock: what a poisoned one holds is whole.
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the one that has been idle longest; false when none is.
    fn close_idlest(&self) -> bool {
        let watches = self.watches();
        let idle = watches.values().filter(|watch| !watch.close.is_cancelled());
        let idle = idle.filter_map(|watch| watch.idle_since().map(|since| (since, watch)));
        let oldest = idle.min_by_key(|(since, _)| *since);
        oldest.inspect(|(_, watch)| watch.close.cancel()).is_some()
    }
}

/// One seat in the front, and its place in the list.
struct Seat {
    number: u64,
    open: Arc<Open>,
    counters: Arc<Counters>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.open.watches().remove(&self.number);
        self.counters.connections.down();
    }
}

async fn run(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    front: Arc<Front>,
    mut ended: oneshot::Receiver<Duration>,
) {
    let began = Instant::now();
    let seats = Arc::new(Semaphore::new(front.limits.connections));
    let open = Arc::new(Open::default());
    let mut connections = JoinSet::new();
    let mut number = 0;
    let pace = (front.limits.session_idle / 8).clamp(Duration::from_millis(20), Duration::from_secs(60));
    let mut sweep = tokio::time::interval(pace);
    // One that was taken while there was no seat for it.
    let mut waiting = None;
    let deadline = loop {
        let (stream, permit) = tokio::select! {
            deadline = &mut ended => break deadline.unwrap_or_default(),
            Some(_) = connections.join_next() => continue,
            _ = sweep.tick() => {
                front.sessions.sweep();
                continue;
            }
            permit = Arc::clone(&seats).acquire_owned(), if waiting.is_some() => match (waiting.take(), permit) {
                (Some(stream), Ok(permit)) => (stream, permit),
                _ => continue,
            },
            accepted = listener.accept(), if waiting.is_none() => match accepted {
                Ok((stream, _)) => match Arc::clone(&seats).try_acquire_owned() {
                    Ok(permit) => (stream, permit),
                    Err(_) => {
                        if open.close_idlest() {
                            front.counters.connections_displaced_total.up();
                        }
                        waiting = Some(stream);
                        continue;
                    }
                },
                Err(error) => {
                    tracing::warn!(%error, "the gateway cannot take a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        // An answer must not wait for the acknowledgement of the one before it. One that is gone already fails here.
        let (Ok(()), Ok(here)) = (stream.set_nodelay(true), stream.local_addr()) else { continue };
        number += 1;
        let watch = Watch::new(began, front.end.child_token(), &front.busy);
        open.watches().insert(number, Arc::clone(&watch));
        front.counters.connections.up();
        front.counters.connections_total.up();
        let seat = Seat { number, open: Arc::clone(&open), counters: Arc::clone(&front.counters), _permit: permit };
        let (front, acceptor) = (Arc::clone(&front), acceptor.clone());
        connections.spawn(async move {
            let _seat = seat;
            match acceptor {
                None => serve::connection(front, stream, here.ip(), watch).await,
                Some(acceptor) => {
                    let shaken = tokio::time::timeout(front.limits.tls_handshake, acceptor.accept(stream)).await;
                    match shaken {
                        Ok(Ok(stream)) => serve::connection(front, stream, here.ip(), watch).await,
                        _ => front.counters.tls_failed_total.up(),
                    }
                }
            }
        });
    };
    drop(listener);
    front.sessions.end_all();
    front.end.cancel();
    let all = async { while connections.join_next().await.is_some() {} };
    // What is not done by then is dropped with its connection.
    let _ = tokio::time::timeout(deadline, all).await;
}
