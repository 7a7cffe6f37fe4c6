//! Tasks of servers without a handshake (the extension `io.modelcontextprotocol/tasks`): which service has which, and whose
//! it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use mcpstore_transport::RpcError;
use mcpstore_types::{Era, ServiceName};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::super::Inner;
use super::super::params::{Peek, invalid, replaced, with};
use super::checks::missing_capability;
use super::job::{Repeats, Target};
use super::rounds;
use crate::client::next_serial;
use crate::seam::{Call, Peer};

/// The name of the extension.
const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// Who may have tasks: everybody with one principal in one view, and nobody else.
#[derive(Debug, Default)]
pub(super) struct Owners(Mutex<BTreeMap<Owner, usize>>);

/// A principal in a view.
type Owner = (Arc<str>, Option<Arc<str>>);

impl Owners {
    /// The number under which the tasks of this peer are kept.
    fn of(&self, peer: &Peer) -> usize {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry((Arc::clone(&peer.principal), peer.view.clone())).or_insert_with(next_serial)
    }
}

/// The id of a task in params or in a result, as it stands there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    #[serde(borrow)]
    task_id: &'a RawValue,
}

impl<'a> Named<'a> {
    fn read(text: &'a str) -> Option<(&'a RawValue, String)> {
        let Self { task_id } = serde_json::from_str(text).ok()?;
        Some((task_id, serde_json::from_str(task_id.get()).ok()?))
    }
}

/// A request became a task: its result says which, under the id that the client will know.
pub(super) fn begun(inner: &Inner, peer: &Peer, service: &ServiceName, result: Bytes) -> Bytes {
    let Some(text) = std::str::from_utf8(&result).ok() else { return result };
    let Some((at, id)) = Named::read(text) else { return result };
    let known = inner.tasks.enter(service, &id, inner.stateless.owners.of(peer));
    if known == id { result } else { renamed(text, at, &known) }
}

/// `tasks/get`, `tasks/update` and `tasks/cancel`.
pub(super) async fn answer(
    inner: &Arc<Inner>,
    call: &Call,
    peek: &Peek<'_>,
    can: &RawValue,
) -> Result<Bytes, RpcError> {
    if !has_tasks(inner.names.load().capabilities(call.peer.view.as_deref(), Era::Stateless)) {
        return Err(RpcError::new(-32601, format!("no method `{}`: no service has tasks", call.method)));
    }
    if !has_tasks(can.get()) {
        return Err(missing_capability(&json!({ "extensions": { EXTENSION: {} } })));
    }
    let missing = || invalid("`taskId` is missing, or is no text");
    let params = call.params.as_deref().ok_or_else(missing)?;
    let (at, known) = Named::read(params.get()).ok_or_else(missing)?;
    let task = inner.tasks.find(&known, inner.stateless.owners.of(&call.peer));
    let seen = task.filter(|task| inner.names.load().has(call.peer.view.as_deref(), &task.service));
    let task = seen.ok_or_else(|| invalid(&format!("no task `{known}`")))?;
    let params = if task.id == known { params.to_owned() } else { replaced(params, at, &task.id) };
    let repeats = if &*call.method == "tasks/get" { Repeats::Yes } else { Repeats::No };
    let target = Target { service: task.service, params: Some(params), tool: None, repeats };
    let result = rounds::once(inner, call, peek, can, target).await?;
    let renamed = || {
        let text = std::str::from_utf8(&result).ok().filter(|_| task.id != known)?;
        let (at, _) = Named::read(text).filter(|(_, id)| *id == task.id)?;
        Some(renamed(text, at, &known))
    };
    Ok(renamed().unwrap_or(result))
}

/// True when capabilities (a JSON object) name the extension.
fn has_tasks(capabilities: &str) -> bool {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Capabilities<'a> {
        #[serde(borrow)]
        extensions: BTreeMap<&'a str, &'a RawValue>,
    }
    serde_json::from_str::<Capabilities<'_>>(capabilities).is_ok_and(|all| all.extensions.contains_key(EXTENSION))
}

fn renamed(text: &str, at: &RawValue, known: &str) -> Bytes {
    with(text, at.get(), &serde_json::Value::from(known).to_string()).into()
}
