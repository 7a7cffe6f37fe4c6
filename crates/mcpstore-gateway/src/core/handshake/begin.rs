//! The beginning of a conversation (spec: MCP 2025-11-25, lifecycle).

use std::borrow::Cow;

use bytes::Bytes;
use mcpstore_transport::RpcError;
use mcpstore_types::Era;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{Asked, read};
use crate::client::Hello;
use crate::core::{HANDSHAKE_VERSIONS, server_info};

/// Answers `initialize`.
pub(super) async fn initialize(Asked { inner, client, call }: Asked<'_>) -> Result<Bytes, RpcError> {
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
    let params: Params<'_> = read(call.params.as_deref())?;
    let asked = params.protocol_version.as_ref();
    let version = HANDSHAKE_VERSIONS.into_iter().find(|known| *known == asked).unwrap_or(HANDSHAKE_VERSIONS[0]);
    let capabilities = match params.capabilities {
        Some(capabilities) => capabilities.to_owned(),
        None => RawValue::from_string("{}".to_owned()).map_err(|error| RpcError::new(-32603, error.to_string()))?,
    };
    let hello = Hello { version: version.to_owned(), capabilities, info: params.client_info.map(ToOwned::to_owned) };
    client.hello.set(hello).map_err(|_| RpcError::new(-32600, "the conversation is initialized already"))?;
    inner.clients.add(client);
    if inner.levels.any() {
        // One more that did not say what it wants: servers that were told to be quieter are not, from now on.
        inner.watch_over(client);
        inner.levels_changed(client.view()).await;
    }
    let names = inner.names.load();
    let mut result = format!(
        r#"{{"protocolVersion":"{version}","capabilities":{},"serverInfo":{}"#,
        names.capabilities(client.view(), Era::Handshake),
        server_info(),
    );
    if let Some(instructions) = names.instructions(client.view()) {
        result.push_str(r#","instructions":"#);
        result.push_str(&json!(instructions).to_string());
    }
    result.push('}');
    Ok(result.into())
}
