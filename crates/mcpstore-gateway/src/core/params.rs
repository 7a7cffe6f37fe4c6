//! Params of a request, as far as the gateway must understand them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mcpstore_transport::{RpcError, borrowed_text};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The members of params that say where a request leads. Everything else is passed on unseen.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Peek<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "borrowed_text")]
    pub(crate) uri: Option<Cow<'a, str>>,
    /// What a client brings back in the next round, and what it was asked for (spec: MCP 2026-07-28, multi round-trip).
    #[serde(borrow, default, rename = "requestState")]
    pub(crate) request_state: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "inputResponses")]
    pub(crate) input_responses: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) arguments: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "borrowed_text")]
    pub(crate) cursor: Option<Cow<'a, str>>,
    /// The call shall be a task.
    #[serde(borrow, default)]
    pub(crate) task: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_meta")]
    pub(crate) meta: Option<Meta<'a>>,
}

/// The members of `_meta` that the gateway must understand.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Meta<'a> {
    #[serde(borrow, default, rename = "progressToken")]
    pub(crate) progress: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "borrowed_text")]
    pub(crate) traceparent: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "borrowed_text")]
    pub(crate) tracestate: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "borrowed_text", rename = "io.modelcontextprotocol/protocolVersion")]
    pub(crate) version: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "io.modelcontextprotocol/clientCapabilities")]
    pub(crate) capabilities: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "borrowed_text", rename = "io.modelcontextprotocol/logLevel")]
    pub(crate) log_level: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "io.modelcontextprotocol/clientInfo")]
    pub(crate) client: Option<&'a RawValue>,
}

impl<'a> Peek<'a> {
    /// Reads the params of a request; none are as good as empty ones.
    ///
    /// # Errors
    /// `Invalid params` (-32602) when they are no object, have a member twice, or one that is no text where it must be one.
    pub(crate) fn read(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        let Some(params) = params else { return Ok(Self::default()) };
        let text = params.get();
        if !text.starts_with('{') {
            return Err(invalid("params must be an object"));
        }
        serde_json::from_str(text).map_err(|error| invalid(&format!("the params cannot be read: {error}")))
    }

    /// The name in them.
    ///
    /// # Errors
    /// `Invalid params` when there is none, or it is no text.
    pub(crate) fn name(&self) -> Result<Cow<'a, str>, RpcError> {
        let name = self.name.ok_or_else(|| invalid("`name` is missing"))?;
        serde_json::from_str::<Text<'_>>(name.get()).map(|text| text.0).map_err(|_| invalid("`name` must be a text"))
    }

    /// The name in them, or the URI: what they are about.
    pub(crate) fn what(&self) -> Option<Cow<'a, str>> {
        self.name.and_then(|_| self.name().ok()).or_else(|| self.uri.clone())
    }

    /// What the client says of itself in this very request.
    pub(crate) fn client(&self) -> Option<&'a RawValue> {
        self.meta.as_ref().and_then(|meta| meta.client)
    }

    /// The params with another name, and every other byte as it was.
    pub(crate) fn renamed(&self, params: &RawValue, name: &str) -> Box<RawValue> {
        self.name.map_or_else(|| params.to_owned(), |old| replaced(params, old, name))
    }
}

/// A JSON text with another text in the place of `old`, which is a slice of it; every other byte stays.
pub(crate) fn replaced(whole: &RawValue, old: &RawValue, new: &str) -> Box<RawValue> {
    let out = with(whole.get(), old.get(), &serde_json::to_string(new).unwrap_or_default());
    // A value in the place of a value: it stays JSON.
    RawValue::from_string(out).unwrap_or_else(|_| whole.to_owned())
}

/// `text` with `new` in the place of `part`, which is a slice of it.
pub(crate) fn with(text: &str, part: &str, new: &str) -> String {
    // Their distance is where it stands.
    let at = part.as_ptr() as usize - text.as_ptr() as usize;
    let mut out = String::with_capacity(text.len() + new.len());
    out.push_str(&text[..at]);
    out.push_str(new);
    out.push_str(&text[at + part.len()..]);
    out
}

/// Params with these members (name and JSON text) in their `_meta`, but for those that are there already; every other byte
/// stays. Params with no place for them stay as they are.
pub(crate) fn with_meta(params: Option<Box<RawValue>>, members: &[(&str, &str)]) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Outer<'a> {
        #[serde(borrow, default, rename = "_meta")]
        meta: Option<&'a RawValue>,
    }
    let added = |known: &BTreeMap<&str, &RawValue>| {
        let new = members.iter().filter(|(name, _)| !known.contains_key(name));
        new.map(|(name, value)| format!("\"{name}\":{value}")).collect::<Vec<_>>().join(",")
    };
    let written = || {
        let text = params.as_deref().map_or("{}", RawValue::get);
        let out = match serde_json::from_str::<Outer<'_>>(text).ok()?.meta {
            Some(meta) => {
                let known: BTreeMap<&str, &RawValue> = serde_json::from_str(meta.get()).ok()?;
                let (open, rest) = meta.get().split_at(1);
                let new = added(&known);
                let comma = if known.is_empty() || new.is_empty() { "" } else { "," };
                with(text, meta.get(), &format!("{open}{new}{comma}{rest}"))
            }
            None => {
                let (open, rest) = text.split_at(text.find('{')? + 1);
                let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
                format!("{open}\"_meta\":{{{}}}{comma}{rest}", added(&BTreeMap::new()))
            }
        };
        RawValue::from_string(out).ok()
    };
    written().or(params)
}

/// What only the stateless era says in `_meta`, of the client and for this one way (spec: MCP 2026-07-28, basic).
const STATELESS_ONLY: [&str; 4] = [
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/logLevel",
];

/// Params for a server with a handshake: without what makes a request one of the stateless era, for which a server of both
/// eras would take it. Every other value stays byte for byte.
pub(crate) fn without_era(params: Box<RawValue>) -> Box<RawValue> {
    #[derive(Deserialize)]
    struct Outer<'a> {
        #[serde(borrow, default, rename = "_meta")]
        meta: Option<&'a RawValue>,
    }
    let written = || {
        let meta = serde_json::from_str::<Outer<'_>>(params.get()).ok()?.meta?;
        let Members(members) = serde_json::from_str(meta.get()).ok()?;
        let kept = members.iter().filter(|(name, _)| !STATELESS_ONLY.contains(&name.0.as_ref()));
        let kept = kept.map(|(name, value)| Some(format!("{}:{value}", serde_json::to_string(&name.0).ok()?)));
        let kept: Vec<String> = kept.collect::<Option<_>>()?;
        let changed = kept.len() < members.len();
        let out = changed.then(|| with(params.get(), meta.get(), &format!("{{{}}}", kept.join(","))))?;
        RawValue::from_string(out).ok()
    };
    written().unwrap_or(params)
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// `Invalid params`, and why.
pub(crate) fn invalid(why: &str) -> RpcError {
    RpcError::new(-32602, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_changes_and_every_other_byte_stays() {
        let params =
            RawValue::from_string(r#"{ "arguments":{"name":"x","n":1.50}, "name" : "s__\u0074", "x": 1e2}"#.into())
                .unwrap();
        let peek = Peek::read(Some(&params)).unwrap();
        assert_eq!(peek.name().unwrap(), "s__t");
        let got = peek.renamed(&params, "t\"1");
        assert_eq!(got.get(), r#"{ "arguments":{"name":"x","n":1.50}, "name" : "t\"1", "x": 1e2}"#);
    }

    #[test]
    fn members_come_into_the_meta_and_every_other_byte_stays() {
        let with = |text: Option<&str>| {
            let params = text.map(|text| RawValue::from_string(text.to_owned()).unwrap());
            with_meta(params, &[("a", "1"), ("b", "{}")]).unwrap().get().to_owned()
        };
        assert_eq!(with(None), r#"{"_meta":{"a":1,"b":{}}}"#);
        assert_eq!(with(Some(r#"{ "n":1.50}"#)), r#"{"_meta":{"a":1,"b":{}}, "n":1.50}"#);
        assert_eq!(with(Some(r#"{"n":1,"_meta" : {}}"#)), r#"{"n":1,"_meta" : {"a":1,"b":{}}}"#);
        assert_eq!(with(Some(r#"{"_meta":{ "b":2e0}}"#)), r#"{"_meta":{"a":1, "b":2e0}}"#);
        assert_eq!(with(Some(r#"{"_meta":{"b":2,"a":3}}"#)), r#"{"_meta":{"b":2,"a":3}}"#);
        assert_eq!(with(Some("[1]")), "[1]");
    }

    #[test]
    fn a_server_with_a_handshake_hears_nothing_of_the_other_era() {
        let without = |text: &str| without_era(RawValue::from_string(text.to_owned()).unwrap()).get().to_owned();
        let own = r#"{ "n":1.50, "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28", "z" : 1e2,"io.modelcontextprotocol/logLevel":"info","a":"\u0061","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{}} }"#;
        assert_eq!(without(own), r#"{ "n":1.50, "_meta":{"z":1e2,"a":"\u0061"} }"#);
        for same in ["{}", r#"{"_meta":{ "progressToken" : 1}}"#, r#"{"_meta":null}"#, "[1]"] {
            assert_eq!(without(same), same);
        }
    }

    #[test]
    fn odd_params_are_refused() {
        for text in ["[]", "1", r#"{"name":"a","name":"b"}"#, r#"{"uri":1}"#] {
            let params = RawValue::from_string(text.into()).unwrap();
            assert_eq!(Peek::read(Some(&params)).unwrap_err().code, -32602, "{text}");
        }
        assert_eq!(Peek::read(None).unwrap().name().unwrap_err().code, -32602);
    }
}
