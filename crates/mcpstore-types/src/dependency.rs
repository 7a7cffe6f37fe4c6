//! How one service depends on another.

use std::fmt;

use crate::ServiceName;

/// One dependency of a service: on what, in which way, and what must hold before the service may spawn.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dependency {
    /// The service depended on.
    pub on: ServiceName,
    /// In which way; default [`DepKind::Requires`].
    pub kind: DepKind,
    /// What must hold; default [`DepCondition::Ready`]. Without meaning for `part_of` and `conflicts`.
    pub condition: DepCondition,
}

impl Dependency {
    /// What plain `"dependsOn": ["x"]` means: requires `on`, after it, once it is ready.
    #[must_use]
    pub fn requires(on: ServiceName) -> Self {
        Self::new(on, DepKind::Requires)
    }

    /// A dependency of this kind on a ready `on`.
    #[must_use]
    pub fn new(on: ServiceName, kind: DepKind) -> Self {
        Self { on, kind, condition: DepCondition::Ready }
    }
}

/// The way in which a service depends on another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum DepKind {
    /// Pulls it in and waits for it; its failure blocks the start; its explicit stop and restart propagate here.
    #[default]
    Requires,
    /// Pulls it in and waits while it is on its way; its failure only degrades.
    Wants,
    /// As `Requires`, and its unexpected loss stops this service too and brings it back with it.
    BindsTo,
    /// Only its explicit stop and restart propagate here; no order, no pull.
    PartOf,
    /// Only the order: waits while it is on its way, never pulls it in.
    After,
    /// The two never run together: a start of the one stops the other.
    Conflicts,
}

impl DepKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [Self::Requires, Self::Wants, Self::BindsTo, Self::PartOf, Self::After, Self::Conflicts];

    /// The word used in configs, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requires => "requires",
            Self::Wants => "wants",
            Self::BindsTo => "binds_to",
            Self::PartOf => "part_of",
            Self::After => "after",
            Self::Conflicts => "conflicts",
        }
    }

    /// True when a start of this service starts the other one too.
    #[must_use]
    pub const fn pulls_in(self) -> bool {
        matches!(self, Self::Requires | Self::Wants | Self::BindsTo)
    }

    /// True when this service cannot start without the other one.
    #[must_use]
    pub const fn is_hard(self) -> bool {
        matches!(self, Self::Requires | Self::BindsTo)
    }

    /// True when the kind orders start and stop; only such edges can make a cycle.
    #[must_use]
    pub const fn orders(self) -> bool {
        matches!(self, Self::Requires | Self::Wants | Self::BindsTo | Self::After)
    }

    /// True when an explicit stop or restart of the other one propagates to this service.
    #[must_use]
    pub const fn propagates_stop(self) -> bool {
        matches!(self, Self::Requires | Self::BindsTo | Self::PartOf)
    }
}

impl fmt::Display for DepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What must hold of a dependency before the dependent may spawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum DepCondition {
    /// Its process or connection exists.
    Started,
    /// It is running: handshake done, start-up check passed.
    #[default]
    Ready,
    /// It ended cleanly by itself.
    Completed,
}

impl DepCondition {
    /// All conditions.
    pub const ALL: [Self; 3] = [Self::Started, Self::Ready, Self::Completed];

    /// The word used in configs, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Ready => "ready",
            Self::Completed => "completed",
        }
    }
}

impl fmt::Display for DepCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
