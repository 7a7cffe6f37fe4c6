//! Whether a client can do what a server asks of it (spec: MCP 2025-11-25, lifecycle).

use mcpstore_transport::{RpcError, ServerRequest};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::params::invalid;

/// Finds out whether a client with these capabilities can do this. Whatever has no capability is for the client itself to
/// say.
///
/// # Errors
/// What the server hears at once, when it cannot: -32601, or -32602 for a mode of elicitation that it does not have.
pub(crate) fn able(capabilities: &RawValue, request: &ServerRequest) -> Result<(), RpcError> {
    let can: Value = serde_json::from_str(capabilities.get()).unwrap_or_default();
    let params: Value =
        request.params.as_deref().and_then(|params| serde_json::from_str(params.get()).ok()).unwrap_or_default();
    let has = |pointer: &str| can.pointer(pointer).is_some_and(|value| !value.is_null() && *value != false);
    let needs = |capability: &str| {
        let pointer = format!("/{}", capability.replace('.', "/"));
        if has(&pointer) { Ok(()) } else { Err(unable(&request.method, capability)) }
    };
    match request.method.as_str() {
        "roots/list" => needs("roots"),
        "sampling/createMessage" => {
            needs("sampling")?;
            let with_tools = params.get("tools").is_some() || params.get("toolChoice").is_some();
            if with_tools { needs("sampling.tools") } else { Ok(()) }
        }
        "elicitation/create" => {
            needs("elicitation")?;
            let mode = params["mode"].as_str().unwrap_or("form");
            // Without any mode it is the one there was first.
            let known = match mode {
                "form" => has("/elicitation/form") || !has("/elicitation/url"),
                other => has(&format!("/elicitation/{other}")),
            };
            if known { Ok(()) } else { Err(invalid(&format!("the client has no elicitation of mode `{mode}`"))) }
        }
        method if method.starts_with("tasks/") => needs("tasks"),
        _ => Ok(()),
    }
}

/// `Method not found`, and which capability it would take.
fn unable(method: &str, capability: &str) -> RpcError {
    let data = json!({ "kind": "client_capability", "requiredCapability": capability });
    let message = format!("the client cannot answer `{method}`: it has no capability `{capability}`");
    RpcError { code: -32601, message, data: to_raw_value(&data).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(value: Value) -> Box<RawValue> {
        to_raw_value(&value).unwrap()
    }

    #[test]
    fn what_a_client_does_not_have_is_refused_at_once() {
        let code = |capabilities: Value, method: &str, params: Value| {
            let request = ServerRequest { method: method.to_owned(), params: Some(raw(params)) };
            able(&raw(capabilities), &request).map_err(|error| error.code)
        };
        let (sampling, elicitation) = ("sampling/createMessage", "elicitation/create");
        assert_eq!(code(json!({}), "roots/list", json!({})), Err(-32601));
        assert_eq!(code(json!({"roots": {}}), "roots/list", json!({})), Ok(()));
        assert_eq!(code(json!({"sampling": {}}), sampling, json!({"messages": []})), Ok(()));
        assert_eq!(code(json!({"sampling": {}}), sampling, json!({"tools": []})), Err(-32601));
        assert_eq!(code(json!({"sampling": {"tools": {}}}), sampling, json!({"tools": []})), Ok(()));
        assert_eq!(code(json!({"sampling": {}}), elicitation, json!({})), Err(-32601));
        assert_eq!(code(json!({"elicitation": {}}), elicitation, json!({})), Ok(()));
        assert_eq!(code(json!({"elicitation": {}}), elicitation, json!({"mode": "url"})), Err(-32602));
        assert_eq!(code(json!({"elicitation": {"url": {}}}), elicitation, json!({"mode": "form"})), Err(-32602));
        assert_eq!(code(json!({"elicitation": {"url": {}}}), elicitation, json!({"mode": "url"})), Ok(()));
        assert_eq!(code(json!({}), "tasks/get", json!({})), Err(-32601));
        assert_eq!(code(json!({}), "x/y", json!({})), Ok(()));
    }
}
