//! `why`: what brought a service where it is, down to exit codes and the server's own words, and what to do about it. Pure.

mod cause;
mod explain;
mod find;
mod fix;
mod model;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod words;

pub(crate) use cause::Cause;
pub(crate) use explain::{Because, Explanation, Fix, explain};
pub(crate) use model::{LaunchFacts, WhyModel};
pub(crate) use text::why_text;
