//! Config on disk: what the pure crates must not do.
//!
//! - [`read_source`] reads a config file, and refuses one that somebody else can change.
//! - [`replace`] and [`edit_locked`] write: in one step, durable, one writer at a time, over nobody's change.
//! - [`Watch`] tells when files may have changed.
//! - [`Machine`] is the world that a config refers to: variables, files, programs.
//! - [`Approvals`] keeps what a user allowed a config to run.
//! - [`gateway_token`] keeps the token of the gateway.
//! - [`PinStore`] keeps what tools were when they were first seen.
//!
//! All but [`Watch::changed`] block on the disk: call them where blocking is allowed.
//!
//! ```
//! use mcpstore_files::{Edited, edit_locked, read_source};
//!
//! # let folder = tempfile::tempdir()?;
//! let file = folder.path().join("mcp.json");
//! let edited = edit_locked(&file, |text| {
//!     assert_eq!(text, "", "there is no file yet");
//!     Ok::<_, std::convert::Infallible>(Some(r#"{ "mcpServers": {} }"#.to_owned()))
//! })?;
//! assert_eq!(edited, Edited::Created);
//! assert_eq!(read_source(&file)?.text, r#"{ "mcpServers": {} }"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod approvals;
mod edit;
mod group;
mod judge;
mod lists;
mod lock;
mod machine;
mod pins;
mod private;
mod quote;
mod read;
mod sweep;
mod token;
mod trail;
mod watch;
mod write;

pub use approvals::{Approvable, Approvals, ApproveError, Checked, Fingerprint, NotAFingerprint, Pending, PendingKind};
pub use approvals::{alerts_fingerprint, find_program, fingerprint, loads_code, service_fingerprint};
pub use edit::{EditFileError, Edited, MAX_EDIT_ATTEMPTS, edit_locked};
pub use judge::{Fault, Unsafe};
pub use lists::{read_lists, write_lists};
pub use lock::{LOCK_WAIT, LockError};
pub use machine::{MAX_REFERENCED_BYTES, Machine};
pub use pins::{Approved, Change, LoadedPins, NewTools, PinStore, PinsDamage, PinsStamp, ServicePins, Verdict};
pub use pins::{Definition, DiffKind, DiffLine, Finding, Hidden, render_diff, suspicious};
pub use pins::{MAX_FINDINGS, MAX_PINNED_TOOLS, MAX_TOOL_NAME_BYTES};
pub use private::{StateFileError, random_bytes};
pub use read::{MAX_PIPE_WAIT, ReadError, read_source};
pub use token::{GatewayToken, TokenOrigin, gateway_token, rotate_gateway_token};
pub use watch::{MAX_WATCHED, POLL_EVERY, QUIET, QUIET_AT_MOST, Watch, WatchError};
pub use write::{ReplaceError, WriteError, WriteStep, replace};
