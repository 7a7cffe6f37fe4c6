//! Updates of resources: one subscription at a server for all who want them (spec: MCP 2025-11-25, resources).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use mcpstore_runtime::StaysAwake;
use mcpstore_transport::{CallError, CallLimits, RpcError, Session, subscribe, unsubscribe};
use mcpstore_types::{Era, ServiceName};
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::Inner;
use crate::client::Client;
use crate::message;

/// The notification of an update.
pub(crate) const UPDATED: &str = "notifications/resources/updated";
/// Resources of which one reader may have updates.
const MAX_OF_ONE: usize = 1024;
/// How long a server may take for a subscription.
const LIMIT: Duration = Duration::from_secs(10);

/// Wants updates of a resource at a server, or wants them no more.
pub(crate) async fn upstream(session: &Arc<dyn Session>, uri: &str, wants: bool) -> Result<(), CallError> {
    let limits = CallLimits::within(LIMIT);
    match (session.server().era, wants) {
        (Era::Handshake, true) => subscribe(session.as_ref(), uri, limits).await,
        (Era::Handshake, false) => unsubscribe(session.as_ref(), uri, limits).await,
        // One listens for all that is wanted of it: see `stateless::upstream`.
        (Era::Stateless, _) => Ok(()),
    }
}

/// Who reads updates.
pub(crate) trait Reader: Send + Sync {
    /// A resource that it asked for changed.
    fn updated(&self, params: &RawValue);

    /// The view that it looks through: what that shows no more is not told either.
    fn view(&self) -> Option<Arc<str>>;
}

impl Reader for Client {
    fn updated(&self, params: &RawValue) {
        self.tell(message::notification(UPDATED, Some(params)));
    }

    fn view(&self) -> Option<Arc<str>> {
        self.peer.view.clone()
    }
}

/// Who wants updates of which resources of which services.
#[derive(Default)]
pub(crate) struct Subscriptions {
    table: Mutex<Table>,
    /// Changes with the table: who listens for a server hears of it.
    changes: watch::Sender<u64>,
}

type Table = BTreeMap<ServiceName, BTreeMap<String, Arc<Subscription>>>;

/// One resource of one service.
#[derive(Default)]
struct Subscription {
    /// By their serial numbers.
    readers: Mutex<BTreeMap<usize, Weak<dyn Reader>>>,
    /// Held while the server is asked, so that it hears things in the order in which they are meant.
    server: Arc<tokio::sync::Mutex<Server>>,
}

/// What a server was asked for.
#[derive(Default)]
struct Server {
    /// The life in which it was asked.
    asked: Option<Weak<dyn Session>>,
    /// It tells of updates only while it is awake.
    awake: Option<StaysAwake>,
    /// This subscription is not in the table any more.
    gone: bool,
}

impl Subscription {
    fn readers(&self) -> MutexGuard<'_, BTreeMap<usize, Weak<dyn Reader>>> {
        lock(&self.readers)
    }
}

impl Subscriptions {
    fn enter(&self, service: &ServiceName, uri: &str) -> Arc<Subscription> {
        let mut table = lock(&self.table);
        Arc::clone(table.entry(service.clone()).or_default().entry(uri.to_owned()).or_default())
    }

    fn find(&self, service: &ServiceName, uri: &str) -> Option<Arc<Subscription>> {
        lock(&self.table).get(service)?.get(uri).cloned()
    }

    fn remove(&self, service: &ServiceName, uri: &str) {
        let mut table = lock(&self.table);
        if let Some(own) = table.get_mut(service) {
            own.remove(uri);
            if own.is_empty() {
                table.remove(service);
            }
        }
    }

    fn of_service(&self, service: &ServiceName) -> Vec<(String, Arc<Subscription>)> {
        let table = lock(&self.table);
        let own = table.get(service).into_iter().flatten();
        own.map(|(uri, subscription)| (uri.clone(), Arc::clone(subscription))).collect()
    }

    fn of_reader(&self, serial: usize) -> Vec<(ServiceName, String)> {
        let table = lock(&self.table);
        let all = table.iter().flat_map(|(service, own)| own.iter().map(move |(uri, one)| (service, uri, one)));
        let own = all.filter(|(_, _, one)| one.readers().contains_key(&serial));
        own.map(|(service, uri, _)| (service.clone(), uri.clone())).collect()
    }

    /// The resources of a service of which anybody wants updates, by their addresses.
    pub(super) fn wanted(&self, service: &ServiceName) -> Vec<String> {
        let own = self.of_service(service).into_iter();
        own.filter(|(_, subscription)| !subscription.readers().is_empty()).map(|(uri, _)| uri).collect()
    }

    /// A receiver that changes when what is wanted may have changed.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Who wants an update of a resource. It may be of a part of what they asked for (spec: MCP 2025-11-25, schema,
    /// `ResourceUpdatedNotificationParams`).
    fn readers(&self, service: &ServiceName, uri: &str) -> impl Iterator<Item = Arc<dyn Reader>> {
        let readers: BTreeMap<usize, Weak<dyn Reader>> = {
            let table = lock(&self.table);
            let own = table.get(service).into_iter().flatten().filter(|(own, _)| is_part(own, uri));
            // Who asked for the whole and for the part hears it once.
            own.flat_map(|(_, subscription)| subscription.readers().clone()).collect()
        };
        readers.into_values().filter_map(|reader| reader.upgrade())
    }
}

impl Inner {
    /// Enters a reader for updates of a resource. The first one has `ask` brought to the server, and its answer; for others
    /// the server was asked already.
    ///
    /// # Errors
    /// What the server says; also when one reader wants too much.
    ///
    /// # Cancel safety
    /// Dropped half-way, the reader is not entered.
    pub(crate) async fn subscribe<A>(
        &self,
        service: &ServiceName,
        uri: &str,
        (serial, reader): (usize, Weak<dyn Reader>),
        ask: A,
    ) -> Result<Bytes, RpcError>
    where
        A: Future<Output = Result<Bytes, RpcError>>,
    {
        if self.subscriptions.of_reader(serial).len() >= MAX_OF_ONE {
            return Err(RpcError::new(-32000, format!("at most {MAX_OF_ONE} resources can be subscribed to at once")));
        }
        let (subscription, mut server) = loop {
            let subscription = self.subscriptions.enter(service, uri);
            let server = Arc::clone(&subscription.server).lock_owned().await;
            if !server.gone {
                break (subscription, server);
            }
        };
        let session = self.session(service);
        let asked = server.asked.as_ref().zip(session.as_ref()).is_some_and(|(asked, now)| asked.ptr_eq(now));
        let answer = if asked { Ok(Bytes::from_static(b"{}")) } else { ask.await };
        match &answer {
            Ok(_) => {
                server.asked = self.session(service);
                server.awake = self.supervisor.stay_awake(service.as_str());
                subscription.readers().insert(serial, reader);
                self.subscriptions.changed();
            }
            Err(_) if subscription.readers().is_empty() => {
                server.gone = true;
                self.subscriptions.remove(service, uri);
            }
            Err(_) => {}
        }
        answer
    }

    /// Takes a reader out. With the last one the server is told; its answer does not matter to anybody.
    pub(crate) async fn unsubscribe(&self, service: &ServiceName, uri: &str, serial: usize) {
        let Some(subscription) = self.subscriptions.find(service, uri) else { return };
        let mut server = subscription.server.lock().await;
        let left = {
            let mut readers = subscription.readers();
            readers.remove(&serial);
            readers.retain(|_, reader| reader.strong_count() > 0);
            readers.len()
        };
        if left > 0 || server.gone {
            return;
        }
        server.awake = None;
        let asked = server.asked.take().and_then(|asked| asked.upgrade());
        if let Some(session) = asked
            && let Err(error) = upstream(&session, uri, false).await
        {
            tracing::debug!(%service, %error, "the server did not end a subscription");
        }
        server.gone = true;
        self.subscriptions.remove(service, uri);
        self.subscriptions.changed();
    }

    /// A resource of a service changed: who wants to hear of it does.
    pub(crate) fn resource_updated(&self, service: &ServiceName, uri: &str, params: &RawValue) {
        let names = self.names.load();
        for reader in self.subscriptions.readers(service, uri) {
            if names.has(reader.view().as_deref(), service) {
                reader.updated(params);
            }
        }
    }

    /// The resources of this reader: every service that has one, and its address.
    pub(crate) fn subscribed(&self, serial: usize) -> Vec<(ServiceName, String)> {
        self.subscriptions.of_reader(serial)
    }

    /// A server began a life: it is asked for what its last one was asked for.
    pub(crate) async fn renew_subscriptions(&self, service: &ServiceName, session: &Arc<dyn Session>) {
        for (uri, subscription) in self.subscriptions.of_service(service) {
            let mut server = subscription.server.lock().await;
            let now = Arc::downgrade(session);
            let asked = server.asked.as_ref().is_some_and(|asked| asked.ptr_eq(&now));
            if asked || server.gone || subscription.readers().is_empty() {
                continue;
            }
            match upstream(session, &uri, true).await {
                Ok(()) => {
                    server.asked = Some(now);
                    server.awake = self.supervisor.stay_awake(service.as_str());
                }
                Err(error) => tracing::debug!(%service, uri, %error, "a subscription could not be renewed"),
            }
        }
    }

    fn session(&self, service: &ServiceName) -> Option<Weak<dyn Session>> {
        self.supervisor.info(service.as_str())?.session().map(Arc::downgrade)
    }
}

/// True when an update of `uri` is one of `own`: of the same resource, or of a part of it.
fn is_part(own: &str, uri: &str) -> bool {
    uri.strip_prefix(own).is_some_and(|rest| rest.is_empty() || own.ends_with('/') || rest.starts_with(['/', '#', '?']))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics half-way under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_resource_is_of_it() {
        for (own, uri, expected) in [
            ("file:///a", "file:///a", true),
            ("file:///a", "file:///a/b", true),
            ("file:///a/", "file:///a/b", true),
            ("file:///a", "file:///a#l3", true),
            ("file:///a", "file:///ab", false),
            ("file:///a/b", "file:///a", false),
        ] {
            assert_eq!(is_part(own, uri), expected, "{own} {uri}");
        }
    }
}
