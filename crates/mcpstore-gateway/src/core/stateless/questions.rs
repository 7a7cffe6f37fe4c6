//! What a server with a handshake asks while it works on a request of this era: kept until the client answers.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use mcpstore_transport::{RpcError, ServerRequest, ServerRequests};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};
use tokio::time::sleep;

use super::super::params::invalid;
use super::checks::missing_capability;
use crate::client::next_serial;

/// Questions that may be open at once for one request; more are refused.
const MAX_OPEN: usize = 16;
/// How long further questions are waited for: a client is asked once for those that come together.
const TOGETHER: Duration = Duration::from_millis(5);

/// The questions of a server about one request.
#[derive(Debug)]
pub(super) struct Questions {
    /// What tells the request from every other one, and from every client.
    pub(super) serial: usize,
    /// What the client of the request can do: a JSON object, which is read when it matters.
    can: Box<RawValue>,
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: BTreeMap<String, Open>,
    /// What the server asked for, and the client cannot do.
    lacked: Option<Value>,
}

#[derive(Debug)]
struct Open {
    request: ServerRequest,
    answer: oneshot::Sender<Result<Box<RawValue>, RpcError>>,
}

impl Questions {
    /// None yet. `capabilities` is the JSON object of what the client can do.
    pub(super) fn new(capabilities: &RawValue) -> Self {
        Self { serial: next_serial(), can: capabilities.to_owned(), state: Mutex::default(), news: Notify::new() }
    }

    /// Waits until there are questions, and a moment longer for those that come with them.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn asked(&self) {
        loop {
            let news = self.news.notified();
            if !self.state().open.is_empty() {
                sleep(TOGETHER).await;
                // It may have been taken back.
                if !self.state().open.is_empty() {
                    return;
                }
            }
            news.await;
        }
    }

    /// True when there was a question, answered or not.
    pub(super) fn ever_asked(&self) -> bool {
        self.state().next > 0
    }

    /// The open questions, as the JSON of `inputRequests`; `None` when there are none.
    pub(super) fn requests(&self) -> Option<String> {
        let state = self.state();
        if state.open.is_empty() {
            return None;
        }
        let mut text = String::from("{");
        for (key, Open { request, .. }) in &state.open {
            if text.len() > 1 {
                text.push(',');
            }
            let params = request.params.as_deref().map_or("{}", RawValue::get);
            text.push_str(&format!(r#""{key}":{{"method":{},"params":{params}}}"#, json!(request.method)));
        }
        text.push('}');
        Some(text)
    }

    /// Gives the server what the client brought: `responses` is the JSON object of `inputResponses`. What is still open
    /// stays so, and what nobody asked is passed over.
    ///
    /// # Errors
    /// "Invalid params" when it is no object, or an answer in it is none; nothing was given then.
    pub(super) fn answer(&self, responses: Option<&RawValue>) -> Result<(), RpcError> {
        let Some(responses) = responses else { return Ok(()) };
        let responses: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(responses.get()).map_err(|_| invalid("`inputResponses` must be an object"))?;
        if let Some((key, _)) = responses.iter().find(|(_, response)| !response.get().starts_with('{')) {
            return Err(invalid(&format!("the answer to `{key}` must be an object")));
        }
        let mut state = self.state();
        for (key, response) in responses {
            if let Some(open) = state.open.remove(&key) {
                // Nobody waits any more when the server took it back.
                let _ = open.answer.send(Ok(response));
            }
        }
        Ok(())
    }

    /// What the client hears when the server could not do its work: a capability was missing, if one was.
    pub(super) fn lacked(&self) -> Option<RpcError> {
        self.state().lacked.as_ref().map(missing_capability)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics half-way under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ServerRequests for Questions {
    async fn answer(&self, request: ServerRequest) -> Result<Box<RawValue>, RpcError> {
        let needs = needs(&request).ok_or_else(RpcError::no_method)?;
        let can = serde_json::from_str(self.can.get()).unwrap_or_default();
        if !has(&can, &needs) {
            let refusal = RpcError::new(-32601, format!("the client of this request offers no {needs}"));
            let lacked = &mut self.state().lacked;
            merge(lacked.get_or_insert_with(|| json!({})), needs);
            return Err(refusal);
        }
        let (sender, answer) = oneshot::channel();
        let key = {
            let mut state = self.state();
            if state.open.len() >= MAX_OPEN {
                return Err(RpcError::new(-32000, "too many questions about one request are open"));
            }
            state.next += 1;
            // Of one length, so that they keep their order.
            let key = format!("input-{:04}", state.next);
            state.open.insert(key.clone(), Open { request, answer: sender });
            key
        };
        self.news.notify_one();
        let _taken_back = TakenBack(self, key);
        answer.await.unwrap_or_else(|_| Err(RpcError::new(-32000, "the client did not answer")))
    }
}

/// A question is open. Dropped, the server wants to know no more.
struct TakenBack<'a>(&'a Questions, String);

impl Drop for TakenBack<'_> {
    fn drop(&mut self) {
        self.0.state().open.remove(&self.1);
    }
}

/// What the client must be able to do for it; `None`: nothing that clients of this era are asked.
fn needs(request: &ServerRequest) -> Option<Value> {
    #[derive(Default, Deserialize)]
    struct Params<'a> {
        #[serde(default)]
        mode: Option<String>,
        #[serde(borrow, default)]
        tools: Option<&'a RawValue>,
    }
    let params: Params<'_> =
        request.params.as_deref().and_then(|params| serde_json::from_str(params.get()).ok()).unwrap_or_default();
    match request.method.as_str() {
        "roots/list" => Some(json!({ "roots": {} })),
        "sampling/createMessage" if params.tools.is_some() => Some(json!({ "sampling": { "tools": {} } })),
        "sampling/createMessage" => Some(json!({ "sampling": {} })),
        "elicitation/create" if params.mode.as_deref() == Some("url") => Some(json!({ "elicitation": { "url": {} } })),
        "elicitation/create" => Some(json!({ "elicitation": {} })),
        _ => None,
    }
}

/// True when capabilities have all that is needed.
pub(super) fn has(can: &Value, needs: &Value) -> bool {
    let Some(needs) = needs.as_object() else { return true };
    needs.iter().all(|(name, more)| match can.get(name) {
        // Who says nothing of modes has forms (spec: MCP 2026-07-28, elicitation); who names others only has those.
        Some(Value::Object(own))
            if name == "elicitation" && more.as_object().is_some_and(serde_json::Map::is_empty) =>
        {
            own.is_empty() || own.contains_key("form")
        }
        Some(own) => has(own, more),
        None => false,
    })
}

fn merge(all: &mut Value, more: Value) {
    let Value::Object(more) = more else { return };
    for (name, value) in more {
        match all.as_object_mut().map(|all| all.entry(name).or_insert_with(|| json!({}))) {
            Some(own) => merge(own, value),
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn request(method: &str, params: &str) -> ServerRequest {
        ServerRequest { method: method.to_owned(), params: Some(raw(params)) }
    }

    #[tokio::test]
    async fn questions_are_kept_until_they_are_answered() {
        let questions = Arc::new(Questions::new(&raw(r#"{"elicitation":{},"roots":{}}"#)));
        let ask = |method: &str, params: &str| {
            let (questions, request) = (Arc::clone(&questions), request(method, params));
            tokio::spawn(async move { ServerRequests::answer(&*questions, request).await })
        };
        let first = ask("elicitation/create", r#"{"n":1.50}"#);
        questions.asked().await;
        let second = ask("roots/list", "{}");
        while questions.state().open.len() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            questions.requests().unwrap(),
            r#"{"input-0001":{"method":"elicitation/create","params":{"n":1.50}},"input-0002":{"method":"roots/list","params":{}}}"#
        );
        assert_eq!(questions.answer(Some(&raw("[]"))).unwrap_err().code, -32602);
        assert_eq!(questions.answer(Some(&raw(r#"{"input-0001":1}"#))).unwrap_err().code, -32602);
        questions.answer(Some(&raw(r#"{"input-0001":{"a":1e2},"other":{}}"#))).unwrap();
        assert_eq!(first.await.unwrap().unwrap().get(), r#"{"a":1e2}"#);
        assert_eq!(questions.requests().unwrap(), r#"{"input-0002":{"method":"roots/list","params":{}}}"#);
        second.abort();
        assert!(second.await.unwrap_err().is_cancelled());
        assert_eq!(questions.requests(), None);
    }

    #[tokio::test]
    async fn what_a_client_cannot_do_is_refused_and_remembered() {
        let questions = Questions::new(&raw(r#"{"elicitation":{"form":{}}}"#));
        assert!(questions.lacked().is_none());
        for (method, params) in
            [("sampling/createMessage", r#"{"tools":[]}"#), ("elicitation/create", r#"{"mode":"url"}"#), ("x/y", "{}")]
        {
            let refused = ServerRequests::answer(&questions, request(method, params)).await.unwrap_err();
            assert_eq!(refused.code, -32601, "{method}");
        }
        let lacked = questions.lacked().unwrap();
        assert_eq!(
            (lacked.code, lacked.data.unwrap().get()),
            (-32021, r#"{"requiredCapabilities":{"elicitation":{"url":{}},"sampling":{"tools":{}}}}"#)
        );
    }

    #[test]
    fn modes_count() {
        let needs = |params: &str| needs(&request("elicitation/create", params)).unwrap();
        for (can, params, expected) in [
            (json!({ "elicitation": {} }), "{}", true),
            (json!({ "elicitation": {} }), r#"{"mode":"url"}"#, false),
            (json!({ "elicitation": { "url": {} } }), r#"{"mode":"form"}"#, false),
            (json!({ "elicitation": { "url": {}, "form": {} } }), r#"{"mode":"url"}"#, true),
            (json!({}), "{}", false),
        ] {
            assert_eq!(has(&can, &needs(params)), expected, "{can} {params}");
        }
    }
}
