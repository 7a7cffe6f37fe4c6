//! The server: one loopback port, a bounded number of connections, an end in good order.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::pages::{answer, too_many};
use crate::source::Source;

/// How long the head of a request may take. A connection without a request is closed after that as well.
const HEAD_WAIT: Duration = Duration::from_secs(10);

/// How long a connection may last, so that one that reads nothing does not stay.
const CONNECTION_LIFE: Duration = Duration::from_secs(120);

/// How long requests under way may take once the server is to end.
const END_WAIT: Duration = Duration::from_secs(2);

/// How many connections there may be at once.
const MAX_CONNECTIONS: usize = 64;

/// How many more there may be that are told that there are too many.
const MAX_TURNED_AWAY: usize = 8;

/// Most bytes of the head of a request.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// After how long it is tried again when the system has no connection to give (no file left, for example).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address is reachable from other machines.
    #[error(
        "will not listen on {addr}: metrics and health are shown to everyone who can reach them, so only to this machine; \
         listen on 127.0.0.1:{} or [::1]:{}, and let a proxy that asks who is there carry it further",
        addr.port(),
        addr.port()
    )]
    NotLoopback {
        /// The address.
        addr: SocketAddr,
    },
    /// Another program listens there.
    #[error("another program listens on {addr}; choose another port, or 0 for any that is free")]
    InUse {
        /// The address.
        addr: SocketAddr,
    },
    /// The system did not let us.
    #[error("cannot listen on {addr}")]
    Io {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A server for the pages of a [`Source`]. It listens from the moment it is bound, and answers while it runs.
pub struct Console {
    listener: TcpListener,
    local_addr: SocketAddr,
    source: Arc<dyn Source>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

impl Console {
    /// Listens on this address of the loopback interface; port 0 takes one that is free.
    ///
    /// # Errors
    /// [`BindError`] when the address is not loopback, or is taken, or the system does not let us.
    ///
    /// # Cancel safety
    /// Nothing is left when it is dropped.
    pub async fn bind(addr: SocketAddr, source: Arc<dyn Source>) -> Result<Self, BindError> {
        if !addr.ip().to_canonical().is_loopback() {
            return Err(BindError::NotLoopback { addr });
        }
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { addr },
            _ => BindError::Io { addr, source },
        };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, local_addr, source })
    }

    /// Where it listens, with the port that was chosen.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Answers until `shutdown` is done; then it listens no longer, and requests under way have two seconds.
    ///
    /// # Cancel safety
    /// Dropped, it ends at once, with all its connections.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let end = CancellationToken::new();
        let (seats, turned_away) =
            (Arc::new(Semaphore::new(MAX_CONNECTIONS)), Arc::new(Semaphore::new(MAX_TURNED_AWAY)));
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the console cannot take a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (source, end) = (Arc::clone(&self.source), end.clone());
            if let Ok(seat) = Arc::clone(&seats).try_acquire_owned() {
                connections.spawn(connection(stream, Some(source), seat, end));
            } else if let Ok(seat) = Arc::clone(&turned_away).try_acquire_owned() {
                connections.spawn(connection(stream, None, seat, end));
            } else {
                tracing::debug!("the console closes a connection: there are too many");
            }
        }
        drop(self.listener);
        end.cancel();
        let all = async { while connections.join_next().await.is_some() {} };
        // What is not done by then is dropped with its connection.
        let _ = tokio::time::timeout(END_WAIT, all).await;
    }
}

/// Serves a connection. Without a source there are too many already.
async fn connection(
    stream: TcpStream,
    source: Option<Arc<dyn Source>>,
    _seat: OwnedSemaphorePermit,
    end: CancellationToken,
) {
    let service = service_fn(|request| {
        let source = source.clone();
        async move {
            Ok::<_, Infallible>(match source {
                Some(source) => answer(&request, source.as_ref()).await,
                None => too_many(),
            })
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT).max_buf_size(MAX_HEAD_BYTES);
    server.keep_alive(source.is_some());
    let mut serving = std::pin::pin!(server.serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        result = &mut serving => result,
        () = tokio::time::sleep(CONNECTION_LIFE) => return,
        () = end.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection to the console ended");
    }
}
