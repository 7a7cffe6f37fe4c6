//! What every request of the stateless era must say of itself (spec: MCP 2026-07-28, basic).

use mcpstore_transport::RpcError;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::super::params::{Peek, invalid};
use super::super::{HANDSHAKE_VERSIONS, STATELESS_VERSION};

/// `UnsupportedProtocolVersion` (spec: MCP 2026-07-28, error codes).
const UNSUPPORTED_VERSION: i64 = -32022;
/// `MissingRequiredClientCapability` (same).
const MISSING_CAPABILITY: i64 = -32021;

/// What a request says of the client that sent it. Who says nothing of all this is no client of this era.
///
/// # Errors
/// `UnsupportedProtocolVersion`, and "Invalid params" where a member is missing.
pub(super) fn capabilities<'a>(peek: &Peek<'a>) -> Result<&'a RawValue, RpcError> {
    let meta = peek.meta.as_ref();
    let Some(version) = meta.and_then(|meta| meta.version.as_deref()) else {
        return Err(missing("protocolVersion"));
    };
    if version != STATELESS_VERSION {
        return Err(unsupported(version));
    }
    let capabilities = meta.and_then(|meta| meta.capabilities).ok_or_else(|| missing("clientCapabilities"))?;
    if !capabilities.get().starts_with('{') {
        return Err(invalid("`io.modelcontextprotocol/clientCapabilities` must be an object"));
    }
    Ok(capabilities)
}

/// The versions that are spoken: first the one without a handshake.
pub(super) fn versions() -> impl Iterator<Item = &'static str> {
    std::iter::once(STATELESS_VERSION).chain(HANDSHAKE_VERSIONS)
}

/// The client did not say that it can do this, which is needed (a JSON object of capabilities).
pub(super) fn missing_capability(needed: &Value) -> RpcError {
    let data = to_raw_value(&json!({ "requiredCapabilities": needed })).ok();
    RpcError { code: MISSING_CAPABILITY, message: "Missing required client capability".to_owned(), data }
}

fn missing(member: &str) -> RpcError {
    invalid(&format!(
        "`_meta` of the request lacks `io.modelcontextprotocol/{member}`; clients of versions before {STATELESS_VERSION} \
         send `initialize` first"
    ))
}

fn unsupported(requested: &str) -> RpcError {
    // A version with a handshake is spoken, but not in such requests: it would only be asked for again.
    let supported: Vec<_> = versions().filter(|version| *version != requested).collect();
    let data = to_raw_value(&json!({ "supported": supported, "requested": requested })).ok();
    RpcError { code: UNSUPPORTED_VERSION, message: "Unsupported protocol version".to_owned(), data }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(meta: &str) -> Result<String, (i64, String)> {
        let params = RawValue::from_string(format!(r#"{{"_meta":{meta}}}"#)).unwrap();
        let peek = Peek::read(Some(&params)).unwrap();
        capabilities(&peek)
            .map(|found| found.get().to_owned())
            .map_err(|error| (error.code, error.data.map(|data| data.get().to_owned()).unwrap_or(error.message)))
    }

    #[test]
    fn requests_say_who_asks() {
        let version = r#""io.modelcontextprotocol/protocolVersion""#;
        let can = r#""io.modelcontextprotocol/clientCapabilities""#;
        assert_eq!(
            checked(&format!(r#"{{{version}:"2026-07-28",{can}:{{"roots":{{}}}}}}"#)).unwrap(),
            r#"{"roots":{}}"#
        );
        for (meta, code, word) in [
            ("null".to_owned(), -32602, "protocolVersion"),
            (format!(r#"{{{can}:{{}}}}"#), -32602, "protocolVersion"),
            (format!(r#"{{{version}:"2026-07-28"}}"#), -32602, "clientCapabilities"),
            (format!(r#"{{{version}:"2026-07-28",{can}:[]}}"#), -32602, "must be an object"),
            (format!(r#"{{{version}:"1900-01-01"}}"#), -32022, r#""requested":"1900-01-01""#),
            (format!(r#"{{{version}:"1900-01-01"}}"#), -32022, r#""supported":["2026-07-28","2025-11-25""#),
            (format!(r#"{{{version}:"2025-11-25"}}"#), -32022, r#""supported":["2026-07-28","2025-06-18""#),
        ] {
            let (found, text) = checked(&meta).unwrap_err();
            assert_eq!(found, code, "{meta}");
            assert!(text.contains(word), "{text}");
        }
    }
}
