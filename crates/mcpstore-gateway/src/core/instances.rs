//! Services of which each client has its own: over a pipe nothing ties what a server asks or says to one of several
//! clients, so a server that does such things works for one client alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use mcpstore_runtime::{CommandError, Rejection, ServiceInfo, Snapshot, Target};
use mcpstore_transport::RpcError;
use mcpstore_types::{Desired, Era, Isolation, Phase, ServiceName, ServiceSpec, StopKind, TransportSpec};
use serde_json::json;
use serde_json::value::to_raw_value;
use tokio::sync::OnceCell;

use super::Inner;
use crate::client::Client;

/// Instances of one service at once.
pub(crate) const MAX_INSTANCES: usize = 16;
/// There is no more room.
const TOO_MANY: i64 = -32003;
/// Numbers that are tried before it is given up: others may have such names.
const TRIES: u64 = 64;

/// Places that are kept before it is looked which of them are still wanted.
const SWEEP_AT: usize = 1024;

/// Who has which instance.
#[derive(Default)]
pub(crate) struct Instances {
    table: Mutex<Table>,
    /// Services whose servers asked for something that only a client can do.
    asking: Mutex<BTreeSet<ServiceName>>,
}

#[derive(Default)]
struct Table {
    /// What a client was given for a service at its first use of it: by its serial number.
    places: BTreeMap<(usize, ServiceName), Place>,
    /// At how many places those of clients that are gone are forgotten.
    sweep_at: usize,
    /// The last number of each service.
    numbers: BTreeMap<ServiceName, u64>,
}

impl Table {
    /// Forgets clients that are gone and had nothing of their own, once there may be many of them.
    fn sweep(&mut self) {
        if self.places.len() < self.sweep_at {
            return;
        }
        self.places.retain(|_, place| match place {
            Place::Shared(client) => client.strong_count() > 0,
            // These go with the instance.
            Place::Own(_) => true,
        });
        self.sweep_at = SWEEP_AT.max(2 * self.places.len());
    }
}

#[derive(Clone)]
enum Place {
    /// The one for all. Whoever began there stays: what it did there is there.
    Shared(Weak<Client>),
    /// One of its own.
    Own(Arc<Own>),
}

/// An instance, once it was made.
struct Own {
    client: Weak<Client>,
    /// What it was made of.
    base: Arc<ServiceSpec>,
    name: OnceCell<ServiceName>,
}

impl Instances {
    /// The server of a service asked for sampling, elicitation or roots without saying for which request.
    pub(crate) fn note_asking(&self, service: &ServiceName) {
        lock(&self.asking).insert(service.clone());
    }

    fn asks(&self, service: &ServiceName) -> bool {
        lock(&self.asking).contains(service)
    }

    /// The client whose own this instance is; `None`: it is none, or its client is gone.
    pub(crate) fn owner(&self, instance: &ServiceName) -> Option<Arc<Client>> {
        let table = lock(&self.table);
        let owns = |place: &Place| match place {
            Place::Own(own) if own.name.get() == Some(instance) => own.client.upgrade(),
            Place::Own(_) | Place::Shared(_) => None,
        };
        table.places.values().find_map(owns)
    }

    /// All that there are.
    pub(crate) fn all(&self) -> Vec<ServiceName> {
        let table = lock(&self.table);
        let names = table.places.values().filter_map(|place| match place {
            Place::Own(own) => own.name.get().cloned(),
            Place::Shared(_) => None,
        });
        names.collect()
    }

    /// What a client uses in the place of a service; the service itself, unless it has its own.
    pub(crate) fn of(&self, serial: usize, service: ServiceName) -> ServiceName {
        let own = match lock(&self.table).places.get(&(serial, service.clone())) {
            Some(Place::Own(own)) => own.name.get().cloned(),
            Some(Place::Shared(_)) | None => None,
        };
        own.unwrap_or(service)
    }

    /// The place of a client, made at its first use of the service.
    fn place(&self, client: &Arc<Client>, base: &ServiceInfo, own: bool) -> Result<Place, RpcError> {
        let mut table = lock(&self.table);
        let key = (client.serial, base.name().clone());
        if let Some(place) = table.places.get(&key) {
            return Ok(place.clone());
        }
        let place = if own {
            let theirs = |((_, service), place): &(&(usize, ServiceName), &Place)| {
                service == base.name() && matches!(place, Place::Own(_))
            };
            if table.places.iter().filter(theirs).count() >= MAX_INSTANCES {
                return Err(too_many(base.name()));
            }
            let (client, base) = (Arc::downgrade(client), Arc::clone(&base.spec));
            Place::Own(Arc::new(Own { client, base, name: OnceCell::new() }))
        } else {
            Place::Shared(Arc::downgrade(client))
        };
        table.sweep();
        table.places.insert(key, place.clone());
        Ok(place)
    }

    fn holds(&self, serial: usize, own: &Arc<Own>) -> bool {
        let table = lock(&self.table);
        let place = table.places.get(&(serial, own.base.name.clone()));
        matches!(place, Some(Place::Own(there)) if Arc::ptr_eq(there, own))
    }

    fn next_number(&self, service: &ServiceName) -> u64 {
        let mut table = lock(&self.table);
        let number = table.numbers.entry(service.clone()).or_default();
        *number += 1;
        *number
    }

    /// Takes out the places for which this holds; returns the instances among them.
    fn remove(&self, gone: impl Fn(usize, &ServiceName, Option<&Own>) -> bool) -> Vec<ServiceName> {
        let mut names = Vec::new();
        lock(&self.table).places.retain(|(serial, service), place| {
            let own = match &*place {
                Place::Own(own) => Some(own.as_ref()),
                Place::Shared(_) => None,
            };
            let goes = gone(*serial, service, own);
            names.extend(own.and_then(|own| own.name.get().cloned()).filter(|_| goes));
            !goes
        });
        names
    }
}

/// Whether a client of its session gets its own of this service.
fn is_own(info: &ServiceInfo, asks: bool) -> bool {
    let era = info.server.as_ref().or(info.known.as_ref().map(|known| &known.server)).map(|server| server.era);
    let piped = matches!(info.spec.transport, TransportSpec::Stdio(_));
    isolates(info.spec.isolation, piped, era, asks)
}

/// The same, by what counts: the policy; whether the server is reached over a pipe, in which era, and whether it ever asked
/// for what only a client can do.
fn isolates(isolation: Isolation, piped: bool, era: Option<Era>, asks: bool) -> bool {
    match isolation {
        Isolation::Shared => false,
        Isolation::PerSession => true,
        Isolation::Auto => piped && asks && matches!(era, Some(Era::Handshake)),
    }
}

/// A user wants none of it.
fn is_stopped(info: &ServiceInfo) -> bool {
    let by_hand = matches!(info.status.phase, Phase::Stopped { kind: StopKind::ByUser | StopKind::ByConfig });
    info.leaving || (by_hand && matches!(info.status.desired, Desired::Down))
}

impl Inner {
    /// The service that a request of this client goes to: this one, or the client's own instance of it, which is made at the
    /// first use.
    ///
    /// # Errors
    /// -32003 when the service has as many instances as it may have; -32001 when none can be made.
    ///
    /// # Cancel safety
    /// Dropped, what was begun is there for the next request.
    pub(crate) async fn service_for(
        self: &Arc<Self>,
        client: &Arc<Client>,
        service: ServiceName,
    ) -> Result<ServiceName, RpcError> {
        // What is wrong with a service that is gone, or that a user stopped, the call says.
        let Some(base) = self.supervisor.info(service.as_str()) else { return Ok(service) };
        if base.spec.instance_of.is_some() || is_stopped(&base) {
            return Ok(service);
        }
        let place = self.instances.place(client, &base, is_own(&base, self.instances.asks(&service)))?;
        let Place::Own(own) = place else { return Ok(service) };
        match own.name.get() {
            Some(name) => Ok(name.clone()),
            None => Box::pin(self.own_instance(client, own)).await,
        }
    }

    /// Makes the instance of a client.
    async fn own_instance(self: &Arc<Self>, client: &Arc<Client>, own: Arc<Own>) -> Result<ServiceName, RpcError> {
        // Goes on when the client takes the request back: half of it would leave an instance of nobody.
        let (inner, client) = (Arc::clone(self), Arc::clone(client));
        let made = tokio::spawn(async move {
            let name = own.name.get_or_try_init(|| inner.make_instance(&own.base)).await?.clone();
            inner.watch_over(&client);
            if client.over.is_cancelled() || !inner.instances.holds(client.serial, &own) {
                // What it was made for went meanwhile, and was tidied up after before this was there.
                inner.remove_instance(&name).await;
                return Err(not_made(&own.base.name, "its client or its service is gone"));
            }
            Ok(name)
        });
        made.await.map_err(|_| RpcError::new(-32603, "an instance could not be made"))?
    }

    async fn make_instance(&self, base: &ServiceSpec) -> Result<ServiceName, RpcError> {
        for _ in 0..TRIES {
            let number = self.instances.next_number(&base.name);
            let name = instance_name(&base.name, number).ok_or_else(|| not_made(&base.name, "its name is too long"))?;
            let spec = ServiceSpec {
                name: name.clone(),
                instance_of: Some(base.name.clone()),
                // What its client did in it is worth more than the memory; it goes with its client.
                idle_stop: None,
                ..base.clone()
            };
            match self.supervisor.add(vec![spec]).await {
                Ok(_) => {}
                // Somebody has a service of that name.
                Err(CommandError::Rejected(Rejection::Exists { .. } | Rejection::Refused { .. })) => continue,
                Err(error) => return Err(not_made(&base.name, &error.to_string())),
            }
            let started = self.supervisor.start(Target::from(name.clone())).await;
            let refused = match started {
                Ok(reply) => reply.refused.into_iter().next().map(|(_, why)| why.to_string()),
                Err(error) => Some(error.to_string()),
            };
            return match refused {
                None => Ok(name),
                Some(why) => {
                    self.remove_instance(&name).await;
                    Err(not_made(&base.name, &why))
                }
            };
        }
        Err(not_made(&base.name, "its names are taken"))
    }

    /// A client goes: what it had for itself goes with it.
    pub(super) async fn let_instances_go(&self, serial: usize) {
        for name in self.instances.remove(|own, _, _| own == serial) {
            self.remove_instance(&name).await;
        }
    }

    /// Instances of what is gone, was changed, or was stopped by a user go too. The client's next use makes another one, where
    /// there can be one.
    pub(super) fn prune_instances(self: &Arc<Self>, snapshot: &Snapshot) {
        let gone = self.instances.remove(|_, service, own| match (snapshot.get(service.as_str()), own) {
            (None, _) => true,
            (Some(base), Some(own)) => is_stopped(base) || !Arc::ptr_eq(&own.base, &base.spec),
            (Some(_), None) => false,
        });
        for name in gone {
            let inner = Arc::clone(self);
            tokio::spawn(async move { inner.remove_instance(&name).await });
        }
    }

    async fn remove_instance(&self, name: &ServiceName) {
        self.levels.forget(name);
        if let Err(error) = self.supervisor.stop_and_remove(Target::from(name.clone()), false).await {
            tracing::debug!(service = %name, %error, "an instance could not be removed");
        }
    }
}

/// `service@N`; a long name gives way to the number.
fn instance_name(service: &ServiceName, number: u64) -> Option<ServiceName> {
    let tail = format!("@{number}");
    let room = ServiceName::MAX_LEN.checked_sub(tail.len())?;
    let head: String = service.as_str().chars().take(room).collect();
    ServiceName::new(format!("{head}{tail}")).ok()
}

fn too_many(service: &ServiceName) -> RpcError {
    let data = json!({ "service": service, "kind": "too_many_instances", "most": MAX_INSTANCES });
    let message = format!(
        "service `{service}` has {MAX_INSTANCES} instances, one for each of as many clients, and may have no more"
    );
    RpcError { code: TOO_MANY, message, data: to_raw_value(&data).ok() }
}

fn not_made(service: &ServiceName, why: &str) -> RpcError {
    let data = json!({ "service": service, "kind": "no_instance" });
    let message = format!("no instance of service `{service}` could be made for this client: {why}");
    RpcError { code: -32001, message, data: to_raw_value(&data).ok() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics half-way under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_itself_only_a_server_over_a_pipe_that_asks_clients_is_isolated() {
        let asking = Some(Era::Handshake);
        assert!(isolates(Isolation::Auto, true, asking, true));
        for (piped, era, asks) in
            [(false, asking, true), (true, Some(Era::Stateless), true), (true, None, true), (true, asking, false)]
        {
            assert!(!isolates(Isolation::Auto, piped, era, asks), "{piped} {era:?} {asks}");
        }
        assert!(isolates(Isolation::PerSession, false, None, false));
        assert!(!isolates(Isolation::Shared, true, asking, true));
    }

    #[test]
    fn an_instance_is_named_after_its_service_however_long() {
        let named = |name: &str, number| instance_name(&ServiceName::new(name).unwrap(), number).unwrap();
        assert_eq!(named("fs", 3).as_str(), "fs@3");
        let long = "x".repeat(ServiceName::MAX_LEN);
        let name = named(&long, 12);
        assert!(name.as_str().ends_with("x@12") && name.as_str().len() == ServiceName::MAX_LEN);
    }
}
