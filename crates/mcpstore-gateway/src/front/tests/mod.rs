//! The fronts against a core of the tests.

mod core;
mod legacy;
mod lines;
mod resume;
mod safety;
mod streamable;
mod tls;
mod wire;
