//! Meters that calls write to: atomics held by handle, no lock that anybody waits for.

mod call;
mod durations;
mod recent;
mod service;

pub use call::CallMeter;
pub use durations::DURATION_BOUNDS_SECONDS;
pub use recent::WindowStats;
pub use service::{CallInFlight, CallStats, ServiceMeter};
