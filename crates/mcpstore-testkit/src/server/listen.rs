//! Who wants to hear of changes, in the stateless era (spec: MCP 2026-07-28, subscriptions).

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::peer::{Peer, lock};

/// Where a notice says which request it is for.
const META_SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// The open `subscriptions/listen` requests.
#[derive(Default)]
pub(super) struct Listeners {
    next: AtomicU64,
    open: Mutex<Vec<Listener>>,
}

#[derive(Clone)]
struct Listener {
    number: u64,
    id: Value,
    wants: Value,
    peer: Peer,
}

impl Listeners {
    /// Acknowledges, and then listens for as long as it is not dropped.
    pub(super) async fn listen(&self, peer: &Peer, id: &str, params: &Value) {
        let wants = params["notifications"].clone();
        if !wants.is_object() {
            return peer.error(id, -32602, "the request says not what to listen for").await;
        }
        let id = serde_json::from_str(id).unwrap_or(Value::Null);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let listener = Listener { number, id, wants: wants.clone(), peer: peer.clone() };
        let acknowledged = json!({ "notifications": wants, "_meta": { META_SUBSCRIPTION: listener.id } });
        peer.notify("notifications/subscriptions/acknowledged", &acknowledged.to_string()).await;
        lock(&self.open).push(listener);
        let _leaving = Leaving(self, number);
        std::future::pending().await
    }

    /// Tells those who want to hear of it; `wanted` looks into what they asked for.
    pub(super) async fn tell(&self, method: &str, params: &Value, wanted: impl Fn(&Value) -> bool) {
        let listeners: Vec<_> = lock(&self.open).iter().filter(|listener| wanted(&listener.wants)).cloned().collect();
        for Listener { id, peer, .. } in listeners {
            let mut params = params.clone();
            params["_meta"] = json!({ META_SUBSCRIPTION: id });
            peer.notify(method, &params.to_string()).await;
        }
    }
}

/// Takes a listener off the list when it stops listening.
struct Leaving<'a>(&'a Listeners, u64);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        lock(&self.0.open).retain(|listener| listener.number != self.1);
    }
}
