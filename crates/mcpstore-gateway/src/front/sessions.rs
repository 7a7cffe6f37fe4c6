//! The sessions of clients: bound to who began them, bounded in number, forgotten when nobody uses them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::time::Instant;

use super::legacy::Lane;
use super::limits::Limits;
use super::replay::Replay;
use super::resume::Streams;
use super::stats::Counters;
use crate::client::Client;
use crate::guard::audit::session_tag;
use crate::seam::Peer;

/// Bytes of chance in the id of a session.
const ID_BYTES: usize = 32;

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    /// The client that it is of.
    pub(crate) client: Arc<Client>,
    /// The stream that it is bound to, when it is one of 2024-11-05.
    pub(crate) lane: Option<Lane>,
    /// What was written to its stream last.
    pub(crate) replay: Arc<Mutex<Replay>>,
    /// Its answers that can be resumed; `None` where none can.
    pub(crate) streams: Option<Arc<Streams>>,
    /// Requests and streams that use it now.
    users: AtomicUsize,
    /// When it was used last, in milliseconds since the table was made.
    used_ms: AtomicU64,
    /// The same, as far as its principal's list knows; changed under the lock of the table.
    listed_ms: AtomicU64,
}

/// All sessions of a front.
#[derive(Debug)]
pub(crate) struct Sessions {
    table: Mutex<Table>,
    limits: Limits,
    began: Instant,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Table {
    by_id: BTreeMap<Arc<str>, Arc<Session>>,
    /// Those of each principal, by when they were used last. A use is not noted here at once, but when somebody looks for the
    /// longest unused one: so neither a use nor such a look walks over all.
    of_principal: BTreeMap<Arc<str>, BTreeSet<(u64, Arc<str>)>>,
}

impl Table {
    fn count_of(&self, principal: &str) -> usize {
        self.of_principal.get(principal).map_or(0, BTreeSet::len)
    }

    fn insert(&mut self, id: Arc<str>, session: Arc<Session>) {
        let own = self.of_principal.entry(Arc::clone(&session.client.peer.principal)).or_default();
        own.insert((session.listed_ms.load(Ordering::Relaxed), Arc::clone(&id)));
        self.by_id.insert(id, session);
    }

    fn remove(&mut self, id: &str) -> Option<Arc<Session>> {
        let (id, session) = self.by_id.remove_entry(id)?;
        let principal = &session.client.peer.principal;
        if let Some(own) = self.of_principal.get_mut(principal) {
            own.remove(&(session.listed_ms.load(Ordering::Relaxed), id));
            if own.is_empty() {
                self.of_principal.remove(principal);
            }
        }
        Some(session)
    }

    /// The longest unused session, of one principal or of all; `None` when all are in use.
    fn oldest(&mut self, principal: Option<&str>, now_ms: u64) -> Option<Arc<str>> {
        let Self { by_id, of_principal } = self;
        let is_meant = |known: &Arc<str>| principal.is_none_or(|principal| **known == *principal);
        let lists = of_principal.iter_mut().filter(|(known, _)| is_meant(known));
        lists.filter_map(|(_, own)| oldest_of(own, by_id, now_ms)).min().map(|(_, id)| id)
    }
}

/// The longest unused session of a list, and when it was used. Those that were used since they were listed are listed anew on
/// the way.
fn oldest_of(
    own: &mut BTreeSet<(u64, Arc<str>)>,
    by_id: &BTreeMap<Arc<str>, Arc<Session>>,
    now_ms: u64,
) -> Option<(u64, Arc<str>)> {
    let mut in_use = Vec::new();
    let mut oldest = None;
    while oldest.is_none()
        && let Some((listed, id)) = own.pop_first()
    {
        let Some(session) = by_id.get(&id) else { continue };
        let is_used = session.users.load(Ordering::Acquire) > 0;
        let used = if is_used { now_ms } else { session.used_ms.load(Ordering::Relaxed) };
        session.listed_ms.store(used, Ordering::Relaxed);
        if is_used {
            in_use.push((used, id));
        } else {
            own.insert((used, Arc::clone(&id)));
            oldest = Some((used, id)).filter(|_| used <= listed);
        }
    }
    own.extend(in_use);
    oldest
}

/// There is no room for another session, and none that could go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Sessions {
    /// No sessions yet.
    pub(crate) fn new(limits: &Limits, counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Self { table: Mutex::default(), limits: limits.clone(), began: Instant::now(), counters })
    }

    /// Begins a session, in the place of the longest unused one when there is no room.
    ///
    /// # Errors
    /// [`Full`] when all are in use.
    pub(crate) fn begin(self: &Arc<Self>, client: Arc<Client>, lane: Option<Lane>) -> Result<(Arc<str>, InUse), Full> {
        let id = fresh_id().ok_or(Full)?;
        // A client with two sessions keeps the tag of the first.
        let _ = client.tag.set(session_tag(&id));
        let now = self.now_ms();
        let mut gone = None;
        let principal = Arc::clone(&client.peer.principal);
        let mut table = self.table();
        let of_its_own = table.count_of(&principal) < self.limits.sessions_per_principal;
        if !of_its_own || table.by_id.len() >= self.limits.sessions {
            let oldest = table.oldest(Some(&*principal).filter(|_| !of_its_own), now);
            let Some(session) = oldest.and_then(|oldest| table.remove(&oldest)) else {
                drop(table);
                self.counters.sessions_refused_total.up();
                return Err(Full);
            };
            if self.is_expired(&session, now) {
                self.counters.sessions_expired_total.up();
            } else {
                self.counters.sessions_evicted_total.up();
            }
            self.counters.sessions.down();
            gone = Some(session);
        }
        let session = Arc::new(Session {
            streams: Streams::new(&self.limits, &client.over),
            client,
            lane,
            replay: Arc::default(),
            users: AtomicUsize::new(0),
            used_ms: AtomicU64::new(now),
            listed_ms: AtomicU64::new(now),
        });
        // In use before anybody else can see it, so that it is not chosen to go meanwhile.
        let used = InUse::new(self, Arc::clone(&session));
        table.insert(Arc::clone(&id), session);
        drop(table);
        if let Some(gone) = gone {
            gone.end();
        }
        self.counters.sessions.up();
        self.counters.sessions_total.up();
        Ok((id, used))
    }

    /// The session with this id, in use until what comes back is dropped. `None` also when it is of somebody else.
    pub(crate) fn find(self: &Arc<Self>, id: &str, peer: &Peer) -> Option<InUse> {
        self.with(id, |session| session.lane.is_none() && session.client.peer == *peer)
    }

    /// The session of 2024-11-05 with this id. Its view is that of its stream.
    pub(crate) fn find_legacy(self: &Arc<Self>, id: &str, principal: &str) -> Option<InUse> {
        self.with(id, |session| session.lane.is_some() && *session.client.peer.principal == *principal)
    }

    fn with(self: &Arc<Self>, id: &str, may: impl FnOnce(&Session) -> bool) -> Option<InUse> {
        let table = self.table();
        let session = table.by_id.get(id)?;
        if self.is_expired(session, self.now_ms()) {
            return None;
        }
        if !may(session) {
            self.counters.sessions_foreign_total.up();
            return None;
        }
        // Counted under the lock, so that it is not chosen to go meanwhile.
        Some(InUse::new(self, Arc::clone(session)))
    }

    /// Ends a session: all that is done for it ends.
    pub(crate) fn end(&self, id: &str) {
        let session = self.table().remove(id);
        if let Some(session) = session {
            self.counters.sessions.down();
            session.end();
        }
    }

    /// Forgets what nobody uses any more.
    pub(crate) fn sweep(&self) {
        let gone = self.expired(&mut self.table(), self.now_ms());
        gone.iter().for_each(|session| session.end());
    }

    /// Ends them all.
    pub(crate) fn end_all(&self) {
        let all = std::mem::take(&mut *self.table());
        for session in all.by_id.values() {
            self.counters.sessions.down();
            session.end();
        }
    }

    /// Takes out what nobody used for long.
    fn expired(&self, table: &mut Table, now_ms: u64) -> Vec<Arc<Session>> {
        let expired = table.by_id.iter().filter(|(_, session)| self.is_expired(session, now_ms));
        let ids: Vec<_> = expired.map(|(id, _)| Arc::clone(id)).collect();
        for _ in &ids {
            self.counters.sessions_expired_total.up();
            self.counters.sessions.down();
        }
        ids.iter().filter_map(|id| table.remove(id)).collect()
    }

    fn is_expired(&self, session: &Session, now_ms: u64) -> bool {
        let unused = now_ms.saturating_sub(session.used_ms.load(Ordering::Relaxed));
        session.users.load(Ordering::Acquire) == 0 && Duration::from_millis(unused) >= self.limits.session_idle
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics half-way under this lock: what a poisoned one holds is whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn end(&self) {
        self.client.end();
        self.client.set_main(None);
        if let Some(streams) = &self.streams {
            streams.end();
        }
    }
}

/// A session while it is used: it does not go meanwhile, unless somebody ends it.
#[derive(Debug)]
pub(crate) struct InUse {
    sessions: Arc<Sessions>,
    session: Arc<Session>,
}

impl InUse {
    fn new(sessions: &Arc<Sessions>, session: Arc<Session>) -> Self {
        session.users.fetch_add(1, Ordering::AcqRel);
        Self { sessions: Arc::clone(sessions), session }
    }
}

impl std::ops::Deref for InUse {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.session.used_ms.store(self.sessions.now_ms(), Ordering::Relaxed);
        self.session.users.fetch_sub(1, Ordering::AcqRel);
    }
}

/// 256 bits of chance as text; `None` when the system gives none. The source is the one of TLS: it is there on every
/// system.
fn fresh_id() -> Option<Arc<str>> {
    let mut bytes = [0; ID_BYTES];
    rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(principal: &str, view: Option<&str>) -> Peer {
        Peer { principal: principal.into(), view: view.map(Into::into) }
    }

    fn client(principal: &str) -> Arc<Client> {
        Arc::new(Client::new(peer(principal, None)))
    }

    fn table(sessions: usize, sessions_per_principal: usize) -> (Arc<Sessions>, Arc<Counters>) {
        let counters = Arc::new(Counters::default());
        let limits = Limits { sessions, sessions_per_principal, ..Limits::default() };
        (Sessions::new(&limits, Arc::clone(&counters)), counters)
    }

    #[tokio::test]
    async fn a_session_is_of_who_began_it() {
        let (sessions, counters) = table(10, 10);
        let (id, _) = sessions.begin(client("a"), None).unwrap();
        assert_eq!(id.len(), 43);
        assert!(sessions.find(&id, &peer("a", None)).is_some());
        assert!(sessions.find(&id, &peer("b", None)).is_none());
        assert!(sessions.find(&id, &peer("a", Some("v"))).is_none());
        assert!(sessions.find_legacy(&id, "a").is_none());
        assert!(sessions.find("x", &peer("a", None)).is_none());
        assert_eq!(counters.read().sessions_foreign_total, 3);
        let client = Arc::clone(&sessions.find(&id, &peer("a", None)).unwrap().client);
        sessions.end(&id);
        assert!(client.over.is_cancelled() && sessions.find(&id, &peer("a", None)).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_unused_goes_and_what_is_used_stays() {
        let (sessions, counters) = table(3, 2);
        let (first, kept) = sessions.begin(client("a"), None).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let (second, _) = sessions.begin(client("a"), None).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        // One principal has no more than its share, whatever room there is.
        let (third, _) = sessions.begin(client("a"), None).unwrap();
        assert!(sessions.find(&second, &peer("a", None)).is_none());
        assert!(sessions.find(&first, &peer("a", None)).is_some() && sessions.find(&third, &peer("a", None)).is_some());
        let (_, used) = sessions.begin(client("b"), None).unwrap();
        // The table is full: the one that nobody uses goes, though it is of another.
        let (_, also) = sessions.begin(client("c"), None).unwrap();
        assert!(sessions.find(&third, &peer("a", None)).is_none());
        assert_eq!(sessions.begin(client("d"), None).unwrap_err(), Full);
        drop((kept, used, also));
        assert!(sessions.begin(client("d"), None).is_ok());
        let seen = counters.read();
        assert_eq!((seen.sessions, seen.sessions_evicted_total, seen.sessions_refused_total), (3, 3, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_use_counts_whenever_it_was() {
        let (sessions, _) = table(3, 3);
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(sessions.begin(client("a"), None).unwrap().0);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        // The second is the longest unused one, and then the third, though the first was begun before them.
        drop(sessions.find(&ids[0], &peer("a", None)).unwrap());
        for gone in [1, 2, 0] {
            tokio::time::advance(Duration::from_secs(1)).await;
            drop(sessions.begin(client("a"), None).unwrap());
            let left = [0, 1, 2].map(|n| sessions.table().by_id.contains_key(&ids[n]));
            assert!(!left[gone], "{gone} {left:?}");
        }
        let table = sessions.table();
        assert_eq!((table.by_id.len(), table.count_of("a")), (3, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_uses_is_forgotten() {
        let (sessions, counters) = table(10, 10);
        let began = client("a");
        let (id, used) = sessions.begin(Arc::clone(&began), None).unwrap();
        tokio::time::advance(Duration::from_secs(31 * 60)).await;
        sessions.sweep();
        assert!(!began.over.is_cancelled());
        drop(used);
        tokio::time::advance(Duration::from_secs(29 * 60)).await;
        assert!(sessions.find(&id, &peer("a", None)).is_some());
        tokio::time::advance(Duration::from_secs(30 * 60)).await;
        assert!(sessions.find(&id, &peer("a", None)).is_none());
        sessions.sweep();
        assert!(began.over.is_cancelled());
        assert_eq!((counters.read().sessions_expired_total, counters.read().sessions), (1, 0));
        let (id, _) = sessions.begin(client("a"), None).unwrap();
        sessions.end_all();
        assert!(sessions.find(&id, &peer("a", None)).is_none());
    }
}
