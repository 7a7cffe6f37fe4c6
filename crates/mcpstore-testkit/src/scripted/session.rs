//! The session of a scripted service.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use mcpstore_transport::{CallError, CallLimits, NoticeFeed, RequestOptions, ServerInfo, Session, TimeoutKind};
use mcpstore_types::Era;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::adapter::Happened;
use super::life::{Running, UnderWay};
use super::script::{Answering, pause};

pub(super) struct ScriptedSession {
    running: Arc<Running>,
    server: ServerInfo,
    closed: CancellationToken,
}

impl ScriptedSession {
    pub(super) fn new(running: Arc<Running>, name: &str) -> Self {
        let server = ServerInfo {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            protocol_version: "2025-11-25".to_owned(),
            has_tools: true,
            has_prompts: running.life.prompts.is_some(),
            era: running.life.era,
            ..ServerInfo::default()
        };
        Self { running, server, closed: CancellationToken::new() }
    }

    async fn answer(&self, method: &str, params: Option<Box<RawValue>>) -> Result<Box<RawValue>, CallError> {
        let life = &self.running.life;
        match method {
            "ping" | "server/discover" => self.running.record(Happened::Pinged),
            "tools/call" => self.running.record(Happened::Called),
            _ => {}
        }
        if self.running.is_deaf() {
            std::future::pending::<()>().await;
        }
        self.running.thawed().await;
        let _at_work = if life.one_at_a_time { Some(self.running.at_work.lock().await) } else { None };
        let (answering, result) = match (method, life.era) {
            ("ping", Era::Handshake) | ("server/discover", Era::Stateless) => (&life.ping, json!({})),
            ("tools/list", _) => {
                self.running.record(Happened::Listed);
                let tool = |name: &String| json!({ "name": name, "inputSchema": { "type": "object" } });
                (&life.list, json!({ "tools": life.tools.iter().map(tool).collect::<Vec<_>>() }))
            }
            ("prompts/list", _) => (
                life.prompts.as_ref().unwrap_or(&Answering::Error(-32601)),
                json!({ "prompts": [{ "name": "greet" }] }),
            ),
            ("tools/call", _) => {
                let params: Value = params.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
                let known = life.tools.iter().any(|tool| params["name"] == **tool);
                let answering = if known { &life.call } else { &Answering::Error(-32602) };
                (answering, json!({ "content": [{ "type": "text", "text": params["name"] }] }))
            }
            _ => (&Answering::Error(-32601), Value::Null),
        };
        match answering {
            Answering::After(delay) => {
                pause(*delay).await;
                let raw = match &life.call_result {
                    Some(text) if method == "tools/call" => RawValue::from_string(text.clone()),
                    Some(_) | None => to_raw_value(&result),
                };
                raw.map_err(|error| CallError::Malformed { what: error.to_string() })
            }
            Answering::Error(code) => {
                Err(CallError::Rpc { code: *code, message: "as the script says".to_owned(), data: None })
            }
            Answering::Never => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Session for ScriptedSession {
    fn server(&self) -> &ServerInfo {
        &self.server
    }

    async fn request_with(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
        limits: CallLimits,
        _: RequestOptions,
    ) -> Result<Box<RawValue>, CallError> {
        let _under_way = UnderWay::enter(&self.running);
        let limit = limits.idle.min(limits.total);
        let what = if limits.idle < limits.total { TimeoutKind::Idle } else { TimeoutKind::Total };
        tokio::select! {
            biased;
            () = self.closed() => Err(CallError::Closed),
            answer = self.answer(method, params) => answer,
            () = pause(limit) => Err(CallError::TimedOut { after: limit, what }),
        }
    }

    async fn notify(&self, _: &str, _: Option<Box<RawValue>>) -> Result<(), CallError> {
        Ok(())
    }

    fn notices(&self) -> NoticeFeed {
        NoticeFeed::silent()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.running.changes.subscribe()
    }

    fn in_flight(&self) -> usize {
        self.running.in_flight.load(Ordering::Relaxed)
    }

    async fn closed(&self) {
        tokio::select! {
            () = self.closed.cancelled() => {}
            () = self.running.output_closed() => {}
            _ = self.running.exited() => {}
        }
    }

    fn close(&self) {
        self.closed.cancel();
    }
}
