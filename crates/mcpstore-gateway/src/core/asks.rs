//! Who answers what a server asks: the client for whom it works.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use mcpstore_transport::{RpcError, ServerRequest, ServerRequests};
use mcpstore_types::ServiceName;
use serde_json::value::RawValue;

use super::able::able;
use crate::client::Client;
use crate::outlet::Outlet;

/// Services whose places are kept though nothing is under way there; those of more come and go.
const KEPT: usize = 64;

/// A client of the handshake era that is asked.
#[derive(Clone)]
pub(crate) struct AskClient {
    pub(crate) client: Arc<Client>,
    /// Beside one of its requests; `None`: where what belongs to no request goes.
    pub(crate) outlet: Option<Outlet>,
}

#[async_trait]
impl ServerRequests for AskClient {
    async fn answer(&self, request: ServerRequest) -> Result<Box<RawValue>, RpcError> {
        let hello = self.client.hello.get().ok_or_else(RpcError::no_method)?;
        able(&hello.capabilities, &request)?;
        if request.method == "elicitation/create" {
            self.client.note_elicitation(request.params.as_deref());
        }
        self.client.ask(self.outlet.as_ref(), &request.method, request.params.as_deref()).await
    }
}

/// Requests under way at each service, and who answers for each: what a server asks over a pipe names none of them.
#[derive(Default)]
pub(crate) struct UnderWay {
    next: AtomicU64,
    by_service: Mutex<HashMap<ServiceName, Vec<(u64, Worker)>>>,
    /// The keys of requests that wait for their clients.
    aside: Mutex<BTreeSet<usize>>,
}

/// For whom a server works.
#[derive(Clone)]
pub(crate) struct Worker {
    /// Requests with one key are one client's.
    pub(crate) key: usize,
    pub(crate) asks: Arc<dyn ServerRequests>,
    /// Where notices that belong to no request go, while this is the only client.
    pub(crate) outlet: Outlet,
    /// The client, in the era that has such.
    pub(crate) client: Option<Arc<Client>>,
}

impl UnderWay {
    /// A request goes to a service; it is under way until the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>, service: &ServiceName, worker: Worker) -> Entered {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.by_service).entry(service.clone()).or_default().push((id, worker));
        Entered { table: Arc::clone(self), service: service.clone(), id }
    }

    /// The one client for whom the service works now; `None`: nobody, or more than one. Requests that wait for what their
    /// clients say do not count beside others: their servers wait too.
    pub(crate) fn only(&self, service: &ServiceName) -> Option<Worker> {
        let aside = lock(&self.aside);
        let table = lock(&self.by_service);
        let workers = table.get(service)?;
        let only = |counts: &dyn Fn(&Worker) -> bool| {
            let mut workers = workers.iter().map(|(_, worker)| worker).filter(|worker| counts(worker));
            let first = workers.next()?;
            Some(workers.all(|other| other.key == first.key).then(|| first.clone()))
        };
        only(&|worker| !aside.contains(&worker.key)).or_else(|| only(&|_| true)).flatten()
    }

    /// True when nothing is under way at this service.
    pub(crate) fn is_idle(&self, service: &ServiceName) -> bool {
        lock(&self.by_service).get(service).is_none_or(Vec::is_empty)
    }

    /// The services that work for this client now.
    pub(crate) fn services_of(&self, key: usize) -> Vec<ServiceName> {
        let table = lock(&self.by_service);
        let own = table.iter().filter(|(_, workers)| workers.iter().any(|(_, worker)| worker.key == key));
        own.map(|(service, _)| service.clone()).collect()
    }

    /// The requests of this key wait for their client, until the guard is dropped.
    pub(crate) fn aside(self: &Arc<Self>, key: usize) -> Aside {
        lock(&self.aside).insert(key);
        Aside { table: Arc::clone(self), key }
    }
}

/// Requests that wait for their client.
pub(crate) struct Aside {
    table: Arc<UnderWay>,
    key: usize,
}

impl Drop for Aside {
    fn drop(&mut self) {
        lock(&self.table.aside).remove(&self.key);
    }
}

impl fmt::Debug for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: HashMap<_, _> =
            lock(&self.by_service).iter().map(|(name, workers)| (name.clone(), workers.len())).collect();
        f.debug_tuple("UnderWay").field(&counts).finish()
    }
}

/// A request that is under way.
pub(crate) struct Entered {
    table: Arc<UnderWay>,
    service: ServiceName,
    id: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut table = lock(&self.table.by_service);
        let Some(workers) = table.get_mut(&self.service) else { return };
        let at = workers.iter().position(|(id, _)| *id == self.id);
        let gone = at.map(|at| workers.swap_remove(at));
        if workers.is_empty() && table.len() > KEPT {
            table.remove(&self.service);
        }
        drop(table);
        // What it holds may have something to say at its end.
        drop(gone);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics half-way under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlet::outlet;

    struct Nobody;

    #[async_trait]
    impl ServerRequests for Nobody {
        async fn answer(&self, _: ServerRequest) -> Result<Box<RawValue>, RpcError> {
            Err(RpcError::no_method())
        }
    }

    #[test]
    fn a_server_works_for_one_client_or_it_cannot_be_told() {
        let (table, service) = (Arc::new(UnderWay::default()), ServiceName::new("s").unwrap());
        let enter =
            |key| table.enter(&service, Worker { key, asks: Arc::new(Nobody), outlet: outlet().0, client: None });
        let only = || table.only(&service).map(|worker| worker.key);
        assert_eq!(only(), None);
        let _first = enter(1);
        let _again = enter(1);
        assert_eq!(only(), Some(1));
        let second = enter(2);
        assert_eq!(only(), None);
        let aside = table.aside(1);
        assert_eq!(only(), Some(2));
        // What is asked while nobody else is there belongs to the one that waits.
        drop(second);
        assert_eq!(only(), Some(1));
        let _third = enter(3);
        drop(aside);
        assert_eq!(only(), None);
    }
}
