//! One client's messages, taken one by one: requests are answered side by side, and can be cancelled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::task::AbortHandle;

use super::Server;
use super::peer::{Client, Peer, lock};

/// A message from the client.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// A conversation with one client. Dropped, it gives up what is under way.
pub(crate) struct Conversation {
    pub(crate) server: Arc<Server>,
    pub(crate) client: Arc<Client>,
    running: Mutex<HashMap<String, AbortHandle>>,
}

/// What a message was.
#[derive(Default)]
pub(crate) struct Taken {
    /// Its method, when it had one.
    pub(crate) method: Option<String>,
    /// The one who answers it, when it is a request.
    pub(crate) task: Option<AbortHandle>,
}

impl Conversation {
    pub(crate) fn new(server: Arc<Server>) -> Self {
        Self { server, client: Arc::default(), running: Mutex::default() }
    }

    /// Takes a message; the answer to a request, and what belongs to it, goes to this peer.
    pub(crate) fn take(&self, text: &str, peer: &Peer) -> Taken {
        let log = &self.server.behaviour.log;
        let Ok(message) = serde_json::from_str::<Message<'_>>(text) else {
            log.note("not understood");
            return Taken::default();
        };
        match (message.method, message.id) {
            (Some(method), Some(id)) => {
                let key = id.get().to_owned();
                let (server, peer) = (Arc::clone(&self.server), peer.clone());
                let task = tokio::spawn(server.answer(peer, key.clone(), method.clone(), message.params));
                let task = task.abort_handle();
                let mut running = lock(&self.running);
                running.retain(|_, task| !task.is_finished());
                running.insert(key, task.clone());
                Taken { method: Some(method), task: Some(task) }
            }
            (Some(method), None) => {
                log.note(&method);
                if method == "notifications/cancelled" {
                    self.cancel(&message.params["requestId"].to_string(), peer);
                }
                Taken { method: Some(method), task: None }
            }
            (None, Some(id)) => {
                let body = message.error.or(message.result).map_or("null", RawValue::get);
                self.client.answered(id.get(), body);
                Taken::default()
            }
            (None, None) => Taken::default(),
        }
    }

    fn cancel(&self, id: &str, peer: &Peer) {
        let Some(task) = lock(&self.running).remove(id) else { return };
        task.abort();
        if self.server.behaviour.answer_cancelled {
            let (peer, id) = (peer.clone(), id.to_owned());
            tokio::spawn(async move { peer.result(&id, r#"{"late":true}"#).await });
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        for (_, task) in lock(&self.running).drain() {
            task.abort();
        }
    }
}
