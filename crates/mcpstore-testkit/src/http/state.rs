//! What all connections to one server share: sessions, streams, and what was asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::behaviour::HttpBehaviour;
use super::events::Events;
use super::fault::HttpFault;
use super::message::Recorded;
use crate::server::{Behaviour, Conversation, Peer, Server, lock};

pub(super) struct State {
    pub(super) server: Arc<Server>,
    pub(super) http: HttpBehaviour,
    pub(super) requests: Mutex<Vec<Recorded>>,
    pub(super) sessions: Mutex<HashMap<String, Arc<Session>>>,
    next: AtomicU64,
    faults: AtomicUsize,
}

/// A session of the handshake era.
pub(super) struct Session {
    pub(super) id: String,
    pub(super) conversation: Conversation,
    /// The stream of what belongs to no request, which a GET carries.
    pub(super) own: Arc<Events>,
    /// Streams of answers, by number.
    pub(super) streams: Mutex<HashMap<u64, Arc<Events>>>,
    /// The peer behind the own stream.
    pub(super) peer: Peer,
}

impl State {
    pub(super) fn new(behaviour: Behaviour, http: HttpBehaviour) -> Arc<Self> {
        Arc::new(Self {
            server: Server::new(Arc::new(behaviour)),
            http,
            requests: Mutex::default(),
            sessions: Mutex::default(),
            next: AtomicU64::new(1),
            faults: AtomicUsize::new(0),
        })
    }

    /// Where clients begin.
    pub(super) const fn path(&self) -> &'static str {
        if self.http.legacy { "/sse" } else { "/mcp" }
    }

    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Opens a session.
    pub(super) fn open(&self) -> Arc<Session> {
        let number = self.number();
        let conversation = Conversation::new(Arc::clone(&self.server));
        let (peer, messages) = Peer::new(Arc::clone(&conversation.client));
        let own = Arc::new(Events::new(number, self.http.event_ids));
        if self.http.get_stream || self.http.legacy {
            *lock(&conversation.client.stream) = Some(peer.sender());
        }
        let filled = Arc::clone(&own);
        tokio::spawn(async move { filled.fill(messages, false).await });
        let id = format!("session-{number}");
        let session = Arc::new(Session { id: id.clone(), conversation, own, streams: Mutex::default(), peer });
        lock(&self.sessions).insert(id, Arc::clone(&session));
        session
    }

    /// The fault that strikes a request of this method, when it is its turn.
    pub(super) fn fault(&self, method: &str) -> Option<HttpFault> {
        let fault = self.http.fault.clone()?;
        if !self.http.fault_on.is_empty() && !self.http.fault_on.iter().any(|one| one == method) {
            return None;
        }
        let before = self.faults.fetch_add(1, Ordering::Relaxed).checked_sub(self.http.fault_after)?;
        (self.http.fault_times == 0 || before < self.http.fault_times).then_some(fault)
    }
}
