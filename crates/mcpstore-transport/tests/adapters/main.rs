//! The adapter suite: what every transport must do, on real processes and inside this one.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

mod basics;
mod calls;
mod ends;
mod eras;
mod faults_eras;
mod faults_http;
mod faults_lists;
mod faults_lives;
mod faults_memory;
mod faults_notices;
mod faults_stdio;
mod faults_support;
mod faults_wire;
mod groups;
mod handshake;
mod hostile;
mod http;
mod in_process;
mod launch;
mod suite;
mod support;

/// The adapter that is tested; `tests/guarded` runs the same tests with wardens.
fn stdio() -> mcpstore_transport::Stdio {
    mcpstore_transport::Stdio::new()
}
