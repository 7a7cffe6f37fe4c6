//! Lists that change when a tool is called: one more tool, one more prompt, and away again.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::server::Server;
use crate::server::peer::Peer;

/// The prompt that comes and goes.
pub(super) const MORE_PROMPT: &str = "test_dynamic_prompt";

/// Whether the lists have what comes and goes.
#[derive(Default)]
pub(in crate::server) struct Changes {
    tool: AtomicBool,
    prompt: AtomicBool,
}

impl Changes {
    pub(super) fn has_tool(&self) -> bool {
        self.tool.load(Ordering::Relaxed)
    }

    pub(super) fn has_prompt(&self) -> bool {
        self.prompt.load(Ordering::Relaxed)
    }

    /// Makes the change that this tool stands for, tells of it, and gives what the tool says; `None` for another tool.
    pub(super) async fn make(&self, server: &Server, peer: &Peer, tool: &str) -> Option<&'static str> {
        let (flag, wanted, method) = match tool {
            "test_trigger_tool_change" => (&self.tool, "toolsListChanged", "notifications/tools/list_changed"),
            "test_trigger_prompt_change" => (&self.prompt, "promptsListChanged", "notifications/prompts/list_changed"),
            _ => return None,
        };
        flag.fetch_xor(true, Ordering::Relaxed);
        server.listeners.tell(method, &json!({}), |wants| wants[wanted] == true).await;
        if !peer.stateless {
            peer.announce(method, "{}").await;
        }
        Some("changed")
    }
}
