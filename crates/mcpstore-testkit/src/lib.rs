//! Fixtures and fakes for the tests of mcpstore. A dev-dependency only.
//!
//! Real processes: the hostile server [`fixture_path`] with a flag for every misbehaviour, and [`survivors`] that finds
//! what outlived a test. Inside the process: [`server`], the same server over any stream. Under virtual time:
//! [`scripted`], an adapter whose services do what a script says, and [`ManualClock`].

mod clock;
pub mod faults;
pub mod http;
mod programs;
pub mod scripted;
pub mod server;
pub mod shapes;
pub mod suite;
mod survivors;

pub use clock::ManualClock;
pub use programs::{fixture_path, mcpstore_path, warden_path};
pub use survivors::{TAG_VARIABLE, no_survivors, survivors, unique_tag};
