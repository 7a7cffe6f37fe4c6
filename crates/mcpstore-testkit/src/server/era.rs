//! The two eras: which one a request belongs to, and what the stateless one asks for and adds.

use serde_json::{Value, json};

use super::behaviour::{Behaviour, Era};
use super::reference;

/// The version of the stateless era.
pub(crate) const LATEST: &str = "2026-07-28";
/// The last version with a handshake.
pub(super) const LAST_WITH_HANDSHAKE: &str = "2025-11-25";

/// Where a request of the stateless era says its version.
pub(crate) const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Where it says what its client can do.
pub(super) const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Where an answer says who gives it.
const META_SERVER: &str = "io.modelcontextprotocol/serverInfo";

/// Methods that only the handshake era has.
const HANDSHAKE_ONLY: &[&str] =
    &["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"];
/// Methods that only the stateless era has.
const STATELESS_ONLY: &[&str] = &["server/discover", "subscriptions/listen"];
/// Members of which one makes a result cacheable.
const CACHEABLE: &[&str] = &["tools", "resources", "resourceTemplates", "prompts", "contents", "supportedVersions"];

/// Why a request is refused before it is looked at.
pub(super) struct Refusal {
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Value,
}

impl Refusal {
    fn new(code: i64, message: impl Into<String>, data: Value) -> Self {
        Self { code, message: message.into(), data }
    }
}

/// Whether a request is of the stateless era, when this server takes it (spec: MCP 2026-07-28, versioning). `said`: its
/// transport says that it is.
pub(super) fn of_request(era: Era, said: bool, method: &str, params: &Value) -> Result<bool, Refusal> {
    let meta = &params["_meta"];
    let stateless = match era {
        Era::Handshake => false,
        Era::Stateless => true,
        Era::Both => said || meta.get(META_VERSION).is_some() || STATELESS_ONLY.contains(&method),
    };
    let other = if stateless { HANDSHAKE_ONLY } else { STATELESS_ONLY };
    if other.contains(&method) {
        return Err(Refusal::new(-32601, "method not found", Value::Null));
    }
    if !stateless {
        return Ok(false);
    }
    let Some(version) = meta[META_VERSION].as_str() else { return Err(missing(META_VERSION)) };
    if version != LATEST {
        let data = json!({ "requested": version, "supported": versions(era) });
        return Err(Refusal::new(-32022, "unsupported protocol version", data));
    }
    if !meta[META_CAPABILITIES].is_object() {
        return Err(missing(META_CAPABILITIES));
    }
    Ok(true)
}

fn missing(key: &str) -> Refusal {
    Refusal::new(-32602, format!("the request's _meta lacks {key}"), Value::Null)
}

fn versions(era: Era) -> Vec<&'static str> {
    match era {
        Era::Handshake => vec![LAST_WITH_HANDSHAKE],
        Era::Stateless => vec![LATEST],
        Era::Both => vec![LAST_WITH_HANDSHAKE, LATEST],
    }
}

/// What the client of this request says it can do.
pub(super) fn can(params: &Value, what: &str) -> bool {
    params["_meta"][META_CAPABILITIES].get(what).is_some()
}

/// What the server offers.
pub(super) fn capabilities(behaviour: &Behaviour, stateless: bool) -> Value {
    let mut offered = json!({
        "tools": { "listChanged": true },
        "resources": { "subscribe": true, "listChanged": true },
        "prompts": { "listChanged": true },
        "completions": {},
        "logging": {},
    });
    if let (true, Some(offered)) = (stateless, offered.as_object_mut()) {
        offered.remove("logging");
    }
    if behaviour.reference {
        reference::capabilities(&mut offered, stateless);
    }
    offered
}

/// The answer to `server/discover`.
pub(super) fn discovered(behaviour: &Behaviour) -> Value {
    let mut supported = versions(behaviour.era);
    if let Some(version) = behaviour.protocol.as_deref() {
        supported = vec![version];
    }
    json!({
        "supportedVersions": supported,
        "capabilities": capabilities(behaviour, true),
        "instructions": "ask and you shall be answered",
    })
}

/// Adds to a result what every result of the stateless era has.
pub(super) fn stamp(result: &mut Value, name: &str) {
    let Some(members) = result.as_object_mut() else { return };
    members.entry("resultType").or_insert_with(|| "complete".into());
    if CACHEABLE.iter().any(|member| members.contains_key(*member)) {
        members.entry("ttlMs").or_insert_with(|| 0.into());
        members.entry("cacheScope").or_insert_with(|| "private".into());
    }
    let meta = members.entry("_meta").or_insert_with(|| json!({}));
    meta[META_SERVER] = json!({ "name": name, "version": "1.2.3" });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_era_takes_its_own() {
        let stateless = json!({ "_meta": { META_VERSION: LATEST, META_CAPABILITIES: {} } });
        let code =
            |era, method: &str, params: &Value| of_request(era, false, method, params).map_err(|refusal| refusal.code);
        assert_eq!(code(Era::Handshake, "tools/list", &Value::Null), Ok(false));
        assert_eq!(code(Era::Handshake, "server/discover", &stateless), Err(-32601));
        assert_eq!(code(Era::Stateless, "tools/list", &stateless), Ok(true));
        assert_eq!(code(Era::Stateless, "initialize", &Value::Null), Err(-32601));
        assert_eq!(code(Era::Stateless, "tools/list", &Value::Null), Err(-32602));
        assert_eq!(code(Era::Stateless, "tools/list", &json!({ "_meta": { META_VERSION: LATEST } })), Err(-32602));
        assert_eq!(
            code(Era::Stateless, "tools/list", &json!({ "_meta": { META_VERSION: "2099-01-01" } })),
            Err(-32022)
        );
        assert_eq!(code(Era::Both, "tools/list", &Value::Null), Ok(false));
        assert_eq!(code(Era::Both, "tools/list", &stateless), Ok(true));
        assert_eq!(code(Era::Both, "ping", &stateless), Err(-32601));
        let said = of_request(Era::Both, true, "tools/list", &Value::Null).map_err(|refusal| refusal.code);
        assert_eq!(said, Err(-32602));
    }
}
