//! The adapter suite over real processes once more, each server behind a warden; and what only a warden can do.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

#[path = "../adapters/basics.rs"]
mod basics;
#[path = "../adapters/calls.rs"]
mod calls;
mod cgroups;
mod confined;
#[path = "../adapters/ends.rs"]
mod ends;
#[path = "../adapters/eras.rs"]
mod eras;
mod escapes;
#[path = "../adapters/faults_lives.rs"]
mod faults_lives;
#[path = "../adapters/faults_stdio.rs"]
mod faults_stdio;
#[path = "../adapters/faults_support.rs"]
mod faults_support;
#[path = "../adapters/faults_wire.rs"]
mod faults_wire;
#[path = "../adapters/handshake.rs"]
mod handshake;
#[path = "../adapters/hostile.rs"]
mod hostile;
#[path = "../adapters/launch.rs"]
mod launch;
mod ledger;
mod sandbox;
#[path = "../adapters/suite.rs"]
mod suite;
#[path = "../adapters/support.rs"]
mod support;
mod wardens;

use mcpstore_testkit::warden_path;
use mcpstore_transport::{Stdio, WardenProgram};

/// The adapter that is tested.
fn stdio() -> Stdio {
    Stdio::new().with_warden(WardenProgram::helper(warden_path()))
}
