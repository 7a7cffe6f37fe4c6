//! The methods of the handshake era (spec: MCP 2025-11-25), for clients with a session.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use mcpstore_transport::RpcError;
use mcpstore_types::Era;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::asks::AskClient;
use super::names::{Kind, Route};
use super::params::{Peek, invalid};
use super::relay::Passed;
use super::{HANDSHAKE_VERSIONS, Inner};
use crate::client::{Client, Hello};
use crate::seam::Call;

/// Answers one request.
pub(crate) async fn answer(inner: &Arc<Inner>, client: &Arc<Client>, call: &Call) -> Result<Bytes, RpcError> {
    let list = |kind| list(inner, client, call, kind);
    match call.method.as_str() {
        "initialize" => initialize(inner, client, call),
        "ping" => Ok(Bytes::from_static(b"{}")),
        "tools/list" => list(Kind::Tools),
        "prompts/list" => list(Kind::Prompts),
        "resources/list" => list(Kind::Resources),
        "resources/templates/list" => list(Kind::Templates),
        "tools/call" => named(inner, client, call, true).await,
        "prompts/get" => named(inner, client, call, false).await,
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => resource(inner, client, call).await,
        "completion/complete" => complete(inner, client, call).await,
        "logging/setLevel" => set_level(inner, client, call).await,
        other => Err(RpcError::new(-32601, format!("no method `{other}`"))),
    }
}

fn list(inner: &Inner, client: &Client, call: &Call, kind: Kind) -> Result<Bytes, RpcError> {
    let peek = Peek::read(call.params.as_deref())?;
    inner.names.load().list(client.view(), kind, Era::Handshake, peek.cursor.as_deref())
}

/// Takes a notification of the client.
pub(crate) fn notification(_inner: &Arc<Inner>, client: &Arc<Client>, method: &str, params: Option<&RawValue>) {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Cancelled<'a> {
        #[serde(borrow)]
        request_id: &'a RawValue,
    }
    if method == "notifications/cancelled"
        && let Some(cancelled) = params.and_then(|params| serde_json::from_str::<Cancelled<'_>>(params.get()).ok())
    {
        client.take_back(cancelled.request_id);
    }
}

fn initialize(inner: &Arc<Inner>, client: &Arc<Client>, call: &Call) -> Result<Bytes, RpcError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params<'a> {
        #[serde(borrow)]
        protocol_version: Cow<'a, str>,
        #[serde(borrow, default)]
        capabilities: Option<&'a RawValue>,
        #[serde(borrow, default)]
        client_info: Option<&'a RawValue>,
    }
    let text = call.params.as_deref().map_or("{}", RawValue::get);
    let params: Params<'_> =
        serde_json::from_str(text).map_err(|error| invalid(&format!("the params cannot be read: {error}")))?;
    let asked = params.protocol_version.as_ref();
    let version = HANDSHAKE_VERSIONS.into_iter().find(|known| *known == asked).unwrap_or(HANDSHAKE_VERSIONS[0]);
    let capabilities = match params.capabilities {
        Some(capabilities) => capabilities.to_owned(),
        None => RawValue::from_string("{}".to_owned()).map_err(|error| RpcError::new(-32603, error.to_string()))?,
    };
    let hello = Hello { version: version.to_owned(), capabilities, info: params.client_info.map(ToOwned::to_owned) };
    client.hello.set(hello).map_err(|_| RpcError::new(-32600, "the conversation is initialized already"))?;
    inner.clients.add(client);
    let names = inner.names.load();
    let mut result = format!(
        r#"{{"protocolVersion":"{version}","capabilities":{},"serverInfo":{}"#,
        names.capabilities(client.view(), Era::Handshake),
        super::server_info(),
    );
    if let Some(instructions) = names.instructions(client.view()) {
        result.push_str(r#","instructions":"#);
        result.push_str(&json!(instructions).to_string());
    }
    result.push('}');
    Ok(result.into())
}

/// `tools/call` and `prompts/get`.
async fn named(inner: &Arc<Inner>, client: &Arc<Client>, call: &Call, is_tool: bool) -> Result<Bytes, RpcError> {
    let params = call.params.as_deref().ok_or_else(|| invalid("`name` is missing"))?;
    let peek = Peek::read(Some(params))?;
    let name = peek.name()?;
    let names = inner.names.load();
    let view = client.view();
    let route = if is_tool { names.tool(view, &name)? } else { names.prompt(view, &name)? };
    drop(names);
    let Route { service, name: own } = route;
    let params = if own == *name { params.to_owned() } else { peek.renamed(params, &own) };
    let passed = Passed {
        service: &service,
        method: &call.method,
        params: Some(params),
        tool: is_tool.then_some(own.as_str()),
        asks: asks(client, call),
        key: key(client),
    };
    inner.pass(call, &peek, passed).await
}

async fn resource(inner: &Arc<Inner>, client: &Arc<Client>, call: &Call) -> Result<Bytes, RpcError> {
    let peek = Peek::read(call.params.as_deref())?;
    let uri = peek.uri.as_deref().ok_or_else(|| invalid("`uri` is missing"))?;
    let Route { service, .. } = inner.names.load().resource(client.view(), uri)?;
    match call.method.as_str() {
        "resources/subscribe" => drop(client.subscribe(uri, true)),
        "resources/unsubscribe" => drop(client.subscribe(uri, false)),
        _ => {}
    }
    to(inner, client, call, &peek, &service).await
}

async fn complete(inner: &Arc<Inner>, client: &Arc<Client>, call: &Call) -> Result<Bytes, RpcError> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        r#ref: Reference<'a>,
    }
    #[derive(Deserialize)]
    struct Reference<'a> {
        #[serde(borrow, default)]
        name: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        uri: Option<Cow<'a, str>>,
    }
    let text = call.params.as_deref().map_or("{}", RawValue::get);
    let params: Params<'_> =
        serde_json::from_str(text).map_err(|error| invalid(&format!("the params cannot be read: {error}")))?;
    let names = inner.names.load();
    let view = client.view();
    let route = match &params.r#ref {
        Reference { name: Some(name), .. } => names.prompt(view, name)?,
        Reference { uri: Some(uri), .. } => names.template(view, uri)?,
        Reference { name: None, uri: None } => return Err(invalid("`ref` names neither a prompt nor a resource")),
    };
    drop(names);
    let service = route.service;
    to(inner, client, call, &Peek::default(), &service).await
}

/// Every server is told: which lines a client gets is decided here.
async fn set_level(inner: &Arc<Inner>, client: &Arc<Client>, call: &Call) -> Result<Bytes, RpcError> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        level: Cow<'a, str>,
    }
    let text = call.params.as_deref().map_or("{}", RawValue::get);
    let params: Params<'_> =
        serde_json::from_str(text).map_err(|error| invalid(&format!("the params cannot be read: {error}")))?;
    client.set_log_level(&params.level);
    let snapshot = inner.supervisor.snapshot();
    for info in snapshot.services() {
        let logs = info.server.as_ref().is_some_and(|server| server.capabilities.contains("\"logging\""));
        if logs && info.session().is_some() {
            // One server that knows no such level does not keep the others from it.
            let _ = to(inner, client, call, &Peek::default(), info.name()).await;
        }
    }
    Ok(Bytes::from_static(b"{}"))
}

/// Passes the request on as it is.
async fn to(
    inner: &Arc<Inner>,
    client: &Arc<Client>,
    call: &Call,
    peek: &Peek<'_>,
    service: &mcpstore_types::ServiceName,
) -> Result<Bytes, RpcError> {
    let passed = Passed {
        service,
        method: &call.method,
        params: call.params.clone(),
        tool: None,
        asks: asks(client, call),
        key: key(client),
    };
    inner.pass(call, peek, passed).await
}

fn asks(client: &Arc<Client>, call: &Call) -> Arc<AskClient> {
    Arc::new(AskClient { client: Arc::clone(client), outlet: call.outlet.clone() })
}

/// What tells one client from another.
fn key(client: &Arc<Client>) -> usize {
    Arc::as_ptr(client) as usize
}
