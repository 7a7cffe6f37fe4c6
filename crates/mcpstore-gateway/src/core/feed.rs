//! What changes, and who is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use mcpstore_runtime::Snapshot;
use mcpstore_transport::{Fed, Notification, Session};
use mcpstore_types::ServiceName;
use serde::Deserialize;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::handshake::{STATUS, status};
use super::known::Known;
use super::levels::Level;
use super::names::Names;
use super::stateless::{ACKNOWLEDGED, unstamped, upstream};
use super::subscribe::UPDATED;
use super::{Inner, Rules};
use crate::client::Client;
use crate::guard::{Guard, HeldBack, Judge};
use crate::message;

/// Clients are told of changed lists no more often than this: twice in a second.
const PAUSE: Duration = Duration::from_millis(500);
/// What happens in such a time makes one new catalog.
const BURST: Duration = Duration::from_millis(20);

/// How many clients are entered before it is looked which of them are still there.
const SWEEP_AT: usize = 64;

/// Everybody with a session.
#[derive(Default)]
pub(crate) struct Clients(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// By serial number.
    clients: BTreeMap<usize, Weak<Client>>,
    /// At how many those that are gone are taken out.
    sweep_at: usize,
}

impl Clients {
    /// One more.
    pub(crate) fn add(&self, client: &Arc<Client>) {
        let mut table = self.table();
        table.clients.insert(client.serial, Arc::downgrade(client));
        if table.clients.len() > table.sweep_at {
            table.clients.retain(|_, known| known.strong_count() > 0);
            table.sweep_at = SWEEP_AT.max(2 * table.clients.len());
        }
    }

    /// The one with this serial number.
    pub(crate) fn find(&self, serial: usize) -> Option<Arc<Client>> {
        self.table().clients.get(&serial)?.upgrade()
    }

    /// True when there is nobody else.
    pub(crate) fn is_alone(&self, client: &Client) -> bool {
        self.table().clients.iter().all(|(serial, known)| *serial == client.serial || known.strong_count() == 0)
    }

    /// All that are still there, in the order in which they came.
    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        self.table().clients.values().filter_map(Weak::upgrade).collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics half-way under this lock: what a poisoned one holds is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows the supervisor: keeps the names as they are now, tells clients when a list changed, and listens to servers.
pub(super) struct Feed {
    versions: watch::Receiver<u64>,
    renewed: Arc<Notify>,
    known: Known,
    judge: Judge,
    held_back: HeldBack,
    heard: BTreeMap<ServiceName, Weak<dyn Session>>,
}

impl Feed {
    /// Listens to nobody yet. Looks again when there is a new version, and when the rules are renewed.
    pub(super) fn new(versions: watch::Receiver<u64>, renewed: Arc<Notify>) -> Self {
        let (known, judge, held_back) = (Known::default(), Judge::default(), HeldBack::default());
        Self { versions, renewed, known, judge, held_back, heard: BTreeMap::new() }
    }

    /// The names at the beginning.
    pub(super) fn first(&mut self, snapshot: &Snapshot, rules: &Rules, guard: &Guard) -> Names {
        self.held_back = self.judge.look_now(guard, snapshot);
        let (sources, _) = self.known.sources(snapshot, &self.held_back, Instant::now());
        Names::new(sources, &rules.views, rules.stale, None)
    }

    /// Goes on until the gateway is gone.
    pub(super) async fn follow(mut self, inner: Weak<Inner>) {
        let Some(mut told) = inner.upgrade().map(|inner| inner.names.load_full()) else { return };
        let mut quiet_until = Instant::now();
        loop {
            let again = {
                let Some(inner) = inner.upgrade() else { return };
                let snapshot = inner.supervisor.snapshot();
                // Before anybody sees them.
                self.held_back = self.judge.look(&inner.guard, &snapshot).await;
                let mut again = self.renew(&inner, &snapshot);
                self.hear(&inner, &snapshot);
                inner.prune_instances(&snapshot);
                let (names, now) = (inner.names.load_full(), Instant::now());
                if now < quiet_until {
                    again = Some(again.map_or(quiet_until, |again| again.min(quiet_until)));
                } else if tell_of_changes(&inner, &names, &told) {
                    quiet_until = now + PAUSE;
                    told = names;
                }
                again
            };
            sleep(BURST).await;
            let later = async move {
                match again {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.versions.changed() => if changed.is_err() { return },
                () = self.renewed.notified() => {}
                () = later => {}
            }
        }
    }

    /// Makes the names anew. Says when to do so again, though nothing else happens.
    fn renew(&mut self, inner: &Inner, snapshot: &Snapshot) -> Option<Instant> {
        let (sources, again) = self.known.sources(snapshot, &self.held_back, Instant::now());
        let rules = inner.rules.load();
        let before = inner.names.load_full();
        inner.names.store(Arc::new(Names::new(sources, &rules.views, rules.stale, Some(&before))));
        inner.names_of.send_replace(snapshot.version);
        again
    }

    /// Listens to servers that began to answer.
    fn hear(&mut self, inner: &Arc<Inner>, snapshot: &Snapshot) {
        self.heard.retain(|_, session| session.strong_count() > 0);
        for info in snapshot.services() {
            let Some(session) = info.session() else { continue };
            let known = self.heard.get(info.name()).is_some_and(|known| known.ptr_eq(&Arc::downgrade(session)));
            if !known {
                self.heard.insert(info.name().clone(), Arc::downgrade(session));
                tokio::spawn(listen(Arc::downgrade(inner), info.name().clone(), Arc::downgrade(session)));
            }
        }
    }
}

/// Tells each client whose lists are not what they were; false when nothing differs for anybody.
fn tell_of_changes(inner: &Inner, now: &Names, before: &Names) -> bool {
    let mut changed: BTreeMap<Option<Arc<str>>, [bool; 4]> = BTreeMap::new();
    changed.insert(None, now.changed(None, before));
    for client in inner.clients.all() {
        let view = client.peer.view.clone();
        let own = changed.entry(view).or_insert_with_key(|view| now.changed(view.as_deref(), before));
        for method in told(*own) {
            client.tell(message::notification(method, None));
        }
    }
    for listener in inner.stateless.listeners.all() {
        let view = listener.view.clone();
        let own = changed.entry(view).or_insert_with_key(|view| now.changed(view.as_deref(), before));
        told(*own).for_each(|method| listener.changed(method));
    }
    changed.values().any(|changed| changed.contains(&true))
}

/// What a client is told when these lists changed: templates have no word of their own.
fn told(changed: [bool; 4]) -> impl Iterator<Item = &'static str> {
    let [tools, prompts, resources, templates] = changed;
    let all = [
        (tools, "notifications/tools/list_changed"),
        (prompts, "notifications/prompts/list_changed"),
        (resources || templates, "notifications/resources/list_changed"),
    ];
    all.into_iter().filter(|(changed, _)| *changed).map(|(_, method)| method)
}

/// Passes on what a server tells beside its answers, until its conversation ends.
async fn listen(inner: Weak<Inner>, service: ServiceName, session: Weak<dyn Session>) {
    let Some(mut feed) = session.upgrade().map(|session| session.notices()) else { return };
    if let (Some(inner), Some(session)) = (inner.upgrade(), session.upgrade()) {
        let service = service.clone();
        tokio::spawn(async move {
            // What its last life knew, this one does not.
            inner.tell_level(&service).await;
            inner.renew_subscriptions(&service, &session).await;
            upstream::follow(&inner, &service, &session).await;
        });
    }
    while let Some(fed) = feed.next().await {
        let Some(inner) = inner.upgrade() else { return };
        match fed {
            Fed::Notice(notice) => inner.heard(&service, &notice),
            Fed::Missed(missed) => tracing::warn!(%service, missed, "notifications were lost: they came too fast"),
        }
    }
}

impl Inner {
    /// A server tells something that belongs to no request.
    fn heard(&self, service: &ServiceName, notice: &Notification) {
        let params = notice.params.as_deref();
        match &*notice.method {
            // The lists are compared when they were listed again.
            method if method.ends_with("/list_changed") => {}
            UPDATED => {
                #[derive(Deserialize)]
                struct Updated {
                    uri: String,
                }
                if let Some(params) = params
                    && let Ok(Updated { uri }) = serde_json::from_str(params.get())
                {
                    self.resource_updated(service, &uri, &unstamped(params));
                }
            }
            // It is ours alone that was acknowledged.
            ACKNOWLEDGED => {}
            STATUS => {
                if let Some(params) = params {
                    status(self, service, params);
                }
            }
            "notifications/elicitation/complete" => {
                let message = message::notification(&notice.method, params);
                for client in self.clients_of(service).into_iter().filter(|client| client.was_elicited(params)) {
                    client.tell(message.clone());
                }
            }
            "notifications/message" => {
                let level = Level::of_message(params);
                self.spread(service, notice, |client| self.wants_log(client, level));
            }
            _ => self.spread(service, notice, |_| true),
        }
    }

    /// Over a pipe nothing ties it to a request: it is for the one client that the server works for, or else for all that
    /// see the service.
    fn spread(&self, service: &ServiceName, notice: &Notification, wants: impl Fn(&Client) -> bool) {
        let message = message::notification(&notice.method, notice.params.as_deref());
        let Some(worker) = self.under_way.only(service) else {
            for client in self.clients_of(service).into_iter().filter(|client| wants(client)) {
                client.tell(message.clone());
            }
            return;
        };
        if worker.client.as_deref().is_none_or(wants) {
            worker.outlet.push(message);
        }
    }

    /// The clients that see a service; of an instance the one that has it.
    pub(super) fn clients_of(&self, service: &ServiceName) -> Vec<Arc<Client>> {
        if let Some(owner) = self.instances.owner(service) {
            return if owner.over.is_cancelled() { Vec::new() } else { vec![owner] };
        }
        let names = self.names.load();
        let mut clients = self.clients.all();
        clients.retain(|client| !client.over.is_cancelled() && names.has(client.view(), service));
        clients
    }
}
