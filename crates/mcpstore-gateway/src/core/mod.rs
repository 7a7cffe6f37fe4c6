//! What messages mean: the gateway's side of MCP, over a supervisor.

mod able;
mod again;
mod asks;
mod failure;
mod feed;
mod handshake;
mod instances;
mod known;
pub(crate) mod levels;
mod lookup;
mod names;
mod params;
mod relay;
mod sides;
mod stateless;
mod subscribe;
mod tasks;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};
use std::task::Poll;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use mcpstore_runtime::{ClientSides, Supervisor};
use mcpstore_transport::RpcError;
use mcpstore_types::{StaleLists, ToolChanges, ViewSpec};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::{Notify, watch};

use crate::client::Client;
use crate::guard::Guard;
use crate::guard::rate::TooMany;
use crate::seam::{Call, Core, Peer};
use asks::UnderWay;
use feed::{Clients, Feed};
use instances::Instances;
use levels::Levels;
pub(crate) use names::Kind;
use names::Names;
use sides::Sides;
use stateless::Stateless;
use subscribe::Subscriptions;
use tasks::Tasks;

/// The versions of the handshake era that are spoken, the newest first.
pub(crate) const HANDSHAKE_VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// The version of the stateless era that is spoken.
pub(crate) const STATELESS_VERSION: &str = "2026-07-28";

/// Who the gateway says it is.
fn server_info() -> serde_json::Value {
    json!({ "name": "mcpstore", "title": "mcpstore", "version": env!("CARGO_PKG_VERSION") })
}

/// The `_meta` of its own results in the stateless era, as a JSON object (spec: MCP 2026-07-28, basic).
fn stamp() -> String {
    json!({ "io.modelcontextprotocol/serverInfo": server_info() }).to_string()
}

/// What there is before the supervisor: it is told of [`Prepared::client_sides`], so that servers learn what their clients
/// can do.
#[derive(Debug, Default)]
pub struct Prepared {
    under_way: Arc<UnderWay>,
    guard: Guard,
    /// The gateway, once there is one.
    gateway: Arc<OnceLock<Weak<Inner>>>,
}

impl Prepared {
    /// Nothing is under way yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With tools pinned in this state folder from the first list on, and this for those that change.
    #[must_use]
    pub fn pinning(self, state_folder: &Path, changes: ToolChanges) -> Self {
        self.guard.set_tool_changes(state_folder, changes);
        self
    }

    /// For [`mcpstore_runtime::SupervisorConfig::client_sides`].
    #[must_use]
    pub fn client_sides(&self) -> Arc<dyn ClientSides> {
        Arc::new(Sides::new(Arc::clone(&self.under_way), Arc::clone(&self.gateway)))
    }
}

/// What clients see beside what the services say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Views beside the one of everything.
    pub views: Vec<ViewSpec>,
    /// What becomes of the lists of a service that is down.
    pub stale: StaleLists,
}

/// One endpoint for all services of a supervisor. Cheap to clone; its tasks end with the last clone.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) supervisor: Supervisor,
    pub(crate) names: ArcSwap<Names>,
    /// Of which version of what the supervisor knows they are made.
    pub(crate) names_of: watch::Sender<u64>,
    pub(crate) rules: ArcSwap<Rules>,
    /// The rules are others now.
    pub(crate) renewed: Arc<Notify>,
    pub(crate) clients: Clients,
    pub(crate) under_way: Arc<UnderWay>,
    pub(crate) stateless: Stateless,
    pub(crate) guard: Guard,
    pub(crate) levels: Levels,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) tasks: Tasks,
    pub(crate) instances: Instances,
}

impl Gateway {
    /// A gateway over this supervisor, as tasks of the current tokio runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn launch(prepared: Prepared, supervisor: Supervisor, rules: Rules) -> Self {
        let renewed = Arc::new(Notify::new());
        let mut feed = Feed::new(supervisor.versions(), Arc::clone(&renewed));
        let snapshot = supervisor.snapshot();
        let names = feed.first(&snapshot, &rules, &prepared.guard);
        let inner = Arc::new(Inner {
            supervisor,
            names: ArcSwap::from_pointee(names),
            names_of: watch::Sender::new(snapshot.version),
            rules: ArcSwap::from_pointee(rules),
            renewed,
            clients: Clients::default(),
            under_way: prepared.under_way,
            stateless: Stateless::default(),
            guard: prepared.guard,
            levels: Levels::default(),
            subscriptions: Subscriptions::default(),
            tasks: Tasks::default(),
            instances: Instances::default(),
        });
        // Set once: this is the only place that does, and it takes what was prepared.
        let _ = prepared.gateway.set(Arc::downgrade(&inner));
        tokio::spawn(feed.follow(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// From now on these rules hold. Clients are told of lists that are others now; the sessions of views that are gone end.
    pub fn set_rules(&self, rules: Rules) {
        self.inner.rules.store(Arc::new(rules));
        self.inner.renewed.notify_one();
        let gone = |client: &Arc<Client>| client.view().is_some_and(|view| !self.has_view(view));
        self.inner.clients.all().iter().filter(|client| gone(client)).for_each(|client| client.end());
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

#[async_trait]
impl Core for Gateway {
    async fn request(self: Arc<Self>, call: Call) -> Result<Bytes, RpcError> {
        let noted = self.inner.guard.begin(&call);
        let answer = self.inner.answer(&call).await;
        if let Some(noted) = noted {
            noted.over(&answer);
        }
        answer
    }

    fn notification(&self, client: &Arc<Client>, method: &str, params: Option<&RawValue>) {
        handshake::notification(&self.inner, client, method, params);
    }

    fn answer(&self, client: &Arc<Client>, id: &RawValue, outcome: Result<Box<RawValue>, RpcError>) {
        client.answered(id, outcome);
    }

    fn admit(&self, peer: &Peer) -> Result<(), TooMany> {
        self.inner.guard.admit(peer)
    }

    fn has_view(&self, view: &str) -> bool {
        self.inner.rules.load().views.iter().any(|known| known.name == view)
    }
}

impl Inner {
    async fn answer(self: &Arc<Self>, call: &Call) -> Result<Bytes, RpcError> {
        let Some(client) = call.client.clone() else { return stateless::answer(self, call).await };
        let entered = client.enter(&call.id);
        let mut answer = std::pin::pin!(handshake::answer(self, &client, call));
        let answer = poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => entered.mark.poll(cx).map(|()| None),
        });
        answer.await.unwrap_or_else(|| {
            call.trail.taken_back();
            // Nobody reads it: who takes a request back wants no answer (spec: MCP 2025-11-25, cancellation).
            Err(RpcError::new(-32000, "the request was cancelled"))
        })
    }
}
