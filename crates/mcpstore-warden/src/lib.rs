//! The warden: a small process between the manager and one server, which ends everything that the server started.
//!
//! It is started with one end of a socket as its stdin, gets a [`Plan`] and the server's three pipes over it, starts the
//! server, and says what becomes of it as [`Report`]s. It is the subreaper of the server's whole tree: whoever leaves its
//! group, its session or its parent still comes back to the warden. On an [`Order`], and when the other end of the socket
//! closes (the manager died, however), it ends the whole tree.
//!
//! A program that starts servers calls [`run_if_asked`] first thing in its `main`, or names the helper program
//! `mcpstore-warden`. Linux only; elsewhere [`run_if_asked`] does nothing.
#![deny(unsafe_code)]

use std::ffi::OsStr;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(target_os = "linux")]
pub mod cgroup;
#[cfg(target_os = "linux")]
mod confine;
mod plan;
#[cfg(target_os = "linux")]
pub mod proc;
mod report;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod start;
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "the one place for the system calls that nobody wraps")]
mod sys;
#[cfg(target_os = "linux")]
pub mod tree;

pub use plan::{Limit, LimitKind, MAX_PLAN_BYTES, Plan, Reach};
pub use report::{End, Order, Report, Stage};

/// The first argument by which a program is asked to be a warden.
pub const ARGUMENT: &str = "__warden";

/// [`run_if_asked`] was called in this process.
static CAN_BE_ASKED: AtomicBool = AtomicBool::new(false);

/// Becomes a warden, and never comes back, when the first argument is [`ARGUMENT`]; else does nothing.
///
/// To be called first thing in `main`: a warden has one thread, and does not need what a program sets up.
pub fn run_if_asked() {
    CAN_BE_ASKED.store(true, Ordering::Relaxed);
    if std::env::args_os().nth(1).is_some_and(|first| first == OsStr::new(ARGUMENT)) {
        run();
    }
}

/// True when this program becomes a warden when it is asked to: it called [`run_if_asked`].
#[must_use]
pub fn can_be_asked() -> bool {
    cfg!(target_os = "linux") && CAN_BE_ASKED.load(Ordering::Relaxed)
}

/// Is a warden until there is nothing left to watch over. The exit code says nothing: the reports did.
pub fn run() -> ! {
    #[cfg(target_os = "linux")]
    serve::serve();
    std::process::exit(i32::from(!cfg!(target_os = "linux")))
}
