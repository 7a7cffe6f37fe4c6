//! What the gateway does not know: for the one service that it can be meant for.

use std::sync::Arc;

use bytes::Bytes;
use mcpstore_transport::{RpcError, Session};
use mcpstore_types::{Era, ServiceName};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Asked;
use crate::client::Client;
use crate::core::Inner;
use crate::core::levels::has;

const ROOTS_CHANGED: &str = "notifications/roots/list_changed";
/// Methods of the other era: no server that takes them could be meant.
const STATELESS_ONLY: [&str; 3] = ["server/discover", "subscriptions/listen", "tasks/update"];

/// Passes on a request with a method that is not known.
pub(super) async fn request(asked: Asked<'_>) -> Result<Bytes, RpcError> {
    let method = &*asked.call.method;
    let none = |why: &str| RpcError::new(-32601, format!("no method `{method}`{why}"));
    if STATELESS_ONLY.contains(&method) {
        return Err(none(""));
    }
    let candidates = candidates(asked.inner, asked.client);
    match candidates.as_slice() {
        [(service, _)] => asked.to(service).await,
        [] => Err(none(": the gateway has none, and no service runs that could have it")),
        many => {
            Err(none(&format!(": the gateway has none, and it cannot tell which of {} services is meant", many.len())))
        }
    }
}

/// Takes a notification of the client.
pub(crate) fn notification(inner: &Arc<Inner>, client: &Arc<Client>, method: &str, params: Option<&RawValue>) {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Cancelled<'a> {
        #[serde(borrow)]
        request_id: &'a RawValue,
    }
    match method {
        "notifications/cancelled" => {
            let cancelled = params.and_then(|params| serde_json::from_str::<Cancelled<'_>>(params.get()).ok());
            if let Some(cancelled) = cancelled {
                client.take_back(cancelled.request_id);
            }
        }
        // Each server had its own. One that asked for the roots before anybody was there can ask again.
        "notifications/initialized" => {
            if client.hello.get().is_some_and(|hello| has(hello.capabilities.get(), "roots"))
                && inner.clients.is_alone(client)
            {
                roots_changed(inner, client, None);
            }
        }
        ROOTS_CHANGED => roots_changed(inner, client, params),
        // Progress on what a server asked: for the one that works for this client, where only one does.
        "notifications/progress" => {
            let services = inner.under_way.services_of(client.serial);
            if let [service] = services.as_slice() {
                let info = inner.supervisor.info(service.as_str());
                tell(info.iter().filter_map(|info| info.session().cloned()), method, params);
            }
        }
        _ => {
            if let [(_, session)] = candidates(inner, client).as_slice() {
                tell(std::iter::once(Arc::clone(session)), method, params);
            }
        }
    }
}

/// Tells all servers that the client sees, and that may ask it, that its roots are others now.
fn roots_changed(inner: &Inner, client: &Client, params: Option<&RawValue>) {
    let sessions = candidates(inner, client).into_iter().map(|(_, session)| session);
    tell(sessions.filter(|session| session.server().era == Era::Handshake), ROOTS_CHANGED, params);
}

/// Tells servers, in a task of its own: whoever brings the notification must not wait for them.
fn tell(sessions: impl Iterator<Item = Arc<dyn Session>>, method: &str, params: Option<&RawValue>) {
    let sessions: Vec<_> = sessions.collect();
    if sessions.is_empty() {
        return;
    }
    let (method, params) = (method.to_owned(), params.map(ToOwned::to_owned));
    tokio::spawn(async move {
        for session in sessions {
            if let Err(error) = session.notify(&method, params.clone()).await {
                tracing::debug!(method, %error, "a server could not be told");
            }
        }
    });
}

/// The services that a client sees and that take messages now; its own instances in their place.
fn candidates(inner: &Inner, client: &Client) -> Vec<(ServiceName, Arc<dyn Session>)> {
    let services = inner.names.load().services(client.view()).into_iter();
    let services = services.map(|service| inner.instances.of(client.serial, service));
    let running = services.filter_map(|service| {
        let info = inner.supervisor.info(service.as_str())?;
        let session = Arc::clone(info.session()?);
        Some((service, session))
    });
    running.collect()
}
