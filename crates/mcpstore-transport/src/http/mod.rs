//! Servers that are reached over HTTP: streamable HTTP, and the legacy HTTP+SSE before it.

mod address;
mod body;
mod client;
mod connect;
mod credentials;
mod fault;
mod guard;
mod headers;
mod params;
mod sse;
mod target;
mod tls;

pub use credentials::AuthError;
