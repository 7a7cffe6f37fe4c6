//! Alerts that nobody wants to hear of for a while.

use mcpstore_types::{AlertKind, ServiceName, glob_matches};
use serde::{Deserialize, Serialize};

/// A silence: alerts it fits are tracked and shown, and not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its number.
    pub id: u64,
    /// Only alerts of this kind; none: of every kind.
    pub kind: Option<AlertKind>,
    /// Only alerts of these services, by name or glob (`web-*`); none: of all.
    pub services: Option<String>,
    /// When it ends, in milliseconds since the Unix epoch.
    pub until_ms: u64,
    /// Why, for people.
    pub comment: String,
}

impl Silence {
    /// True when it is about this alert.
    pub(super) fn fits(&self, kind: AlertKind, service: &ServiceName) -> bool {
        let fits = |pattern: &str| glob_matches(pattern, service.as_str());
        self.kind.is_none_or(|only| only == kind) && self.services.as_deref().is_none_or(fits)
    }
}

/// Why a silence was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SilenceError {
    /// There are as many as can be.
    #[error("there are {most} silences already; end one first")]
    TooMany {
        /// How many that is.
        most: usize,
    },
    /// It would be over already.
    #[error("the silence would be over already")]
    Past,
    /// Its text is too long.
    #[error("the pattern and the comment of a silence may have {most} bytes each")]
    TooLong {
        /// How many bytes are allowed.
        most: usize,
    },
}
