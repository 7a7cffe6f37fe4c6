//! The seven public states.

use std::fmt;

/// What every client sees of a service: exactly these seven, for ever (seed: state model).
///
/// A client may match it exhaustively, which is why it is not `#[non_exhaustive]`. Whatever is richer stands *beside*
/// the state: [`crate::Phase`], [`crate::Reason`], [`crate::Status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ServiceState {
    /// Registered, never asked to start.
    NotStarted,
    /// On its way up: waiting for dependencies, spawning, shaking hands, or in its start-up check.
    Starting,
    /// Up: the handshake is done and the start-up check passed.
    Running,
    /// On its way down; some of its processes may still live.
    Stopping,
    /// Down on purpose; nothing of it lives.
    Stopped,
    /// Down against its will, or given up.
    Error,
    /// The manager cannot tell: a remote is unreachable, or a restarted manager has not reconciled yet.
    Unknown,
}

impl ServiceState {
    /// All seven, in the order of a life.
    pub const ALL: [Self; 7] =
        [Self::NotStarted, Self::Starting, Self::Running, Self::Stopping, Self::Stopped, Self::Error, Self::Unknown];

    /// The word clients see, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Error => "error",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for ServiceState {
    type Err = String;

    /// Reads the snake-case word; the error names the known words and the nearest.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str);
            format!("no state `{text}`{}; known: {}", crate::suggestion(text, &known), known.join(", "))
        })
    }
}
