//! What the gateway does not know: for the one service that it can be meant for.

use std::sync::Arc;

use bytes::Bytes;
use mcpstore_transport::RpcError;
use serde_json::value::RawValue;

use super::super::Inner;
use super::super::params::Peek;
use super::job::{Repeats, Target};
use super::rounds;
use crate::seam::Call;

/// Methods of the other era: a server with a handshake would take them, and would mean a conversation that there is not.
const HANDSHAKE_ONLY: [&str; 7] = [
    "initialize",
    "ping",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
    "tasks/list",
    "tasks/result",
];

/// Passes on a request with a method that is not known.
pub(super) async fn request(
    inner: &Arc<Inner>,
    call: &Call,
    peek: &Peek<'_>,
    can: &RawValue,
) -> Result<Bytes, RpcError> {
    let method = &*call.method;
    let none = |why: &str| RpcError::new(-32601, format!("no method `{method}`{why}"));
    if HANDSHAKE_ONLY.contains(&method) {
        return Err(none(""));
    }
    let services = inner.names.load().services(call.peer.view.as_deref()).into_iter();
    let runs = |service: &str| inner.supervisor.info(service).is_some_and(|info| info.session().is_some());
    let candidates: Vec<_> = services.filter(|service| runs(service.as_str())).collect();
    match candidates.as_slice() {
        [service] => {
            let (service, params) = (service.clone(), call.params.clone());
            rounds::once(inner, call, peek, can, Target { service, params, tool: None, repeats: Repeats::No }).await
        }
        [] => Err(none(": the gateway has none, and no service runs that could have it")),
        many => {
            Err(none(&format!(": the gateway has none, and it cannot tell which of {} services is meant", many.len())))
        }
    }
}
