//! The state machines of mcpstore, without I/O, clock or randomness.
//!
//! - [`Unit`] is one service: a small value stepped by value ([`step`]).
//! - [`Fleet`] is all services and their dependency graph: inputs in ([`Fleet::apply`]), effects out, one deadline
//!   ([`Fleet::next_deadline`]).
//!
//! Time comes in as an argument. A timer leaves only as a deadline, and [`Input::Tick`] at or past it plays the timeout.
//! Feeding the same inputs again gives the same effects, so a log of inputs replays a run.

mod fleet;
mod jitter;
mod table;
mod unit;

pub use fleet::{
    ChangedDef, Effect, Fleet, FleetConfig, Input, Outcome, Reconfigure, Rejection, Reply, ServiceDef, Target,
};
#[cfg(feature = "planted-faults")]
pub use fleet::{Faults, Pending};
pub use jitter::{backoff_delay, jitter_key, spread};
pub use table::{PUBLIC_EDGES, PublicEdge, is_public_edge, states_markdown, transition_matrix};
pub use unit::{
    Action, Command, Event, Ignored, InitFailure, Move, RecycleCause, Rejected, Report, SpawnFailure, Step,
    StepContext, Then, Unit, UnitPolicy, Verdict, deadline, step,
};
