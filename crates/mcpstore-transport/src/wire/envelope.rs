//! A look at a JSON-RPC message from outside: what it is and whom it concerns, nothing decoded.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::CallError;
use crate::object::object;

/// The members of a JSON-RPC message, as slices of its line.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) method: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) error: Option<&'a RawValue>,
}

/// Tells `null` from absent, which `Option` alone does not.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Envelope<'a> {
    /// The envelope of a line; `None` when the line is no JSON object, or an ambiguous one.
    pub(crate) fn peek(line: &'a str) -> Option<Self> {
        object(line).ok()
    }
}

/// The number in an id of ours. Servers that send it back as a string are understood.
pub(crate) fn wire_id(id: &RawValue) -> Option<u64> {
    let text = id.get();
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    // `parse` takes a sign; ids of ours have none.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
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
        Err(error) => CallError::Malformed { what: format!("it is an error without a code: {error}") },
    }
}

/// The progress token in the params of `notifications/progress`, as its JSON text.
pub(crate) fn progress_token(params: &RawValue) -> Option<&str> {
    #[derive(Deserialize)]
    struct Progress<'a> {
        #[serde(borrow, rename = "progressToken")]
        token: &'a RawValue,
    }
    object::<Progress<'_>>(params.get()).ok().map(|progress| progress.token.get())
}

/// The id in the first bytes of a message that cannot be read as a whole.
///
/// Walks the members of the outermost object until it meets `"id"`, or the bytes end.
pub(crate) fn id_in_head(head: &[u8]) -> Option<u64> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut string_start = 0;
    for (at, byte) in head.iter().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    in_string = false;
                    if depth == 1 && &head[string_start..at] == b"id" {
                        let rest = head[at + 1..].trim_ascii_start();
                        // A value `"id"` has no colon after it.
                        if let Some(value) = rest.strip_prefix(b":") {
                            return leading_number(value.trim_ascii_start());
                        }
                    }
                }
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => (in_string, string_start) = (true, at + 1),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// The id in the last bytes of a message, when it is the last member: `…,"id":7}`.
///
/// The last brace of a message closes the outermost object, so the id before it is the message's own.
pub(crate) fn id_in_tail(tail: &[u8]) -> Option<u64> {
    let inner = tail.trim_ascii_end().strip_suffix(b"}")?.trim_ascii_end();
    let digits = inner.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, number) = inner.split_at(inner.len() - digits);
    let before = before.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
    before.ends_with(b"\"id\"").then(|| leading_number(number))?
}

fn leading_number(text: &[u8]) -> Option<u64> {
    let text = text.strip_prefix(b"\"").unwrap_or(text);
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
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
        assert_eq!((id("7"), id("\"7\""), id("7.0"), id("-7"), id("null"), id("\"x\"")), {
            (Some(7), Some(7), None, None, None, None)
        });
    }

    #[test]
    fn ids_of_unreadable_messages() {
        assert_eq!(id_in_head(br#"{"jsonrpc":"2.0","id" : 42,"result":{"x":"#), Some(42));
        assert_eq!(id_in_head(br#"{"result":{"id":9,"a":"\"id\":8"},"x":"id","id":5"#), Some(5));
        assert_eq!(id_in_head(br#"{"result":{"id":9"#), None);
        assert_eq!(id_in_tail(br#"aaaa"}],"id": 17 }"#), Some(17));
        assert_eq!(id_in_tail(br#"{"x":{"id":17}}"#), None);
    }
}
