//! Servers that are reached over HTTP: streamable HTTP, and the legacy HTTP+SSE before it.

mod address;
mod body;
mod client;
pub(crate) mod connect;
pub(crate) mod credentials;
mod fault;
pub(crate) mod guard;
mod headers;
mod params;
mod sse;
pub(crate) mod target;
pub(crate) mod tls;

pub use credentials::AuthError;
