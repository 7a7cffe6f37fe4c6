//! What stands between clients and servers: who may, how often, what was done, and whether tools are what they were.
//!
//! Each part is usable alone, and knows nothing of the others.

pub(crate) mod audit;
pub(crate) mod pins;
pub(crate) mod rate;
pub(crate) mod seal;
pub(crate) mod token;
