//! What changes, and who is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use mcpstore_transport::{Fed, Session};
use mcpstore_types::ServiceName;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::sleep;

use super::Inner;
use super::names::{ListKind, Names};
use crate::client::Client;
use crate::message;

/// Clients are told of changed lists no more often than this.
const PAUSE: Duration = Duration::from_millis(100);

/// Everybody with a session.
#[derive(Default)]
pub(crate) struct Clients(Mutex<Vec<Weak<Client>>>);

impl Clients {
    /// One more.
    pub(crate) fn add(&self, client: &Arc<Client>) {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|known| known.strong_count() > 0);
        clients.push(Arc::downgrade(client));
    }

    /// All that are still there.
    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect()
    }
}

/// Follows the supervisor: keeps the names as they are now, tells clients when a list changed, and listens to servers.
pub(crate) async fn follow(inner: Weak<Inner>, mut versions: watch::Receiver<u64>) {
    let mut heard: BTreeMap<ServiceName, Weak<dyn Session>> = BTreeMap::new();
    loop {
        {
            let Some(inner) = inner.upgrade() else { return };
            let snapshot = inner.supervisor.snapshot();
            let names = Names::of(&snapshot, &inner.views.load());
            let before = inner.names.swap(Arc::new(names));
            let now = inner.names.load();
            let changed = [
                (ListKind::Tools, "notifications/tools/list_changed"),
                (ListKind::Prompts, "notifications/prompts/list_changed"),
                (ListKind::Resources, "notifications/resources/list_changed"),
                (ListKind::Templates, "notifications/resources/list_changed"),
            ];
            let mut told = "";
            for (kind, method) in changed {
                if method != told && before.list(kind, false) != now.list(kind, false) {
                    told = method;
                    let message = message::notification(method, None);
                    inner.clients.all().iter().for_each(|client| drop(client.tell(message.clone())));
                }
            }
            for info in snapshot.services() {
                let Some(session) = info.session() else { continue };
                let known = heard.get(info.name()).is_some_and(|known| known.ptr_eq(&Arc::downgrade(session)));
                if !known {
                    heard.insert(info.name().clone(), Arc::downgrade(session));
                    tokio::spawn(listen(Arc::downgrade(&inner), info.name().clone(), Arc::downgrade(session)));
                }
            }
        }
        sleep(PAUSE).await;
        if versions.changed().await.is_err() {
            return;
        }
    }
}

/// Passes on what a server tells beside its answers, until its conversation ends.
async fn listen(inner: Weak<Inner>, service: ServiceName, session: Weak<dyn Session>) {
    let Some(mut feed) = session.upgrade().map(|session| session.notices()) else { return };
    while let Some(fed) = feed.next().await {
        let Some(inner) = inner.upgrade() else { return };
        let Fed::Notice(notice) = fed else { continue };
        let message = message::notification(&notice.method, notice.params.as_deref());
        match &*notice.method {
            // The lists are compared when they were listed again.
            method if method.ends_with("/list_changed") => {}
            "notifications/resources/updated" => {
                #[derive(Deserialize)]
                struct Updated {
                    uri: String,
                }
                let params = notice.params.as_deref().and_then(|params| serde_json::from_str(params.get()).ok());
                let Some(Updated { uri }) = params else { continue };
                let clients = inner.clients.all();
                clients
                    .iter()
                    .filter(|client| client.wants(&uri))
                    .for_each(|client| drop(client.tell(message.clone())));
            }
            // Over a pipe nothing ties it to a request: it is for the one client that the server works for.
            _ => match inner.under_way.only(&service) {
                Some(worker) => drop(worker.outlet.push(message)),
                None => inner.clients.all().iter().for_each(|client| drop(client.tell(message.clone()))),
            },
        }
    }
}
