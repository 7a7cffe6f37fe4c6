//! YAML: blocks by indentation, and what is in brackets.

mod plan;
mod read;
mod scalar;
mod style;
mod write;

pub(super) use plan::apply;
pub(super) use read::{read, refuse_odd};
