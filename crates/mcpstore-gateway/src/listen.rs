//! The doors of a gateway.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::front::HttpFront;
use crate::{BoundFront, FrontOptions, Gateway, ListenError};

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
}
