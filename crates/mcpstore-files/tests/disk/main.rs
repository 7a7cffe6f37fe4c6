//! Config on disk, between processes: killed writers, many writers, and who may change what.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![allow(clippy::print_stdout, reason = "what was not tried is said")]

mod edits;
mod safety;
