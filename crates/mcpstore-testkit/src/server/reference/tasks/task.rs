//! One task: where it is in its life, what it asks, what came of it; shown in both kinds.

use std::sync::Mutex;
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::server::peer::lock;
use crate::server::reference::dialogue::Dialogue;

/// How long it is kept, and how often a client should look, in milliseconds.
const TTL_MS: u64 = 600_000;
const POLL_MS: u64 = 100;

/// A task.
pub(super) struct Task {
    pub(super) id: String,
    created: String,
    life: watch::Sender<Life>,
    runs: Mutex<Option<AbortHandle>>,
}

#[derive(Clone)]
struct Life {
    /// As both kinds spell it.
    status: &'static str,
    updated: String,
    /// What is asked and not answered.
    asked: Map<String, Value>,
    answers: Map<String, Value>,
    /// What came of it: a result, or an error.
    outcome: Option<Result<Value, Value>>,
}

impl Life {
    fn over(&self) -> bool {
        matches!(self.status, "completed" | "failed" | "cancelled")
    }

    fn now(&mut self, status: &'static str) {
        self.status = status;
        self.updated = now();
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

impl Task {
    pub(super) fn new(number: u64) -> Self {
        let created = now();
        let (asked, answers) = (Map::new(), Map::new());
        let life = Life { status: "working", updated: created.clone(), asked, answers, outcome: None };
        let id = format!("task-{}-{number}", std::process::id());
        Self { id, created, life: watch::Sender::new(life), runs: Mutex::default() }
    }

    /// Says which work is to be ended when it is cancelled.
    pub(super) fn runs_as(&self, work: AbortHandle) {
        *lock(&self.runs) = Some(work);
    }

    /// The task as the client of its era sees it; the kind of 2026-07-28 with what it asks and what came of it.
    pub(super) fn shown(&self, stateless: bool) -> Value {
        let life = self.life.borrow().clone();
        let mut task = json!({
            "taskId": self.id, "status": life.status, "createdAt": self.created, "lastUpdatedAt": life.updated,
        });
        if !stateless {
            task["ttl"] = TTL_MS.into();
            task["pollInterval"] = POLL_MS.into();
            return task;
        }
        task["ttlMs"] = TTL_MS.into();
        task["pollIntervalMs"] = POLL_MS.into();
        if life.status == "input_required" {
            task["inputRequests"] = life.asked.into();
        }
        match life.outcome {
            Some(Ok(result)) => task["result"] = result,
            Some(Err(error)) if life.status == "failed" => task["error"] = error,
            _ => {}
        }
        task
    }

    /// The task of 2026-07-28 at its creation: without what can only come later.
    pub(super) fn created(&self) -> Value {
        let mut task = self.shown(true);
        if let Some(task) = task.as_object_mut() {
            task.retain(|member, _| !matches!(member.as_str(), "result" | "error" | "inputRequests"));
        }
        task
    }

    /// Asks round by round, and gives all answers.
    pub(super) async fn ask(&self, dialogue: Dialogue) -> Value {
        for round in dialogue.rounds {
            self.life.send_modify(|life| {
                life.asked = round.iter().map(|question| (question.key.to_owned(), question.request())).collect();
                life.now("input_required");
            });
            // The sender lives as long as we do.
            let _ = self.life.subscribe().wait_for(|life| life.asked.is_empty()).await;
        }
        self.life.borrow().answers.clone().into()
    }

    /// Takes answers; those to nothing that is asked are left aside.
    pub(super) fn answered(&self, responses: &Map<String, Value>) {
        self.life.send_modify(|life| {
            for (key, answer) in responses {
                if life.asked.remove(key).is_some() {
                    life.answers.insert(key.clone(), answer.clone());
                }
            }
            if life.status == "input_required" {
                let status = if life.asked.is_empty() { "working" } else { "input_required" };
                life.now(status);
            }
        });
    }

    /// Ends it with what came of it, when it is not over.
    pub(super) fn end(&self, done: Result<Value, (i64, String)>) {
        let status = if done.is_ok() { "completed" } else { "failed" };
        let outcome = done.map_err(|(code, message)| json!({ "code": code, "message": message }));
        self.over(status, outcome);
    }

    /// Cancels it; false when it was over.
    pub(super) fn cancel(&self) -> bool {
        let error = json!({ "code": -32603, "message": "the task was cancelled" });
        let cancelled = self.over("cancelled", Err(error));
        if cancelled && let Some(work) = lock(&self.runs).take() {
            work.abort();
        }
        cancelled
    }

    fn over(&self, status: &'static str, outcome: Result<Value, Value>) -> bool {
        self.life.send_if_modified(|life| {
            let ends = !life.over();
            if ends {
                life.asked.clear();
                life.outcome = Some(outcome);
                life.now(status);
            }
            ends
        })
    }

    /// Waits until it asks something, or is over: what is asked, or else what came of it.
    pub(super) async fn news(&self) -> Result<Map<String, Value>, Result<Value, Value>> {
        let mut life = self.life.subscribe();
        // The sender lives as long as we do.
        let _ = life.wait_for(|life| life.over() || !life.asked.is_empty()).await;
        let life = life.borrow().clone();
        if life.over() { Err(life.outcome.unwrap_or(Ok(Value::Null))) } else { Ok(life.asked) }
    }
}
