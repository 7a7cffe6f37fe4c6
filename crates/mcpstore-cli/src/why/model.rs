//! What an explanation is made from, as one plain value that can travel over the control socket.

use mcpstore::monitor::CircuitReport;
use mcpstore::types::{Desired, ExitStatus, Phase, Reason};
use mcpstore::{Health, ServiceName, ServiceState};
use serde::{Deserialize, Serialize};

use crate::output::{ConditionDoc, EventDoc};

/// All that is known of a service and bears on where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct WhyModel {
    pub(crate) service: ServiceName,
    pub(crate) state: ServiceState,
    pub(crate) phase: Phase,
    /// What brought it into its phase.
    pub(crate) reason: Reason,
    /// The reason of its last failure, which `reason` hides once it gave up or waits; none when it never failed.
    #[serde(default)]
    pub(crate) failure: Option<Reason>,
    /// What its last change was about: the words of the server or the system, several lines perhaps.
    #[serde(default)]
    pub(crate) detail: Option<String>,
    /// For how long it is in this state.
    pub(crate) for_seconds: f64,
    pub(crate) desired: Desired,
    /// Started with the others.
    pub(crate) enabled: bool,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// Automatic restarts allowed in a row.
    pub(crate) max_attempts: u32,
    /// Until the next attempt, when one is planned.
    #[serde(default)]
    pub(crate) retry_in_seconds: Option<f64>,
    /// How its last life ended; none while it has had none that ended.
    #[serde(default)]
    pub(crate) last_exit: Option<ExitStatus>,
    /// The last lines of stderr: of the life that failed when it is not running. A few are enough.
    #[serde(default)]
    pub(crate) stderr: Vec<String>,
    pub(crate) health: Health,
    /// What its last failed probe said.
    #[serde(default)]
    pub(crate) probe_error: Option<String>,
    #[serde(default)]
    pub(crate) circuit: CircuitReport,
    #[serde(default)]
    pub(crate) conditions: Vec<ConditionDoc>,
    /// Processes of it that survived a kill.
    #[serde(default)]
    pub(crate) leaked_pids: Vec<u32>,
    /// What happened to it last, oldest first.
    #[serde(default)]
    pub(crate) events: Vec<EventDoc>,
    pub(crate) launch: LaunchFacts,
    /// The dependencies it waits for or misses, with the same of each.
    #[serde(default)]
    pub(crate) because: Vec<WhyModel>,
}

/// How a service is reached, with what may be secret masked by who fills it in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LaunchFacts {
    /// `stdio`, `http`, `in_process`, …
    pub(crate) transport: String,
    /// The program, of a process.
    #[serde(default)]
    pub(crate) command: Option<String>,
    /// Its arguments, masked.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// The address, masked, of a remote server.
    #[serde(default)]
    pub(crate) url: Option<String>,
}

impl WhyModel {
    /// The words of a condition that holds.
    pub(super) fn holding(&self, kind: &str) -> Option<&str> {
        self.conditions.iter().find(|fact| fact.status && fact.kind == kind).map(|fact| fact.message.as_str())
    }

    /// True when its dependencies are stated not to be met.
    pub(super) fn waits_for_dependencies(&self) -> bool {
        self.conditions.iter().any(|fact| !fact.status && fact.kind == "dependencies_met")
    }
}
