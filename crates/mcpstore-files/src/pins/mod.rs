//! What tools were when they were first seen, or last approved.

mod canonical;
mod definition;
mod diff;
mod record;
mod store;
mod suspicious;
mod text;

pub use definition::Definition;
pub use diff::{DiffKind, DiffLine, render_diff};
pub use record::{Approved, Change, MAX_PINNED_TOOLS, MAX_TOOL_NAME_BYTES, NewTools, ServicePins, Verdict};
pub use store::{LoadedPins, PinStore, PinsDamage};
pub use suspicious::{Finding, Hidden, MAX_FINDINGS, suspicious};
