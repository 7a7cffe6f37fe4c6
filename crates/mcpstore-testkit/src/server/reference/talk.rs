//! Tools of the reference that say something while they are at work: log messages, progress, a stream that breaks.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::content;
use crate::server::peer::{Out, Peer};

/// Where a request of the stateless era says from which level on it wants log messages.
const META_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// Between two messages (the suite's demand).
const APART: Duration = Duration::from_millis(50);
/// How long the answer takes whose stream breaks: so long that a gateway before this server, which closes its streams after
/// 2 s, does so once, and less than the suite waits for it over another connection (5 s).
const AWAY: Duration = Duration::from_secs(3);

/// Runs the tool, and gives what it says in the end; `None` when it is none of these.
pub(super) async fn run(peer: &Peer, name: &str, params: &Value) -> Option<&'static str> {
    match name {
        "test_tool_with_logging" | "test_logging_tool" => {
            for text in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                if wants(peer, params, "info") {
                    let note = json!({ "level": "info", "logger": "reference", "data": text });
                    peer.notify("notifications/message", &note.to_string()).await;
                }
                tokio::time::sleep(APART).await;
            }
            Some("logged three times")
        }
        "test_tool_with_progress" => {
            let token = &params["_meta"]["progressToken"];
            for done in [0, 50, 100] {
                if !token.is_null() {
                    let note = json!({ "progressToken": token, "progress": done, "total": 100 });
                    peer.notify("notifications/progress", &note.to_string()).await;
                }
                tokio::time::sleep(APART).await;
            }
            Some("progressed")
        }
        "test_reconnection" => {
            // The stateless era resumes no stream, so nothing breaks there.
            if !peer.stateless {
                peer.send(Out::Break).await;
            }
            tokio::time::sleep(AWAY).await;
            Some("said over another connection")
        }
        _ => None,
    }
}

/// Whether the client wants log messages of this level about this request.
fn wants(peer: &Peer, params: &Value, level: &str) -> bool {
    let least = if peer.stateless {
        params["_meta"][META_LEVEL].as_str().and_then(content::level)
    } else {
        Some(peer.client.level.load(Ordering::Relaxed))
    };
    least.is_some_and(|least| content::level(level).is_some_and(|level| level >= least))
}
