//! Results as this era wants them (spec: MCP 2026-07-28, basic and caching).

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// How most results of this era begin: nothing has to be looked for in them.
const COMPLETE: &str = r#"{"resultType":"complete""#;

/// What a result says, as far as it matters here. Everything else in it is passed on unseen.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Look<'a> {
    #[serde(borrow, default)]
    pub(super) result_type: Option<Cow<'a, str>>,
    /// What the server wants to find again in the next round.
    #[serde(borrow, default)]
    pub(super) request_state: Option<&'a RawValue>,
    #[serde(borrow, default)]
    ttl_ms: Option<&'a RawValue>,
    #[serde(borrow, default)]
    cache_scope: Option<&'a RawValue>,
    #[serde(default)]
    is_error: Option<bool>,
}

impl<'a> Look<'a> {
    /// Reads a result; `None` when it is none that can be read.
    pub(super) fn at(result: &'a Bytes) -> Option<Self> {
        serde_json::from_slice(result).ok()
    }

    /// The tool says that it failed.
    pub(super) fn is_failure(&self) -> bool {
        self.is_error == Some(true)
    }
}

/// True when nothing has to be done about a result, as far as its first bytes tell.
pub(super) fn is_complete(result: &Bytes) -> bool {
    result.starts_with(COMPLETE.as_bytes())
}

/// The result with what every result of this era has; what it has already stays, byte for byte. `cacheable`: it says
/// how long it may be kept.
pub(super) fn completed(result: Bytes, look: &Look<'_>, cacheable: bool) -> Bytes {
    let mut added = String::new();
    if look.result_type.is_none() {
        added.push_str(r#""resultType":"complete","#);
    }
    if cacheable && look.ttl_ms.is_none() {
        added.push_str(r#""ttlMs":0,"#);
    }
    if cacheable && look.cache_scope.is_none() {
        added.push_str(r#""cacheScope":"private","#);
    }
    with(result, added)
}

/// Puts members, each with a comma behind it, at the beginning of an object.
fn with(result: Bytes, mut added: String) -> Bytes {
    let Some(at) = result.iter().position(|byte| *byte == b'{').filter(|_| !added.is_empty()) else { return result };
    let (front, back) = result.split_at(at + 1);
    if back.trim_ascii_start().starts_with(b"}") {
        added.pop();
    }
    [front, added.as_bytes(), back].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(result: &'static str, cacheable: bool) -> String {
        let result = Bytes::from_static(result.as_bytes());
        let look = Look::at(&result).unwrap();
        String::from_utf8(completed(result.clone(), &look, cacheable).to_vec()).unwrap()
    }

    #[test]
    fn what_is_missing_is_put_in_and_the_rest_stays() {
        assert_eq!(made("{ }", false), r#"{"resultType":"complete" }"#);
        assert_eq!(made(r#" {"n":1.50, "n":2e1}"#, false), r#" {"resultType":"complete","n":1.50, "n":2e1}"#);
        assert_eq!(made(r#"{"a":1,"resultType":"task"}"#, false), r#"{"a":1,"resultType":"task"}"#);
        assert_eq!(
            made(r#"{"contents":[],"ttlMs":7}"#, true),
            r#"{"resultType":"complete","cacheScope":"private","contents":[],"ttlMs":7}"#
        );
        assert!(is_complete(&Bytes::from_static(br#"{"resultType":"complete","x":1}"#)));
        assert!(!is_complete(&Bytes::from_static(br#"{"resultType":"input_required"}"#)));
    }
}
