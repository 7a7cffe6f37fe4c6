//! The era without a handshake: one question, `server/discover` (spec: MCP 2026-07-28, discovery).

use mcpstore_types::Era;
use rmcp::model::ProtocolVersion;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Failed;
use crate::clip::clip;
use crate::object::object;
use crate::wire::{DISCOVER, Hub, Stateless};
use crate::{CallError, CallLimits, ClientSide, HandshakeError, RequestOptions, ServerInfo};

/// The server speaks no version that the request named; its data names those that it speaks.
const UNSUPPORTED_VERSION: i64 = -32022;
/// Errors that only a server of this era gives: its headers or our capabilities do not suit it.
const OF_THIS_ERA: [i64; 2] = [-32020, -32021];

/// Why a server gave no answer of this era.
pub(super) enum NotStateless {
    /// It seems to be of the other era: it answered, with an error or with nonsense.
    Legacy(CallError),
    /// The conversation failed.
    Failed(Failed),
}

/// Asks who the server is, and finds the version to agree on.
pub(super) async fn discover(hub: &Hub, client: &ClientSide, limits: CallLimits) -> Result<ServerInfo, NotStateless> {
    let version = known().next_back().unwrap_or_default();
    let mut answer = ask(hub, client, version, limits).await;
    // It names what it speaks instead: it is asked again in that, once.
    if let Err(CallError::Rpc { code: UNSUPPORTED_VERSION, data: Some(data), .. }) = &answer
        && let Some(version) = shared(data)
    {
        answer = ask(hub, client, version, limits).await;
    }
    let answer = answer.map_err(not_stateless)?;
    let server = server_info(&answer).map_err(|error| {
        NotStateless::Legacy(CallError::Malformed { what: clip(&format!("it is no discovery: {error}")) })
    })?;
    server.ok_or_else(|| unsupported(&answer))
}

/// Agrees on what was found: from now on every request of `hub` says who asks.
pub(super) fn agree(hub: &Hub, client: &ClientSide, server: &ServerInfo) {
    hub.agree_stateless(Stateless::new(&server.protocol_version, client.capabilities()));
}

async fn ask(hub: &Hub, client: &ClientSide, version: &str, limits: CallLimits) -> Result<Box<RawValue>, CallError> {
    let stateless = Stateless::new(version, client.capabilities());
    let params = RawValue::from_string("{}".to_owned()).ok();
    hub.request_as(Some(&stateless), DISCOVER, params.as_deref(), limits, RequestOptions::default()).await
}

/// The newest version of this era that we speak, and that the data of the error names.
fn shared(data: &RawValue) -> Option<&'static str> {
    let supported = object::<Supported>(data.get()).ok()?.supported;
    known().rev().find(|known| supported.iter().any(|one| one == known))
}

#[derive(Deserialize)]
struct Supported {
    supported: Vec<String>,
}

/// The versions of this era that we speak, oldest first.
fn known() -> impl DoubleEndedIterator<Item = &'static str> {
    ProtocolVersion::KNOWN_VERSIONS.iter().filter(|version| !version.has_initialize()).map(ProtocolVersion::as_str)
}

fn not_stateless(error: CallError) -> NotStateless {
    match error {
        CallError::Closed => NotStateless::Failed(Failed::Closed),
        CallError::Rpc { code: UNSUPPORTED_VERSION, data, .. } if !speaks_handshake(data.as_deref()) => {
            let version = data.map_or_else(|| "another".to_owned(), |data| clip(data.get()));
            let known = known().map(ToOwned::to_owned).collect();
            NotStateless::Failed(Failed::Said(HandshakeError::UnsupportedVersion { version, known }))
        }
        CallError::Rpc { code, message, .. } if OF_THIS_ERA.contains(&code) => {
            NotStateless::Failed(Failed::Said(HandshakeError::Rejected { code, message: clip(&message) }))
        }
        // Over HTTP many refuse what they do not know before they read it as a message.
        CallError::Rpc { .. } | CallError::Malformed { .. } | CallError::Http { status: 400..=428, .. } => {
            NotStateless::Legacy(error)
        }
        CallError::Http { status, message, retry_after } => {
            NotStateless::Failed(Failed::Said(HandshakeError::Http { status, message, retry_after }))
        }
        CallError::Auth { message } => NotStateless::Failed(Failed::Said(HandshakeError::Auth { message })),
        CallError::NeedsLogin { message } => NotStateless::Failed(Failed::Said(HandshakeError::NeedsLogin { message })),
        CallError::Unreachable { message } | CallError::Broken { message } => {
            NotStateless::Failed(Failed::Said(HandshakeError::Unreachable { message }))
        }
        other => NotStateless::Failed(Failed::Said(HandshakeError::Malformed { what: clip(&other.to_string()) })),
    }
}

/// True when the versions in the data of the error have one with a handshake among them, or none at all.
fn speaks_handshake(data: Option<&RawValue>) -> bool {
    let Some(data) = data.and_then(|data| object::<Supported>(data.get()).ok()) else { return true };
    let mut handshake = ProtocolVersion::KNOWN_VERSIONS.iter().filter(|version| version.has_initialize());
    handshake.any(|version| data.supported.iter().any(|supported| supported == version.as_str()))
}

fn unsupported(answer: &RawValue) -> NotStateless {
    let versions = object::<Discovery<'_>>(answer.get()).map(|found| found.supported_versions.join(", "));
    NotStateless::Failed(Failed::Said(HandshakeError::UnsupportedVersion {
        version: clip(&versions.unwrap_or_default()),
        known: known().map(ToOwned::to_owned).collect(),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Discovery<'a> {
    supported_versions: Vec<String>,
    #[serde(borrow)]
    capabilities: &'a RawValue,
    #[serde(default)]
    instructions: Option<String>,
    #[serde(default, rename = "_meta")]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default, rename = "io.modelcontextprotocol/serverInfo")]
    server: Option<Implementation>,
}

#[derive(Deserialize)]
struct Implementation {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

/// What the server said of itself; `None` when it speaks no version that we know.
fn server_info(answer: &RawValue) -> Result<Option<ServerInfo>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Offers<'a> {
        #[serde(borrow, default)]
        tools: Option<&'a RawValue>,
        #[serde(borrow, default)]
        resources: Option<&'a RawValue>,
        #[serde(borrow, default)]
        prompts: Option<&'a RawValue>,
    }
    let found: Discovery<'_> = object(answer.get())?;
    let offers: Offers<'_> = object(found.capabilities.get())?;
    let Some(version) = known().rev().find(|known| found.supported_versions.iter().any(|one| one == known)) else {
        return Ok(None);
    };
    let server = found
        .meta
        .and_then(|meta| meta.server)
        .unwrap_or(Implementation { name: String::new(), version: String::new() });
    Ok(Some(ServerInfo {
        name: server.name,
        version: server.version,
        protocol_version: version.to_owned(),
        era: Era::Stateless,
        capabilities: found.capabilities.get().to_owned(),
        instructions: found.instructions,
        has_tools: offers.tools.is_some(),
        has_resources: offers.resources.is_some(),
        has_prompts: offers.prompts.is_some(),
    }))
}
