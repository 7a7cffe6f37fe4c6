//! Our own requests and notifications as lines, the caller's JSON untouched in them.

use std::fmt::{Display, Write as _};

use super::params::{Params, Stateless};
use crate::RpcError;

/// A request as a line, with its end.
pub(super) fn request(id: u64, method: &str, params: Option<&str>) -> Vec<u8> {
    let mut line = begun(id, method, params.map_or(0, str::len));
    put_params(&mut line, params);
    ended(line)
}

/// The same with more in the `_meta` of its params ([`Params::put`]).
pub(super) fn request_filled(
    id: u64,
    method: &str,
    params: &Params<'_>,
    token: Option<&dyn Display>,
    stateless: Option<&Stateless>,
) -> Vec<u8> {
    let mut line = begun(id, method, params.room(stateless));
    line.push_str(PARAMS);
    params.put(&mut line, token, stateless);
    ended(line)
}

/// A notification as a line, with its end.
pub(super) fn notification(method: &str, params: Option<&str>) -> Vec<u8> {
    let mut line = with_room_for(method, params.map_or(0, str::len));
    line.push_str(r#"{"jsonrpc":"2.0""#);
    put_method(&mut line, method);
    put_params(&mut line, params);
    ended(line)
}

const PARAMS: &str = r#","params":"#;

/// Every call goes through here: one allocation for its line.
fn with_room_for(method: &str, params: usize) -> String {
    String::with_capacity(method.len() + params + 80)
}

fn begun(id: u64, method: &str, params: usize) -> String {
    let mut line = with_room_for(method, params);
    // Writing to a String cannot fail.
    let _ = write!(line, r#"{{"jsonrpc":"2.0","id":{id}"#);
    put_method(&mut line, method);
    line
}

fn put_method(line: &mut String, method: &str) {
    line.push_str(r#","method":"#);
    if method.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-')) {
        line.push('"');
        line.push_str(method);
        line.push('"');
    } else {
        line.push_str(&quoted(method));
    }
}

fn put_params(line: &mut String, params: Option<&str>) {
    if let Some(params) = params {
        line.push_str(PARAMS);
        line.push_str(params);
    }
}

fn ended(mut line: String) -> Vec<u8> {
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

/// The answer to a request of the server; `id` and the result are JSON text.
pub(super) fn result(id: &str, result: &str) -> Vec<u8> {
    sealed(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#))
}

/// An error answer to a request of the server; `id` is its JSON text.
pub(super) fn refusal(id: &str, error: &RpcError) -> Vec<u8> {
    let (code, message) = (error.code, quoted(&error.message));
    let data = error.data.as_ref().map_or_else(String::new, |data| format!(r#","data":{data}"#));
    sealed(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{message}{data}}}}}"#))
}

/// JSON text as one line: a line end can only stand between tokens there, where a space means the same.
pub(super) fn sealed(json: String) -> Vec<u8> {
    let mut line = json.into_bytes();
    for byte in &mut line {
        // Written in any case: so many bytes are done at once.
        *byte = if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
    }
    line.push(b'\n');
    line
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line() {
        let line = request(1, "a\"b", Some("{\n\"x\": \"\\n\"\r\n}"));
        assert_eq!(line.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count(), 1);
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((&value["method"], &value["params"]["x"]), (&"a\"b".into(), &"\n".into()));
    }
}
