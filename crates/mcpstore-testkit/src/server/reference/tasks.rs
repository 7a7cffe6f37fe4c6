//! Tasks, in both kinds: those of 2025-11-25, which the client asks for, and the extension of 2026-07-28, where the server decides.

mod task;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{dialogue, rounds};
use crate::server::Server;
use crate::server::peer::{Peer, lock};
use crate::server::tools::Outcome;
use task::Task;

/// The name of the extension.
pub(super) const EXTENSION: &str = "io.modelcontextprotocol/tasks";
/// Where a client says that it knows the extension.
const NEEDS: &str = "/extensions/io.modelcontextprotocol~1tasks";
/// Where a message of 2025-11-25 says which task it belongs to.
const META_RELATED: &str = "io.modelcontextprotocol/related-task";
/// Tasks that are kept; the oldest goes first.
const MOST: usize = 1000;

/// The tasks of a server.
#[derive(Default)]
pub(in crate::server) struct Tasks {
    next: AtomicU64,
    all: Mutex<BTreeMap<u64, Arc<Task>>>,
}

impl Tasks {
    fn open(&self) -> Arc<Task> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let task = Arc::new(Task::new(number));
        let mut all = lock(&self.all);
        all.insert(number, Arc::clone(&task));
        if all.len() > MOST {
            all.pop_first();
        }
        task
    }

    fn find(&self, params: &Value) -> Result<Arc<Task>, Outcome> {
        let id = params["taskId"].as_str().unwrap_or_default();
        let found = lock(&self.all).values().find(|task| task.id == id).cloned();
        found.ok_or_else(|| Outcome::Error(-32602, format!("no such task: {id}"), Value::Null))
    }
}

/// Whether a tool can be a task: `optional` or `required`; `None` for a tool that cannot.
pub(super) fn support(tool: &str) -> Option<&'static str> {
    match tool {
        "slow_compute" | "protocol_error_job" | "confirm_delete" | "multi_input" => Some("optional"),
        "failing_job" | "test_tool_with_task" => Some("required"),
        _ => None,
    }
}

/// Calls a tool that can be a task.
pub(super) async fn call(server: &Server, peer: &Peer, params: &Value) -> Outcome {
    let name = params["name"].as_str().unwrap_or_default().to_owned();
    let wanted = if peer.stateless { peer.can(params, NEEDS) } else { params["task"].is_object() };
    if !wanted && support(&name) == Some("required") {
        if peer.stateless {
            return rounds::unable_to(NEEDS);
        }
        return Outcome::Error(-32601, format!("{name} is only done as a task"), Value::Null);
    }
    let arguments = params["arguments"].clone();
    if !wanted {
        if let Some(dialogue) = dialogue::of_tool(&name, &arguments) {
            return match rounds::hold(peer, params, &name, dialogue).await {
                Ok(answers) => Outcome::Result(dialogue::conclusion(&name, &answers)),
                Err(outcome) => outcome,
            };
        }
        return match work(&name, &arguments).await {
            Ok(result) => Outcome::Result(result),
            Err((code, message)) => Outcome::Error(code, message, Value::Null),
        };
    }
    let mut answers = None;
    if peer.stateless && name == "test_tool_with_task" {
        // It asks first, and is a task only then.
        let Some(dialogue) = dialogue::of_tool(&name, &arguments) else { return rounds::failed(name) };
        match rounds::hold(peer, params, &name, dialogue).await {
            Ok(found) => answers = Some(found),
            Err(outcome) => return outcome,
        }
    }
    let task = server.reference.tasks.open();
    let (running, teller) = (Arc::clone(&task), peer.clone());
    let handle = tokio::spawn(async move {
        let done = match dialogue::of_tool(&name, &arguments) {
            None => work(&name, &arguments).await,
            Some(dialogue) => {
                let answers = match answers {
                    Some(answers) => answers,
                    None => running.ask(dialogue).await,
                };
                Ok(dialogue::conclusion(&name, &answers))
            }
        };
        running.end(done);
        if !teller.stateless {
            teller.announce("notifications/tasks/status", &running.shown(false).to_string()).await;
        }
    });
    task.runs_as(handle.abort_handle());
    if peer.stateless {
        let mut created = task.created();
        created["resultType"] = "task".into();
        Outcome::Result(created)
    } else {
        Outcome::Result(json!({ "task": task.shown(false) }))
    }
}

/// The work itself, where it asks nothing.
async fn work(name: &str, arguments: &Value) -> Result<Value, (i64, String)> {
    match name {
        "failing_job" => {
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok(json!({ "content": [{ "type": "text", "text": "the job failed" }], "isError": true }))
        }
        "protocol_error_job" => Err((-32603, "the job broke".to_owned())),
        _ => {
            let seconds = arguments["seconds"].as_f64().unwrap_or(0.0).clamp(0.0, 3600.0);
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            let label = arguments["label"].as_str().unwrap_or("nothing");
            Ok(json!({ "content": [{ "type": "text", "text": format!("computed {label}") }] }))
        }
    }
}

/// Answers a request about tasks.
pub(super) async fn answer(server: &Server, peer: &Peer, method: &str, params: &Value) -> Outcome {
    let tasks = &server.reference.tasks;
    let known = match (method, peer.stateless) {
        ("tasks/get" | "tasks/cancel", _) => true,
        ("tasks/update", stateless) => stateless,
        ("tasks/list" | "tasks/result", stateless) => !stateless,
        _ => false,
    };
    if !known {
        return Outcome::Error(-32601, "method not found".to_owned(), Value::Null);
    }
    if peer.stateless && !peer.can(params, NEEDS) {
        return rounds::unable_to(NEEDS);
    }
    if method == "tasks/list" {
        let all: Vec<_> = lock(&tasks.all).values().map(|task| task.shown(false)).collect();
        return Outcome::Result(json!({ "tasks": all }));
    }
    let task = match tasks.find(params) {
        Ok(task) => task,
        Err(outcome) => return outcome,
    };
    match method {
        "tasks/get" => Outcome::Result(task.shown(peer.stateless)),
        "tasks/update" => {
            let Some(responses) = params["inputResponses"].as_object() else {
                return Outcome::Error(-32602, "inputResponses is no object".to_owned(), Value::Null);
            };
            task.answered(responses);
            Outcome::Result(json!({}))
        }
        "tasks/cancel" if peer.stateless => {
            task.cancel();
            Outcome::Result(json!({}))
        }
        "tasks/cancel" if task.cancel() => Outcome::Result(task.shown(false)),
        "tasks/cancel" => Outcome::Error(-32602, "the task is over".to_owned(), Value::Null),
        _ => result(peer, &task).await,
    }
}

/// What a task of 2025-11-25 gives, once it is over; until then the client is asked what the task asks.
async fn result(peer: &Peer, task: &Task) -> Outcome {
    let related = json!({ META_RELATED: { "taskId": task.id } });
    loop {
        let asked = match task.news().await {
            Err(outcome) => {
                return match outcome {
                    Ok(mut result) => {
                        result["_meta"] = related;
                        Outcome::Result(result)
                    }
                    Err(error) => Outcome::Error(
                        error["code"].as_i64().unwrap_or(-32603),
                        error["message"].as_str().unwrap_or("the task has no result").to_owned(),
                        json!({ "taskId": task.id }),
                    ),
                };
            }
            Ok(asked) => asked,
        };
        for (key, mut request) in asked {
            request["params"]["_meta"] = related.clone();
            let method = request["method"].as_str().unwrap_or_default().to_owned();
            let answer = peer.ask(&method, &request["params"]).await;
            let answer = serde_json::from_str(&answer).unwrap_or(Value::Null);
            task.answered(&Map::from_iter([(key, answer)]));
        }
    }
}
