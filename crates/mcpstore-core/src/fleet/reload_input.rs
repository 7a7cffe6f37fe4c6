//! What a fleet is told of a new set of definitions, and what it answers.

use std::fmt;

use mcpstore_types::{ChangeImpact, ServiceName, SpecDelta};

use super::input::ServiceDef;

/// The way from the present definitions to new ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconfigure {
    /// Services that are new.
    pub added: Vec<ServiceDef>,
    /// Services that are to go: down in order, then away. One that is going already may be among them.
    pub removed: Vec<ServiceName>,
    /// Services that are to be otherwise.
    pub changed: Vec<ChangedDef>,
    /// The fleet was started, so what is new and enabled, or enabled anew, is started too. Without effect while a stop of
    /// all is under way.
    pub start_added: bool,
}

/// A service that is to be otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedDef {
    /// What it is from now on.
    pub def: ServiceDef,
    /// What changed takes effect with its next life only.
    pub restart: bool,
}

impl Reconfigure {
    /// What the core needs to know of `delta`.
    #[must_use]
    pub fn of(delta: &SpecDelta, start_added: bool) -> Self {
        let changed = delta.changed.iter().map(|(spec, changes)| ChangedDef {
            def: ServiceDef::from(spec),
            restart: changes.iter().any(|change| matches!(change.impact, ChangeImpact::Restart)),
        });
        Self {
            added: delta.added.iter().map(ServiceDef::from).collect(),
            removed: delta.removed.clone(),
            changed: changed.collect(),
            start_added,
        }
    }

    /// True when there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// What becomes of one service by a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It is started: it is new, enabled anew, or pulled in anew.
    Started,
    /// Its life ends in good order and the next one begins; or, where none was, it tries again at once.
    Restarted,
    /// It is stopped: nothing wants it up any more, or a service beside which it never runs.
    Stopped,
    /// It is stopped and removed.
    Removed,
    /// The change was taken over and its life goes on.
    Updated,
    /// The change counts from its next start.
    Stored,
}

impl Outcome {
    /// The word in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Restarted => "restarted",
            Self::Stopped => "stopped",
            Self::Removed => "removed",
            Self::Updated => "updated",
            Self::Stored => "stored",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
