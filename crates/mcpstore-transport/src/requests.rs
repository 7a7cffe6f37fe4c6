//! The requests of the protocol over any session, one function each.

use std::time::Duration;

use mcpstore_types::Era;
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::wire::DISCOVER;
use crate::{CallError, CallLimits, Session};

/// The result of a request, byte for byte.
type Answer = Result<Box<RawValue>, CallError>;

/// Asks whether the server lives: `ping` (spec: MCP 2025-11-25, ping), and `server/discover` in the stateless era, which
/// has no ping.
///
/// # Errors
/// As [`Session::request`].
///
/// # Cancel safety
/// As [`Session::request`].
pub async fn ping(session: &dyn Session, timeout: Duration) -> Result<(), CallError> {
    let method = match session.server().era {
        Era::Handshake => "ping",
        Era::Stateless => DISCOVER,
    };
    session.request(method, None, CallLimits::within(timeout)).await.map(drop)
}

/// Reads a resource (spec: MCP 2025-11-25, resources).
///
/// # Errors
/// As [`Session::request`].
///
/// # Cancel safety
/// As [`Session::request`].
pub async fn read_resource(session: &dyn Session, uri: &str, limits: CallLimits) -> Answer {
    session.request("resources/read", Some(raw(&json!({ "uri": uri }))?), limits).await
}

/// Gets a prompt; `arguments` is a JSON object and goes out byte for byte (spec: MCP 2025-11-25, prompts).
///
/// # Errors
/// As [`Session::request`].
///
/// # Cancel safety
/// As [`Session::request`].
pub async fn get_prompt(
    session: &dyn Session,
    name: &str,
    arguments: Option<Box<RawValue>>,
    limits: CallLimits,
) -> Answer {
    #[derive(Serialize)]
    struct Params<'a> {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        arguments: Option<Box<RawValue>>,
    }
    session.request("prompts/get", Some(raw(&Params { name, arguments })?), limits).await
}

/// Asks how an argument could go on; `reference` is the JSON object of a prompt or a template (spec: MCP 2025-11-25,
/// completion).
///
/// # Errors
/// As [`Session::request`].
///
/// # Cancel safety
/// As [`Session::request`].
pub async fn complete(
    session: &dyn Session,
    reference: Box<RawValue>,
    argument: &str,
    value: &str,
    limits: CallLimits,
) -> Answer {
    #[derive(Serialize)]
    struct Params<'a> {
        r#ref: Box<RawValue>,
        argument: Argument<'a>,
    }
    #[derive(Serialize)]
    struct Argument<'a> {
        name: &'a str,
        value: &'a str,
    }
    let params = raw(&Params { r#ref: reference, argument: Argument { name: argument, value } })?;
    session.request("completion/complete", Some(params), limits).await
}

/// Wants to hear of updates of a resource: they come over [`Session::notices`] (spec: MCP 2025-11-25, resources). The
/// stateless era has `subscriptions/listen` instead: send it with [`Session::request_with`] and read its notices.
///
/// # Errors
/// As [`Session::request`].
///
/// # Cancel safety
/// As [`Session::request`].
pub async fn subscribe(session: &dyn Session, uri: &str, limits: CallLimits) -> Result<(), CallError> {
    session.request("resources/subscribe", Some(raw(&json!({ "uri": uri }))?), limits).await.map(drop)
}

/// Wants no more of them.
///
/// # Errors
/// As [`Session::request`].
///
/// # Cancel safety
/// As [`Session::request`].
pub async fn unsubscribe(session: &dyn Session, uri: &str, limits: CallLimits) -> Result<(), CallError> {
    session.request("resources/unsubscribe", Some(raw(&json!({ "uri": uri }))?), limits).await.map(drop)
}

/// The JSON text of params.
pub(crate) fn raw(value: &impl Serialize) -> Answer {
    to_raw_value(value)
        .map_err(|error| CallError::Malformed { what: format!("the request cannot be written: {error}") })
}
