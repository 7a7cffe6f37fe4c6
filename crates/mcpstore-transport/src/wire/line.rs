//! Our own requests and notifications as lines, the caller's JSON untouched in them.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::object::object;

/// A request as a line, with its end.
pub(super) fn request(id: u64, method: &str, params: Option<&str>) -> Vec<u8> {
    let mut line = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{}"#, quoted(method));
    if let Some(params) = params {
        line.push_str(r#","params":"#);
        line.push_str(params);
    }
    line.push('}');
    sealed(line)
}

/// The notice that a request was given up.
pub(super) fn cancelled(id: u64, reason: &str) -> Vec<u8> {
    let reason = quoted(reason);
    sealed(format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id},"reason":{reason}}}}}"#
    ))
}

/// An error answer to a request of the server; `id` is its JSON text.
pub(super) fn refusal(id: &str, code: i64, message: &str) -> Vec<u8> {
    let message = quoted(message);
    sealed(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{message}}}}}"#))
}

/// JSON text as one line: a line end can only stand between tokens there, where a space means the same.
pub(super) fn sealed(json: String) -> Vec<u8> {
    let mut line = json.into_bytes();
    for byte in &mut line {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    line.push(b'\n');
    line
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The params of a call with a progress token in them.
pub(super) struct Tokened {
    /// The params' text.
    pub(super) params: String,
    /// The token's JSON text, when it is the caller's own.
    pub(super) callers: Option<Box<str>>,
}

/// Adds `token` as progress token to `params` when they carry none; every other byte stays as it is.
pub(super) fn with_token(params: &RawValue, token: u64) -> Tokened {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, default, rename = "_meta")]
        meta: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Meta<'a> {
        #[serde(borrow, default, rename = "progressToken")]
        token: Option<&'a RawValue>,
    }
    let text = params.get();
    let unchanged = |callers: Option<Box<str>>| Tokened { params: text.to_owned(), callers };
    let Ok(parsed) = object::<Params<'_>>(text) else {
        return unchanged(None);
    };
    let changed = match parsed.meta {
        Some(meta) => {
            let Ok(inner) = object::<Meta<'_>>(meta.get()) else {
                return unchanged(None);
            };
            if let Some(own) = inner.token {
                return unchanged(Some(own.get().into()));
            }
            // `meta` is a slice of `text`: their distance is where it stands.
            let at = meta.get().as_ptr() as usize - text.as_ptr() as usize;
            insert_member(text, at, &format!(r#""progressToken":{token}"#))
        }
        None => insert_member(text, 0, &format!(r#""_meta":{{"progressToken":{token}}}"#)),
    };
    changed.map_or_else(|| unchanged(None), |params| Tokened { params, callers: None })
}

/// `text` with one more member at the front of the object that begins at `at`.
fn insert_member(text: &str, at: usize, member: &str) -> Option<String> {
    let inside = text.get(at..)?.strip_prefix('{')?;
    let comma = if inside.trim_start().starts_with('}') { "" } else { "," };
    Some(format!("{}{{{member}{comma}{inside}", &text[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokened(params: &str) -> (String, Option<String>) {
        let tokened = with_token(&RawValue::from_string(params.to_owned()).unwrap(), 7);
        (tokened.params, tokened.callers.map(String::from))
    }

    #[test]
    fn the_token_goes_in_and_the_rest_stays() {
        assert_eq!(tokened("{ }").0, r#"{"_meta":{"progressToken":7} }"#);
        let odd = r#"{"name":"x", "arguments":{"n":1.0,"big":123456789012345678901234567890,"n":2}}"#;
        assert_eq!(tokened(odd).0, format!(r#"{{"_meta":{{"progressToken":7}},{}"#, &odd[1..]));
        assert_eq!(tokened(r#"{"a":1,"_meta":{"k":2}}"#).0, r#"{"a":1,"_meta":{"progressToken":7,"k":2}}"#);
        assert_eq!(tokened(r#"{"_meta":{}}"#).0, r#"{"_meta":{"progressToken":7}}"#);
    }

    #[test]
    fn a_token_of_the_callers_stays() {
        let own = r#"{"_meta":{"progressToken":"abc"}}"#;
        assert_eq!(tokened(own), (own.to_owned(), Some("\"abc\"".to_owned())));
        assert_eq!(tokened("[1]"), ("[1]".to_owned(), None));
    }

    #[test]
    fn a_line_is_one_line() {
        let line = request(1, "a\"b", Some("{\n\"x\": \"\\n\"\r\n}"));
        assert_eq!(line.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count(), 1);
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((&value["method"], &value["params"]["x"]), (&"a\"b".into(), &"\n".into()));
    }
}
