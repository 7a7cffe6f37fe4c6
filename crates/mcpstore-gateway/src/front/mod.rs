//! Fronts: everything between sockets and the core. They check who calls, read messages, and write what comes back.

mod batch;
mod gate;
pub(crate) mod headers;
mod http;
mod legacy;
mod limits;
mod lines;
mod options;
mod pipe;
mod read;
mod replay;
mod resume;
mod running;
mod sessions;
mod stats;
mod tls;

#[cfg(test)]
mod tests;

pub(crate) use http::HttpFront;
pub(crate) use lines::{LineFront, bind_unix};

pub use http::BoundFront;
pub use limits::Limits;
pub use lines::BoundUnix;
pub use options::{FrontOptions, ListenError};
pub(crate) use stats::Counters;
pub use stats::FrontStats;
