//! Servers of MCP over HTTP for these tests, and clients of them.

use std::sync::Arc;

use mcpstore_transport::{Adapter, AdapterSet, HandshakeError, LaunchError, Launched};
use mcpstore_types::{HttpSpec, ServiceName, ServiceSpec, TransportSpec};
use serde_json::json;

use super::site::{Asked, Reply, Site};
use crate::support::{Server, request, start_with, within};

/// What a plain server of the handshake era says: one session, one tool, no stream of its own. `None` for calls.
pub(crate) fn handshake_era(asked: &Asked) -> Option<Reply> {
    Some(match (asked.method.as_str(), asked.rpc()) {
        ("POST", "initialize") => asked
            .result(json!({
                "protocolVersion": "2025-11-25",
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "site", "version": "1" },
            }))
            .with("Mcp-Session-Id", "s-1"),
        ("POST", "notifications/initialized" | "notifications/cancelled") => Reply::status(202),
        ("POST", "server/discover") => {
            let error = json!({ "code": -32000, "message": "Bad Request: no session" });
            Reply::json(400, &json!({ "jsonrpc": "2.0", "id": null, "error": error }))
        }
        ("POST", "ping") => asked.result(json!({})),
        ("POST", "tools/list") => {
            asked.result(json!({ "tools": [{ "name": "echo", "inputSchema": { "type": "object" } }] }))
        }
        ("POST", _) => return None,
        ("DELETE", _) => Reply::status(200),
        _ => Reply::status(405),
    })
}

/// What a plain server of the stateless era says.
pub(crate) fn stateless_era(asked: &Asked) -> Option<Reply> {
    Some(match (asked.method.as_str(), asked.rpc()) {
        ("POST", "server/discover") => asked.result(json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} },
            "ttlMs": 0, "cacheScope": "private",
            "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "modern", "version": "2" } },
        })),
        ("POST", _) => return None,
        _ => Reply::status(405),
    })
}

/// A server of the handshake era whose calls go to `calls`.
pub(crate) async fn site(calls: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Site {
    Site::start(move |asked| handshake_era(asked).unwrap_or_else(|| calls(asked))).await
}

/// The spec of a service at this address.
pub(crate) fn spec(kind: &str, http: HttpSpec) -> ServiceSpec {
    let transport = if kind == "sse" { TransportSpec::Sse(http) } else { TransportSpec::Http(http) };
    ServiceSpec::new(ServiceName::new("site").unwrap(), transport)
}

pub(crate) fn at(url: &str) -> HttpSpec {
    HttpSpec { url: url.to_owned(), ..HttpSpec::default() }
}

fn adapter(kind: &str) -> Arc<dyn Adapter> {
    AdapterSet::builtin().get(kind).unwrap()
}

/// A client that talks to this address.
pub(crate) async fn client(url: &str) -> Server {
    client_of("http", at(url)).await
}

pub(crate) async fn client_of(kind: &str, http: HttpSpec) -> Server {
    start_with(&*adapter(kind), spec(kind, http)).await
}

/// The launch alone.
pub(crate) async fn launch(kind: &str, http: HttpSpec) -> Result<Launched, LaunchError> {
    within(adapter(kind).launch(request(spec(kind, http)))).await
}

/// Why the handshake with this address fails.
pub(crate) async fn refusal(kind: &str, http: HttpSpec) -> HandshakeError {
    let launched = launch(kind, http).await.unwrap();
    let error = within(launched.handshake).await.err().expect("the handshake fails");
    launched.endpoint.kill();
    within(launched.endpoint.exited()).await;
    error
}
