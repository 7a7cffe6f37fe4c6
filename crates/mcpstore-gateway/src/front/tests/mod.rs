//! The fronts against a core of the tests.

mod core;
mod safety;
mod streamable;
mod wire;
