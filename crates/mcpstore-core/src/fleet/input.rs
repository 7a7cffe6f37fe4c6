//! The closed set of what goes into a fleet and what comes out.

use mcpstore_graph::GraphError;
use mcpstore_types::{Dependency, Incarnation, RestartPolicy, ServiceName, ServiceSpec, StartMode, Timeouts};

use super::reload_input::{Outcome, Reconfigure};
use crate::unit::{Action, Move, Rejected, Report};

/// What the core needs to know of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceDef {
    /// Its name.
    pub name: ServiceName,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
    /// When and how often it is restarted.
    pub restart: RestartPolicy,
    /// How long each step may take.
    pub timeouts: Timeouts,
    /// Part of a start of all.
    pub enabled: bool,
    /// A start of all does not start it, but has it started by whoever needs it first ([`Input::Wake`]).
    pub lazy: bool,
    /// It waits for something outside before each start: it is spawned once [`Input::ConditionsMet`] has said so.
    pub waits: bool,
}

impl From<&ServiceSpec> for ServiceDef {
    fn from(spec: &ServiceSpec) -> Self {
        Self {
            name: spec.name.clone(),
            dependencies: spec.dependencies.clone(),
            restart: spec.policy.restart,
            timeouts: spec.policy.timeouts,
            enabled: spec.enabled,
            lazy: matches!(spec.start, StartMode::Lazy),
            waits: !spec.wait_for.is_empty(),
        }
    }
}

/// Which services a command means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All of them; for a start: all enabled ones.
    All,
    /// These.
    Names(Vec<ServiceName>),
}

impl From<ServiceName> for Target {
    fn from(name: ServiceName) -> Self {
        Self::Names(vec![name])
    }
}

/// What can happen to a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// These services exist now. All or none are taken.
    Register(Vec<ServiceDef>),
    /// Be up, with all that is pulled in.
    Start(Target),
    /// Somebody needs it: be up, with all that is pulled in, if it sleeps. It stops no rival and revives nothing that a user
    /// stopped. Nothing changes for one that is up, or on its way.
    Wake(ServiceName),
    /// Be down, dependents first.
    Stop {
        /// Which.
        target: Target,
        /// Kill at once, in the same order.
        force: bool,
    },
    /// Be down and up again, dependents too.
    Restart {
        /// Which.
        target: Target,
        /// Kill at once, in the same order.
        force: bool,
    },
    /// Be removed, if nothing of it is active.
    Remove(Target),
    /// Be down, then be removed.
    StopRemove {
        /// Which.
        target: Target,
        /// Kill at once, in the same order.
        force: bool,
    },
    /// Forget failures.
    ResetFailed(Target),
    /// Take over a new set of definitions while everything runs. All of it or none is taken.
    Reconfigure(Reconfigure),
    /// The world says something about one life of a service.
    Report {
        /// Whose.
        service: ServiceName,
        /// Which life.
        incarnation: Incarnation,
        /// What.
        report: Report,
    },
    /// What a service waits for outside is there: the answer to [`Effect::Await`]. Of an earlier wait it is void.
    ConditionsMet {
        /// Whose.
        service: ServiceName,
        /// Which wait, as the effect numbered it.
        wait: u64,
    },
    /// Time has passed.
    Tick,
}

/// What comes out of a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The driver shall do this.
    Act {
        /// For which service.
        service: ServiceName,
        /// For which life; reports about it carry the same number.
        incarnation: Incarnation,
        /// What.
        action: Action,
    },
    /// The driver shall watch what the service waits for outside, anew, and answer with [`Input::ConditionsMet`] once all of
    /// it is there. When the service leaves `Wait`, or is told to watch again, the answer is void.
    Await {
        /// Which service.
        service: ServiceName,
        /// Which of its waits this is; the answer carries the same number.
        wait: u64,
    },
    /// Subscribers shall see this.
    Notice {
        /// Which service.
        service: ServiceName,
        /// In which life.
        incarnation: Incarnation,
        /// What they see.
        step: Move,
        /// The dependency that caused it, when one did.
        dependency: Option<ServiceName>,
    },
}

/// What became of an input that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The services that the input concerned, targets and those that go with them, in start order.
    pub affected: Vec<ServiceName>,
    /// Targets that refused, and why.
    pub refused: Vec<(ServiceName, Rejection)>,
    /// After [`Input::Reconfigure`]: what becomes of each service that it named or that something follows for, in start
    /// order. Empty after every other input.
    pub outcomes: Vec<(ServiceName, Outcome)>,
}

/// Why an input was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// There is no such service.
    #[error("no service `{name}`{}", hint(nearest.as_ref(), *known))]
    Unknown {
        /// The name asked for.
        name: ServiceName,
        /// The nearest known name.
        nearest: Option<ServiceName>,
        /// How many services are registered.
        known: usize,
    },
    /// A service of that name is registered already.
    #[error("service `{name}` is registered already")]
    Exists {
        /// The name.
        name: ServiceName,
    },
    /// The dependencies do not fit together.
    #[error("{}", graph_errors(errors))]
    Graph {
        /// All problems.
        errors: Vec<GraphError>,
    },
    /// Other services depend on it.
    #[error("service `{name}` is needed by {}; remove them too, or change their dependencies", list(by))]
    InUse {
        /// The service.
        name: ServiceName,
        /// Who names it as a dependency.
        by: Vec<ServiceName>,
    },
    /// The two never run together.
    #[error("service `{name}` conflicts with `{with}`, which is to be started too")]
    Conflict {
        /// The service.
        name: ServiceName,
        /// The other.
        with: ServiceName,
    },
    /// The service itself refused.
    #[error("service `{name}` refused: {rejected}")]
    Refused {
        /// The service.
        name: ServiceName,
        /// Why.
        rejected: Rejected,
    },
}

fn hint(nearest: Option<&ServiceName>, known: usize) -> String {
    match nearest {
        Some(name) => format!("; did you mean `{name}`?"),
        None => format!("; {known} are registered"),
    }
}

fn list(names: &[ServiceName]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

fn graph_errors(errors: &[GraphError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
