//! What the live view is made from, as one plain value that can travel over the control socket.

use mcpstore::monitor::{MetricsReport, ServiceReport};
use mcpstore::types::{AlertKind, AlertSeverity, Desired};
use mcpstore::{Dependency, ServiceName};
use serde::{Deserialize, Serialize};

use crate::output::{ConditionDoc, EventDoc};

/// Everything `top` shows, as of one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TopModel {
    /// What was measured. Its services, in its order, are the rows.
    pub(crate) report: MetricsReport,
    /// What is known of them beside that, in any order; a service may be missing.
    #[serde(default)]
    pub(crate) facts: Vec<ServiceFacts>,
    /// The alerts that fire now.
    #[serde(default)]
    pub(crate) alerts: Vec<FiringAlert>,
}

/// What is known of a service beside its measurements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceFacts {
    pub(crate) service: ServiceName,
    /// Why it is where it is, in one line, for people; may hold its server's words.
    pub(crate) why: String,
    pub(crate) desired: Desired,
    /// Until the next attempt, when one is planned.
    pub(crate) retry_in_seconds: Option<f64>,
    /// How much of its restarts is used up.
    pub(crate) budget: RestartBudget,
    /// What holds of it that is no state.
    pub(crate) conditions: Vec<ConditionDoc>,
    pub(crate) depends_on: Vec<Dependency>,
    /// What happened to it last, oldest first; a few are enough.
    pub(crate) events: Vec<EventDoc>,
}

/// How often a service was restarted, against what its policy allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RestartBudget {
    /// Failures in a row since it was last stable.
    pub(crate) failures: u32,
    /// Automatic restarts allowed in a row.
    pub(crate) max_attempts: u32,
    /// Restarts inside the window that ends now.
    pub(crate) in_window: u32,
    /// Restarts allowed inside the window.
    pub(crate) max_in_window: u32,
    /// The length of the window.
    pub(crate) window_seconds: f64,
}

/// An alert that fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FiringAlert {
    pub(crate) service: ServiceName,
    pub(crate) kind: AlertKind,
    pub(crate) severity: AlertSeverity,
    /// For how long it has been firing.
    pub(crate) for_seconds: u64,
}

impl TopModel {
    /// The facts of this service.
    pub(super) fn facts_of(&self, name: &ServiceName) -> Option<&ServiceFacts> {
        self.facts.iter().find(|facts| facts.service == *name)
    }

    /// The measurements of this service.
    pub(super) fn report_of(&self, name: &ServiceName) -> Option<&ServiceReport> {
        self.report.services.iter().find(|report| report.service == *name)
    }

    /// The alerts of this service, the gravest first.
    pub(super) fn alerts_of(&self, name: &ServiceName) -> Vec<&FiringAlert> {
        let mut alerts: Vec<&FiringAlert> = self.alerts.iter().filter(|alert| alert.service == *name).collect();
        alerts.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.kind.cmp(&b.kind)));
        alerts
    }
}
