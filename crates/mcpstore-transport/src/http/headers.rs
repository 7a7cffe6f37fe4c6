//! Headers: those of the config, those of the protocol, and which win.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mcpstore_types::{HttpSpec, is_protocol_header};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::LaunchError;
use crate::object::object;

/// The session that a server gave us (spec: MCP 2025-03-26, transports).
pub(crate) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
/// The agreed version (spec: MCP 2025-06-18, transports).
pub(crate) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The last event we saw of a stream that broke (spec: MCP 2025-03-26, transports).
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The method in the body (spec: MCP 2026-07-28, transports).
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// What the method is about: a tool, a resource, a prompt, a task (same).
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// The headers of the config. What belongs to the protocol is left out: it is not the config's to say.
///
/// # Errors
/// [`LaunchError::BadAddress`] for a header that HTTP cannot carry; a spec out of a config has none.
pub(crate) fn configured(spec: &HttpSpec) -> Result<HeaderMap, LaunchError> {
    let mut headers = HeaderMap::with_capacity(spec.headers.len() + 1);
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("mcpstore/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in spec.headers.iter().filter(|(name, _)| !is_protocol_header(name)) {
        let bad = || LaunchError::BadAddress { what: format!("header `{name}` has characters that HTTP cannot carry") };
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| bad())?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// What a header says of a message: its method, and what that is about (spec: MCP 2026-07-28, transports).
pub(crate) fn of_message(method: &str, params: Option<&RawValue>, headers: &mut HeaderMap) {
    if let Some(value) = carried(method) {
        headers.insert(METHOD, value);
    }
    if let Some(value) = params.and_then(|params| subject(method, params)).and_then(|name| carried(&name)) {
        headers.insert(NAME, value);
    }
}

/// What a request is about, for the methods that say so in their headers.
fn subject(method: &str, params: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params<'a> {
        #[serde(borrow, default)]
        name: Option<&'a RawValue>,
        #[serde(borrow, default)]
        uri: Option<&'a RawValue>,
        #[serde(borrow, default)]
        task_id: Option<&'a RawValue>,
    }
    let params = object::<Params<'_>>(params.get()).ok()?;
    let found = match method {
        "tools/call" | "prompts/get" => params.name,
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => params.uri,
        "tasks/get" | "tasks/update" | "tasks/cancel" | "tasks/result" => params.task_id,
        _ => None,
    };
    serde_json::from_str(found?.get()).ok()
}

/// A text as the value of a header; in Base64 where a header would change it (spec: MCP 2026-07-28, value encoding).
pub(crate) fn carried(text: &str) -> Option<HeaderValue> {
    let edges = |c: char| matches!(c, ' ' | '\t');
    let plain =
        text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.starts_with(edges) && !text.ends_with(edges);
    // A text that looks encoded would be decoded.
    let value = if plain && !(text.starts_with("=?base64?") && text.ends_with("?=")) {
        HeaderValue::from_str(text)
    } else {
        HeaderValue::from_str(&format!("=?base64?{}?=", BASE64_STANDARD.encode(text)))
    };
    value.ok()
}

#[cfg(test)]
mod tests {
    use mcpstore_types::Secret;

    use super::*;

    fn text(text: &str) -> String {
        carried(text).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn texts_travel_as_they_are_or_encoded() {
        for plain in ["", "us west 1", "echo", "a=b?c", "=?base64?"] {
            assert_eq!(text(plain), plain);
        }
        assert_eq!(text(" padded "), "=?base64?IHBhZGRlZCA=?=");
        assert_eq!(text("a\r\nEvil: 1"), "=?base64?YQ0KRXZpbDogMQ==?=");
        assert_eq!(text("世界"), "=?base64?5LiW55WM?=");
        assert_eq!(text("=?base64?eA==?="), "=?base64?PT9iYXNlNjQ/ZUE9PT89?=");
    }

    #[test]
    fn messages_say_what_they_are_about() {
        let of = |method: &str, params: &str| {
            let mut headers = HeaderMap::new();
            let params = RawValue::from_string(params.to_owned()).unwrap();
            of_message(method, Some(&params), &mut headers);
            let get = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap().to_owned());
            (get(METHOD).unwrap(), get(NAME))
        };
        assert_eq!(
            of("tools/call", r#"{"name":"é\u0020","x":{}}"#),
            ("tools/call".into(), Some("=?base64?w6kg?=".into()))
        );
        assert_eq!(of("resources/read", r#"{"uri":"file:///a%20b","name":"n"}"#).1.as_deref(), Some("file:///a%20b"));
        assert_eq!(of("tasks/get", r#"{"taskId":"7"}"#).1.as_deref(), Some("7"));
        for (method, params) in
            [("ping", "{}"), ("tools/list", r#"{"name":"x"}"#), ("tools/call", "{}"), ("tools/call", r#"{"name":1}"#)]
        {
            assert_eq!(of(method, params), (method.to_owned(), None));
        }
    }

    #[test]
    fn the_config_overrides_nothing_of_the_protocol() {
        let names =
            ["X-Key", "accept", "MCP-Session-Id", "Mcp-Param-X", "Content-Length", "Authorization", "User-Agent"];
        let headers = names.iter().map(|name| ((*name).to_owned(), Secret::from("mine"))).collect();
        let found = configured(&HttpSpec { headers, ..HttpSpec::default() }).unwrap();
        let mut found: Vec<_> = found.keys().map(HeaderName::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, ["authorization", "user-agent", "x-key"]);
        let headers = [("X".to_owned(), Secret::from("a\nb"))].into();
        assert!(configured(&HttpSpec { headers, ..HttpSpec::default() }).is_err());
    }
}
