//! The tools of the server: their list, and how a call of one is answered.

mod deeds;
mod list;

use std::time::Duration;

use serde_json::{Value, json};

use super::odd::Odd;
use super::peer::{Out, Peer, lock};
use super::{ODD_RESULT, Server, content, era, reference};
pub(super) use list::{list, with_raw};

/// What a call gives.
pub(super) enum Outcome {
    /// A result with this text.
    Text(String),
    /// A result, to which comes what the era adds.
    Result(Value),
    /// A result, as JSON text.
    Raw(String),
    /// An error.
    Error(i64, String, Value),
    /// Everything is said already.
    Nothing,
}

/// Calls a tool and answers.
pub(super) async fn call(server: &Server, peer: &Peer, id: &str, params: &Value) {
    let outcome = if server.behaviour.odd_result {
        Outcome::Raw(ODD_RESULT.to_owned())
    } else if server.behaviour.reference
        && let Some(outcome) = reference::call(server, peer, params).await
    {
        outcome
    } else {
        run(server, peer, id, params).await
    };
    conclude(server, peer, id, outcome).await;
}

/// Answers with what a call gave.
pub(super) async fn conclude(server: &Server, peer: &Peer, id: &str, outcome: Outcome) {
    let outcome = match outcome {
        Outcome::Text(text) => Outcome::Result(json!({ "content": [{ "type": "text", "text": text }] })),
        other => other,
    };
    match outcome {
        Outcome::Text(_) | Outcome::Nothing => {}
        Outcome::Result(mut result) => {
            if peer.stateless {
                era::stamp(&mut result, &server.behaviour.name);
            }
            reply(server, peer, id, &result.to_string()).await;
        }
        Outcome::Raw(result) => reply(server, peer, id, &result).await,
        Outcome::Error(code, message, data) => peer.error_with(id, code, &message, data).await,
    }
}

async fn run(server: &Server, peer: &Peer, id: &str, params: &Value) -> Outcome {
    let arguments = &params["arguments"];
    let number = |name: &str| arguments[name].as_u64().unwrap_or(0);
    let text = |name: &str| arguments[name].as_str().unwrap_or_default();
    let said = match params["name"].as_str().unwrap_or_default() {
        "echo" => text("text").to_owned(),
        "add" => {
            let sum = arguments["a"].as_f64().unwrap_or(0.0) + arguments["b"].as_f64().unwrap_or(0.0);
            sum.to_string()
        }
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(number("ms"))).await;
            "awake".to_owned()
        }
        "pid" => std::process::id().to_string(),
        "env" => std::env::var(text("name")).unwrap_or_default(),
        "cwd" => std::env::current_dir().unwrap_or_default().display().to_string(),
        "crash" => {
            server.behaviour.log.note("crash");
            std::process::exit(arguments["code"].as_i64().and_then(|code| code.try_into().ok()).unwrap_or(1))
        }
        "die" => deeds::die(server, text("how")).await,
        "close" => deeds::close(peer, text("what")).await,
        "progress" => {
            deeds::progress(peer, params, number("n"), Duration::from_millis(number("ms"))).await;
            "done".to_owned()
        }
        "hang" => std::future::pending().await,
        "fail" if arguments["text"].is_string() => {
            let result = json!({ "content": [{ "type": "text", "text": text("text") }], "isError": true });
            return Outcome::Raw(result.to_string());
        }
        "fail" => {
            let code = arguments["code"].as_i64().unwrap_or(-32000);
            return Outcome::Error(code, "failed as asked".to_owned(), Value::Null);
        }
        "big" => "x".repeat(usize::try_from(number("bytes")).unwrap_or(0)),
        "long" => {
            let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":""#);
            peer.send(Out::Long { head, bytes: number("bytes"), tail: r#""}]}}"#.to_owned() }).await;
            return Outcome::Nothing;
        }
        "deep" => {
            let depth = usize::try_from(number("depth")).unwrap_or(0);
            let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            return Outcome::Raw(format!(r#"{{"content":[],"nested":{nested}}}"#));
        }
        "ask" => return deeds::ask(server, peer, params).await,
        "list_changed" => {
            for _ in 0..number("n").max(1) {
                let method = "notifications/tools/list_changed";
                if peer.stateless {
                    let wants = |wants: &Value| wants["toolsListChanged"] == true;
                    server.listeners.tell(method, &json!({}), wants).await;
                } else {
                    peer.announce(method, "{}").await;
                }
            }
            "changed".to_owned()
        }
        "notes" => {
            for n in 0..number("n") {
                let note = json!({ "level": "info", "logger": "notes", "data": n });
                peer.notify("notifications/message", &note.to_string()).await;
            }
            "noted".to_owned()
        }
        "log" => {
            let level = text("level");
            let least = peer.client.level.load(std::sync::atomic::Ordering::Relaxed);
            if content::level(level).is_some_and(|level| level >= least) {
                let note = json!({ "level": level, "logger": "fixture", "data": text("text") });
                peer.notify("notifications/message", &note.to_string()).await;
            }
            "logged".to_owned()
        }
        "touch" => {
            let (method, uri) = ("notifications/resources/updated", text("uri"));
            let wants = |wants: &Value| {
                wants["resourceSubscriptions"].as_array().is_some_and(|uris| uris.iter().any(|one| *one == uri))
            };
            server.listeners.tell(method, &json!({ "uri": uri }), wants).await;
            if lock(&peer.client.subscribed).contains(uri) {
                peer.announce(method, &json!({ "uri": uri }).to_string()).await;
            }
            "touched".to_owned()
        }
        unknown => return Outcome::Error(-32602, format!("unknown tool: {unknown}"), Value::Null),
    };
    Outcome::Text(said)
}

/// Answers a call with this result, in the way the behaviour has it.
async fn reply(server: &Server, peer: &Peer, id: &str, result: &str) {
    let behaviour = &*server.behaviour;
    if behaviour.wrong_id {
        return peer.result("987654321", result).await;
    }
    let message = match behaviour.odd {
        None => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
        Some(odd @ (Odd::HalfThenDie | Odd::HalfThenHang | Odd::Dribble)) => {
            return deeds::in_pieces(server, peer, odd, &odd.message(id, result)).await;
        }
        Some(odd) => odd.message(id, result),
    };
    if behaviour.reverse > 0 {
        let held = {
            let mut held = lock(&server.held);
            held.push((peer.clone(), message));
            if held.len() < behaviour.reverse {
                return;
            }
            std::mem::take(&mut *held)
        };
        for (peer, message) in held.into_iter().rev() {
            peer.message(message).await;
        }
        return;
    }
    if behaviour.duplicate_reply {
        peer.message(message.clone()).await;
    }
    peer.message(message).await;
    if behaviour.noise {
        peer.send(Out::Bytes(b"request handled\n".to_vec())).await;
    }
}
