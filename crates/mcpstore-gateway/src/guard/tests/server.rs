//! A gateway over a server of which a test says what tools it has.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcpstore_runtime::{Supervisor, SupervisorConfig, Target};
use mcpstore_transport::{AdapterSet, InProcess, RpcError};
use mcpstore_types::{ServiceName, ServiceSpec, ViewSpec};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex, split};
use tokio::sync::Notify;

use crate::client::Client;
use crate::guard::Trail;
use crate::outlet::{OutletStream, outlet};
use crate::seam::{Call, Core, Peer};
use crate::{Gateway, Prepared, Rules};

/// Longer than anything here takes.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// What the server has, and how it is told of changes.
#[derive(Clone, Default)]
pub(super) struct Script {
    tools: Arc<Mutex<Vec<Value>>>,
    changed: Arc<Notify>,
}

impl Script {
    fn factory(&self) -> Arc<dyn Fn() -> DuplexStream + Send + Sync> {
        let script = self.clone();
        Arc::new(move || {
            let (ours, theirs) = duplex(64 * 1024);
            tokio::spawn(script.clone().serve(theirs));
            ours
        })
    }

    async fn serve(self, stream: DuplexStream) {
        let (reader, mut writer) = split(stream);
        let mut lines = BufReader::new(reader).lines();
        loop {
            let line = tokio::select! {
                line = lines.next_line() => line,
                () = self.changed.notified() => {
                    let word = b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n";
                    if writer.write_all(word).await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            let Ok(Some(line)) = line else { return };
            let message: Value = serde_json::from_str(&line).unwrap();
            let Some(id) = message.get("id") else { continue };
            let answer = match self.answer(&message["method"], &message["params"]) {
                Some(Ok(result)) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
                Some(Err(code)) => json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "no"}}),
                None => continue,
            };
            if writer.write_all(format!("{answer}\n").as_bytes()).await.is_err() {
                return;
            }
        }
    }

    fn answer(&self, method: &Value, params: &Value) -> Option<Result<Value, i64>> {
        Some(match method.as_str().unwrap() {
            "initialize" => Ok(json!({
                "protocolVersion": "2025-11-25", "serverInfo": {"name": "scripted", "version": "1"},
                "capabilities": {"tools": {"listChanged": true}},
            })),
            "tools/list" => Ok(json!({"tools": *self.tools.lock().unwrap()})),
            "ping" => Ok(json!({})),
            "tools/call" => match params["name"].as_str().unwrap() {
                "hang" => return None,
                "fail" => Ok(json!({"content": [], "isError": true})),
                "refuse" => Err(-32050),
                name => Ok(json!({"content": [{"type": "text", "text": name}]})),
            },
            _ => Err(-32601),
        })
    }
}

/// The gateway, its one service `api`, and a client of it.
pub(super) struct Site {
    pub(super) gateway: Gateway,
    pub(super) supervisor: Supervisor,
    pub(super) client: Arc<Client>,
    script: Script,
    _main: OutletStream,
}

pub(super) fn tool(name: &str, description: &str) -> Value {
    json!({"name": name, "description": description, "inputSchema": {"type": "object"}})
}

impl Site {
    /// Up, with these tools.
    pub(super) async fn with(tools: &[Value]) -> Self {
        let site = Self::stopped(tools);
        site.start().await;
        site
    }

    /// The same, before its service is started.
    pub(super) fn stopped(tools: &[Value]) -> Self {
        let script = Script::default();
        *script.tools.lock().unwrap() = tools.to_vec();
        let servers = InProcess::new().with("api", script.factory());
        let before = Prepared::new();
        let supervisor = Supervisor::launch(SupervisorConfig {
            adapters: AdapterSet::empty().with(Arc::new(servers)),
            client_sides: Some(before.client_sides()),
            ..SupervisorConfig::default()
        });
        let view = ViewSpec { name: "work".to_owned(), ..ViewSpec::default() };
        let gateway = Gateway::launch(before, supervisor.clone(), Rules { views: vec![view], ..Rules::default() });
        let peer = Peer { principal: "token".into(), view: None };
        let client = Arc::new(Client::new(peer));
        let (main, stream) = outlet();
        client.set_main(Some(main));
        Self { gateway, supervisor, client, script, _main: stream }
    }

    pub(super) async fn start(&self) {
        let name = ServiceName::new("api").unwrap();
        self.supervisor.add(vec![ServiceSpec::in_process(name.clone(), "api")]).await.unwrap();
        self.supervisor.start(Target::Names(vec![name])).await.unwrap();
        let hello = json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "agent", "version": "7"},
        });
        self.ask("initialize", hello).await.unwrap();
        until("it has tools", async || !self.tools().await.is_empty()).await;
    }

    /// The server has other tools now, and says so.
    pub(super) fn change(&self, tools: &[Value]) {
        *self.script.tools.lock().unwrap() = tools.to_vec();
        self.script.changed.notify_waiters();
    }

    pub(super) fn call(&self, method: &str, params: Value) -> Call {
        Call {
            peer: self.client.peer.clone(),
            client: Some(Arc::clone(&self.client)),
            id: RawValue::from_string("1".to_owned()).unwrap(),
            method: method.into(),
            params: Some(RawValue::from_string(params.to_string()).unwrap()),
            headers: None,
            outlet: outlet().0,
            trail: Trail::default(),
        }
    }

    pub(super) async fn ask(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        let answer = tokio::time::timeout(LONG, Arc::new(self.gateway.clone()).request(self.call(method, params)))
            .await
            .unwrap();
        answer.map(|bytes| serde_json::from_slice(&bytes).unwrap())
    }

    pub(super) async fn tools(&self) -> Vec<String> {
        let list = self.ask("tools/list", json!({})).await.unwrap();
        list["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// Waits until something is so.
pub(super) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("{what}"));
}
