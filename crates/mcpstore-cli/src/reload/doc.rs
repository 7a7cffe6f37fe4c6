//! What a reload did, or a plan would do.

use std::collections::BTreeSet;

use mcpstore::config::{Place, Source, Stated};
use mcpstore::runtime::Outcome as Core;
use mcpstore::types::{ChangeImpact, Desired, FieldChange, SpecDelta};
use mcpstore::{ServiceName, ServiceSpec, Snapshot};
use serde::{Deserialize, Serialize};

use crate::exit::Exit;

/// `mcpstore.reload/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReloadDoc {
    pub(crate) outcome: Outcome,
    pub(crate) files: Vec<String>,
    /// Why it was refused.
    pub(crate) message: Option<String>,
    /// What is wrong, in full.
    pub(crate) problems: Option<String>,
    /// The command to try next.
    pub(crate) next: Option<String>,
    /// The exit code of a command that asked for it.
    pub(crate) exit: u8,
    pub(crate) services: Vec<ReloadRow>,
    /// What the config says of alerts is another thing now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) alerts: bool,
    /// What of the gateway and its profiles is another thing now: `gateway.hosts`, `profiles.work`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gateway: Vec<String>,
    /// What is to be said of the gateway beside that, where something waits or did not go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

/// How a reload went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// There was nothing to do.
    Unchanged,
    /// Something changed.
    Changed,
    /// Nothing was changed, for a reason.
    Refused,
    /// Nothing was to be changed: this is what would be.
    Planned,
}

/// What becomes of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReloadRow {
    pub(crate) name: String,
    /// `started`, `restarted`, `stopped`, `removed`, `updated` (while it runs), `stored` (for its next start).
    pub(crate) action: String,
    /// `added`, `removed`, `changed`; null: it changes only because of another one.
    pub(crate) change: Option<String>,
    pub(crate) fields: Vec<ReloadField>,
    /// Where it stands now: `mcp.json:7:5`.
    pub(crate) place: Option<String>,
}

/// One field that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReloadField {
    pub(crate) field: String,
    /// `none`, `live`, `restart`: what it asks of a service that runs.
    pub(crate) impact: String,
    pub(crate) place: Option<String>,
}

impl ReloadDoc {
    pub(super) fn unchanged(sources: &[Source]) -> Self {
        Self { outcome: Outcome::Unchanged, ..Self::of(sources) }
    }

    pub(super) fn refused(files: Vec<String>, exit: Exit, message: String) -> Self {
        let (exit, message) = (exit.code(), Some(message));
        Self {
            outcome: Outcome::Refused,
            files,
            message,
            problems: None,
            next: None,
            exit,
            services: Vec::new(),
            alerts: false,
            gateway: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn of(sources: &[Source]) -> Self {
        let files = sources.iter().map(|source| source.name.clone()).collect();
        Self {
            outcome: Outcome::Changed,
            files,
            message: None,
            problems: None,
            next: None,
            exit: 0,
            services: Vec::new(),
            alerts: false,
            gateway: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A change of alerts or of the gateway alone is a change too: `outcome`, which was made or is planned.
    pub(super) fn or_beside(mut self, outcome: Outcome) -> Self {
        if (self.alerts || !self.gateway.is_empty() || !self.notes.is_empty()) && self.outcome == Outcome::Unchanged {
            self.outcome = outcome;
        }
        self
    }

    /// These were started too.
    pub(super) fn started(&mut self, names: &[ServiceName]) {
        for row in self.services.iter_mut().filter(|row| names.iter().any(|name| *name == row.name.as_str())) {
            Core::Started.as_str().clone_into(&mut row.action);
        }
    }
}

/// What was taken over.
pub(super) fn taken_over(
    delta: &SpecDelta,
    outcomes: &[(ServiceName, Core)],
    stated: &[Stated],
    sources: &[Source],
) -> ReloadDoc {
    let rows = outcomes.iter().map(|(name, outcome)| row(name, outcome.as_str(), delta, stated, sources));
    ReloadDoc { services: rows.collect(), ..ReloadDoc::of(sources) }
}

/// What would be taken over. What follows for services that are not named (dependents of one that restarts) is not among it.
pub(super) fn planned(
    delta: &SpecDelta,
    snapshot: &Snapshot,
    stated: &[Stated],
    sources: &[Source],
    starts: &dyn Fn(&ServiceSpec) -> bool,
) -> ReloadDoc {
    let is_up = |name: &ServiceName| snapshot.get(name.as_str()).is_some_and(|info| info.status.desired == Desired::Up);
    let mut actions: Vec<(ServiceName, Core)> = Vec::new();
    for name in &delta.removed {
        actions.push((name.clone(), Core::Removed));
    }
    for (spec, changes) in &delta.changed {
        let restarts = changes.iter().any(|change| change.impact == ChangeImpact::Restart);
        let enabled = changes.iter().any(|change| change.field == "enabled");
        let outcome = match (is_up(&spec.name), enabled, spec.enabled) {
            (true, true, false) => Core::Stopped,
            (true, _, _) if restarts => Core::Restarted,
            (true, _, _) => Core::Updated,
            (false, true, true) if starts(spec) => Core::Started,
            (false, _, _) => Core::Stored,
        };
        actions.push((spec.name.clone(), outcome));
    }
    for spec in &delta.added {
        actions.push((spec.name.clone(), if starts(spec) { Core::Started } else { Core::Stored }));
    }
    let services: Vec<ReloadRow> =
        actions.iter().map(|(name, outcome)| row(name, outcome.as_str(), delta, stated, sources)).collect();
    let outcome = if services.is_empty() { Outcome::Unchanged } else { Outcome::Planned };
    ReloadDoc { outcome, services, ..ReloadDoc::of(sources) }
}

fn row(name: &ServiceName, action: &str, delta: &SpecDelta, stated: &[Stated], sources: &[Source]) -> ReloadRow {
    let here = stated.iter().find(|stated| stated.name == *name);
    let at = |place: Place| {
        let file = sources.get(place.source).map_or("?", |source| source.name.as_str());
        format!("{file}:{}:{}", place.line, place.column)
    };
    let changes: &[FieldChange] =
        delta.changed.iter().find(|(spec, _)| spec.name == *name).map_or(&[], |(_, changes)| changes);
    let change = match () {
        () if !changes.is_empty() => Some("changed"),
        () if delta.removed.contains(name) => Some("removed"),
        () if delta.added.iter().any(|spec| spec.name == *name) => Some("added"),
        () => None,
    };
    let mut seen = BTreeSet::new();
    let fields = changes.iter().filter(|change| seen.insert(change.field)).map(|change| ReloadField {
        field: change.field.to_owned(),
        impact: impact(change.impact).to_owned(),
        place: here.map(|stated| at(stated.place_of(change.field))),
    });
    ReloadRow {
        name: name.to_string(),
        action: action.to_owned(),
        change: change.map(str::to_owned),
        fields: fields.collect(),
        place: here.map(|stated| at(stated.place)),
    }
}

const fn impact(impact: ChangeImpact) -> &'static str {
    match impact {
        ChangeImpact::None => "none",
        ChangeImpact::Live => "live",
        ChangeImpact::Restart => "restart",
    }
}
