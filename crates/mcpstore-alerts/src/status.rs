//! How a sink fares, and what became of one alert at it.

use serde::{Deserialize, Serialize};

use crate::alert::AlertStatus;

/// How a sink fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkStatus {
    /// Its name.
    pub name: String,
    /// Its word in a config: `log`, `webhook`, …
    pub kind: String,
    /// Alerts that wait for it, the one under way included.
    pub queued: usize,
    /// Alerts it took.
    pub sent_total: u64,
    /// Attempts that failed.
    pub failed_attempts_total: u64,
    /// Alerts that it will never get: refused by a full queue or by the receiver, too old, or its sink was taken away.
    pub dropped_total: u64,
    /// What went wrong last; none once an alert was delivered after it. Without secrets.
    pub last_error: Option<String>,
    /// When it took an alert last, in milliseconds since the Unix epoch.
    pub last_sent_ms: Option<u64>,
    /// When it is tried again, in milliseconds since the Unix epoch; none unless an attempt failed.
    pub next_attempt_ms: Option<u64>,
}

/// What became of one alert at one sink.
///
/// Each alert that a sink accepts has a `Queued` first and exactly one of the other two later, over restarts too. An alert
/// with `Queued` and nothing after it is undelivered: hand it to [`Delivery::restore`](crate::Delivery::restore) at the
/// next start. One that was refused by a full queue has a `Dropped` alone; one that is not for this sink (its filters) has
/// none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// At which sink.
    pub sink: String,
    /// Which alert: its `id`.
    pub id: String,
    /// Its status.
    pub status: AlertStatus,
    /// Its `at_ms`.
    pub at_ms: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It waits to be delivered.
    Queued,
    /// The receiver has it.
    Delivered,
    /// Nobody will ever try again.
    Dropped {
        /// Why. Without secrets.
        error: String,
    },
}
