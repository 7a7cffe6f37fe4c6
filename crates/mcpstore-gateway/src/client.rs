//! A conversation with one downstream client, in the era that has such.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use mcpstore_transport::RpcError;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::core::levels::Level;
use crate::guard::client_name;
use crate::message;
use crate::outlet::Outlet;
use crate::seam::Peer;
use crate::taken_back::TakenBack;

/// Requests of servers that one client may be asked at once; more are refused.
const MAX_ASKED: usize = 64;
/// Elicitations of one client whose end may still be told.
const MAX_ELICITATIONS: usize = 256;

/// The next of [`Client::serial`].
static NEXT_SERIAL: AtomicUsize = AtomicUsize::new(1);

/// A number that nothing else in this process has had or will have.
pub(crate) fn next_serial() -> usize {
    NEXT_SERIAL.fetch_add(1, Ordering::Relaxed)
}

/// A client with a session: from its `initialize` until it goes, or is forgotten.
#[derive(Debug)]
pub(crate) struct Client {
    /// What tells it from every other client that there is, was or will be: an address would come again.
    pub(crate) serial: usize,
    /// Who it is. Nobody else may use its session.
    pub(crate) peer: Peer,
    /// What it said of itself in `initialize`; set once.
    pub(crate) hello: OnceLock<Hello>,
    /// What stands for its session in the audit log; set once, where there is a session.
    pub(crate) tag: OnceLock<Arc<str>>,
    name: OnceLock<Option<Arc<str>>>,
    /// The session is over: everything that is done for it ends. Ended by [`Client::end`].
    pub(crate) over: CancellationToken,
    state: Mutex<State>,
    next_ask: AtomicU64,
    watched: AtomicBool,
}

/// What a client said of itself.
#[derive(Debug)]
pub(crate) struct Hello {
    /// The agreed version of the protocol.
    pub(crate) version: String,
    /// The JSON object of its capabilities, byte for byte.
    pub(crate) capabilities: Box<RawValue>,
    /// The JSON object of its name and version, byte for byte.
    pub(crate) info: Option<Box<RawValue>>,
}

#[derive(Debug, Default)]
struct State {
    /// Where what belongs to no request goes: its GET stream, or its lines.
    main: Option<Outlet>,
    /// What it was asked and has not answered, by our id.
    asked: BTreeMap<u64, oneshot::Sender<Result<Box<RawValue>, RpcError>>>,
    /// Its requests under way. Ids are a client's own: nothing keeps it from using one twice.
    under_way: Vec<UnderWay>,
    /// The number of the last of them.
    last_entered: u64,
    /// The least level of log messages that it wants; `None`: it never said.
    log_level: Option<Level>,
    /// The elicitations that it was asked for and that end elsewhere, by their ids; the latest ones.
    elicitations: VecDeque<String>,
}

impl Client {
    /// A client that has not said anything yet.
    pub(crate) fn new(peer: Peer) -> Self {
        Self {
            serial: next_serial(),
            peer,
            hello: OnceLock::new(),
            tag: OnceLock::new(),
            name: OnceLock::new(),
            over: CancellationToken::new(),
            state: Mutex::default(),
            next_ask: AtomicU64::new(1),
            watched: AtomicBool::new(false),
        }
    }

    /// What it calls itself; `None` before its handshake, and where it says nothing.
    pub(crate) fn name(&self) -> Option<Arc<str>> {
        let hello = self.hello.get()?;
        self.name.get_or_init(|| hello.info.as_deref().and_then(client_name)).clone()
    }

    /// The view that it asked for; `None`: everything.
    pub(crate) fn view(&self) -> Option<&str> {
        self.peer.view.as_deref()
    }

    /// From now on what belongs to no request goes here. An earlier place ends.
    pub(crate) fn set_main(&self, outlet: Option<Outlet>) {
        self.state().main = outlet;
    }

    /// Sends what belongs to no request; false when the client has no place for such things now.
    pub(crate) fn tell(&self, message: Bytes) -> bool {
        self.state().main.as_ref().is_some_and(|main| main.push(message))
    }

    /// Asks the client something, in `outlet` or, without one, where what belongs to no request goes.
    ///
    /// # Errors
    /// What the client answered; also when it is gone, or is asked too much at once.
    ///
    /// # Cancel safety
    /// Dropped, the client is told that its answer is not wanted any more.
    pub(crate) async fn ask(
        &self,
        outlet: Option<&Outlet>,
        method: &str,
        params: Option<&RawValue>,
    ) -> Result<Box<RawValue>, RpcError> {
        let id = self.next_ask.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        {
            let mut state = self.state();
            if state.asked.len() >= MAX_ASKED {
                return Err(RpcError::new(-32000, "the client is asked too many things at once"));
            }
            state.asked.insert(id, sender);
        }
        let mut asked = Asked { client: self, outlet, id: Some(id) };
        let message = message::request(id, method, params);
        let sent = match outlet {
            Some(outlet) => outlet.push(message),
            None => self.tell(message),
        };
        if !sent {
            asked.id = None;
            self.state().asked.remove(&id);
            return Err(RpcError::new(-32000, "the client listens to no requests"));
        }
        let answer = tokio::select! {
            biased;
            answer = answer => answer.ok(),
            () = self.over.cancelled() => None,
        };
        asked.id = None;
        self.state().asked.remove(&id);
        answer.unwrap_or_else(|| Err(RpcError::new(-32000, "the client is gone")))
    }

    /// How often it was asked something.
    pub(crate) fn times_asked(&self) -> u64 {
        self.next_ask.load(Ordering::Relaxed)
    }

    /// Takes the client's answer to one of our requests; false when nobody waits for it.
    pub(crate) fn answered(&self, id: &RawValue, outcome: Result<Box<RawValue>, RpcError>) -> bool {
        let text = id.get();
        // Some send numbers back as texts.
        let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let sender = digits.parse().ok().and_then(|id: u64| self.state().asked.remove(&id));
        sender.is_some_and(|sender| sender.send(outcome).is_ok())
    }

    /// Enters a request of the client with this id (JSON text), so that it can take it back. It is left when what comes back is
    /// dropped.
    pub(crate) fn enter<'a>(&'a self, id: &RawValue) -> Entered<'a> {
        let mark = TakenBack::default();
        let number = {
            let mut state = self.state();
            state.last_entered += 1;
            let number = state.last_entered;
            state.under_way.push(UnderWay { number, id: id.get().into(), mark: mark.clone() });
            number
        };
        // Asked after it is entered: an end between the two takes it back as well.
        if self.over.is_cancelled() {
            mark.take();
        }
        Entered { client: self, number, mark }
    }

    /// The client takes back what it asked under this id; nothing happens when it is over.
    pub(crate) fn take_back(&self, id: &RawValue) {
        let marks: Vec<TakenBack> = {
            let state = self.state();
            let same = state.under_way.iter().filter(|request| *request.id == *id.get());
            same.map(|request| request.mark.clone()).collect()
        };
        marks.iter().for_each(TakenBack::take);
    }

    /// The client is gone: all that is done for it ends.
    pub(crate) fn end(&self) {
        self.over.cancel();
        let under_way = std::mem::take(&mut self.state().under_way);
        under_way.iter().for_each(|request| request.mark.take());
    }

    /// Notes that it is asked this elicitation, where the end of it will be told in a notification of its own.
    pub(crate) fn note_elicitation(&self, params: Option<&RawValue>) {
        let Some(id) = elicitation(params) else { return };
        let mut state = self.state();
        if state.elicitations.len() >= MAX_ELICITATIONS {
            state.elicitations.pop_front();
        }
        state.elicitations.push_back(id);
    }

    /// True when it was asked the elicitation that these params speak of.
    pub(crate) fn was_elicited(&self, params: Option<&RawValue>) -> bool {
        elicitation(params).is_some_and(|id| self.state().elicitations.contains(&id))
    }

    /// Notes the least level of log messages that it wants.
    pub(crate) fn set_log_level(&self, level: Level) {
        self.state().log_level = Some(level);
    }

    /// The least level of log messages that it wants; `None`: it never said.
    pub(crate) fn log_level(&self) -> Option<Level> {
        self.state().log_level
    }

    /// True for the first one who asks: whoever that is tidies up after the client.
    pub(crate) fn is_first_watch(&self) -> bool {
        !self.watched.swap(true, Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics half-way under this lock: what a poisoned one holds is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The id of an elicitation that ends elsewhere.
fn elicitation(params: Option<&RawValue>) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params {
        elicitation_id: String,
    }
    serde_json::from_str::<Params>(params?.get()).ok().map(|params| params.elicitation_id)
}

impl Drop for Client {
    fn drop(&mut self) {
        // Nobody can use it any more, so it is over, whether somebody said so or not.
        self.over.cancel();
    }
}

/// A request of a client that is under way.
#[derive(Debug)]
struct UnderWay {
    number: u64,
    id: Box<str>,
    mark: TakenBack,
}

/// A request that was entered ([`Client::enter`]); dropped, it is over.
pub(crate) struct Entered<'a> {
    client: &'a Client,
    number: u64,
    /// Whether it was taken back.
    pub(crate) mark: TakenBack,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let mut state = self.client.state();
        if let Some(at) = state.under_way.iter().position(|request| request.number == self.number) {
            state.under_way.swap_remove(at);
        }
    }
}

/// Ends a client when it is dropped.
pub(crate) struct Ending(Option<Arc<Client>>);

impl Ending {
    /// Of this client.
    pub(crate) fn of(client: &Arc<Client>) -> Self {
        Self(Some(Arc::clone(client)))
    }

    /// It goes on after all.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(client) = &self.0 {
            client.end();
        }
    }
}

/// A question to the client that is open. Dropped before its answer, it is taken back.
struct Asked<'a> {
    client: &'a Client,
    outlet: Option<&'a Outlet>,
    id: Option<u64>,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        self.client.state().asked.remove(&id);
        let params = RawValue::from_string(format!(r#"{{"requestId":{id},"reason":"the server gave up"}}"#)).ok();
        let message = message::notification("notifications/cancelled", params.as_deref());
        match self.outlet {
            Some(outlet) => drop(outlet.push(message)),
            None => drop(self.client.tell(message)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn an_id_that_is_used_twice_hides_no_request() {
        let client = Client::new(Peer { principal: "a".into(), view: None });
        let id = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let is_taken = |entered: &Entered<'_>| entered.mark.poll(&Context::from_waker(Waker::noop())).is_ready();
        let (first, second, other) = (client.enter(&id("1")), client.enter(&id("1")), client.enter(&id("\"1\"")));
        drop(second);
        client.take_back(&id("\"1\""));
        assert_eq!((is_taken(&first), is_taken(&other)), (false, true));
        // What is taken back is under way until it is over: its end takes nobody else out.
        let third = client.enter(&id("\"1\""));
        drop(other);
        client.end();
        assert!(is_taken(&first) && is_taken(&third) && is_taken(&client.enter(&id("2"))));
    }
}
