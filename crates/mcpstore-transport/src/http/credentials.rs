//! What puts credentials on the requests to one remote server: the seam between HTTP and OAuth.

use std::fmt;

use async_trait::async_trait;

/// Puts credentials on the requests to one remote server. One for each service with a URL; shared by its lives.
#[async_trait]
pub(crate) trait Credentials: Send + Sync + fmt::Debug {
    /// The value of the `Authorization` header for the next request; `None` sends it without.
    ///
    /// Refreshes a token that is about to expire, one flight for all who ask at once.
    async fn authorization(&self) -> Result<Option<String>, AuthError>;

    /// The server refused a request that carried `used` (the value of its `Authorization` header).
    ///
    /// Returns true when there are other credentials now, and the request is worth another try.
    async fn refused(&self, challenge: Challenge<'_>) -> Result<bool, AuthError>;
}

/// A refusal: what the server said with its 401 or 403.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Challenge<'a> {
    /// 401 or 403.
    pub(crate) status: u16,
    /// Its `WWW-Authenticate` headers, in order.
    pub(crate) www_authenticate: &'a [String],
    /// What the refused request carried in `Authorization`.
    pub(crate) used: Option<&'a str>,
    /// How often this one request was refused before.
    pub(crate) tries: u32,
}

/// Why there are no credentials. Completes "failed to authorise …".
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Somebody must log in first: the state that is told apart from an error.
    #[error("a login is needed: {message}")]
    NeedsLogin {
        /// Why, in words.
        message: String,
    },
    /// It cannot work before somebody changes something: here, at the server, or at its authorisation server.
    #[error("the authorisation was refused: {message}")]
    Refused {
        /// Why, in words.
        message: String,
    },
    /// The authorisation server, or the way to it, failed; another try may do better.
    #[error("the authorisation failed: {message}")]
    Failed {
        /// How.
        message: String,
    },
}
