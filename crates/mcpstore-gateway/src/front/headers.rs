//! What the headers of a request say about its body (spec: MCP 2026-07-28, streamable HTTP, request metadata).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use mcpstore_transport::RpcError;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The header of the protocol's version.
pub(crate) const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The header of the session.
pub(crate) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// The versions with a handshake.
const HANDSHAKE: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// `HeaderMismatch` (spec: MCP 2026-07-28, error codes).
pub(crate) const HEADER_MISMATCH: i64 = -32020;
const INVALID_PARAMS: i64 = -32602;
const UNSUPPORTED_VERSION: i64 = -32022;
const MISSING_CAPABILITY: i64 = -32021;

/// What the version header of a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// There is none.
    Nothing,
    /// A version with a handshake.
    Handshake,
    /// The stateless version.
    Stateless,
    /// A version that we do not know, or several.
    Other,
}

/// Reads the version header.
pub(crate) fn version(headers: &HeaderMap) -> Said {
    let mut values = headers.get_all(VERSION).iter();
    match (values.next(), values.next()) {
        (None, _) => Said::Nothing,
        (Some(value), None) => match value.to_str().map(str::trim) {
            Ok("2026-07-28") => Said::Stateless,
            Ok(version) if HANDSHAKE.contains(&version) => Said::Handshake,
            _ => Said::Other,
        },
        _ => Said::Other,
    }
}

/// What was found in the body of a request without a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Its `_meta` has all that every request must have; else the core refuses it, with status 400.
    pub(crate) complete: bool,
}

#[derive(Deserialize, Default)]
struct Params<'a> {
    #[serde(borrow, default)]
    _meta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    uri: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "taskId")]
    task_id: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Meta<'a> {
    #[serde(borrow, default, rename = "io.modelcontextprotocol/protocolVersion")]
    version: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "io.modelcontextprotocol/clientCapabilities")]
    capabilities: Option<&'a RawValue>,
}

/// Compares the headers of a request without a session with its body.
///
/// # Errors
/// `HeaderMismatch`, when they differ, or one is missing. "Invalid params", when a member that counts is there twice.
pub(crate) fn check(headers: &HeaderMap, method: &str, params: Option<&RawValue>) -> Result<Facts, RpcError> {
    let params: Params<'_> = decoded(params)?;
    let meta: Meta<'_> = decoded(params._meta)?;
    let in_body = meta.version.and_then(text);
    let facts = Facts { complete: in_body.is_some() && meta.capabilities.is_some() };
    match (one(headers, &VERSION)?, in_body) {
        // Nothing says that it is of the stateless era.
        (None, None) => return Ok(facts),
        (None, Some(_)) => return Err(mismatch("the header MCP-Protocol-Version is missing")),
        (Some(header), Some(body)) if header != body => {
            return Err(mismatch(&format!("MCP-Protocol-Version is `{header}`, and the body says `{body}`")));
        }
        (Some(_), _) => {}
    }
    match one(headers, &METHOD)? {
        Some(header) if header == method => {}
        Some(header) => return Err(mismatch(&format!("Mcp-Method is `{header}`, and the body says `{method}`"))),
        None => return Err(mismatch("the header Mcp-Method is missing")),
    }
    let name = match method {
        "tools/call" | "prompts/get" => params.name,
        "resources/read" => params.uri,
        "tasks/get" | "tasks/update" | "tasks/cancel" => params.task_id,
        _ => return Ok(facts),
    };
    // Without a name the body is wrong, which the core says.
    let Some(name) = name.and_then(text) else { return Ok(facts) };
    match one(headers, &NAME)? {
        Some(header) if plain(header, &NAME)? == name => Ok(facts),
        Some(header) => Err(mismatch(&format!("Mcp-Name is `{header}`, and the body says `{name}`"))),
        None => Err(mismatch("the header Mcp-Name is missing")),
    }
}

/// The headers that the core may want to see: those that repeat arguments.
pub(crate) fn of_arguments(headers: &HeaderMap) -> Vec<(String, String)> {
    let known = headers.iter().filter(|(name, _)| name.as_str().starts_with("mcp-param-"));
    // Bytes that are no text can match nothing: what takes their place does not either.
    known
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// The HTTP status of an error of the core, for a request without a session.
pub(crate) const fn status(code: i64, facts: Facts) -> u16 {
    match code {
        HEADER_MISMATCH | UNSUPPORTED_VERSION | MISSING_CAPABILITY | -32600 | -32700 => 400,
        -32601 => 404,
        INVALID_PARAMS if !facts.complete => 400,
        _ => 200,
    }
}

/// `HeaderMismatch`, and in what.
pub(crate) fn mismatch(what: &str) -> RpcError {
    RpcError::new(HEADER_MISMATCH, format!("header mismatch: {what}"))
}

/// The one value of a header.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, RpcError> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    let Some(first) = first else { return Ok(None) };
    match (first.to_str(), second) {
        (Ok(text), None) => Ok(Some(text.trim())),
        (Err(_), _) => Err(mismatch(&format!("{name} has characters that no header may have"))),
        (Ok(_), Some(_)) => Err(mismatch(&format!("{name} is there more than once"))),
    }
}

/// A value without its wrapping in Base64, if it has one (spec: MCP 2026-07-28, value encoding).
///
/// # Errors
/// `HeaderMismatch`, when the wrapping holds no text.
pub(crate) fn plain(value: &str, header: &dyn fmt::Display) -> Result<String, RpcError> {
    let Some(inner) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Ok(value.to_owned());
    };
    let bytes = STANDARD.decode(inner).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| mismatch(&format!("{header} is no proper Base64")))
}

/// The members of an object that count; none of everything else.
fn decoded<'a, T: Deserialize<'a> + Default>(json: Option<&'a RawValue>) -> Result<T, RpcError> {
    let Some(object) = json.map(RawValue::get).filter(|json| json.starts_with('{')) else { return Ok(T::default()) };
    // Each member may be anything, so only one that is there twice fails: it must not mean one thing here, and another
    // in the core.
    serde_json::from_str(object).map_err(|_| RpcError::new(INVALID_PARAMS, "a member is there more than once"))
}

fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

    fn checked(headers: &[(&'static str, &str)], method: &str, params: &str) -> Result<Facts, String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let params = (!params.is_empty()).then(|| RawValue::from_string(params.to_owned()).unwrap());
        check(&map, method, params.as_deref()).map_err(|error| {
            assert!(matches!(error.code, HEADER_MISMATCH | INVALID_PARAMS));
            error.message
        })
    }

    #[test]
    fn headers_must_say_what_the_body_says() {
        let version = ("mcp-protocol-version", "2026-07-28");
        let list = ("mcp-method", "tools/list");
        let whole = format!("{{{META}}}");
        assert_eq!(checked(&[version, list], "tools/list", &whole), Ok(Facts { complete: true }));
        // Nobody says that it is of the stateless era.
        assert_eq!(checked(&[], "tools/list", "{}"), Ok(Facts { complete: false }));
        assert_eq!(checked(&[version, list], "tools/list", ""), Ok(Facts { complete: false }));
        for (headers, word) in [
            (&[list][..], "MCP-Protocol-Version is missing"),
            (&[("mcp-protocol-version", "2025-11-25"), list], "the body says `2026-07-28`"),
            (&[version, version, list], "more than once"),
            (&[version], "Mcp-Method is missing"),
            (&[version, ("mcp-method", "TOOLS/LIST")], "the body says `tools/list`"),
            (&[version, ("mcp-method", "tööls")], "no header may have"),
        ] {
            let error = checked(headers, "tools/list", &whole).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn names_may_be_wrapped() {
        let named = |method: &'static str, member: &str, header: Option<&str>| {
            let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
            headers.extend(header.map(|header| ("mcp-name", header)));
            checked(&headers, method, &format!("{{{member},{META}}}")).map(drop)
        };
        let complete = Ok(());
        assert_eq!(named("tools/call", r#""name":"a""#, Some("  a ")), complete);
        assert_eq!(named("tools/call", r#""name":"Hello, 世界""#, Some("=?base64?SGVsbG8sIOS4lueVjA==?=")), complete);
        assert_eq!(named("resources/read", r#""uri":"file:///x""#, Some("file:///x")), complete);
        assert_eq!(named("tasks/get", r#""taskId":"t""#, Some("t")), complete);
        assert_eq!(named("tools/call", r#""x":"a""#, None), complete);
        assert_eq!(named("tools/list", r#""name":"a""#, None), complete);
        for (method, member, header) in [
            ("tools/call", r#""name":"a""#, None),
            ("tools/call", r#""name":"a""#, Some("b")),
            ("tools/call", r#""name":"Hello""#, Some("=?base64?SGVsbG8?=")),
            ("tools/call", r#""name":"Hello""#, Some("=?base64?SGVs!!!bG8=?=")),
            ("prompts/get", r#""name":"a""#, Some("A")),
            ("tasks/cancel", r#""taskId":"t""#, Some("u")),
            ("tools/call", r#""name":"a","name":"b""#, Some("a")),
        ] {
            assert!(named(method, member, header).is_err(), "{method} {member} {header:?}");
        }
    }

    #[test]
    fn versions_are_known() {
        let said = |values: &[&str]| {
            let mut map = HeaderMap::new();
            for value in values {
                map.append(VERSION, value.parse().unwrap());
            }
            version(&map)
        };
        assert_eq!(said(&[]), Said::Nothing);
        assert_eq!((said(&["2025-06-18"]), said(&["2026-07-28"])), (Said::Handshake, Said::Stateless));
        assert_eq!((said(&["2025-06-19"]), said(&["2025-06-18", "2025-06-18"])), (Said::Other, Said::Other));
    }

    #[test]
    fn errors_have_their_status() {
        let of = |code| (status(code, Facts { complete: true }), status(code, Facts { complete: false }));
        assert_eq!((of(-32601), of(-32602), of(-32020)), ((404, 404), (200, 400), (400, 400)));
        assert_eq!((of(-32021), of(-32022), of(-32000), of(7)), ((400, 400), (400, 400), (200, 200), (200, 200)));
    }
}
