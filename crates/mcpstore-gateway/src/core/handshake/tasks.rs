//! Requests about tasks, and what servers tell of them (spec: MCP 2025-11-25, tasks).

use std::borrow::Cow;

use bytes::Bytes;
use mcpstore_transport::{CallLimits, RpcError, list_all};
use mcpstore_types::ServiceName;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Asked, needed};
use crate::core::Inner;
use crate::core::failure::call_error;
use crate::core::params::{Peek, invalid, replaced};
use crate::core::relay::Passed;
use crate::core::tasks::Task;
use crate::message;

/// The notification of a task that is in another state.
pub(crate) const STATUS: &str = "notifications/tasks/status";

/// Where the id of a task stands in a message.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Found<'a> {
    #[serde(borrow, rename = "taskId")]
    own: Option<&'a RawValue>,
    #[serde(borrow)]
    task: Option<Inside<'a>>,
    #[serde(borrow, rename = "_meta")]
    meta: Option<Meta<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta<'a> {
    #[serde(borrow, rename = "io.modelcontextprotocol/related-task")]
    related: Option<Inside<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Inside<'a> {
    #[serde(borrow, rename = "taskId")]
    id: Option<&'a RawValue>,
}

impl<'a> Found<'a> {
    /// The id in a message, as it stands there.
    fn in_text(text: &'a str) -> Option<&'a RawValue> {
        let found: Self = serde_json::from_str(text).ok()?;
        let inside = |inside: Option<Inside<'a>>| inside.and_then(|inside| inside.id);
        found.own.or(inside(found.task)).or(inside(found.meta.and_then(|meta| meta.related)))
    }
}

/// The id of the task that a message belongs to, as it stands there.
pub(crate) fn related_task(text: &str) -> Option<&RawValue> {
    let found: Found<'_> = serde_json::from_str(text).ok()?;
    found.meta?.related?.id
}

/// A tool was called as a task: its result says which task that is, where the server made one of it.
pub(super) fn begun(Asked { inner, client, .. }: Asked<'_>, service: &ServiceName, result: Bytes) -> Bytes {
    let task = || {
        let text = std::str::from_utf8(&result).ok()?;
        let found: Found<'_> = serde_json::from_str(text).ok()?;
        let at = found.task?.id?;
        Some((text, at, serde_json::from_str::<String>(at.get()).ok()?))
    };
    let Some((text, at, id)) = task() else { return result };
    inner.watch_over(client);
    let known = inner.tasks.enter(service, &id, client.serial);
    if known == id { result } else { renamed(text, at, &known).into() }
}

/// `tasks/get`, `tasks/cancel` and `tasks/result`.
pub(super) async fn of_one(asked: Asked<'_>) -> Result<Bytes, RpcError> {
    let Asked { inner, client, call } = asked;
    let peek = Peek::read(call.params.as_deref())?;
    let Some(params) = call.params.as_deref() else { return Err(invalid("`taskId` is missing")) };
    let at = Found::in_text(params.get()).ok_or_else(|| invalid("`taskId` is missing"))?;
    let known: Option<Cow<'_, str>> = serde_json::from_str(at.get()).ok();
    let known = needed(&known, "taskId")?;
    let task = inner.tasks.find(known, client.serial);
    let sees = |task: &Task| inner.names.load().has(client.view(), &task.service);
    let task = task.filter(sees).ok_or_else(|| invalid(&format!("no task `{known}`")))?;
    let other = task.id != known;
    let params = if other { replaced(params, at, &task.id) } else { params.to_owned() };
    // It may take as long as the task.
    let waits = &*call.method == "tasks/result";
    let passed = Passed { waits, ..asked.passed(&task.service, Some(params)) };
    let result = inner.pass(call, &peek, passed).await?;
    if !other {
        return Ok(result);
    }
    let text = std::str::from_utf8(&result).ok();
    let found = text.and_then(|text| Some((text, Found::in_text(text)?)));
    Ok(found.map_or_else(|| result.clone(), |(text, at)| renamed(text, at, known).into()))
}

/// `tasks/list`: the client's own, of all services.
pub(super) async fn list(Asked { inner, client, call }: Asked<'_>) -> Result<Bytes, RpcError> {
    Peek::read(call.params.as_deref())?;
    let mut entries: Vec<String> = Vec::new();
    let (mut failed, mut listed) = (None, false);
    let names = inner.names.load_full();
    for service in inner.tasks.services(client.serial).into_iter().filter(|service| names.has(client.view(), service)) {
        let Some(info) = inner.supervisor.info(service.as_str()) else { continue };
        let Some(session) = info.session() else { continue };
        let limits = CallLimits::for_list(&info.spec.policy.timeouts);
        match list_all(session.as_ref(), "tasks/list", "tasks", limits).await {
            Ok(list) => {
                listed = true;
                entries.extend(list.entries.iter().filter_map(|entry| own(inner, client.serial, &service, entry)));
            }
            Err(error) => failed = Some(call_error(&service, error)),
        }
    }
    match failed {
        // Nothing at all would look as if there were none.
        Some(error) if !listed => Err(error),
        _ => Ok(format!(r#"{{"tasks":[{}]}}"#, entries.join(",")).into()),
    }
}

/// An entry of a server's list, as the client whose task it is gets it; `None` for that of another.
fn own(inner: &Inner, serial: usize, service: &ServiceName, entry: &RawValue) -> Option<String> {
    let at = Found::in_text(entry.get())?;
    let id: String = serde_json::from_str(at.get()).ok()?;
    let (known, owner) = inner.tasks.known(service, &id)?;
    (owner == serial).then(|| if known == id { entry.get().to_owned() } else { renamed(entry.get(), at, &known) })
}

/// Tells the client whose task it is that it is in another state.
pub(crate) fn status(inner: &Inner, service: &ServiceName, params: &RawValue) {
    let told = || {
        let at = Found::in_text(params.get())?;
        let id: String = serde_json::from_str(at.get()).ok()?;
        let (known, owner) = inner.tasks.known(service, &id)?;
        let client = inner.clients.find(owner)?;
        let params = if known == id { params.to_owned() } else { replaced(params, at, &known) };
        Some(client.tell(message::notification(STATUS, Some(&params))))
    };
    // Whose task it is may not be known yet: nobody may count on these (spec: as above).
    let _ = told();
}

fn renamed(text: &str, at: &RawValue, id: &str) -> String {
    crate::core::params::with(text, at.get(), &serde_json::to_string(id).unwrap_or_default())
}
