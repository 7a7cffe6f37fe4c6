//! The difference between two sets of specs.

use crate::{ServiceName, ServiceSpec};

/// What must happen to get from one set of specs to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecDelta {
    /// Services only in the new set, by name.
    pub added: Vec<ServiceSpec>,
    /// Services only in the old set, by name.
    pub removed: Vec<ServiceName>,
    /// Services in both that differ, by name: the new spec, and every field that changed.
    pub changed: Vec<(ServiceSpec, Vec<FieldChange>)>,
}

impl SpecDelta {
    /// True when the two sets are equal: a reload then does nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// One changed field of a spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldChange {
    /// The field, as configs spell it (`args`, `restart.maxAttempts`).
    pub field: &'static str,
    /// What the change asks of a running service.
    pub impact: ChangeImpact,
}

/// What a changed field asks of a running service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeImpact {
    /// Nothing: it is words for people.
    None,
    /// It can be taken over while the service runs.
    Live,
    /// It takes effect with the next life: a restart.
    Restart,
}
