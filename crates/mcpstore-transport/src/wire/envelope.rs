//! A look at a JSON-RPC message from outside: what it is and whom it concerns, nothing decoded.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::CallError;
use crate::clip::clip;
use crate::object::object;

/// The members of a JSON-RPC message, as slices of its text. `null` is there, but for a method.
#[derive(Debug, Deserialize)]
pub struct Envelope<'a> {
    /// What it says of itself.
    #[serde(borrow, default, deserialize_with = "present")]
    pub jsonrpc: Option<&'a RawValue>,
    /// Of a request or of an answer.
    #[serde(borrow, default, deserialize_with = "present")]
    pub id: Option<&'a RawValue>,
    /// Of a request or of a notification.
    #[serde(borrow, default, deserialize_with = "borrowed_text")]
    pub method: Option<Cow<'a, str>>,
    /// With what.
    #[serde(borrow, default, deserialize_with = "present")]
    pub params: Option<&'a RawValue>,
    /// Of an answer.
    #[serde(borrow, default, deserialize_with = "present")]
    pub result: Option<&'a RawValue>,
    /// Of an answer that is an error.
    #[serde(borrow, default, deserialize_with = "present")]
    pub error: Option<&'a RawValue>,
}

/// Tells `null` from absent, which `Option` alone does not.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A text or `null`, as a slice where it has no escapes: `Option` alone would copy it. For serde's `deserialize_with`.
///
/// # Errors
/// It is something else.
pub fn borrowed_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    Ok(<Option<Text<'de>>>::deserialize(deserializer)?.map(|text| text.0))
}

impl<'a> Envelope<'a> {
    /// The envelope of a line; `None` when the line is no JSON object, or an ambiguous one.
    pub(crate) fn peek(line: &'a str) -> Option<Self> {
        object(line).ok()
    }

    /// True when it says of itself that it is what we take it for.
    #[must_use]
    pub fn is_versioned(&self) -> bool {
        self.jsonrpc.is_some_and(|version| version.get() == r#""2.0""#)
    }
}

/// The number in an id of ours. Servers that send it back as a string are understood.
pub(crate) fn wire_id(id: &RawValue) -> Option<u64> {
    let text = id.get();
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    own_id(digits.as_bytes())
}

/// The id that these digits are, written as we write ours.
pub(super) fn own_id(digits: &[u8]) -> Option<u64> {
    if digits.first() == Some(&b'0') || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The id of the request that `notifications/cancelled` takes back.
pub(super) fn cancelled_id(params: &RawValue) -> Option<&RawValue> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Cancelled<'a> {
        #[serde(borrow)]
        request_id: &'a RawValue,
    }
    object::<Cancelled<'_>>(params.get()).ok().map(|cancelled| cancelled.request_id)
}

/// The JSON object of what a server can do, in its answer to `initialize`.
pub(super) fn capabilities(result: &RawValue) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Hello<'a> {
        #[serde(borrow)]
        capabilities: &'a RawValue,
    }
    let hello: Hello<'_> = object(result.get()).ok()?;
    Some(hello.capabilities).filter(|capabilities| capabilities.get().starts_with('{'))
}

/// The error a server answered with.
pub(crate) fn rpc_error(error: &RawValue) -> CallError {
    #[derive(Deserialize)]
    struct Body<'a> {
        code: i64,
        #[serde(default)]
        message: String,
        #[serde(borrow, default, deserialize_with = "present")]
        data: Option<&'a RawValue>,
    }
    match object::<Body<'_>>(error.get()) {
        Ok(body) => CallError::Rpc { code: body.code, message: body.message, data: body.data.map(ToOwned::to_owned) },
        Err(error) => CallError::Malformed { what: clip(&format!("it is an error without a code: {error}")) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_not_absent() {
        let envelope = Envelope::peek(r#"{"jsonrpc":"2.0","id":3,"result":null}"#).unwrap();
        assert_eq!(envelope.result.map(RawValue::get), Some("null"));
        assert!(envelope.error.is_none() && envelope.method.is_none());
        assert_eq!(wire_id(envelope.id.unwrap()), Some(3));
    }

    #[test]
    fn what_is_no_message_has_no_envelope() {
        for line in ["", "123", "[]", "hello", "{", r#"{"id":1,"id":2}"#] {
            assert!(Envelope::peek(line).is_none(), "{line}");
        }
    }

    #[test]
    fn deep_nesting_passes() {
        let deep = format!(r#"{{"id":1,"result":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Envelope::peek(&deep).unwrap().result.unwrap().get().len(), 200_000);
    }

    #[test]
    fn only_whole_numbers_are_ids_of_ours() {
        let id = |text: &str| wire_id(&RawValue::from_string(text.to_owned()).unwrap());
        assert_eq!((id("7"), id("\"7\""), id("7.0"), id("-7"), id("\"07\""), id("\"x\"")), {
            (Some(7), Some(7), None, None, None, None)
        });
    }
}
