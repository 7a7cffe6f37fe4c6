//! How a dialogue is held: by requests to the client, or by answers that want more (spec: MCP 2026-07-28, multi round-trip).

use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use super::dialogue::{Dialogue, Question};
use super::seal;
use crate::server::peer::Peer;
use crate::server::tools::Outcome;

/// Holds a dialogue about this request: all the answers by their keys, or what the request gives instead.
pub(super) async fn hold(peer: &Peer, params: &Value, name: &str, dialogue: Dialogue) -> Result<Value, Outcome> {
    if peer.stateless { next(peer, params, name, &dialogue) } else { ask(peer, params, dialogue).await }
}

/// A tool that could not do its work.
pub(super) fn failed(text: String) -> Outcome {
    Outcome::Result(json!({ "content": [{ "type": "text", "text": text }], "isError": true }))
}

/// Asks everything, the questions of a round at once.
async fn ask(peer: &Peer, params: &Value, dialogue: Dialogue) -> Result<Value, Outcome> {
    let mut answers = Map::new();
    for mut round in dialogue.rounds {
        if dialogue.choosy {
            round.retain(|question| peer.can(params, question.needs()));
        }
        if let Some(unable) = round.iter().find(|question| !peer.can(params, question.needs())) {
            return Err(failed(format!("the client cannot do {}", unable.method)));
        }
        let asked = round.iter().map(|question| peer.ask(question.method, &question.params));
        for (question, answer) in round.iter().zip(join_all(asked).await) {
            let answer: Value = serde_json::from_str(&answer).unwrap_or(Value::Null);
            if answer["code"].is_i64() {
                return Err(failed(format!("the client refused {}: {}", question.method, answer["message"])));
            }
            answers.insert(question.key.to_owned(), answer);
        }
    }
    Ok(answers.into())
}

/// Takes what the client brings, and asks on where something is open.
fn next(peer: &Peer, params: &Value, name: &str, dialogue: &Dialogue) -> Result<Value, Outcome> {
    let nothing = Map::new();
    let responses = match params.get("inputResponses") {
        None => &nothing,
        Some(Value::Object(responses)) => responses,
        Some(_) => return Err(invalid("inputResponses is no object")),
    };
    let (at, mut answers) = match params.get("requestState") {
        None => (0, Map::new()),
        Some(state) => {
            let opened = state.as_str().and_then(|state| seal::open(state, name));
            opened.ok_or_else(|| invalid("the request state is not ours"))?
        }
    };
    let open = |round: usize| -> Option<Vec<&Question>> {
        let questions = dialogue.rounds.get(round)?.iter();
        Some(questions.filter(|question| !dialogue.choosy || peer.can(params, question.needs())).collect())
    };
    let Some(questions) = open(at) else { return Ok(answers.into()) };
    let mut missing = false;
    for question in &questions {
        match responses.get(question.key) {
            None => missing = true,
            Some(Value::Object(answer)) => drop(answers.insert(question.key.to_owned(), answer.clone().into())),
            Some(_) => return Err(invalid(&format!("{} has no such answer", question.key))),
        }
    }
    let (round, wanted) = if missing {
        // The whole round again: what was answered of it is not kept.
        answers.retain(|key, _| !questions.iter().any(|question| question.key == key));
        (at, questions)
    } else {
        match open(at + 1) {
            None => return Ok(answers.into()),
            Some(questions) => (at + 1, questions),
        }
    };
    if let Some(unable) = wanted.iter().find(|question| !peer.can(params, question.needs())) {
        return Err(unable_to(unable.needs()));
    }
    let requests: Map<_, _> = wanted.iter().map(|question| (question.key.to_owned(), question.request())).collect();
    let mut result = json!({ "resultType": "input_required", "inputRequests": requests });
    if dialogue.sealed {
        result["requestState"] = seal::seal(name, round, &answers).into();
    }
    Err(Outcome::Result(result))
}

fn invalid(what: &str) -> Outcome {
    Outcome::Error(-32602, what.to_owned(), Value::Null)
}

/// The client did not say that it can do this (spec: MCP 2026-07-28, capabilities). `needs` is a JSON pointer.
pub(super) fn unable_to(needs: &str) -> Outcome {
    let mut capability = json!({});
    for name in needs.rsplit('/').filter(|name| !name.is_empty()) {
        capability = json!({ name.replace("~1", "/"): capability });
    }
    let data = json!({ "requiredCapabilities": capability });
    Outcome::Error(-32021, "missing required client capability".to_owned(), data)
}
