//! Servers reached over HTTP.

pub(crate) mod credentials;
