//! The reference: everything that the official conformance suite asks of a server, in both eras.
//!
//! The names and the duties of its tools, prompts and methods are the suite's (its server scenarios say them in their
//! descriptions). It comes on top of what the server offers anyway.

mod changes;
mod content;
mod dialogue;
mod list;
mod rounds;
mod seal;
mod talk;
mod tasks;

use serde_json::{Value, json};

use super::Server;
use super::peer::Peer;
use super::tools::Outcome;
pub(super) use changes::Changes;
pub(super) use list::{capabilities, prompts, tools};
pub(super) use tasks::Tasks;

/// The one tool with an argument that goes along as a header too: its name, the header, the argument.
pub(crate) const HEADER_TOOL: (&str, &str, &str) = ("test_header_param", "mcp-param-region", "region");

/// What belongs to the reference alone.
#[derive(Default)]
pub(super) struct Reference {
    tasks: Tasks,
    changes: Changes,
}

/// What a call of one of its tools gives; `None` when it is none of them.
pub(super) async fn call(server: &Server, peer: &Peer, params: &Value) -> Option<Outcome> {
    let name = params["name"].as_str().unwrap_or_default();
    let arguments = &params["arguments"];
    if let Some(result) = content::tool(name, arguments) {
        return Some(Outcome::Result(result));
    }
    if name == "echo_shape" {
        return Some(Outcome::Raw(arguments["json"].as_str().unwrap_or("null").to_owned()));
    }
    if name == "echo_notice" {
        let method = arguments["method"].as_str().unwrap_or("notifications/message");
        peer.notify(method, arguments["json"].as_str().unwrap_or("{}")).await;
        return Some(Outcome::Text("sent".to_owned()));
    }
    if tasks::support(name).is_some() {
        return Some(tasks::call(server, peer, params).await);
    }
    if let Some(said) = talk::run(peer, name, params).await {
        return Some(Outcome::Text(said.to_owned()));
    }
    if let Some(said) = server.reference.changes.make(server, peer, name).await {
        return Some(Outcome::Text(said.to_owned()));
    }
    let dialogue = dialogue::of_tool(name, arguments)?;
    Some(match rounds::hold(peer, params, name, dialogue).await {
        Ok(answers) => Outcome::Result(dialogue::conclusion(name, &answers)),
        Err(outcome) => outcome,
    })
}

/// What another request gives; `None` when it is none of the reference's own.
pub(super) async fn answer(server: &Server, peer: &Peer, method: &str, params: &Value) -> Option<Outcome> {
    if method.starts_with("tasks/") {
        return Some(tasks::answer(server, peer, method, params).await);
    }
    if method != "prompts/get" {
        return None;
    }
    let name = params["name"].as_str().unwrap_or_default();
    if let Some(outcome) = content::prompt(name, &params["arguments"]) {
        return Some(outcome);
    }
    if name != dialogue::PROMPT {
        return None;
    }
    Some(match rounds::hold(peer, params, name, dialogue::of_prompt()).await {
        Ok(answers) => {
            let said = answers["user_context"]["content"]["context"].as_str().unwrap_or("nothing");
            let content = json!({ "type": "text", "text": format!("The context is {said}.") });
            Outcome::Result(json!({ "messages": [{ "role": "user", "content": content }] }))
        }
        Err(outcome) => outcome,
    })
}
