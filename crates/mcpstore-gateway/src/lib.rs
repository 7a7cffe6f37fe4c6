//! One MCP endpoint out of many servers.
//!
//! Clients of both eras of the protocol reach every service of a supervisor through one address. *Fronts* (HTTP, lines)
//! read messages and check who calls; the *core* knows what they mean; the *catalog* says which name leads where. What
//! needs no change passes byte for byte.

mod catalog;
mod client;
mod core;
mod front;
mod guard;
mod listen;
mod message;
mod outlet;
mod report;
mod seam;
mod taken_back;

pub use core::{Gateway, Prepared, Rules};
pub use front::{BoundFront, BoundUnix, FrontOptions, FrontStats, Limits, ListenError};
pub use guard::{AuditFault, AuditIsWhole, AuditStats, read_audit, verify_audit};
pub use report::{GatewayReport, UnlistedReport, ViewReport};
