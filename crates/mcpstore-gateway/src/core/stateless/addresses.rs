//! "Visit this address first": an error of 2025-11-25 that must not be said in this era, which has questions for that (spec:
//! MCP 2025-11-25, elicitation; MCP 2026-07-28, error codes).

use std::collections::BTreeMap;

use bytes::Bytes;
use mcpstore_transport::RpcError;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::super::stamp;
use super::checks::missing_capability;
use super::questions::has;

/// The code of the error.
pub(super) const NEEDED: i64 = -32042;

/// What the client gets in its place: the question that a server of this era would ask. When it comes again with the
/// answers, the server is called anew. `can` is what the client can do.
///
/// # Errors
/// The client cannot be asked so, or the error does not say what to ask.
pub(super) fn asked(error: RpcError, can: &RawValue) -> Result<Bytes, RpcError> {
    #[derive(Deserialize)]
    struct Data<'a> {
        #[serde(borrow)]
        elicitations: Vec<&'a RawValue>,
    }
    #[derive(Serialize)]
    struct Question<'a> {
        method: &'a str,
        params: &'a RawValue,
    }
    let needs = json!({ "elicitation": { "url": {} } });
    if !has(&serde_json::from_str(can.get()).unwrap_or_default(), &needs) {
        return Err(missing_capability(&needs));
    }
    let data = error.data.as_deref().and_then(|data| serde_json::from_str::<Data<'_>>(data.get()).ok());
    let elicitations = data.map(|data| data.elicitations).filter(|all| !all.is_empty());
    let written = elicitations.and_then(|all| {
        let named = all.into_iter().enumerate().map(|(n, params)| {
            let question = Question { method: "elicitation/create", params };
            (format!("address-{:04}", n + 1), question)
        });
        serde_json::to_string(&named.collect::<BTreeMap<_, _>>()).ok()
    });
    let Some(requests) = written else { return Err(RpcError { code: -32603, ..error }) };
    let stamp = stamp();
    Ok(format!(r#"{{"resultType":"input_required","inputRequests":{requests},"_meta":{stamp}}}"#).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_visit_is_a_question() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let error = |data: &str| RpcError { code: NEEDED, message: "first".into(), data: Some(raw(data)) };
        let data = r#"{"elicitations":[{"mode":"url","url":"https://x.example/1","message":"m","elicitationId":"e"}]}"#;
        let able = raw(r#"{"elicitation":{"url":{}}}"#);
        let result = String::from_utf8(asked(error(data), &able).unwrap().to_vec()).unwrap();
        let question = r#""inputRequests":{"address-0001":{"method":"elicitation/create","params":{"mode":"url","url":"https://x.example/1","message":"m","elicitationId":"e"}}}"#;
        assert!(result.starts_with(r#"{"resultType":"input_required","#) && result.contains(question), "{result}");
        assert_eq!(asked(error(data), &raw(r#"{"elicitation":{}}"#)).unwrap_err().code, -32021);
        assert_eq!(asked(error(r#"{"elicitations":[]}"#), &able).unwrap_err().code, -32603);
    }
}
