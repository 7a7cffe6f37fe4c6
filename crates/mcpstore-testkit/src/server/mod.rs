//! A small MCP server, written by hand so that it can misbehave exactly; over any stream, and over HTTP.

mod behaviour;
mod content;
mod conversation;
mod era;
mod lines;
mod listen;
mod log;
mod odd;
mod peer;
mod reference;
mod tools;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcpstore_transport::Factory;
use serde_json::{Value, json};

pub use behaviour::{Behaviour, Era, ODD_RESULT, Probe};
pub(crate) use conversation::Conversation;
pub(crate) use era::{LATEST, META_VERSION};
pub use lines::serve;
use listen::Listeners;
pub use log::EventLog;
pub use odd::Odd;
pub(crate) use peer::{Out, Peer, lock};
pub(crate) use reference::HEADER_TOOL;
use reference::Reference;

/// A factory of in-process servers that behave like this.
#[must_use]
pub fn factory(behaviour: Behaviour) -> Factory {
    let behaviour = Arc::new(behaviour);
    Arc::new(move || {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (input, output) = tokio::io::split(theirs);
        tokio::spawn(serve(Arc::clone(&behaviour), input, output));
        ours
    })
}

/// A factory of well-behaved in-process servers of this name, with the tools of the fixture.
#[must_use]
pub fn well_behaved(name: &str) -> Factory {
    factory(Behaviour { name: name.to_owned(), ..Behaviour::default() })
}

/// What all conversations with one server share.
pub(crate) struct Server {
    pub(crate) behaviour: Arc<Behaviour>,
    listeners: Listeners,
    /// How often its tools were listed.
    lists: AtomicU64,
    /// Answers that are kept back, to be written in the reverse order.
    held: Mutex<Vec<(Peer, String)>>,
    /// It answers nothing any more.
    blocked: AtomicBool,
    /// Held by the one thing that is done, where one is done at a time.
    at_work: tokio::sync::Mutex<()>,
    reference: Reference,
}

impl Server {
    pub(crate) fn new(behaviour: Arc<Behaviour>) -> Arc<Self> {
        Arc::new(Self {
            behaviour,
            listeners: Listeners::default(),
            lists: AtomicU64::new(0),
            held: Mutex::default(),
            blocked: AtomicBool::new(false),
            at_work: tokio::sync::Mutex::default(),
            reference: Reference::default(),
        })
    }

    /// Answers one request, as the behaviour has it.
    async fn answer(self: Arc<Self>, peer: Peer, id: String, method: String, params: Value) {
        let behaviour = &*self.behaviour;
        let _at_work = if behaviour.one_at_a_time { Some(self.at_work.lock().await) } else { None };
        behaviour.log.note(&method);
        if method == "server/discover" {
            match behaviour.probe {
                Probe::Exit => {
                    behaviour.log.note("exit 4");
                    std::process::exit(4);
                }
                Probe::Refuse => return peer.error(&id, -32601, "method not found").await,
                Probe::Hang => return std::future::pending().await,
                Probe::Block => self.blocked.store(true, Ordering::Relaxed),
                Probe::Answer => {}
            }
        }
        let hangs = match method.as_str() {
            _ if self.blocked.load(Ordering::Relaxed) => true,
            "initialize" => behaviour.hang_init,
            "ping" => behaviour.hang_ping,
            "tools/list" => behaviour.hang_list,
            "tools/call" => behaviour.hang_call,
            _ => false,
        };
        if hangs {
            return std::future::pending().await;
        }
        let stateless = match era::of_request(behaviour.era, peer.stateless, &method, &params) {
            Ok(stateless) => stateless,
            Err(refusal) => return peer.error_with(&id, refusal.code, &refusal.message, refusal.data).await,
        };
        let peer = peer.of_era(stateless);
        if behaviour.reference
            && let Some(outcome) = reference::answer(&self, &peer, &method, &params).await
        {
            return tools::conclude(&self, &peer, &id, outcome).await;
        }
        match method.as_str() {
            "initialize" => self.initialize(&peer, &id, &params).await,
            "server/discover" => self.give(&peer, &id, era::discovered(behaviour)).await,
            "ping" => peer.result(&id, "{}").await,
            "tools/list" => {
                let mut result = tools::list(&self, &params, peer.stateless);
                if peer.stateless {
                    era::stamp(&mut result, &behaviour.name);
                }
                peer.result(&id, &tools::with_raw(result.to_string(), &behaviour.raw_tools)).await;
            }
            "tools/call" => tools::call(&self, &peer, &id, &params).await,
            "subscriptions/listen" => self.listeners.listen(&peer, &id, &params).await,
            _ => match content::answer(&self, &peer, &method, &params) {
                Ok(result) => self.give(&peer, &id, result).await,
                Err((code, message, data)) => peer.error_with(&id, code, &message, data).await,
            },
        }
    }

    /// Answers with a result, with what the era of the request adds to it.
    async fn give(&self, peer: &Peer, id: &str, mut result: Value) {
        if peer.stateless {
            era::stamp(&mut result, &self.behaviour.name);
        }
        peer.result(id, &result.to_string()).await;
    }

    async fn initialize(&self, peer: &Peer, id: &str, params: &Value) {
        let behaviour = &*self.behaviour;
        *lock(&peer.client.capabilities) = params["capabilities"].clone();
        tokio::time::sleep(Duration::from_millis(behaviour.delay_init_ms)).await;
        if behaviour.ask_at_init {
            let peer = peer.clone();
            tokio::spawn(async move { peer.ask("sampling/createMessage", &json!({ "messages": [] })).await });
            tokio::task::yield_now().await;
        }
        if behaviour.reject_init {
            return peer.error(id, -32602, "this client is not welcome").await;
        }
        if behaviour.odd_init {
            return peer.result(id, r#"{"hello":"world"}"#).await;
        }
        let asked = params["protocolVersion"].as_str().unwrap_or(era::LAST_WITH_HANDSHAKE);
        let version = behaviour.protocol.as_deref().unwrap_or(asked);
        let mut result = json!({
            "protocolVersion": version,
            "capabilities": era::capabilities(behaviour, false),
            "serverInfo": { "name": behaviour.name, "version": "1.2.3" },
            "instructions": format!("ask and you shall be answered{}", "!".repeat(behaviour.big_init)),
        });
        match behaviour.odd_protocol.as_deref() {
            None => {}
            Some("-") => drop(result.as_object_mut().and_then(|result| result.remove("protocolVersion"))),
            Some(odd) => result["protocolVersion"] = serde_json::from_str(odd).unwrap_or(Value::Null),
        }
        peer.result(id, &result.to_string()).await;
    }
}
