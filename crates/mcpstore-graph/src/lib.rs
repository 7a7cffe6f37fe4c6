//! The dependency graph of mcpstore: who waits for whom, in which order all of it starts and stops, and what is wrong.
//!
//! [`DepGraph::build`] takes every service with its dependencies and gives a graph that is known to be sound, or every
//! problem at once: names used twice, dependencies on oneself or on no one, and one shortest cycle for each knot of
//! services that wait for each other. All orders are stable by name: the same services give the same answer in whatever
//! order they were read.
//!
//! Pure: no I/O, no clock, no randomness; and nothing recurses, so that a chain of any length is fine. This crate is the
//! sole owner of petgraph, whose types never leave it.

mod adjacency;
mod closure;
mod construct;
mod critical;
mod cycle;
mod draw;
mod error;
mod graph;
mod node;
mod order;
mod plan;
#[cfg(test)]
mod testing;

pub use critical::CriticalPath;
pub use error::GraphError;
pub use graph::DepGraph;
pub use node::{Edge, NodeId};
pub use plan::Plan;
