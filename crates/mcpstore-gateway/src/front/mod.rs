//! Fronts: everything between sockets and the core. They check who calls, read messages, and write what comes back.

mod gate;
mod headers;
mod http;
mod legacy;
mod limits;
mod options;
mod pipe;
mod read;
mod running;
mod sessions;
mod stats;
mod tls;

#[cfg(test)]
mod tests;

pub(crate) use http::HttpFront;

pub use http::BoundFront;
pub use limits::Limits;
pub use options::{FrontOptions, ListenError};
pub use stats::FrontStats;
