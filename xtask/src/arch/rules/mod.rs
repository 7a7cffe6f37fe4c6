//! The rules, one idea a file. Each pushes what it finds; none stops at the first.

pub(super) mod edges;
pub(super) mod manifests;
pub(super) mod owners;
pub(super) mod shape;
pub(super) mod surface;
pub(super) mod tracked;
pub(super) mod unsafety;
pub(super) mod wildcard;
pub(super) mod words;

use super::Crate;

/// The manifest of a member, as a place to point at.
fn manifest(member: &Crate) -> String {
    format!("{}/Cargo.toml", member.dir)
}
