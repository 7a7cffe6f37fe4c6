//! Failures of calls, as clients hear them.

use std::error::Error as _;

use mcpstore_runtime::CallFailure;
use mcpstore_transport::{CallError, RpcError};
use mcpstore_types::ServiceName;
use serde_json::json;
use serde_json::value::to_raw_value;

/// What is wrong with the service, or with the way to it. None of the codes that the protocol has meanings for.
const UNAVAILABLE: i64 = -32001;
/// It took too long.
const TIMED_OUT: i64 = -32004;
/// Too much is under way; worth another try.
const OVERLOADED: i64 = -32003;

/// What the client hears of a call that failed. An error that the server answered with passes as it is; ours name the
/// service and say in `data` what kind they are of.
pub(crate) fn rpc_error(failure: CallFailure) -> RpcError {
    match failure {
        CallFailure::Call { source: CallError::Rpc { code, message, data }, .. }
        | CallFailure::UnknownTool { source: CallError::Rpc { code, message, data }, .. } => {
            RpcError { code, message, data }
        }
        CallFailure::CircuitOpen { ref service, retry_in } => {
            let retry_after_ms = u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX);
            let data = json!({ "service": service, "kind": "circuit_open", "retryAfterMs": retry_after_ms });
            with_data(UNAVAILABLE, failure.to_string(), &data)
        }
        CallFailure::NotRunning { ref service, state, .. } => {
            let data = json!({ "service": service, "kind": "not_running", "state": state.as_str() });
            with_data(UNAVAILABLE, failure.to_string(), &data)
        }
        CallFailure::NotUpInTime { ref service, .. } => {
            let data = json!({ "service": service, "kind": "not_up_in_time" });
            with_data(UNAVAILABLE, failure.to_string(), &data)
        }
        CallFailure::Call { ref service, ref source } => {
            let (code, kind) = match source {
                CallError::TimedOut { .. } => (TIMED_OUT, "timed_out"),
                CallError::Overloaded { .. } => (OVERLOADED, "overloaded"),
                CallError::TooLarge { .. } => (-32602, "too_large"),
                CallError::Malformed { .. } => (-32603, "malformed"),
                CallError::Auth { .. } | CallError::NeedsLogin { .. } => (UNAVAILABLE, "auth"),
                _ => (UNAVAILABLE, "connection"),
            };
            with_data(code, chain(&failure), &json!({ "service": service, "kind": kind }))
        }
        CallFailure::UnknownService { .. } => with_data(UNAVAILABLE, failure.to_string(), &json!({ "kind": "gone" })),
        other => RpcError::new(-32602, chain(&other)),
    }
}

/// The same for a request that went past the supervisor.
pub(crate) fn call_error(service: &ServiceName, source: CallError) -> RpcError {
    rpc_error(CallFailure::Call { service: service.clone(), source })
}

/// The failure of a request that a server answered with a question, where the client did not answer that.
pub(crate) fn unanswered(service: &ServiceName, methods: &[String]) -> CallFailure {
    let message =
        format!("service `{service}` asks something that this client does not answer: {}", methods.join(", "));
    let data = json!({ "service": service, "kind": "input_required", "asked": methods });
    let source = CallError::Rpc { code: -32603, message, data: to_raw_value(&data).ok() };
    CallFailure::Call { service: service.clone(), source }
}

fn with_data(code: i64, message: String, data: &serde_json::Value) -> RpcError {
    RpcError { code, message, data: to_raw_value(data).ok() }
}

/// An error with its causes, in one line.
fn chain(failure: &CallFailure) -> String {
    let mut words = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
