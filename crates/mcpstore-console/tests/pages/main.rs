//! The console over real connections, and the pages of a supervisor.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod client;
mod limits;
mod requests;
mod supervised;
