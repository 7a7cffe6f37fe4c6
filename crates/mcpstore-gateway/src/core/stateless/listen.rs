//! `subscriptions/listen`: clients that want to hear of changes (spec: MCP 2026-07-28, subscriptions).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use mcpstore_transport::RpcError;
use mcpstore_types::{Era, ServiceName};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::super::params::{invalid, with, with_meta};
use super::super::subscribe::{Reader, UPDATED, upstream};
use super::super::{Inner, stamp};
use super::route::in_new_words;
use crate::client::next_serial;
use crate::message;
use crate::outlet::Outlet;
use crate::seam::Call;

/// Where a notice says for which request it is.
const META_SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
/// The first that a client hears that listens: what it will hear of.
pub(crate) const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
/// Clients that listen at once.
const MAX: usize = 1024;
/// How long a server may take until its updates come; a resource whose server takes longer is not promised.
const TO_SUBSCRIBE: Duration = Duration::from_secs(3);

/// What a client wants to hear of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    #[serde(skip_serializing_if = "is_false")]
    tools_list_changed: bool,
    #[serde(skip_serializing_if = "is_false")]
    prompts_list_changed: bool,
    #[serde(skip_serializing_if = "is_false")]
    resources_list_changed: bool,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    resource_subscriptions: BTreeSet<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The clients that listen.
#[derive(Default)]
pub(crate) struct Listeners(Mutex<BTreeMap<usize, Arc<Listener>>>);

/// A client that listens.
pub(crate) struct Listener {
    serial: usize,
    /// The view whose changes it hears; `None`: everything.
    pub(crate) view: Option<Arc<str>>,
    /// The id of its request, as JSON.
    id: Box<RawValue>,
    wants: Filter,
    outlet: Outlet,
}

impl Listeners {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Listener>> {
        self.table().values().cloned().collect()
    }

    /// Enters a listener, with `first` as the first that it hears.
    fn enter(&self, listener: &Arc<Listener>, first: Bytes) -> Result<(), RpcError> {
        // Nothing that is told to all comes between the two.
        let mut table = self.table();
        if table.len() >= MAX {
            return Err(RpcError::new(-32000, format!("{MAX} clients listen already")));
        }
        if !listener.outlet.push(first) {
            return Err(RpcError::new(-32600, "changes come as a stream of events, and `Accept` has none"));
        }
        table.insert(listener.serial, Arc::clone(listener));
        Ok(())
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<usize, Arc<Listener>>> {
        // Nothing panics half-way under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Tells it that a list changed, if it wants to hear of that.
    pub(crate) fn changed(&self, method: &str) {
        let wants = match method {
            "notifications/tools/list_changed" => self.wants.tools_list_changed,
            "notifications/prompts/list_changed" => self.wants.prompts_list_changed,
            "notifications/resources/list_changed" => self.wants.resources_list_changed,
            _ => false,
        };
        if wants {
            self.tell(method, None);
        }
    }

    fn tell(&self, method: &str, params: Option<&RawValue>) -> bool {
        let params = with_meta(params.map(ToOwned::to_owned), &[(META_SUBSCRIPTION, self.id.get())]);
        self.outlet.push(message::notification(method, params.as_deref()))
    }
}

impl Reader for Listener {
    fn updated(&self, params: &RawValue) {
        self.tell(UPDATED, Some(params));
    }

    fn view(&self) -> Option<Arc<str>> {
        self.view.clone()
    }
}

/// Answers `subscriptions/listen`: it lasts for as long as the client reads.
pub(super) async fn listen(inner: &Arc<Inner>, call: &Call) -> Result<Bytes, RpcError> {
    #[derive(Deserialize)]
    struct Params {
        notifications: Filter,
    }
    let params = call.params.as_deref().map_or("{}", RawValue::get);
    let Params { notifications } =
        serde_json::from_str(params).map_err(|error| invalid(&format!("the params cannot be read: {error}")))?;
    let view = call.peer.view.clone();
    let mut wants = promised(inner, view.as_deref(), notifications);
    let serial = next_serial();
    // Before it is acknowledged nothing may be told: it reads what was kept for it then.
    let early = Arc::new(Early::default());
    let mut left = Left { inner: Arc::downgrade(inner), serial, resources: Vec::new() };
    let uris = std::mem::take(&mut wants.resource_subscriptions);
    let reader = Arc::downgrade(&early) as Weak<dyn Reader>;
    let asked = uris.into_iter().map(|uri| async {
        let service = subscribe(inner, view.as_deref(), &uri, (serial, Weak::clone(&reader))).await?;
        Ok::<_, RpcError>((service, uri))
    });
    for outcome in join_all(asked).await {
        match outcome {
            Ok((service, uri)) => {
                wants.resource_subscriptions.insert(uri.clone());
                left.resources.push((service, uri));
            }
            Err(error) => tracing::debug!(%error, "a resource is not listened to"),
        }
    }
    let honoured = json!({ "notifications": wants });
    let listener = Arc::new(Listener { serial, view, id: call.id.clone(), wants, outlet: call.outlet.clone() });
    let first = message::notification(
        ACKNOWLEDGED,
        with_meta(RawValue::from_string(honoured.to_string()).ok(), &[(META_SUBSCRIPTION, call.id.get())]).as_deref(),
    );
    inner.stateless.listeners.enter(&listener, first)?;
    early.opened(&listener);
    call.outlet.closed().await;
    drop(left);
    // Read where the gateway ends the stream: then it ended in good order.
    let id = call.id.get();
    let stamp = stamp();
    Ok(format!(r#"{{"resultType":"complete","_meta":{{"{META_SUBSCRIPTION}":{id},{}}}"#, &stamp[1..]).into())
}

/// What of a wish is granted: what the services of the view tell.
fn promised(inner: &Inner, view: Option<&str>, wish: Filter) -> Filter {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Offers {
        tools: Option<Changing>,
        prompts: Option<Changing>,
        resources: Option<Changing>,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Changing {
        list_changed: bool,
        subscribe: bool,
    }
    let names = inner.names.load();
    let offers: Offers = serde_json::from_str(names.capabilities(view, Era::Stateless)).unwrap_or_default();
    let changes = |offer: &Option<Changing>| offer.as_ref().is_some_and(|offer| offer.list_changed);
    let subscribe = offers.resources.as_ref().is_some_and(|offer| offer.subscribe);
    Filter {
        tools_list_changed: wish.tools_list_changed && changes(&offers.tools),
        prompts_list_changed: wish.prompts_list_changed && changes(&offers.prompts),
        resources_list_changed: wish.resources_list_changed && changes(&offers.resources),
        resource_subscriptions: if subscribe { wish.resource_subscriptions } else { BTreeSet::new() },
    }
}

/// Has the updates of a resource come to a reader; the service that has the resource.
async fn subscribe(
    inner: &Arc<Inner>,
    view: Option<&str>,
    uri: &str,
    reader: (usize, Weak<dyn Reader>),
) -> Result<ServiceName, RpcError> {
    let service = inner.names.load().resource(view, uri).map_err(in_new_words)?.service;
    let session = inner.supervisor.info(service.as_str()).and_then(|info| info.session().cloned());
    let ask = async {
        // One that does not run is asked when it does.
        if let Some(session) = &session {
            upstream(session, uri, true).await.map_err(|error| RpcError::new(-32000, error.to_string()))?;
        }
        Ok(Bytes::from_static(b"{}"))
    };
    let late = || RpcError::new(-32000, format!("service `{service}` did not subscribe to `{uri}` in time"));
    timeout(TO_SUBSCRIBE, inner.subscribe(&service, uri, reader, ask)).await.map_err(|_| late())??;
    Ok(service)
}

/// Params of a notice without the id of the request of ours that it came for; every other byte stays.
pub(crate) fn unstamped(params: &RawValue) -> Cow<'_, RawValue> {
    #[derive(Deserialize)]
    struct Outer<'a> {
        #[serde(borrow, rename = "_meta")]
        meta: &'a RawValue,
    }
    let written = || {
        let Outer { meta } = serde_json::from_str(params.get()).ok()?;
        let mut members: BTreeMap<&str, &RawValue> = serde_json::from_str(meta.get()).ok()?;
        members.remove(META_SUBSCRIPTION)?;
        let members = serde_json::to_string(&members).ok()?;
        RawValue::from_string(with(params.get(), meta.get(), &members)).ok()
    };
    written().map_or(Cow::Borrowed(params), Cow::Owned)
}

/// Keeps what is told before a listener may hear it, and passes on what is told then.
#[derive(Default)]
struct Early(Mutex<Kept>);

/// What was kept, until there is a listener.
type Kept = (Vec<Box<RawValue>>, Option<Arc<Listener>>);

/// Updates that are kept.
const MAX_EARLY: usize = 64;

impl Early {
    fn opened(&self, listener: &Arc<Listener>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.drain(..).for_each(|params| listener.updated(&params));
        state.1 = Some(Arc::clone(listener));
    }
}

impl Reader for Early {
    fn updated(&self, params: &RawValue) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.1 {
            Some(listener) => listener.updated(params),
            None if state.0.len() < MAX_EARLY => state.0.push(params.to_owned()),
            None => {}
        }
    }

    /// Whatever is kept was looked for in its view a moment ago.
    fn view(&self) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.as_ref()?.view.clone()
    }
}

/// A client listens. Dropped, it does no more, and servers whose updates nobody wants are told.
struct Left {
    inner: Weak<Inner>,
    serial: usize,
    resources: Vec<(ServiceName, String)>,
}

impl Drop for Left {
    fn drop(&mut self) {
        let Some(inner) = self.inner.upgrade() else { return };
        inner.stateless.listeners.table().remove(&self.serial);
        let (resources, serial) = (std::mem::take(&mut self.resources), self.serial);
        // Without a runtime everything ends anyway.
        if let (false, Ok(runtime)) = (resources.is_empty(), Handle::try_current()) {
            runtime.spawn(async move {
                for (service, uri) in resources {
                    inner.unsubscribe(&service, &uri, serial).await;
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_id_is_taken_out() {
        let unstamped = |text: &str| unstamped(&RawValue::from_string(text.to_owned()).unwrap()).get().to_owned();
        let stamped = format!(r#"{{ "uri":"a", "_meta": {{"{META_SUBSCRIPTION}":7,"x":1.50}} }}"#);
        assert_eq!(unstamped(&stamped), r#"{ "uri":"a", "_meta": {"x":1.50} }"#);
        for other in [r#"{"uri":"a"}"#, r#"{"_meta": { "x":1}}"#, "[]"] {
            assert_eq!(unstamped(other), other);
        }
    }

    #[test]
    fn a_filter_says_only_what_holds() {
        let filter: Filter =
            serde_json::from_str(r#"{"toolsListChanged":true,"promptsListChanged":false,"x":1}"#).unwrap();
        assert_eq!(serde_json::to_string(&filter).unwrap(), r#"{"toolsListChanged":true}"#);
        let filter: Filter = serde_json::from_str(r#"{"resourceSubscriptions":["b","a"]}"#).unwrap();
        assert_eq!(serde_json::to_string(&filter).unwrap(), r#"{"resourceSubscriptions":["a","b"]}"#);
    }
}
