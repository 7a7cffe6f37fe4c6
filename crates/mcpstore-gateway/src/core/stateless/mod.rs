//! The methods of the stateless era (spec: MCP 2026-07-28), for clients without a session.

mod addresses;
mod carried;
mod checks;
mod edit;
mod job;
mod listen;
mod mirror;
mod other;
mod parking;
mod questions;
mod results;
mod rounds;
mod route;
mod tasks;
mod teller;
pub(super) mod upstream;

use std::sync::Arc;

use bytes::Bytes;
use mcpstore_transport::RpcError;
use mcpstore_types::Era;
use serde_json::json;

use super::names::Kind;
use super::params::Peek;
use super::{Inner, stamp};
use crate::seam::Call;
use carried::Carrier;
use listen::Listeners;
pub(super) use listen::{ACKNOWLEDGED, unstamped};
use parking::Parking;
use tasks::Owners;

/// What is kept between the requests of clients of this era.
#[derive(Default)]
pub(crate) struct Stateless {
    carrier: Carrier,
    parking: Parking,
    pub(super) listeners: Listeners,
    owners: Owners,
}

/// Answers one request.
pub(crate) async fn answer(inner: &Arc<Inner>, call: &Call) -> Result<Bytes, RpcError> {
    let peek = Peek::read(call.params.as_deref())?;
    let can = checks::capabilities(&peek)?;
    let view = call.peer.view.as_deref();
    let list = |kind| inner.names.load().list(view, kind, Era::Stateless, peek.cursor.as_deref());
    match &*call.method {
        "server/discover" => discover(inner, view),
        "tools/list" => list(Kind::Tools),
        "prompts/list" => list(Kind::Prompts),
        "resources/list" => list(Kind::Resources),
        "resources/templates/list" => list(Kind::Templates),
        "tools/call" | "prompts/get" | "resources/read" => rounds::answer(inner, call, &peek, can).await,
        "completion/complete" => {
            let target = route::completion(inner, call)?;
            rounds::once(inner, call, &peek, can, target).await
        }
        "tasks/get" | "tasks/update" | "tasks/cancel" => tasks::answer(inner, call, &peek, can).await,
        "subscriptions/listen" => listen::listen(inner, call).await,
        _ => other::request(inner, call, &peek, can).await,
    }
}

/// `server/discover`.
fn discover(inner: &Inner, view: Option<&str>) -> Result<Bytes, RpcError> {
    let names = inner.names.load();
    let capabilities = names.capabilities(view, Era::Stateless);
    let versions = json!(checks::versions().collect::<Vec<_>>());
    let instructions = names.instructions(view).map(|words| format!(r#","instructions":{}"#, json!(words)));
    let (instructions, stamp) = (instructions.unwrap_or_default(), stamp());
    Ok(format!(
        r#"{{"resultType":"complete","supportedVersions":{versions},"capabilities":{capabilities}{instructions},"ttlMs":0,"cacheScope":"private","_meta":{stamp}}}"#
    )
    .into())
}
