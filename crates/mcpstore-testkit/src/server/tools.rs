//! The tools of the server.

use std::time::Duration;

use serde_json::{Value, json};

use super::peer::Peer;
use super::{Behaviour, ODD_RESULT};

/// Tools on one page of a long list.
const PAGE: usize = 100;

/// An argument of a tool: its name and its JSON type.
type Argument = (&'static str, &'static str);

/// Name, description and arguments of every tool.
const TOOLS: &[(&str, &str, &[Argument])] = &[
    ("echo", "Returns its text", &[("text", "string")]),
    ("add", "Adds two numbers", &[("a", "number"), ("b", "number")]),
    ("sleep", "Answers after some milliseconds", &[("ms", "integer")]),
    ("pid", "Its process id", &[]),
    ("env", "A variable of its environment", &[("name", "string")]),
    ("cwd", "Its working directory", &[]),
    ("crash", "Ends the process with an exit code", &[("code", "integer")]),
    ("progress", "Reports progress n times, some milliseconds apart", &[("n", "integer"), ("ms", "integer")]),
    ("hang", "Never answers", &[]),
    ("fail", "Answers with an error", &[("code", "integer")]),
    ("big", "A text of so many bytes", &[("bytes", "integer")]),
    ("deep", "A result nested so deep", &[("depth", "integer")]),
    ("ask", "Sends the client a request and returns its answer", &[("method", "string")]),
    ("list_changed", "Says that the list of tools changed", &[("n", "integer")]),
];

/// One page of the list.
pub(super) fn list(behaviour: &Behaviour, params: &Value) -> Value {
    let page: usize = params["cursor"].as_str().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    if behaviour.endless_cursor {
        return json!({ "tools": [], "nextCursor": (page + 1).to_string() });
    }
    if behaviour.same_cursor {
        return json!({ "tools": [], "nextCursor": "1" });
    }
    let mut tools = Vec::new();
    if page == 0 {
        tools.extend(TOOLS.iter().map(|(name, description, arguments)| {
            let properties: serde_json::Map<_, _> =
                arguments.iter().map(|(name, kind)| ((*name).to_owned(), json!({ "type": kind }))).collect();
            let schema = json!({ "type": "object", "properties": properties });
            json!({ "name": name, "description": description, "inputSchema": schema })
        }));
        if behaviour.bad_tool {
            tools.insert(1, json!({ "name": "bad", "description": "has no schema" }));
        }
    }
    let first = page * PAGE;
    let last = behaviour.many_tools.min(first + PAGE);
    tools.extend((first..last).map(|n| json!({ "name": format!("tool-{n}"), "inputSchema": { "type": "object" } })));
    if last < behaviour.many_tools {
        json!({ "tools": tools, "nextCursor": (page + 1).to_string() })
    } else {
        json!({ "tools": tools })
    }
}

/// Calls a tool and answers.
pub(super) async fn call(behaviour: &Behaviour, peer: &Peer, id: &str, params: &Value) {
    let arguments = &params["arguments"];
    let number = |name: &str| arguments[name].as_u64().unwrap_or(0);
    let text = match params["name"].as_str().unwrap_or_default() {
        _ if behaviour.odd_result => return reply(behaviour, peer, id, ODD_RESULT).await,
        "echo" => arguments["text"].as_str().unwrap_or_default().to_owned(),
        "add" => {
            let sum = arguments["a"].as_f64().unwrap_or(0.0) + arguments["b"].as_f64().unwrap_or(0.0);
            sum.to_string()
        }
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(number("ms"))).await;
            "awake".to_owned()
        }
        "pid" => std::process::id().to_string(),
        "env" => std::env::var(arguments["name"].as_str().unwrap_or_default()).unwrap_or_default(),
        "cwd" => std::env::current_dir().unwrap_or_default().display().to_string(),
        "crash" => {
            behaviour.log.note("crash");
            std::process::exit(arguments["code"].as_i64().and_then(|code| code.try_into().ok()).unwrap_or(1))
        }
        "progress" => {
            let token = &params["_meta"]["progressToken"];
            for n in 1..=number("n") {
                tokio::time::sleep(Duration::from_millis(number("ms"))).await;
                if !token.is_null() {
                    let note = json!({ "progressToken": token, "progress": n, "total": number("n") });
                    peer.notify("notifications/progress", &note.to_string()).await;
                }
            }
            "done".to_owned()
        }
        "hang" => std::future::pending().await,
        "fail" => return peer.error(id, arguments["code"].as_i64().unwrap_or(-32000), "failed as asked").await,
        "big" => "x".repeat(usize::try_from(number("bytes")).unwrap_or(0)),
        "deep" => {
            let depth = usize::try_from(number("depth")).unwrap_or(0);
            let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            return reply(behaviour, peer, id, &format!(r#"{{"content":[],"nested":{nested}}}"#)).await;
        }
        "ask" => peer.ask(arguments["method"].as_str().unwrap_or_default()).await,
        "list_changed" => {
            for _ in 0..number("n").max(1) {
                peer.notify("notifications/tools/list_changed", "{}").await;
            }
            "changed".to_owned()
        }
        unknown => return peer.error(id, -32602, &format!("unknown tool: {unknown}")).await,
    };
    reply(behaviour, peer, id, &json!({ "content": [{ "type": "text", "text": text }] }).to_string()).await;
}

async fn reply(behaviour: &Behaviour, peer: &Peer, id: &str, result: &str) {
    if behaviour.wrong_id {
        return peer.result("987654321", result).await;
    }
    peer.result(id, result).await;
    if behaviour.duplicate_reply {
        peer.result(id, result).await;
    }
    if behaviour.noise {
        peer.raw(b"request handled\n").await;
    }
}
