//! The doors of a gateway.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::front::{Counters, HttpFront, LineFront, bind_unix};
use crate::seam::Peer;
use crate::{BoundFront, BoundUnix, FrontOptions, Gateway, Limits, ListenError};

/// How long requests under way may go on when a program at the other end of a pipe has said all it has to say.
const LAST_ANSWERS: Duration = Duration::from_secs(60);

impl Gateway {
    /// Serves this gateway over HTTP (`/mcp`, `/mcp/VIEW`, and `/sse` for older clients), until the front is shut down or
    /// dropped. It answers from now on, whatever the services do.
    ///
    /// # Errors
    /// [`ListenError`]: the address is taken, or may be reached by others without TLS and a token.
    ///
    /// # Cancel safety
    /// Dropped half-way, nothing listens.
    pub async fn listen(&self, address: SocketAddr, options: FrontOptions) -> Result<BoundFront, ListenError> {
        HttpFront::bind(address, Arc::new(self.clone()), options).await
    }

    /// Serves this gateway on a unix socket (lines of JSON-RPC, as over stdin and stdout), for this user alone.
    ///
    /// # Errors
    /// [`ListenError`]: the socket is taken, or others may enter its folder.
    ///
    /// # Cancel safety
    /// Dropped half-way, nothing listens.
    pub async fn listen_unix(&self, path: &Path) -> Result<BoundUnix, ListenError> {
        bind_unix(path, Arc::new(self.clone()), None, Limits::default()).await
    }

    /// Serves one client over a pair of byte streams (lines of JSON-RPC), until it goes away. It must be this user: the caller
    /// has made sure of that. `view`: the profile that it sees; `None`: everything.
    ///
    /// # Cancel safety
    /// Dropped, the client's requests under way are given up.
    pub async fn serve_lines<R, W>(&self, reader: R, writer: W, view: Option<&str>)
    where
        R: AsyncRead + Unpin + Send,
        W: AsyncWrite + Unpin + Send,
    {
        let front = LineFront {
            core: Arc::new(self.clone()),
            counters: Arc::new(Counters::default()),
            limits: Limits::default(),
            peer: Peer { principal: "local".into(), view: view.map(Into::into) },
            grace: LAST_ANSWERS,
        };
        front.serve(reader, writer, &CancellationToken::new()).await;
    }

    /// The names of its views, beside the one of everything.
    #[must_use]
    pub fn views(&self) -> Vec<String> {
        self.inner.rules.load().views.iter().map(|view| view.name.clone()).collect()
    }
}
