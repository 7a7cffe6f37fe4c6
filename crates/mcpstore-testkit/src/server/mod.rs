//! A small MCP server, written by hand so that it can misbehave exactly; over any stream.

mod behaviour;
mod peer;
mod tools;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mcpstore_transport::Factory;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader};
use tokio::task::{AbortHandle, JoinSet};

pub use behaviour::{Behaviour, EventLog, ODD_RESULT};
use peer::Peer;

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

/// Serves one client until its stream ends. Requests are answered side by side.
pub async fn serve<R, W>(behaviour: Arc<Behaviour>, input: R, output: W)
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (peer, writer) = Peer::start(Arc::clone(&behaviour), output);
    let mut lines = BufReader::new(input).lines();
    let mut tasks = JoinSet::new();
    let mut running: HashMap<String, AbortHandle> = HashMap::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(message) = serde_json::from_str::<Message<'_>>(&line) else {
            behaviour.log.note("not understood");
            continue;
        };
        match (message.method, message.id) {
            (Some(method), Some(id)) => {
                let (peer, behaviour) = (peer.clone(), Arc::clone(&behaviour));
                let key = id.get().to_owned();
                let task = tasks.spawn(answer(behaviour, peer, key.clone(), method, message.params));
                running.insert(key, task);
            }
            (Some(method), None) => {
                behaviour.log.note(&method);
                if method == "notifications/cancelled"
                    && let Some(task) = running.remove(&message.params["requestId"].to_string())
                {
                    task.abort();
                }
            }
            (None, Some(id)) => {
                let body = message.error.or(message.result).map_or("null", RawValue::get);
                peer.answered(id.get(), body);
            }
            (None, None) => {}
        }
        let mut ended = false;
        while tasks.try_join_next().is_some() {
            ended = true;
        }
        if ended {
            running.retain(|_, task| !task.is_finished());
        }
    }
    behaviour.log.note("eof");
    tasks.shutdown().await;
    drop(peer);
    // Whatever is queued goes out; then the stream closes.
    let _ = writer.await;
}

/// Answers one request, as the behaviour has it.
async fn answer(behaviour: Arc<Behaviour>, peer: Peer, id: String, method: String, params: Value) {
    behaviour.log.note(&method);
    match method.as_str() {
        "initialize" => initialize(&behaviour, &peer, &id, &params).await,
        "ping" if behaviour.hang_ping => std::future::pending().await,
        "ping" => peer.result(&id, "{}").await,
        "tools/list" if behaviour.hang_list => std::future::pending().await,
        "tools/list" => peer.result(&id, &tools::list(&behaviour, &params).to_string()).await,
        "tools/call" if behaviour.hang_call => std::future::pending().await,
        "tools/call" => tools::call(&behaviour, &peer, &id, &params).await,
        _ => peer.error(&id, -32601, "method not found").await,
    }
}

async fn initialize(behaviour: &Behaviour, peer: &Peer, id: &str, params: &Value) {
    tokio::time::sleep(Duration::from_millis(behaviour.delay_init_ms)).await;
    if behaviour.hang_init {
        std::future::pending::<()>().await;
    }
    if behaviour.reject_init {
        return peer.error(id, -32602, "this client is not welcome").await;
    }
    if behaviour.odd_init {
        return peer.result(id, r#"{"hello":"world"}"#).await;
    }
    let asked = params["protocolVersion"].as_str().unwrap_or("2025-11-25");
    let version = behaviour.protocol.as_deref().unwrap_or(asked);
    let result = json!({
        "protocolVersion": version,
        "capabilities": { "tools": { "listChanged": true } },
        "serverInfo": { "name": behaviour.name, "version": "1.2.3" },
        "instructions": format!("ask and you shall be answered{}", "!".repeat(behaviour.big_init)),
    });
    peer.result(id, &result.to_string()).await;
}
