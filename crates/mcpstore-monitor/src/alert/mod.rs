//! When alerts fire and when they resolve.

mod engine;
mod event;
mod judge;
mod silence;
mod slot;

pub use engine::AlertEngine;
pub use event::{AlertEvent, AlertStage, AlertStatus, AlertView};
pub use judge::Observation;
pub use silence::{Silence, SilenceError};
