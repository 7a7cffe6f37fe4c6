//! The adapters against servers on the official SDKs: each passes the adapter suite, whatever the transport and the era.
//!
//! The servers are `tests/fixtures/sdk/`; `cargo xtask servers` installs what they stand on.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

mod over_http;
mod over_stdio;
mod support;
