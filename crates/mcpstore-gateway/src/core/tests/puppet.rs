//! A server inside this process that says what a test says, and remembers what it hears.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcpstore_transport::Factory;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::{Notify, mpsc};

/// Longer than anything here takes.
pub(super) const LONG: Duration = Duration::from_secs(120);

/// One server, over all of its lives.
pub(super) struct Puppet {
    name: String,
    /// The results of methods that it answers by itself.
    pub(super) answers: Mutex<BTreeMap<String, Value>>,
    /// What it heard, in its order; with the number of the life.
    heard: Mutex<Vec<(usize, Value)>>,
    changed: Notify,
    /// What it says goes here; one for each life.
    lives: Mutex<Vec<Option<mpsc::UnboundedSender<String>>>>,
}

impl Puppet {
    /// A server with these capabilities; it has the tools `t`, which says nothing of itself, and `safe`, which only reads.
    pub(super) fn new(name: &str, capabilities: Value) -> Arc<Self> {
        let tool = |name: &str| json!({ "name": name, "inputSchema": { "type": "object" } });
        let mut safe = tool("safe");
        safe["annotations"] = json!({ "readOnlyHint": true });
        let puppet = Arc::new(Self {
            name: name.to_owned(),
            answers: Mutex::default(),
            heard: Mutex::default(),
            changed: Notify::new(),
            lives: Mutex::default(),
        });
        let info = json!({ "name": name, "version": "1" });
        let begun = json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": info });
        puppet.answers("initialize", begun);
        puppet.answers("ping", json!({}));
        puppet.answers("tools/list", json!({ "tools": [tool("t"), safe] }));
        puppet
    }

    /// From now on it answers this method so.
    pub(super) fn answers(&self, method: &str, result: Value) {
        self.answers.lock().unwrap().insert(method.to_owned(), result);
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn factory(self: &Arc<Self>) -> Factory {
        let puppet = Arc::clone(self);
        Arc::new(move || {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let (sender, receiver) = mpsc::unbounded_channel();
            let life = {
                let mut lives = puppet.lives.lock().unwrap();
                lives.push(Some(sender));
                lives.len() - 1
            };
            tokio::spawn(Arc::clone(&puppet).live(life, theirs, receiver));
            ours
        })
    }

    async fn live(self: Arc<Self>, life: usize, stream: DuplexStream, mut said: mpsc::UnboundedReceiver<String>) {
        let (input, mut output) = tokio::io::split(stream);
        let mut lines = BufReader::new(input).lines();
        loop {
            let line = tokio::select! {
                line = lines.next_line() => line,
                said = said.recv() => {
                    let Some(said) = said else { break };
                    if output.write_all(format!("{said}\n").as_bytes()).await.is_err() {
                        break;
                    }
                    continue;
                }
            };
            let Ok(Some(line)) = line else { break };
            let message: Value = serde_json::from_str(&line).unwrap();
            let method = message["method"].as_str().unwrap_or_default().to_owned();
            let answer = self.answers.lock().unwrap().get(&method).cloned();
            if let (Some(result), Some(id)) = (answer, message.get("id")) {
                self.say_in(life, json!({ "jsonrpc": "2.0", "id": id, "result": result }));
            }
            if method == "server/discover" {
                let error = json!({ "code": -32601, "message": "no such method" });
                self.say_in(life, json!({ "jsonrpc": "2.0", "id": message["id"], "error": error }));
                continue;
            }
            self.heard.lock().unwrap().push((life, message));
            self.changed.notify_waiters();
        }
    }

    fn say_in(&self, life: usize, message: Value) {
        if let Some(sender) = &self.lives.lock().unwrap()[life] {
            let _ = sender.send(message.to_string());
        }
    }

    /// Says something in its present life.
    pub(super) fn say(&self, message: Value) {
        let life = self.lives() - 1;
        self.say_in(life, message);
    }

    pub(super) fn notify(&self, method: &str, params: Value) {
        self.say(json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Answers a request that it heard.
    pub(super) fn reply(&self, request: &Value, result: Value) {
        self.say(json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }));
    }

    /// Asks its client.
    pub(super) fn ask(&self, id: u64, method: &str, params: Value) {
        self.say(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
    }

    /// Dies.
    pub(super) fn dies(&self) {
        *self.lives.lock().unwrap().last_mut().unwrap() = None;
    }

    /// How often it began to live.
    pub(super) fn lives(&self) -> usize {
        self.lives.lock().unwrap().len()
    }

    /// Everything that it heard and that is like this.
    pub(super) fn heard(&self, like: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.heard.lock().unwrap().iter().map(|(_, message)| message).filter(|message| like(message)).cloned().collect()
    }

    /// Everything that it heard with this method.
    pub(super) fn heard_of(&self, method: &str) -> Vec<Value> {
        self.heard(|message| message["method"] == method)
    }

    /// Waits until it heard so many messages like this, and gives the last of them.
    pub(super) async fn hears(&self, n: usize, like: impl Fn(&Value) -> bool) -> Value {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                let heard = self.heard(&like);
                if let Some(last) = heard.get(n - 1) {
                    return last.clone();
                }
                changed.await;
            }
        };
        let all = || self.heard(|_| true);
        tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("it is not heard: {:?}", all()))
    }

    /// Waits until it heard this method so often.
    pub(super) async fn hears_of(&self, n: usize, method: &str) -> Value {
        self.hears(n, |message| message["method"] == method).await
    }

    /// Waits until it heard the answer to what it asked under this id.
    pub(super) async fn answer_to(&self, id: u64) -> Value {
        self.hears(1, |message| message["id"] == id && message.get("method").is_none()).await
    }
}
