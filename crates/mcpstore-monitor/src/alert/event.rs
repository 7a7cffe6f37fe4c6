//! What the alert engine says: events to deliver, and views of what is so.

use mcpstore_types::{AlertKind, AlertSeverity, ServiceName};
use serde::{Deserialize, Serialize};

/// Something to tell about an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertEvent {
    /// Of this alert from its firing to its resolve, the same in each of its events.
    pub id: String,
    /// Which trouble.
    pub kind: AlertKind,
    /// Whose.
    pub service: ServiceName,
    /// How grave.
    pub severity: AlertSeverity,
    /// What became of it.
    pub status: AlertStatus,
    /// When this is said, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Since when the trouble lasts, the same way.
    pub since_ms: u64,
    /// How much, where the kind has a number: restarts, restarts left, a ratio, seconds.
    pub value: Option<f64>,
    /// One sentence with the name of the service.
    pub summary: String,
    /// The number in words, and why the service is where it is; at most [`AlertEvent::MAX_DETAIL`] bytes.
    pub detail: String,
    /// Of this kind and service, the same for every alert of theirs and in every life of the manager.
    pub fingerprint: String,
}

impl AlertEvent {
    /// The longest detail, in bytes.
    pub const MAX_DETAIL: usize = 4_096;
}

/// What became of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// It fires: the first word of it.
    Firing,
    /// It lasts.
    Repeated,
    /// It is over: the last word of it.
    Resolved,
}

impl AlertStatus {
    /// Its word in JSON, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Repeated => "repeated",
            Self::Resolved => "resolved",
        }
    }
}

/// How far an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStage {
    /// The trouble is there, not yet for as long as its rule wants.
    Pending,
    /// It fires.
    Firing,
    /// It fires still, but the trouble is gone; not yet for as long as its rule wants.
    Clearing,
}

impl AlertStage {
    /// Its word in JSON, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Clearing => "clearing",
        }
    }
}

/// An alert as it is: what `alerts ls` shows, and what is stored to be restored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertView {
    /// As in its events; empty while it is pending.
    pub id: String,
    /// Which trouble.
    pub kind: AlertKind,
    /// Whose.
    pub service: ServiceName,
    /// How grave.
    pub severity: AlertSeverity,
    /// How far it is.
    pub stage: AlertStage,
    /// Since when the trouble lasts, in milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// When it fired, the same way; none while it is pending.
    pub fired_ms: Option<u64>,
    /// When it was last told, the same way; none when it never was, for it is silenced.
    pub told_ms: Option<u64>,
    /// Until when it is silenced, the same way.
    pub silenced_until_ms: Option<u64>,
    /// How much, where the kind has a number.
    pub value: Option<f64>,
    /// One sentence with the name of the service.
    pub summary: String,
    /// The number in words, and why the service is where it is.
    pub detail: String,
    /// Of this kind and service.
    pub fingerprint: String,
}

/// The fingerprint of a kind and a service: FNV-1a, 64 bits, in hex.
pub(super) fn fingerprint(kind: AlertKind, service: &ServiceName) -> String {
    let bytes = kind.as_str().bytes().chain([0]).chain(service.as_str().bytes());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("{hash:016x}")
}

/// `text`, cut to at most `most` bytes between two characters.
pub(super) fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_tell_kinds_and_services_apart() {
        let of = |kind, name: &str| fingerprint(kind, &ServiceName::new(name).unwrap());
        assert_eq!(of(AlertKind::GaveUp, "a"), of(AlertKind::GaveUp, "a"));
        assert_ne!(of(AlertKind::GaveUp, "a"), of(AlertKind::GaveUp, "b"));
        assert_ne!(of(AlertKind::GaveUp, "a"), of(AlertKind::Leaked, "a"));
        assert_eq!(of(AlertKind::GaveUp, "a").len(), 16);
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!((cut("aäb", 2), cut("aäb", 3), cut("aäb", 9)), ("a", "aä", "aäb"));
    }
}
