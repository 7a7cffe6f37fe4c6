//! What the headers of a request say, and where they must agree with its body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::message::Recorded;
use crate::server::{HEADER_TOOL, LATEST, META_VERSION};

/// Whether a request is of the stateless era, where the server speaks both: its body says so, or its headers.
pub(super) fn stateless(request: &Recorded, body: &Value) -> bool {
    body["params"]["_meta"].get(META_VERSION).is_some() || request.header("mcp-protocol-version") == Some(LATEST)
}

/// Whether a request comes by a name of this machine, and not from a page elsewhere (spec: MCP 2025-11-25, transports,
/// security warning).
pub(super) fn local(request: &Recorded) -> bool {
    let host = request.header("host").is_none_or(is_local);
    let origin = request.header("origin");
    host && origin.is_none_or(|origin| origin.split_once("://").is_some_and(|(_, host)| is_local(host)))
}

fn is_local(host: &str) -> bool {
    let port = |rest: &str| rest.is_empty() || rest.starts_with(':');
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| host.strip_prefix(name).is_some_and(port))
}

/// Where the headers of a stateless request must agree with its body; the error says which one does not.
pub(super) fn agree(request: &Recorded, body: &Value) -> Result<(), String> {
    let params = &body["params"];
    let method = body["method"].as_str().unwrap_or_default();
    let name = match method {
        "tools/call" | "prompts/get" => params["name"].as_str(),
        "resources/read" => params["uri"].as_str(),
        "tasks/get" | "tasks/update" | "tasks/cancel" => params["taskId"].as_str(),
        _ => None,
    };
    let version = params["_meta"][META_VERSION].as_str().unwrap_or(LATEST);
    let (tool, header, argument) = HEADER_TOOL;
    let region =
        if method == "tools/call" && name == Some(tool) { params["arguments"][argument].as_str() } else { None };
    for (header, expected) in
        [("mcp-protocol-version", Some(version)), ("mcp-method", Some(method)), ("mcp-name", name), (header, region)]
    {
        if let Some(expected) = expected
            && request.header(header).and_then(decoded).as_deref() != Some(expected)
        {
            return Err(format!("{header} does not agree with the body"));
        }
    }
    Ok(())
}

/// The value of a header: as it stands, or out of `=?base64?…?=`; `None` when that is no base64 of a text.
fn decoded(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        None => Some(value.to_owned()),
        Some(code) => String::from_utf8(STANDARD.decode(code).ok()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_only_when_they_say_so() {
        assert_eq!(decoded("=?base64?SGVsbG8=?=").as_deref(), Some("Hello"));
        assert_eq!(decoded("=?base64?SGVsbG8=").as_deref(), Some("=?base64?SGVsbG8="));
        assert_eq!(decoded("SGVsbG8=").as_deref(), Some("SGVsbG8="));
        assert_eq!(decoded("=?base64?SGVsbG8?="), None);
        assert_eq!(decoded("=?base64?SGVs!!!bG8=?="), None);
    }

    #[test]
    fn only_this_machine_is_local() {
        let from = |host: &str, origin: Option<&str>| {
            let mut headers = vec![("host".to_owned(), host.to_owned())];
            headers.extend(origin.map(|origin| ("origin".to_owned(), origin.to_owned())));
            local(&Recorded { headers, ..Recorded::default() })
        };
        assert!(from("127.0.0.1:8000", None) && from("localhost", Some("http://localhost:3")) && from("[::1]:1", None));
        assert!(!from("evil.example.com", None) && !from("127.0.0.1.evil.example.com", None));
        assert!(!from("localhost:1", Some("http://evil.example.com")) && !from("localhost:1", Some("null")));
    }
}
