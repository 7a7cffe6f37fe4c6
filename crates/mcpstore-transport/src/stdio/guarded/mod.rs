//! Servers behind a warden: the process that ends everything a server started, also when the manager dies.
//!
//! `launch` starts the warden, writes the ledger, hands the plan over. A task of its own then owns the socket: while that is
//! open the tree lives, and whoever closes it, asked or by dying, ends the tree.

mod launch;
mod registry;
mod sweep;
mod watch;

pub(super) use launch::{Guarded, Which, launch};
pub(crate) use registry::{Registered, spawn as register};
pub(super) use sweep::has_mark;
pub(super) use watch::{Fate, Line};
