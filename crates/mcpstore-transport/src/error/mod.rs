//! What can go wrong: one enum per operation.

mod call;
mod handshake;
mod launch;

pub use call::{CallError, TimeoutKind};
pub use handshake::HandshakeError;
pub use launch::LaunchError;
