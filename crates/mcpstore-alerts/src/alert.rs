//! One thing to tell.

use std::fmt;

use mcpstore_types::{AlertKind, AlertSeverity};
use serde::{Deserialize, Serialize};

use crate::text::{Unit, clean, fitted, one_line};

/// One thing to tell: an alert fired, lasts, or is over.
///
/// It goes to places outside of this machine. Nothing in it may be a secret; whoever makes it sees to that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Which alert. The same when it fires, is repeated, and resolves.
    pub id: String,
    /// Which trouble.
    pub kind: AlertKind,
    /// Whose.
    pub service: String,
    /// How grave it is.
    pub severity: AlertSeverity,
    /// What happened to the alert.
    pub status: AlertStatus,
    /// When, in milliseconds since the Unix epoch. How old an undelivered alert is counts from here.
    pub at_ms: u64,
    /// Since when there is trouble, in milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// One sentence. At most [`Alert::MAX_SUMMARY_BYTES`].
    pub summary: String,
    /// More of it, in several lines: an exit code, the last lines of stderr. At most [`Alert::MAX_DETAIL_BYTES`].
    pub detail: String,
    /// The number that is too high or too low, where the alert is about one.
    pub value: Option<f64>,
    /// The name of the machine.
    pub host: String,
    /// The service's tags. At most [`Alert::MAX_TAGS`].
    #[serde(default)]
    pub tags: Vec<String>,
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// The trouble began.
    Firing,
    /// It is over.
    Resolved,
    /// It lasts, and is told again.
    Repeated,
    /// Nothing at all: somebody tries whether a sink works.
    Test,
}

impl AlertStatus {
    /// Its word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::Repeated => "repeated",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for AlertStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Alert {
    /// The longest summary; what is longer is cut.
    pub const MAX_SUMMARY_BYTES: usize = 512;
    /// The longest detail; what is longer is cut.
    pub const MAX_DETAIL_BYTES: usize = 4096;
    /// The most tags; the others are left out.
    pub const MAX_TAGS: usize = 32;
    /// The longest name, host or tag.
    const MAX_NAME_BYTES: usize = 128;

    /// An alert with the words and the severity that are usual for its kind, and nothing else.
    #[must_use]
    pub fn new(id: impl Into<String>, kind: AlertKind, service: impl Into<String>, status: AlertStatus) -> Self {
        Self {
            id: id.into(),
            kind,
            service: service.into(),
            severity: mcpstore_types::AlertRule::new(kind).severity,
            status,
            at_ms: 0,
            since_ms: 0,
            summary: kind.summary().to_owned(),
            detail: String::new(),
            value: None,
            host: String::new(),
            tags: Vec::new(),
        }
    }

    /// A word for this one message: the same at every attempt, another when the alert resolves or is repeated. A receiver
    /// that saw it already has it twice.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.id, self.status, self.at_ms)
    }

    /// The alert within its bounds, with a summary, and without characters that steer a terminal or turn the direction of writing.
    /// [`Delivery::send`](crate::Delivery::send) does it to every alert.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let name = |text: &str| fitted(&one_line(text), Self::MAX_NAME_BYTES, Unit::Bytes, |_| None);
        self.id = name(&self.id);
        self.service = name(&self.service);
        self.host = name(&self.host);
        self.summary = fitted(&one_line(&self.summary), Self::MAX_SUMMARY_BYTES, Unit::Bytes, |_| None);
        if self.summary.is_empty() {
            self.summary = self.kind.summary().to_owned();
        }
        self.detail = fitted(clean(&self.detail).trim_end(), Self::MAX_DETAIL_BYTES, Unit::Bytes, |_| None);
        self.value = self.value.filter(|value| value.is_finite());
        self.tags.iter_mut().for_each(|tag| *tag = name(tag));
        self.tags.retain(|tag| !tag.is_empty());
        self.tags.truncate(Self::MAX_TAGS);
        self
    }
}
