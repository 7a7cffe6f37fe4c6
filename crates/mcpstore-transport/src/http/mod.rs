//! Servers that are reached over HTTP: streamable HTTP, and the legacy HTTP+SSE before it.
//!
//! The wire is the same as over a pipe; a [`driver`] stands where the reader and the writer do. Requests are POSTs side by
//! side, each with its own answer, so a fault of one is the fault of one. The conversation ends when we end it, when the
//! server has forgotten its session and gives no new one, and with the stream of a legacy server.

mod address;
mod body;
pub(crate) mod client;
pub(crate) mod connect;
pub(crate) mod credentials;
mod driver;
mod endpoint;
mod exchange;
pub(crate) mod fault;
pub(crate) mod guard;
mod headers;
mod legacy;
mod message;
mod params;
mod refusal;
mod sse;
mod stream;
mod talk;
pub(crate) mod target;
pub(crate) mod tls;
mod under_way;

use std::sync::Arc;

use async_trait::async_trait;
use mcpstore_types::{Era, HttpSpec, TransportSpec};

use crate::auth::OAuth;
use crate::handshake::{EraCache, Handshake};
use crate::wire::{self, Parts};
use crate::{Adapter, LaunchError, LaunchRequest, Launched};
use client::HttpClient;
use driver::Driver;
use endpoint::Connection;

pub use credentials::AuthError;
pub(crate) use params::broken_rule;
pub use params::mirrored_headers;

/// The adapter of kind `http`: streamable HTTP in both eras, over TCP, TLS or a unix socket.
///
/// Connections are pooled and reused, with `TCP_NODELAY`. TLS is checked against the certificates of the system (or of
/// `SSL_CERT_FILE` and `SSL_CERT_DIR`) and the spec's own; there is no way around the check. `HTTP_PROXY`, `HTTPS_PROXY` and
/// `NO_PROXY` are honoured, but never for this machine. Redirects are followed within the same origin.
#[derive(Clone, Debug, Default)]
pub struct Http {
    eras: EraCache,
    logins: OAuth,
}

/// The adapter of kind `sse`: legacy HTTP+SSE (spec: MCP 2024-11-05, transports). Connects as [`Http`] does.
#[derive(Clone, Debug, Default)]
pub struct Sse {
    eras: EraCache,
    logins: OAuth,
}

impl Http {
    /// The kind it serves.
    pub const KIND: &'static str = "http";

    /// The adapter, with logins that are lost with the process, and nobody to ask for one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with these logins.
    #[must_use]
    pub fn with_logins(self, logins: OAuth) -> Self {
        Self { logins, ..self }
    }
}

impl Sse {
    /// The kind it serves.
    pub const KIND: &'static str = "sse";

    /// The adapter, with logins that are lost with the process, and nobody to ask for one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with these logins.
    #[must_use]
    pub fn with_logins(self, logins: OAuth) -> Self {
        Self { logins, ..self }
    }
}

#[async_trait]
impl Adapter for Http {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn launch(&self, request: LaunchRequest) -> Result<Launched, LaunchError> {
        match &request.spec.transport {
            TransportSpec::Http(spec) => reach(&request, spec, &self.eras, &self.logins, false).await,
            other => Err(LaunchError::NoAdapter { kind: other.kind().to_owned(), known: vec![Self::KIND.to_owned()] }),
        }
    }
}

#[async_trait]
impl Adapter for Sse {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn launch(&self, request: LaunchRequest) -> Result<Launched, LaunchError> {
        match &request.spec.transport {
            TransportSpec::Sse(spec) => reach(&request, spec, &self.eras, &self.logins, true).await,
            other => Err(LaunchError::NoAdapter { kind: other.kind().to_owned(), known: vec![Self::KIND.to_owned()] }),
        }
    }
}

async fn reach(
    request: &LaunchRequest,
    spec: &HttpSpec,
    eras: &EraCache,
    logins: &OAuth,
    legacy: bool,
) -> Result<Launched, LaunchError> {
    let http = HttpClient::launch(spec, logins.credentials(&request.spec.name, spec)).await?;
    let Parts { hub, outgoing, dispatch, wire } = wire::parts(Arc::clone(&request.logs), request.client.clone());
    hub.set_headers_matter();
    let memory = eras.of(spec.url.clone());
    if legacy {
        // It is older than the other era: there is nothing to ask.
        memory.keep(Era::Handshake);
    }
    let handshake = Handshake::new(request, &hub, wire, memory, None).over_http();
    let driver = Arc::new(Driver::new(hub, dispatch, http, legacy));
    if legacy {
        tokio::spawn(Arc::clone(&driver).read_legacy());
    }
    tokio::spawn(Arc::clone(&driver).run(outgoing));
    let endpoint = Arc::new(Connection::new(Arc::clone(&driver)));
    let handshake = async move {
        // What failed on the way is told better there.
        handshake.run().await.map_err(|error| driver.fault().unwrap_or(error))
    };
    Ok(Launched { endpoint, handshake: Box::pin(handshake) })
}
