//! What the gateway is towards servers.

use std::sync::Arc;

use async_trait::async_trait;
use mcpstore_runtime::ClientSides;
use mcpstore_transport::{ClientSide, RpcError, ServerRequest, ServerRequests};
use mcpstore_types::{Incarnation, ServiceName, ServiceSpec};
use serde_json::value::RawValue;

use super::asks::UnderWay;

/// What clients can do for a server of the handshake era. It is said before a client is there: whoever comes later and can
/// do less refuses what is asked.
const CAPABILITIES: &str =
    r#"{"roots":{"listChanged":true},"sampling":{"tools":{},"context":{}},"elicitation":{"form":{},"url":{}}}"#;

/// Makes the client's side of each life of each service.
#[derive(Debug)]
pub(crate) struct Sides {
    under_way: Arc<UnderWay>,
}

impl Sides {
    pub(crate) const fn new(under_way: Arc<UnderWay>) -> Self {
        Self { under_way }
    }
}

impl ClientSides for Sides {
    fn side(&self, spec: &ServiceSpec, _: Incarnation) -> ClientSide {
        let handler = Asked { service: spec.name.clone(), under_way: Arc::clone(&self.under_way) };
        match RawValue::from_string(CAPABILITIES.to_owned()) {
            Ok(capabilities) => ClientSide::new(capabilities, Arc::new(handler)),
            Err(_) => ClientSide::default(),
        }
    }
}

/// Answers what a server asks without saying for which request.
struct Asked {
    service: ServiceName,
    under_way: Arc<UnderWay>,
}

#[async_trait]
impl ServerRequests for Asked {
    async fn answer(&self, request: ServerRequest) -> Result<Box<RawValue>, RpcError> {
        match self.under_way.only(&self.service) {
            Some(worker) => worker.asks.answer(request).await,
            None => Err(RpcError::new(-32000, "it cannot be told which client this is for")),
        }
    }
}
