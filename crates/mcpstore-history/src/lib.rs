//! What happened, on disk: an append-only log that survives a kill at any instant.
//!
//! [`History`] writes: one per folder, over all processes. It takes a [`Record`] without waiting, hands it to the system at
//! once and to the disk within [`Options::sync_every`]. [`Reader`] reads, also while another process writes, and after it died.
//!
//! The form: a folder of segments, each a text file of lines `crc length json`. Damage costs what follows it in its segment
//! and nothing else: see `docs/history.md`, and `docs/decisions/0014-history-is-a-log.md` for why.

mod folder;
mod frame;
mod history;
mod lock;
mod mend;
mod options;
mod queue;
mod reader;
mod record;
mod store;
mod sync;
mod writer;

pub use folder::FolderFault;
pub use history::{History, HistoryHealth, Opened, SyncError};
pub use mend::SetAside;
pub use options::Options;
pub use reader::{ReadError, Reader, Since};
pub use record::{
    AlertRecord, BeatRecord, GapRecord, MAX_TEXT_BYTES, NoticeRecord, Record, SampleRecord, StartRecord, StopRecord,
};
pub use store::OpenError;
