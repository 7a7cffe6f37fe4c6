//! How much is kept, and how often it is brought to the disk.

use std::time::Duration;

/// The bounds of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Size of a segment, in bytes; default 4 MiB. A line is never split: one that is longer has a segment of its own.
    pub segment_bytes: u64,
    /// Size of all segments together, in bytes; default 64 MiB. The oldest segment goes when there is more.
    pub total_bytes: u64,
    /// How old a record may get; default 30 days. A segment goes once all of it is older, and is closed after a thirtieth
    /// of this, so a record stays at most that much longer.
    pub max_age: Duration,
    /// How long what was given may wait for the disk (`fdatasync`); default 200 ms. The system has it at once.
    pub sync_every: Duration,
    /// After how long a disk that failed is tried again; default 3 s.
    pub retry_every: Duration,
    /// Most records that wait for the disk; default 8,192. What comes on top is lost and counted.
    pub queue_records: usize,
    /// Most bytes that wait for the disk; default 4 MiB. What comes on top is lost and counted.
    pub queue_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 4 * 1024 * 1024,
            total_bytes: 64 * 1024 * 1024,
            max_age: Duration::from_secs(30 * 24 * 3600),
            sync_every: Duration::from_millis(200),
            retry_every: Duration::from_secs(3),
            queue_records: 8192,
            queue_bytes: 4 * 1024 * 1024,
        }
    }
}
