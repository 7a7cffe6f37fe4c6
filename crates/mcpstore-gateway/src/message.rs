//! JSON-RPC messages of downstream clients, and those to them, as text.

use bytes::Bytes;
use mcpstore_transport::RpcError;
use serde::Serialize;
use serde_json::value::RawValue;

/// An error as the answer to the request with this id; `None` where the id could not be read.
pub(crate) fn error(id: Option<&RawValue>, error: &RpcError) -> Bytes {
    #[derive(Serialize)]
    struct Body<'a> {
        code: i64,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a RawValue>,
    }
    let body = Body { code: error.code, message: &error.message, data: error.data.as_deref() };
    // A struct of numbers and texts always becomes JSON.
    let body = serde_json::to_string(&body).unwrap_or_default();
    format!(r#"{{"jsonrpc":"2.0","id":{},"error":{body}}}"#, id.map_or("null", RawValue::get)).into()
}

/// A notification; `params` go out byte for byte.
pub(crate) fn notification(method: &str, params: Option<&RawValue>) -> Bytes {
    let method = serde_json::to_string(method).unwrap_or_default();
    match params {
        Some(params) => format!(r#"{{"jsonrpc":"2.0","method":{method},"params":{}}}"#, params.get()).into(),
        None => format!(r#"{{"jsonrpc":"2.0","method":{method}}}"#).into(),
    }
}

/// A request of ours to a client; `params` go out byte for byte.
pub(crate) fn request(id: u64, method: &str, params: Option<&RawValue>) -> Bytes {
    let method = serde_json::to_string(method).unwrap_or_default();
    match params {
        Some(params) => format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method},"params":{}}}"#, params.get()).into(),
        None => format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method}}}"#).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn what_is_raw_stays_raw() {
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let failed = RpcError { code: -32602, message: "no \"x\"".into(), data: Some(raw(r#"{"a":1e2}"#)) };
        assert_eq!(
            text(error(Some(&raw("\"a\"")), &failed)),
            r#"{"jsonrpc":"2.0","id":"a","error":{"code":-32602,"message":"no \"x\"","data":{"a":1e2}}}"#
        );
        assert_eq!(
            text(error(None, &RpcError::new(-1, ""))),
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":""}}"#
        );
        assert_eq!(text(notification("n/x", Some(&raw("{ }")))), r#"{"jsonrpc":"2.0","method":"n/x","params":{ }}"#);
        assert_eq!(text(request(7, "roots/list", None)), r#"{"jsonrpc":"2.0","id":7,"method":"roots/list"}"#);
    }
}
