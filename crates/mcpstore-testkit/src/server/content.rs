//! Resources, prompts, completion, and what a client sets: everything well-behaved beside the tools.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::peer::{Peer, lock};
use super::{Server, reference};

/// Code, message and data of an error.
pub(super) type Refused = (i64, String, Value);

/// A picture of one point, as base64 of a PNG.
pub(super) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// The levels of log messages, least first.
const LEVELS: &[&str] = &["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// The place of a level among them.
pub(super) fn level(name: &str) -> Option<u64> {
    LEVELS.iter().position(|level| *level == name).map(|place| place as u64)
}

/// The result for a method, or the code, the message and the data of an error.
pub(super) fn answer(server: &Server, peer: &Peer, method: &str, params: &Value) -> Result<Value, Refused> {
    let uri = || params["uri"].as_str().unwrap_or_default();
    Ok(match method {
        "resources/list" => json!({ "resources": [
            { "uri": "test://static-text", "name": "static-text", "mimeType": "text/plain" },
            { "uri": "test://static-binary", "name": "static-binary", "mimeType": "image/png" },
            { "uri": "test://watched-resource", "name": "watched", "mimeType": "text/plain" },
        ] }),
        "resources/templates/list" => json!({ "resourceTemplates": [
            { "uriTemplate": "test://template/{id}/data", "name": "template", "mimeType": "application/json" },
        ] }),
        "resources/read" => read(peer, uri())?,
        "resources/subscribe" => {
            lock(&peer.client.subscribed).insert(uri().to_owned());
            json!({})
        }
        "resources/unsubscribe" => {
            lock(&peer.client.subscribed).remove(uri());
            json!({})
        }
        "prompts/list" => {
            let mut prompts = vec![
                json!({ "name": "test_simple_prompt", "description": "One message" }),
                json!({ "name": "test_prompt_with_arguments", "description": "Its arguments in a message", "arguments": [
                    { "name": "arg1", "required": true }, { "name": "arg2", "required": true },
                ] }),
                json!({ "name": "test_prompt_with_image", "description": "A picture" }),
            ];
            if server.behaviour.reference {
                prompts.extend(reference::prompts(server));
            }
            json!({ "prompts": prompts })
        }
        "prompts/get" => prompt(params)?,
        "completion/complete" => {
            let begun = params["argument"]["value"].as_str().unwrap_or_default();
            let known = ["paris", "park", "party"];
            let values: Vec<_> = known.iter().filter(|value| value.starts_with(begun)).collect();
            json!({ "completion": { "values": values, "total": values.len(), "hasMore": false } })
        }
        "logging/setLevel" => {
            let place = level(params["level"].as_str().unwrap_or_default());
            let place = place.ok_or_else(|| refused(-32602, format!("unknown level: {}", params["level"])))?;
            peer.client.level.store(place, Ordering::Relaxed);
            json!({})
        }
        _ => return Err(refused(-32601, "method not found".to_owned())),
    })
}

fn refused(code: i64, message: String) -> Refused {
    (code, message, Value::Null)
}

fn read(peer: &Peer, uri: &str) -> Result<Value, Refused> {
    let content = match uri {
        "test://static-text" => json!({ "uri": uri, "mimeType": "text/plain", "text": "a static text" }),
        "test://static-binary" => json!({ "uri": uri, "mimeType": "image/png", "blob": PNG }),
        "test://watched-resource" => json!({ "uri": uri, "mimeType": "text/plain", "text": "watch me" }),
        _ => {
            let id = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
            // The code for it changed with the era.
            let code = if peer.stateless { -32602 } else { -32002 };
            let id = id.ok_or_else(|| (code, format!("no such resource: {uri}"), json!({ "uri": uri })))?;
            json!({ "uri": uri, "mimeType": "application/json", "text": json!({ "id": id }).to_string() })
        }
    };
    Ok(json!({ "contents": [content] }))
}

fn prompt(params: &Value) -> Result<Value, Refused> {
    let name = params["name"].as_str().unwrap_or_default();
    let content = match name {
        "test_simple_prompt" => json!({ "type": "text", "text": "This is a simple prompt." }),
        "test_prompt_with_arguments" => {
            let argument = |name: &str| {
                let value = params["arguments"][name].as_str();
                value.ok_or_else(|| refused(-32602, format!("missing argument: {name}")))
            };
            json!({ "type": "text", "text": format!("arg1={} arg2={}", argument("arg1")?, argument("arg2")?) })
        }
        "test_prompt_with_image" => json!({ "type": "image", "data": PNG, "mimeType": "image/png" }),
        _ => return Err(refused(-32602, format!("unknown prompt: {name}"))),
    };
    Ok(json!({ "messages": [{ "role": "user", "content": content }] }))
}
