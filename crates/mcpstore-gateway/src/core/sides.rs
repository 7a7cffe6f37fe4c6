//! What the gateway is towards servers.

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use mcpstore_runtime::ClientSides;
use mcpstore_transport::{ClientSide, RpcError, ServerRequest, ServerRequests};
use mcpstore_types::{Incarnation, ServiceName, ServiceSpec};
use serde_json::value::RawValue;

use super::Inner;
use super::asks::{AskClient, UnderWay};
use super::handshake::related_task;
use super::params::replaced;
use crate::client::Client;

/// What clients can do for a server of the handshake era. It is said before a client is there: whoever comes later and can
/// do less refuses what is asked.
const CAPABILITIES: &str =
    r#"{"roots":{"listChanged":true},"sampling":{"tools":{},"context":{}},"elicitation":{"form":{},"url":{}}}"#;

/// Makes the client's side of each life of each service.
#[derive(Debug)]
pub(crate) struct Sides {
    under_way: Arc<UnderWay>,
    gateway: Arc<OnceLock<Weak<Inner>>>,
}

impl Sides {
    pub(crate) const fn new(under_way: Arc<UnderWay>, gateway: Arc<OnceLock<Weak<Inner>>>) -> Self {
        Self { under_way, gateway }
    }
}

impl ClientSides for Sides {
    fn side(&self, spec: &ServiceSpec, _: Incarnation) -> ClientSide {
        let handler = Asked {
            service: spec.name.clone(),
            base: spec.instance_of.clone().unwrap_or_else(|| spec.name.clone()),
            under_way: Arc::clone(&self.under_way),
            gateway: Arc::clone(&self.gateway),
        };
        match RawValue::from_string(CAPABILITIES.to_owned()) {
            Ok(capabilities) => ClientSide::new(capabilities, Arc::new(handler)),
            Err(_) => ClientSide::default(),
        }
    }
}

/// Answers what a server asks without saying for which request.
struct Asked {
    service: ServiceName,
    /// The service that it is an instance of; itself where it is none.
    base: ServiceName,
    under_way: Arc<UnderWay>,
    gateway: Arc<OnceLock<Weak<Inner>>>,
}

#[async_trait]
impl ServerRequests for Asked {
    async fn answer(&self, request: ServerRequest) -> Result<Box<RawValue>, RpcError> {
        let inner = self.gateway.get().and_then(Weak::upgrade);
        let of_clients =
            matches!(request.method.as_str(), "sampling/createMessage" | "elicitation/create" | "roots/list");
        if let Some(inner) = inner.as_ref().filter(|_| of_clients) {
            inner.instances.note_asking(&self.base);
        }
        if let Some((client, request)) = inner.as_ref().and_then(|inner| for_task(inner, &self.service, &request)) {
            return AskClient { client, outlet: None }.answer(request).await;
        }
        if let Some(worker) = self.under_way.only(&self.service) {
            return worker.asks.answer(request).await;
        }
        let clients = inner.map(|inner| inner.clients_of(&self.service)).unwrap_or_default();
        let busy = !self.under_way.is_idle(&self.service);
        match clients.as_slice() {
            // Nothing is under way, and nobody else is there.
            [only] if !busy => AskClient { client: Arc::clone(only), outlet: None }.answer(request).await,
            [] if !busy => Err(RpcError::new(-32000, "no client is there that could answer")),
            _ => Err(RpcError::new(-32000, "it cannot be told which client this is for")),
        }
    }
}

/// The client whose task a request belongs to, when it says so, and the request as that client knows the task (spec: MCP
/// 2025-11-25, tasks, related-task).
fn for_task(inner: &Inner, service: &ServiceName, request: &ServerRequest) -> Option<(Arc<Client>, ServerRequest)> {
    let params = request.params.as_deref()?;
    let at = related_task(params.get())?;
    let id: String = serde_json::from_str(at.get()).ok()?;
    let (known, owner) = inner.tasks.known(service, &id)?;
    let client = inner.clients.find(owner)?;
    let params = if known == id { params.to_owned() } else { replaced(params, at, &known) };
    Some((client, ServerRequest { method: request.method.clone(), params: Some(params) }))
}
