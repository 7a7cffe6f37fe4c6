//! What an explanation is made from, as one plain value that can travel over the control socket.

use mcpstore::monitor::CircuitReport;
use mcpstore::types::{AlertKind, AlertSeverity, Desired, ExitStatus, FailKind, Phase, Reason, RestartMode};
use mcpstore::{Health, ServiceName, ServiceState};
use serde::{Deserialize, Serialize};

use crate::output::{ConditionDoc, EventDoc, clean_line};

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
    /// After which ends it is started again.
    #[serde(default)]
    pub(crate) restart_policy: RestartMode,
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
    /// What ended its life before this one, of one that runs and was ended lately.
    #[serde(default)]
    pub(crate) before: Option<Before>,
    /// The alerts of it that fire.
    #[serde(default)]
    pub(crate) alerts: Vec<AlertNote>,
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

/// How the life before the present one ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Before {
    pub(crate) reason: Reason,
    /// The words beside it, one line.
    #[serde(default)]
    pub(crate) detail: Option<String>,
    /// How long ago that was.
    pub(crate) seconds_ago: f64,
    /// How often it was started again by itself in the last ten minutes.
    pub(crate) restarts: u32,
}

/// An alert that fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AlertNote {
    pub(crate) kind: AlertKind,
    pub(crate) severity: AlertSeverity,
    /// Its number in words, one line; empty where the kind has none.
    pub(crate) detail: String,
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

impl AlertNote {
    /// What it says of the service, with its number.
    pub(super) fn words(&self) -> String {
        let summary = self.kind.summary();
        // The rules say `restart(s)`.
        let detail = clean_line(&self.detail).replace("(s)", if self.detail.starts_with("1 ") { "" } else { "s" });
        if detail.is_empty() { summary.to_owned() } else { format!("{summary} ({detail})") }
    }
}

impl WhyModel {
    /// The words of a condition that holds.
    pub(super) fn holding(&self, kind: &str) -> Option<&str> {
        self.conditions.iter().find(|fact| fact.status && fact.kind == kind).map(|fact| fact.message.as_str())
    }

    /// The reason that tells something: that of the failure, where the last step hides it.
    pub(super) fn telling_reason(&self) -> Reason {
        match self.reason {
            Reason::GaveUp | Reason::RetryDue | Reason::GroupEmpty => self.failure.unwrap_or(self.reason),
            other => other,
        }
    }

    /// The alert that is told first: the gravest, and of those the first.
    pub(super) fn gravest_alert(&self) -> Option<&AlertNote> {
        let gravest = self.alerts.iter().map(|alert| alert.severity).max()?;
        self.alerts.iter().find(|alert| alert.severity == gravest)
    }

    /// What is missing outside, as the manager tells it; none when it waits for nothing there.
    pub(super) fn missing_outside(&self) -> Option<&str> {
        let message = self.holding("external_pending")?;
        Some(message.strip_prefix("waiting for ").unwrap_or(message))
    }

    /// True when nobody starts it again after a failure: its policy says so, or it would not help.
    pub(super) fn stays_down(&self) -> bool {
        let hopeless = matches!(self.reason, Reason::SpecUnusable | Reason::AuthRefused | Reason::NeedsAuth)
            || matches!(self.phase, Phase::Failed { kind } if kind != FailKind::GaveUp);
        hopeless || self.restart_policy == RestartMode::Never
    }

    /// True when it failed, another attempt might help, and its policy is not to make one.
    pub(super) fn never_again(&self) -> bool {
        let might = matches!(
            self.phase,
            Phase::Failed { kind: FailKind::Exit | FailKind::StartTimeout | FailKind::Handshake | FailKind::GaveUp }
        );
        might && self.restart_policy == RestartMode::Never
    }

    /// True when its dependencies are stated not to be met.
    pub(super) fn waits_for_dependencies(&self) -> bool {
        self.conditions.iter().any(|fact| !fact.status && fact.kind == "dependencies_met")
    }
}
