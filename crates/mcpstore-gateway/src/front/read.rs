//! One JSON-RPC message of a client, told apart.

use std::borrow::Cow;

use mcpstore_transport::{Envelope, RpcError};
use serde::Deserialize;
use serde_json::value::RawValue;

/// JSON-RPC: the text is no JSON.
pub(crate) const PARSE_ERROR: i64 = -32700;
/// JSON-RPC: it is no message.
pub(crate) const INVALID_REQUEST: i64 = -32600;

/// What a client sends, as slices of its text.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    /// It asks.
    Request {
        /// A text or a number.
        id: &'a RawValue,
        /// What.
        method: Cow<'a, str>,
        /// With what.
        params: Option<&'a RawValue>,
    },
    /// It tells.
    Notification {
        /// What.
        method: Cow<'a, str>,
        /// With what.
        params: Option<&'a RawValue>,
    },
    /// It answers.
    Answer {
        /// What it was asked.
        id: &'a RawValue,
        /// Its result, or its error.
        outcome: Result<&'a RawValue, RpcError>,
    },
}

/// Why a text is no message.
#[derive(Debug)]
pub(crate) struct Unreadable<'a> {
    /// Its id, where it has one.
    pub(crate) id: Option<&'a RawValue>,
    /// What its sender hears.
    pub(crate) error: RpcError,
}

/// Reads one message. A batch is none: see [`batch`](super::batch) for the one revision that had such.
pub(crate) fn message(text: &[u8]) -> Result<Message<'_>, Unreadable<'_>> {
    let refuse = |id, code, what: &str| Err(Unreadable { id, error: RpcError::new(code, what) });
    let Ok(text) = std::str::from_utf8(text) else { return refuse(None, PARSE_ERROR, "the message is no UTF-8") };
    let text = text.trim_ascii();
    if text.starts_with('[') {
        return refuse(None, INVALID_REQUEST, "batches are not taken in this version: send one message at a time");
    }
    if !text.starts_with('{') {
        return refuse(None, PARSE_ERROR, "the message is no JSON object");
    }
    let envelope: Envelope<'_> = match serde_json::from_str(text) {
        Ok(envelope) => envelope,
        Err(error) if error.is_data() => return refuse(None, INVALID_REQUEST, "the message is ambiguous or malformed"),
        Err(_) => return refuse(None, PARSE_ERROR, "the message is no JSON"),
    };
    let id = envelope.id.filter(|id| is_id(id));
    if !envelope.is_versioned() {
        return refuse(id, INVALID_REQUEST, "`jsonrpc` must be \"2.0\"");
    }
    if envelope.params.is_some_and(|params| !params.get().starts_with(['{', '['])) {
        return refuse(id, INVALID_REQUEST, "`params` must be an object");
    }
    match (envelope.method, envelope.id, envelope.result, envelope.error) {
        (Some(method), None, None, None) => Ok(Message::Notification { method, params: envelope.params }),
        (Some(method), Some(id), None, None) if is_id(id) => {
            Ok(Message::Request { id, method, params: envelope.params })
        }
        (None, Some(id), Some(result), None) if is_id(id) => Ok(Message::Answer { id, outcome: Ok(result) }),
        (None, Some(id), None, Some(error)) if is_id(id) => Ok(Message::Answer { id, outcome: Err(told(error)) }),
        (Some(_), Some(_), None, None) => refuse(None, INVALID_REQUEST, "`id` must be a text or a number"),
        _ => refuse(id, INVALID_REQUEST, "the message is no request, notification or response"),
    }
}

fn is_id(id: &RawValue) -> bool {
    id.get().starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit())
}

/// The error that a client answered with.
fn told(error: &RawValue) -> RpcError {
    #[derive(Deserialize)]
    struct Body<'a> {
        code: i64,
        #[serde(default)]
        message: String,
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
    }
    match serde_json::from_str::<Body<'_>>(error.get()) {
        Ok(body) => RpcError { code: body.code, message: body.message, data: body.data.map(ToOwned::to_owned) },
        Err(_) => RpcError::new(-32603, "the client answered with an error that has no code"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        let kind = |text: &str| match message(text.as_bytes()) {
            Ok(Message::Request { id, method, params }) => {
                format!("request {} {method} {}", id.get(), params.map_or("-", RawValue::get))
            }
            Ok(Message::Notification { method, .. }) => format!("notification {method}"),
            Ok(Message::Answer { id, outcome }) => {
                format!("answer {} {:?}", id.get(), outcome.map(RawValue::get).map_err(|error| error.to_string()))
            }
            Err(bad) => format!("{} {}", bad.error.code, bad.id.map_or("-", RawValue::get)),
        };
        let rest = |rest: &str| kind(&format!(r#" {{"jsonrpc":"2.0",{rest}}}"#));
        assert_eq!(rest(r#""id":1.0,"method":"a\/b","params":{"x": 1e2}"#), r#"request 1.0 a/b {"x": 1e2}"#);
        assert_eq!(rest(r#""method":"n""#), "notification n");
        assert_eq!(rest(r#""id":"7","result":null"#), r#"answer "7" Ok("null")"#);
        assert_eq!(rest(r#""id":7,"error":{"code":-1,"message":"no"}"#), r#"answer 7 Err("error -1: no")"#);
        assert_eq!(rest(r#""id":7,"error":5"#).split(':').next(), Some(r#"answer 7 Err("error -32603"#));
        for (bad, code) in [
            ("", "-32700 -"),
            ("{", "-32700 -"),
            ("nonsense", "-32700 -"),
            ("{\"a\":}", "-32700 -"),
            ("[]", "-32600 -"),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"x"}]"#, "-32600 -"),
            (r#"{"id":1,"method":"x"}"#, "-32600 1"),
            (r#"{"jsonrpc":"1.0","id":1,"method":"x"}"#, "-32600 1"),
            (r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#, "-32600 -"),
            (r#"{"jsonrpc":"2.0","id":{},"method":"x"}"#, "-32600 -"),
            (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"x"}"#, "-32600 -"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"x","result":1}"#, "-32600 1"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"x","params":3}"#, "-32600 1"),
            (r#"{"jsonrpc":"2.0","id":1}"#, "-32600 1"),
            (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, "-32600 -"),
        ] {
            assert_eq!(kind(bad), code, "{bad}");
        }
        assert_eq!(message(b"{\"a\":\"\xff\"}").unwrap_err().error.code, PARSE_ERROR);
        let deep = format!(r#""id":1,"method":"x","params":{}{}"#, "[".repeat(50_000), "]".repeat(50_000));
        assert!(rest(&deep).starts_with("request 1 x"));
    }
}
