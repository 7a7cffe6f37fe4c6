//! The methods of the stateless era (spec: MCP 2026-07-28), for clients without a session.

mod carried;
mod checks;
mod edit;
mod job;
mod levels;
mod parking;
mod questions;
mod results;
mod rounds;
mod route;
mod teller;

use std::sync::Arc;

use bytes::Bytes;
use mcpstore_transport::RpcError;
use serde_json::json;

use super::Inner;
use super::names::ListKind;
use super::params::Peek;
use crate::seam::Call;
use carried::Carrier;
use parking::Parking;

/// What is kept between the requests of clients of this era.
#[derive(Default)]
pub(crate) struct Stateless {
    carrier: Carrier,
    parking: Parking,
}

/// Answers one request.
pub(crate) async fn answer(inner: &Arc<Inner>, call: &Call) -> Result<Bytes, RpcError> {
    let peek = Peek::read(call.params.as_deref())?;
    let can = checks::capabilities(&peek)?;
    let list = |kind| Ok(inner.names.load().list(kind, true));
    match call.method.as_str() {
        "server/discover" => Ok(discover()),
        "tools/list" => list(ListKind::Tools),
        "prompts/list" => list(ListKind::Prompts),
        "resources/list" => list(ListKind::Resources),
        "resources/templates/list" => list(ListKind::Templates),
        "tools/call" | "prompts/get" | "resources/read" => rounds::answer(inner, call, &peek, can).await,
        "completion/complete" => {
            let target = route::completion(inner, call)?;
            rounds::once(inner, call, &peek, can, target).await
        }
        other => Err(RpcError::new(-32601, format!("no method `{other}`"))),
    }
}

/// The `_meta` of results that are the gateway's own, as JSON: it says who gives them.
fn meta() -> String {
    let server = json!({ "name": "mcpstore", "version": env!("CARGO_PKG_VERSION") });
    format!(r#"{{"io.modelcontextprotocol/serverInfo":{server}}}"#)
}

fn discover() -> Bytes {
    let capabilities = json!({
        "tools": { "listChanged": true },
        "prompts": { "listChanged": true },
        "resources": { "listChanged": true, "subscribe": true },
        "completions": {},
        "logging": {},
    });
    let versions = json!(checks::versions().collect::<Vec<_>>());
    let meta = meta();
    format!(
        r#"{{"resultType":"complete","supportedVersions":{versions},"capabilities":{capabilities},"ttlMs":0,"cacheScope":"private","_meta":{meta}}}"#
    )
    .into()
}
