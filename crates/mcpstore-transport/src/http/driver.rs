//! What drives a wire over HTTP: every message out is a POST, everything that comes back goes to the dispatch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::body;
use super::client::{HttpClient, Outbound};
use super::exchange::Content;
use super::fault::Fault;
use super::headers::{LAST_EVENT_ID, PROTOCOL_VERSION, SESSION_ID};
use super::message::Message;
use super::params::Wishes;
use super::talk::Talk;
use super::under_way::{Asked, UnderWay};
use crate::wire::{Dispatch, Hub, Kind, Outgoing};
use crate::{CallError, HandshakeError};

/// How long the first request waits for the server's own stream to open. Some answer only with its first event.
const OPENING: Duration = Duration::from_secs(1);
/// How long the header of an answer may take that is due at once: of a GET, a DELETE, a notification.
const HEADER: Duration = Duration::from_secs(10);
/// How long the end of a session may take to be told.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long what is under way may take once the input is to be closed.
const DRAIN: Duration = Duration::from_millis(100);
/// Notifications that wait to be sent, one after the other.
const MAX_NOTES: usize = 128;
/// Answers of ours, and words that a request was given up, that are sent side by side.
const MAX_ANSWERS: usize = 64;
/// Bytes that are read of the answer to a message that gets none.
const MAX_IDLE_TALK: usize = 64 * 1024;

/// What the tasks of one conversation over HTTP share.
pub(super) struct Driver {
    pub(super) hub: Arc<Hub>,
    pub(super) dispatch: Dispatch,
    pub(super) http: HttpClient,
    /// What the server and we agreed on.
    pub(super) talk: Mutex<Talk>,
    /// Held while the session is renewed.
    pub(super) renewing: tokio::sync::Mutex<()>,
    pub(super) wishes: Mutex<Wishes>,
    /// Where a legacy server wants its messages, once it has said so; `None` for streamable HTTP.
    pub(super) endpoint: Option<watch::Sender<Option<Url>>>,
    /// Requests under way, and how each is given up.
    pub(super) under_way: Mutex<HashMap<u64, UnderWay>>,
    answers: Arc<Semaphore>,
    pub(super) tasks: TaskTracker,
    /// Why the handshake failed, when it is known better here.
    fault: Mutex<Option<HandshakeError>>,
    /// Not even a goodbye is to be sent.
    pub(super) abandoned: CancellationToken,
    /// Everything is over.
    pub(super) over: CancellationToken,
}

impl Driver {
    pub(super) fn new(hub: Arc<Hub>, dispatch: Dispatch, http: HttpClient, legacy: bool) -> Self {
        Self {
            hub,
            dispatch,
            http,
            talk: Mutex::default(),
            renewing: tokio::sync::Mutex::default(),
            wishes: Mutex::default(),
            endpoint: legacy.then(|| watch::Sender::new(None)),
            under_way: Mutex::default(),
            answers: Arc::new(Semaphore::new(MAX_ANSWERS)),
            tasks: TaskTracker::new(),
            fault: Mutex::default(),
            abandoned: CancellationToken::new(),
            over: CancellationToken::new(),
        }
    }

    /// Sends what goes out until the conversation closes, or its input does and all is sent; then says goodbye.
    pub(super) async fn run(self: Arc<Self>, outgoing: mpsc::Receiver<Outgoing>) {
        let _end = End(&self);
        let (asked, to_ask) = mpsc::unbounded_channel();
        let mut requests = Box::pin(self.drive(to_ask));
        tokio::select! {
            biased;
            () = self.send_all(outgoing, asked) => {}
            // It ends after the other, which says that nothing more comes.
            () = &mut requests => {}
        }
        self.tasks.close();
        tokio::select! {
            biased;
            () = self.hub.closed() => {}
            _ = timeout(DRAIN, async { tokio::join!(&mut requests, self.tasks.wait()) }) => {}
        }
        // Whoever still waits for an answer hears that there will be none.
        self.hub.close();
        drop(requests);
        tokio::select! {
            () = self.abandoned.cancelled() => {}
            _ = timeout(GOODBYE, self.say_goodbye()) => {}
        }
    }

    /// Sends what goes out until the conversation closes, or its input does and all is sent.
    async fn send_all(self: &Arc<Self>, mut outgoing: mpsc::Receiver<Outgoing>, asked: mpsc::UnboundedSender<Asked>) {
        let (notes, waiting) = mpsc::channel(MAX_NOTES);
        self.tasks.spawn(Arc::clone(self).send_notes(waiting));
        let mut closing = false;
        loop {
            let next = tokio::select! {
                biased;
                () = self.hub.closed() => return,
                () = self.hub.input_closed(), if !closing => {
                    // Nothing new comes in; what was asked for before still goes out.
                    outgoing.close();
                    closing = true;
                    continue;
                }
                next = outgoing.recv() => next,
            };
            let Some(next) = next else { return };
            tokio::select! {
                biased;
                () = self.hub.closed() => return,
                () = self.take(next, &asked, &notes) => {}
            }
        }
    }

    async fn take(
        self: &Arc<Self>,
        next: Outgoing,
        asked: &mpsc::UnboundedSender<Asked>,
        notes: &mpsc::Sender<Message>,
    ) {
        let message = {
            let wishes = lock(&self.wishes);
            Message::read(next.line, &wishes)
        };
        match (next.kind, message) {
            (Kind::Request(id), Ok(message)) if self.hub.goes_out(id) => {
                let given_up = self.enter(id);
                // Whoever drives them lives as long as this.
                drop(asked.send(Asked { id, message, room: next.room, given_up }));
            }
            (Kind::Request(id), Err(what)) => self.hub.fail(id, CallError::Malformed { what }),
            (Kind::GiveUp(id), Ok(message)) => {
                // In the stateless era the end of its response stream is all the server hears.
                // Should too many hang already, the server does not read; it would not read this either.
                if self.give_up(id)
                    && let Ok(place) = Arc::clone(&self.answers).try_acquire_owned()
                {
                    self.post_aside(message, place);
                }
            }
            (Kind::Note, Ok(message)) if message.is("notifications/initialized") => {
                // Whatever comes after it must find a server that has read it.
                let _ = self.post(&message).await;
                // A server that asks something without tying it to a request asks over this stream, or not at all.
                let _ = timeout(OPENING, self.listen()).await;
            }
            (Kind::Note, Ok(message)) if message.method.is_none() => {
                let Ok(place) = Arc::clone(&self.answers).acquire_owned().await else { return };
                self.post_aside(message, place);
            }
            // The receiver lives until the wire closes; then nobody cares.
            (Kind::Note, Ok(message)) => drop(notes.send(message).await),
            (Kind::Request(_), Ok(_)) | (Kind::GiveUp(_) | Kind::Note, Err(_)) => {}
        }
    }

    /// Sends a message that gets no answer, beside everything else.
    fn post_aside(self: &Arc<Self>, message: Message, place: OwnedSemaphorePermit) {
        let driver = Arc::clone(self);
        self.tasks.spawn(async move {
            let _ = driver.unless_closed(driver.post(&message)).await;
            drop(place);
        });
    }

    /// Sends notifications one after the other: their order says something.
    async fn send_notes(self: Arc<Self>, mut waiting: mpsc::Receiver<Message>) {
        while let Some(message) = waiting.recv().await {
            // One that does not arrive is lost, as the protocol has no answer to it.
            if self.unless_closed(self.post(&message)).await.is_none() {
                return;
            }
        }
    }

    /// Sends a message that gets no answer.
    async fn post(&self, message: &Message) -> Result<(), Fault> {
        let mut outbound = self.outbound(message).await;
        outbound.header_within = Some(HEADER);
        let mut response = self.http.send(&outbound).await?;
        if !matches!(Content::of(&response), Content::Events) {
            // Read to its end, the connection can be used again; there is nothing in it for us.
            let _ = timeout(DRAIN, body::whole(&mut response, MAX_IDLE_TALK, |bytes| self.hub.received(bytes))).await;
        }
        Ok(())
    }

    /// The POST of a message. To a legacy server it waits until that has said where.
    pub(super) async fn outbound(&self, message: &Message) -> Outbound {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match &message.stateless {
            Some(version) => {
                headers.insert(PROTOCOL_VERSION, version.clone());
                headers.extend(message.headers.clone());
            }
            None if message.is("initialize") => {}
            None => self.agreed(&mut headers),
        }
        let body = Some(message.body.clone());
        Outbound { method: Method::POST, url: self.address().await, headers, body, header_within: None }
    }

    /// The GET of a stream, from behind the event with this id.
    pub(super) fn get(&self, last_id: Option<&str>) -> Outbound {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        self.agreed(&mut headers);
        if let Some(id) = last_id.and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok()) {
            headers.insert(LAST_EVENT_ID, id);
        }
        let url = self.http.target.url.clone();
        Outbound { method: Method::GET, url, headers, body: None, header_within: Some(HEADER) }
    }

    /// The headers of what was agreed on.
    fn agreed(&self, headers: &mut HeaderMap) {
        let talk = lock(&self.talk);
        if let Some(session) = &talk.session {
            headers.insert(SESSION_ID, session.clone());
        }
        if let Some(version) = &talk.version {
            headers.insert(PROTOCOL_VERSION, version.clone());
        }
    }

    async fn address(&self) -> Url {
        let Some(endpoint) = &self.endpoint else { return self.http.target.url.clone() };
        let mut known = endpoint.subscribe();
        // The sender is in `self`: the only way on is an address.
        let found = known.wait_for(Option::is_some).await.ok().and_then(|url| url.clone());
        found.unwrap_or_else(|| self.http.target.url.clone())
    }

    /// Tells the server that its session is over.
    async fn say_goodbye(&self) {
        if self.endpoint.is_some() || lock(&self.talk).session.is_none() {
            return;
        }
        let url = self.http.target.url.clone();
        let mut headers = HeaderMap::new();
        self.agreed(&mut headers);
        let delete = Outbound { method: Method::DELETE, url, headers, body: None, header_within: Some(GOODBYE) };
        // Servers that end their sessions by themselves say 405.
        let _ = self.http.send(&delete).await;
    }

    /// Fails a request.
    pub(super) fn fail(&self, id: u64, message: &Message, fault: Fault) {
        if message.is("initialize") {
            lock(&self.fault).get_or_insert(fault.clone().for_handshake());
        }
        self.hub.fail(id, fault.for_call());
    }

    /// Fails everything: the server is not what it should be, or gone.
    pub(super) fn give_in(&self, fault: Fault) {
        lock(&self.fault).get_or_insert(fault.for_handshake());
        self.hub.close();
    }

    /// Why the handshake failed, when it is known better here.
    pub(super) fn fault(&self) -> Option<HandshakeError> {
        lock(&self.fault).clone()
    }

    pub(super) async fn unless_closed<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.hub.closed() => None,
            done = work => Some(done),
        }
    }
}

/// The end of a conversation. Dropped, it is there, however it came to that: nobody waits for it in vain.
struct End<'d>(&'d Driver);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.hub.close();
        self.0.over.cancel();
    }
}

/// The guarded value; nothing panics half-way under our locks, so what a poisoned one holds is whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
