//! Hears when the lists of a server without a handshake change: such a server only tells those who listen (spec: MCP
//! 2026-07-28, subscriptions).

use std::time::Duration;

use mcpstore_transport::{CallError, CallLimits, Session};
use mcpstore_types::Era;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// Longer than any process lives.
const FOR_EVER: Duration = Duration::from_secs(31_536_000);
/// How long is waited until it is listened again; twice as long each time, up to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How soon after the request it is listened: from then on nothing is missed.
const OPENING: Duration = Duration::from_secs(1);

/// Listens for as long as the server has lists that change, and tells `missed` when it was not heard for a while. What it
/// says comes over the notices of its session. Never ends; the task around it is cancelled.
///
/// # Cancel safety
/// Dropped, the server is told that nobody listens any more.
pub(crate) async fn listen(session: &dyn Session, missed: &Notify) {
    let wanted = wanted(session);
    let mut pause = FIRST_PAUSE;
    let mut again = false;
    while !wanted.is_empty() {
        let began = Instant::now();
        let Ok(params) = to_raw_value(&serde_json::json!({ "notifications": wanted })) else { break };
        let request = session.request("subscriptions/listen", Some(params), CallLimits::within(FOR_EVER));
        let catch_up = async {
            if again {
                sleep(OPENING).await;
                missed.notify_one();
            }
            std::future::pending().await
        };
        let outcome = tokio::select! {
            outcome = request => outcome,
            () = catch_up => break,
        };
        match outcome {
            // It knows no such request, or it is gone: asking again would change nothing.
            Err(CallError::Rpc { .. } | CallError::Closed) => break,
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "a server is not heard any more"),
        }
        if began.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        again = true;
    }
    std::future::pending().await
}

/// What is wanted of a server: what it says that it tells.
fn wanted(session: &dyn Session) -> Map<String, Value> {
    let server = session.server();
    let offers: Value = match server.era {
        Era::Handshake => Value::Null,
        Era::Stateless => serde_json::from_str(&server.capabilities).unwrap_or_default(),
    };
    let all = [("toolsListChanged", "tools"), ("promptsListChanged", "prompts"), ("resourcesListChanged", "resources")];
    let changing = all.into_iter().filter(|(_, list)| offers[list]["listChanged"] == true);
    changing.map(|(name, _)| (name.to_owned(), true.into())).collect()
}
