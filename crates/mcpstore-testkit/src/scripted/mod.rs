//! An adapter whose services do what a script says, in virtual time: no process, no pipe, no real clock.

mod adapter;
mod life;
mod outside;
mod script;
mod session;

pub use adapter::{Happened, Record, ScriptedAdapter};
pub use outside::ScriptedOutside;
pub use script::{Answering, Life};
