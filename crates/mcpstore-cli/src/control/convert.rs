//! The store's errors as failures: each with its exit code and the next command.

use std::error::Error;

use mcpstore::runtime::Rejection;
use mcpstore::transport::CallError;
use mcpstore::{CallFailure, CommandError, ServiceName, ServiceState, WaitError};

use crate::exit::{Exit, Failure};
use crate::quote::quoted;

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        let message = rejection.to_string();
        match &rejection {
            Rejection::Unknown { .. } => Self::new(Exit::NoSuchService, message).next("mcpstore ls"),
            Rejection::InUse { .. } | Rejection::Graph { .. } => {
                Self::new(Exit::Refused, message).next("mcpstore graph")
            }
            Rejection::Refused { name, .. } => {
                Self::new(Exit::Refused, message).next(format!("mcpstore status {}", quoted(name.as_str())))
            }
            _ => Self::new(Exit::Refused, message).next("mcpstore ls"),
        }
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Rejected(rejection) => rejection.into(),
            other => Self::new(Exit::Unreachable, other.to_string()).next("mcpstore up"),
        }
    }
}

impl From<WaitError> for Failure {
    fn from(error: WaitError) -> Self {
        let message = error.to_string();
        let look = |name: &ServiceName| format!("mcpstore why {}", quoted(name.as_str()));
        match error {
            WaitError::Unknown { .. } => Self::new(Exit::NoSuchService, message).next("mcpstore ls"),
            WaitError::Settled { name, .. } => Self::new(Exit::Failed, message).next(look(&name)),
            WaitError::TimedOut { name, .. } => Self::new(Exit::TimedOut, message).next(look(&name)),
            WaitError::Command(error) => error.into(),
            _ => Self::new(Exit::Failed, message).next("mcpstore ls"),
        }
    }
}

impl From<CallFailure> for Failure {
    fn from(failure: CallFailure) -> Self {
        let message = chain(&failure);
        let about = |verb: &str, service: &ServiceName| format!("mcpstore {verb} {}", quoted(service.as_str()));
        match &failure {
            CallFailure::UnknownService { .. } => Self::new(Exit::NoSuchService, message).next("mcpstore ls"),
            CallFailure::NotRunning { service, state, .. } => {
                let next = match state {
                    ServiceState::NotStarted | ServiceState::Stopped | ServiceState::Stopping => {
                        about("start --wait", service)
                    }
                    ServiceState::Starting => about("wait", service),
                    ServiceState::Running | ServiceState::Error | ServiceState::Unknown => about("why", service),
                };
                Self::new(Exit::Failed, message).next(next)
            }
            CallFailure::NotUpInTime { service, .. } => Self::new(Exit::TimedOut, message).next(about("why", service)),
            CallFailure::UnknownTool { service, .. } => Self::new(Exit::Failed, message).next(about("tools", service)),
            CallFailure::BadArguments { service, .. } => Self::new(Exit::Usage, message).next(about("tools", service)),
            CallFailure::Call { service, source } => {
                let exit = match source {
                    CallError::Rpc { .. } => Exit::ToolError,
                    CallError::TimedOut { .. } => Exit::TimedOut,
                    CallError::Overloaded { .. } => Exit::Refused,
                    _ => Exit::Failed,
                };
                Self::new(exit, message).next(about("why", service))
            }
            CallFailure::CircuitOpen { service, .. } => Self::new(Exit::Refused, message).next(about("why", service)),
            _ => Self::new(Exit::Failed, message).next("mcpstore ls"),
        }
    }
}

/// An error and all its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
