//! Requests whose params say where they lead.

use std::borrow::Cow;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use mcpstore_transport::RpcError;
use mcpstore_types::{Era, ServiceName};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Asked, needed, read, tasks};
use crate::core::failure::call_error;
use crate::core::names::Route;
use crate::core::params::{Peek, invalid, replaced};
use crate::core::relay::Passed;
use crate::core::subscribe::{Reader, upstream};

/// `tools/call`; once more where the service dies under it and the tool does not mind.
pub(super) async fn tool(asked: Asked<'_>) -> Result<Bytes, RpcError> {
    let Asked { inner, client, call } = asked;
    let params = call.params.as_deref().ok_or_else(|| invalid("`name` is missing"))?;
    let peek = Peek::read(Some(params))?;
    let name = peek.name()?;
    let view = client.view();
    let Route { service, name: own } = inner.find(|names| names.tool(view, &name)).await?;
    let service = asked.own(service).await?;
    let passed = || {
        let params = if own == *name { params.to_owned() } else { peek.renamed(params, &own) };
        Passed { tool: Some(&own), ..asked.passed(&service, Some(params)) }
    };
    let may_repeat = || inner.names.load().may_repeat(view, &name);
    let result = asked.pass_or_repeat(&peek, passed, may_repeat).await?;
    Ok(if peek.task.is_some() { tasks::begun(asked, &service, result) } else { result })
}

/// `prompts/get`.
pub(super) async fn prompt(asked: Asked<'_>) -> Result<Bytes, RpcError> {
    let Asked { inner, client, call } = asked;
    let params = call.params.as_deref().ok_or_else(|| invalid("`name` is missing"))?;
    let peek = Peek::read(Some(params))?;
    let name = peek.name()?;
    let Route { service, name: own } = inner.find(|names| names.prompt(client.view(), &name)).await?;
    let service = asked.own(service).await?;
    let params = || if own == *name { params.to_owned() } else { peek.renamed(params, &own) };
    // It only reads, as its name says.
    asked.pass_or_repeat(&peek, || asked.passed(&service, Some(params())), || true).await
}

/// `resources/read`.
pub(super) async fn resource(asked: Asked<'_>) -> Result<Bytes, RpcError> {
    let Asked { inner, client, call } = asked;
    let peek = Peek::read(call.params.as_deref())?;
    let uri = needed(&peek.uri, "uri")?;
    let Route { service, .. } = inner.find(|names| names.resource(client.view(), uri)).await?;
    let service = asked.own(service).await?;
    asked.pass_or_repeat(&peek, || asked.passed(&service, call.params.clone()), || true).await
}

/// `resources/subscribe`.
pub(super) async fn subscribe(asked: Asked<'_>) -> Result<Bytes, RpcError> {
    let Asked { inner, client, call } = asked;
    let peek = Peek::read(call.params.as_deref())?;
    let uri = needed(&peek.uri, "uri")?;
    let Route { service, .. } = inner.find(|names| names.resource(client.view(), uri)).await?;
    let service = asked.own(service).await?;
    inner.watch_over(client);
    let ask = async {
        match stateless_session(asked, &service) {
            // That era has another method for it.
            Some(session) => match upstream(&session, uri, true).await {
                Ok(()) => Ok(Bytes::from_static(b"{}")),
                Err(error) => Err(call_error(&service, error)),
            },
            None => asked.to(&service).await,
        }
    };
    let reader: Weak<dyn Reader> = Arc::downgrade(client) as Weak<dyn Reader>;
    let answer = inner.subscribe(&service, uri, (client.serial, reader), ask).await?;
    if client.over.is_cancelled() {
        // It went meanwhile, and was tidied up after before this was there.
        inner.unsubscribe(&service, uri, client.serial).await;
    }
    Ok(answer)
}

/// `resources/unsubscribe`. Whether there was a subscription makes no difference.
pub(super) async fn unsubscribe(Asked { inner, client, call }: Asked<'_>) -> Result<Bytes, RpcError> {
    let peek = Peek::read(call.params.as_deref())?;
    let uri = needed(&peek.uri, "uri")?.to_owned();
    let (inner, serial) = (Arc::clone(inner), client.serial);
    // Goes on when the client takes the request back: half of it would leave the server with a subscription of nobody.
    let done = tokio::spawn(async move {
        for (service, own) in inner.subscribed(serial) {
            if own == uri {
                inner.unsubscribe(&service, &uri, serial).await;
            }
        }
    });
    // One that panicked unsubscribed nothing.
    done.await.map_err(|_| RpcError::new(-32603, "the subscription could not be ended"))?;
    Ok(Bytes::from_static(b"{}"))
}

/// `completion/complete`.
pub(super) async fn complete(asked: Asked<'_>) -> Result<Bytes, RpcError> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        r#ref: Reference<'a>,
    }
    #[derive(Deserialize)]
    struct Reference<'a> {
        #[serde(borrow, default)]
        name: Option<&'a RawValue>,
        #[serde(borrow, default)]
        uri: Option<Cow<'a, str>>,
    }
    let Asked { inner, client, call } = asked;
    let peek = Peek::read(call.params.as_deref())?;
    let params: Params<'_> = read(call.params.as_deref())?;
    let view = client.view();
    let (route, params) = match (&params.r#ref, call.params.as_deref()) {
        (Reference { name: Some(name), .. }, Some(whole)) => {
            let exposed: String = serde_json::from_str(name.get()).map_err(|_| invalid("`ref.name` must be a text"))?;
            let route = inner.names.load().prompt(view, &exposed)?;
            let own = if route.name == exposed { whole.to_owned() } else { replaced(whole, name, &route.name) };
            (route, Some(own))
        }
        (Reference { uri: Some(uri), .. }, _) => (inner.names.load().template(view, uri)?, call.params.clone()),
        _ => return Err(invalid("`ref` names neither a prompt nor a resource")),
    };
    let service = asked.own(route.service).await?;
    asked.pass_or_repeat(&peek, || asked.passed(&service, params.clone()), || true).await
}

/// The conversation with a service whose server is of the stateless era.
fn stateless_session(
    Asked { inner, .. }: Asked<'_>,
    service: &ServiceName,
) -> Option<Arc<dyn mcpstore_transport::Session>> {
    let info = inner.supervisor.info(service.as_str())?;
    info.session().filter(|session| session.server().era == Era::Stateless).cloned()
}
