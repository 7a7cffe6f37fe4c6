//! Why a verb of the supervisor did not do what was asked. One enum per operation.

use std::time::Duration;

use mcpstore_core::Rejection;
use mcpstore_transport::CallError;
use mcpstore_types::{ServiceName, ServiceState};

/// Why a command was not taken. Completes "failed to start …".
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The fleet rejected it; nothing changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The supervisor is shut down.
    #[error("the supervisor is shut down")]
    ShutDown,
}

/// Why waiting for a service ended without reaching the goal. Completes "failed to wait for …".
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// There is no such service (any more).
    #[error("no service `{name}`{hint}")]
    Unknown {
        /// The name asked for.
        name: ServiceName,
        /// The nearest known name, as the tail of a sentence.
        hint: String,
    },
    /// It ended in a state that it does not leave by itself.
    #[error("service `{name}` is in state {state} and will not be {goal} by itself: {why}")]
    Settled {
        /// The service.
        name: ServiceName,
        /// Where it ended.
        state: ServiceState,
        /// What was waited for.
        goal: &'static str,
        /// Why it is there.
        why: String,
    },
    /// The time was up.
    #[error("service `{name}` is still {state} after {after:?}: {why}")]
    TimedOut {
        /// The service.
        name: ServiceName,
        /// Where it is.
        state: ServiceState,
        /// How long was waited.
        after: Duration,
        /// Why it is there.
        why: String,
    },
    /// The command before the wait was not taken.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// Why a call got no result. Completes "failed to call …".
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallFailure {
    /// There is no such service.
    #[error("no service `{name}`{hint}")]
    UnknownService {
        /// The name asked for.
        name: String,
        /// The nearest known name, as the tail of a sentence.
        hint: String,
    },
    /// The service takes no calls now.
    #[error("service `{service}` is {state}, not running: {why}")]
    NotRunning {
        /// The service.
        service: ServiceName,
        /// Its state.
        state: ServiceState,
        /// Why it is there.
        why: String,
    },
    /// The service was on its way up for as long as a call may take.
    #[error("service `{service}` is not up yet after {}: {why}", brief(*after))]
    NotUpInTime {
        /// The service.
        service: ServiceName,
        /// How long the call waited for it.
        after: Duration,
        /// Why it is where it is.
        why: String,
    },
    /// Calls to the service failed so often that they are not tried for a while.
    #[error("calls to service `{service}` fail at once, because too many got no answer; it is tried again in {}", brief(*retry_in))]
    CircuitOpen {
        /// The service.
        service: ServiceName,
        /// When it is tried again, counted from now.
        retry_in: Duration,
    },
    /// The service refused a tool that it did not list.
    #[error("service `{service}` has no tool `{tool}`{hint}")]
    UnknownTool {
        /// The service.
        service: ServiceName,
        /// The tool asked for.
        tool: String,
        /// The nearest known tool, as the tail of a sentence.
        hint: String,
        /// The server's own words.
        #[source]
        source: CallError,
    },
    /// The arguments are not a JSON object.
    #[error("the arguments of `{service}.{tool}` are no JSON object")]
    BadArguments {
        /// The service.
        service: ServiceName,
        /// The tool.
        tool: String,
    },
    /// The call went out and failed.
    #[error("call of service `{service}` failed")]
    Call {
        /// The service.
        service: ServiceName,
        /// How it failed.
        #[source]
        source: CallError,
    },
}

/// A wait to the tenth of a second, and never "now": who asks at once is refused again.
fn brief(wait: Duration) -> String {
    format!("{:.1} s", wait.as_secs_f64().max(0.1))
}
