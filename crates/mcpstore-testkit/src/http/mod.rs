//! The hostile server over HTTP: streamable HTTP of both eras, the legacy event stream, over TCP and unix sockets.
//!
//! It is written by hand down to the bytes, so that each of them can be the wrong one, and remembers what it was asked.

mod behaviour;
mod connection;
mod events;
mod fault;
mod headers;
mod message;
mod respond;
mod state;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use mcpstore_transport::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::server::{Behaviour, lock};
pub use behaviour::HttpBehaviour;
pub use fault::HttpFault;
pub use message::Recorded;
use state::State;

/// A connection, whatever it goes over.
pub trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

/// What is done with a connection before the first request: TLS, for example.
pub type Wrap = Arc<dyn Fn(TcpStream) -> BoxFuture<io::Result<Box<dyn Connection>>> + Send + Sync>;

/// A server over HTTP inside this process. Dropped, it ends, with all its connections.
pub struct HttpServer {
    url: String,
    state: Arc<State>,
    _end: DropGuard,
}

impl HttpServer {
    /// Starts it on a free port of the loopback address.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(behaviour: Behaviour, http: HttpBehaviour) -> io::Result<Self> {
        Self::start_on(0, behaviour, http).await
    }

    /// Starts it on this port of the loopback address; 0 for a free one.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start_on(port: u16, behaviour: Behaviour, http: HttpBehaviour) -> io::Result<Self> {
        let plain: Wrap = Arc::new(|stream| Box::pin(async move { Ok(Box::new(stream) as Box<dyn Connection>) }));
        Self::start_wrapped("http", port, behaviour, http, plain).await
    }

    /// Starts it with something between the connection and HTTP; `scheme` is that of its address.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start_wrapped(
        scheme: &str,
        port: u16,
        behaviour: Behaviour,
        http: HttpBehaviour,
        wrap: Wrap,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let (state, end) = (State::new(behaviour, http), CancellationToken::new());
        let url = format!("{scheme}://{address}{}", state.path());
        let (served, over) = (Arc::clone(&state), end.clone());
        tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let stream = tokio::select! {
                    () = over.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((stream, _)) = stream else { continue };
                let _ = stream.set_nodelay(true);
                if served.http.fault == Some(HttpFault::Reset) {
                    // Closed, the connection is reset.
                    let _ = rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO));
                }
                let (state, wrap) = (Arc::clone(&served), Arc::clone(&wrap));
                connections.spawn(async move {
                    if let Ok(stream) = wrap(stream).await {
                        connection::serve(state, stream).await;
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { url, state, _end: end.drop_guard() })
    }

    /// Starts it on a unix socket of this path; its address is `unix:PATH:/mcp`.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start_unix(path: &Path, behaviour: Behaviour, http: HttpBehaviour) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        let (state, end) = (State::new(behaviour, http), CancellationToken::new());
        let url = format!("unix:{}:{}", path.display(), state.path());
        let (served, over) = (Arc::clone(&state), end.clone());
        tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let stream = tokio::select! {
                    () = over.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((stream, _)) = stream else { continue };
                connections.spawn(connection::serve(Arc::clone(&served), stream));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { url, state, _end: end.drop_guard() })
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The requests it got, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.state.requests).clone()
    }

    /// Sessions that are open.
    #[must_use]
    pub fn sessions(&self) -> usize {
        lock(&self.state.sessions).len()
    }

    /// Forgets every session, as a restart would.
    pub fn forget_sessions(&self) {
        lock(&self.state.sessions).clear();
    }

    /// An address at which nobody listens: connections are refused.
    ///
    /// # Errors
    /// When the system gives no free port.
    pub async fn refused_url() -> io::Result<String> {
        let address: SocketAddr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?;
        Ok(format!("http://{address}/mcp"))
    }
}

/// An address whose name resolves nowhere (`.invalid` is kept free for that).
pub const UNRESOLVABLE_URL: &str = "http://no-such-host.invalid/mcp";
