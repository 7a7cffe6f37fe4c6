//! Requests that the server answers with a question: asked again with the answers, until there is a result (spec: MCP
//! 2026-07-28, multi round-trip requests).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::object::object;
use crate::requests::raw;
use crate::{CallError, CallLimits, RequestOptions, ServerRequest, ServerRequests, Session};

/// How often a server may answer one request with questions.
pub const MAX_ROUNDS: usize = 16;

/// An answer, as far as it says whether it is one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(default)]
    result_type: Option<&'a str>,
    #[serde(borrow, default)]
    input_requests: Option<BTreeMap<String, Question<'a>>>,
    #[serde(borrow, default)]
    request_state: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Question<'a> {
    method: String,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// Sends a request; while the server answers that it needs to know something first, `client` is asked and the request is
/// sent again with what it said. What the server wants to find again in it (`requestState`) goes back byte for byte.
///
/// `limits` hold for each round. Where `client` refuses, the server's question is the result.
///
/// # Errors
/// As [`Session::request_with`]; [`CallError::Malformed`] when the server asks more than [`MAX_ROUNDS`] times, or params
/// are no object.
///
/// # Cancel safety
/// As [`Session::request_with`].
pub async fn request_with_inputs(
    session: &dyn Session,
    client: &dyn ServerRequests,
    method: &str,
    params: Option<Box<RawValue>>,
    limits: CallLimits,
    options: RequestOptions,
) -> Result<Box<RawValue>, CallError> {
    let mut next = params.clone();
    for _ in 0..MAX_ROUNDS {
        let answer = session.request_with(method, next.take(), limits, options.clone()).await?;
        let Some((responses, state)) = answered(&answer, client).await else { return Ok(answer) };
        next = Some(again(params.as_deref(), responses, state)?);
    }
    Err(CallError::Malformed { what: format!("it asks back more than {MAX_ROUNDS} times") })
}

type Responses = BTreeMap<String, Box<RawValue>>;

/// The answers to the questions in an answer; `None` when it is no question, or nobody answers it.
async fn answered<'a>(answer: &'a RawValue, client: &dyn ServerRequests) -> Option<(Responses, Option<&'a RawValue>)> {
    let found: Answer<'a> = object(answer.get()).ok()?;
    if found.result_type != Some("input_required") {
        return None;
    }
    let mut responses = Responses::new();
    for (key, question) in found.input_requests.unwrap_or_default() {
        let request = ServerRequest { method: question.method, params: question.params.map(ToOwned::to_owned) };
        responses.insert(key, client.answer(request).await.ok()?);
    }
    Some((responses, found.request_state))
}

/// The params of the next round.
fn again(
    params: Option<&RawValue>,
    responses: Responses,
    state: Option<&RawValue>,
) -> Result<Box<RawValue>, CallError> {
    let broken = |error| CallError::Malformed { what: format!("the params of the request are no object: {error}") };
    let text = params.map_or("{}", RawValue::get);
    let mut out: BTreeMap<String, Box<RawValue>> = object(text).map_err(broken)?;
    out.insert("inputResponses".into(), raw(&responses)?);
    match state {
        Some(state) => out.insert("requestState".into(), state.to_owned()),
        None => out.remove("requestState"),
    };
    raw(&out)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::RpcError;

    struct Yes;

    #[async_trait]
    impl ServerRequests for Yes {
        async fn answer(&self, request: ServerRequest) -> Result<Box<RawValue>, RpcError> {
            if request.method == "elicitation/create" {
                Ok(json(r#"{"action":"accept"}"#))
            } else {
                Err(RpcError::no_method())
            }
        }
    }

    fn json(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn a_question_is_answered_and_its_state_goes_back_byte_for_byte() {
        let question = json(
            r#"{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create"}},"requestState":"{\"n\": 1.0}"}"#,
        );
        let (responses, state) = answered(&question, &Yes).await.unwrap();
        let params = json(r#"{"name":"t","arguments":{"x": 1.50}}"#);
        let next = again(Some(&params), responses, state).unwrap();
        let expected = r#"{"arguments":{"x": 1.50},"inputResponses":{"a":{"action":"accept"}},"name":"t","requestState":"{\"n\": 1.0}"}"#;
        assert_eq!(next.get(), expected);
        let without = again(Some(&next), Responses::new(), None).unwrap();
        assert!(!without.get().contains("requestState"), "{without}");
    }

    #[tokio::test]
    async fn what_is_no_question_is_the_result() {
        for result in [
            r#"{"content":[]}"#,
            r#"{"resultType":"complete","inputRequests":{}}"#,
            r#"{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}}}"#,
        ] {
            assert!(answered(&json(result), &Yes).await.is_none(), "{result}");
        }
    }
}
