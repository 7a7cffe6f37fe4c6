//! What the tests of the core share: worlds, searches, reference models.
#![allow(dead_code)] // each test file uses its own part
#![allow(clippy::unwrap_used)] // helpers of tests

pub(crate) mod fleet_check;
pub(crate) mod fleet_moves;
pub(crate) mod fleet_search;
pub(crate) mod fleet_world;
pub(crate) mod script;
pub(crate) mod unit_search;
pub(crate) mod unit_table;
pub(crate) mod unit_world;
