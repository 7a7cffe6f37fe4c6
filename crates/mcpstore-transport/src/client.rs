//! What we are towards a server: what we can do for it, and who answers what it asks.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::value::RawValue;

/// What we are towards a server. The default can do nothing for it.
#[derive(Clone, Default)]
pub struct ClientSide {
    capabilities: Option<Box<RawValue>>,
    handler: Option<Arc<dyn ServerRequests>>,
}

impl ClientSide {
    /// A client with these capabilities (a JSON object, as `initialize` carries it), whose server's requests go to
    /// `handler`.
    #[must_use]
    pub fn new(capabilities: Box<RawValue>, handler: Arc<dyn ServerRequests>) -> Self {
        Self { capabilities: Some(capabilities), handler: Some(handler) }
    }

    /// The JSON object of its capabilities.
    #[must_use]
    pub fn capabilities(&self) -> &str {
        self.capabilities.as_deref().map_or("{}", RawValue::get)
    }

    /// Who answers the server's requests; without one they are refused.
    #[must_use]
    pub fn handler(&self) -> Option<&Arc<dyn ServerRequests>> {
        self.handler.as_ref()
    }
}

impl fmt::Debug for ClientSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handler = self.handler.is_some();
        f.debug_struct("ClientSide").field("capabilities", &self.capabilities()).field("handler", &handler).finish()
    }
}

/// Answers what a server asks of its client: sampling, elicitation, roots.
#[async_trait]
pub trait ServerRequests: Send + Sync {
    /// Answers one request. Pings never come here.
    ///
    /// # Errors
    /// What the server hears instead of a result.
    ///
    /// # Cancel safety
    /// Dropped when the server takes its request back, or the session ends.
    async fn answer(&self, request: ServerRequest) -> Result<Box<RawValue>, RpcError>;
}

/// A request of a server to its client.
#[derive(Clone, Debug)]
pub struct ServerRequest {
    /// Its method.
    pub method: String,
    /// Its params, byte for byte.
    pub params: Option<Box<RawValue>>,
}

/// A JSON-RPC error: what one side says instead of a result.
#[derive(Clone, Debug, thiserror::Error)]
#[error("error {code}: {message}")]
pub struct RpcError {
    /// Its code.
    pub code: i64,
    /// Its message.
    pub message: String,
    /// Its data, byte for byte.
    pub data: Option<Box<RawValue>>,
}

impl RpcError {
    /// An error without data.
    #[must_use]
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// "Method not found".
    #[must_use]
    pub fn no_method() -> Self {
        Self::new(-32601, "this client offers no such thing")
    }
}
