//! The methods of the handshake era (spec: MCP 2025-11-25), for clients with a session.

mod begin;
mod other;
mod routed;
mod tasks;

use std::borrow::Cow;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use mcpstore_transport::RpcError;
use mcpstore_types::{Era, ServiceName};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Inner;
use super::asks::AskClient;
use super::levels::Level;
use super::names::Kind;
use super::params::{Peek, invalid};
use super::relay::Passed;
use crate::client::Client;
use crate::seam::Call;
pub(super) use other::notification;
pub(super) use tasks::{STATUS, related_task, status};

/// One request, and whose it is.
#[derive(Clone, Copy)]
struct Asked<'a> {
    inner: &'a Arc<Inner>,
    client: &'a Arc<Client>,
    call: &'a Call,
}

/// Answers one request.
pub(crate) async fn answer(inner: &Arc<Inner>, client: &Arc<Client>, call: &Call) -> Result<Bytes, RpcError> {
    let asked = Asked { inner, client, call };
    match &*call.method {
        "tools/call" => routed::tool(asked).await,
        "ping" => Ok(Bytes::from_static(b"{}")),
        "tools/list" => asked.list(Kind::Tools),
        "prompts/list" => asked.list(Kind::Prompts),
        "resources/list" => asked.list(Kind::Resources),
        "resources/templates/list" => asked.list(Kind::Templates),
        // Put aside, as what comes less often: every call would carry the room for it.
        _ => Box::pin(answer_other(asked)).await,
    }
}

async fn answer_other(asked: Asked<'_>) -> Result<Bytes, RpcError> {
    match &*asked.call.method {
        "initialize" => begin::initialize(asked).await,
        "prompts/get" => routed::prompt(asked).await,
        "resources/read" => routed::resource(asked).await,
        "resources/subscribe" => routed::subscribe(asked).await,
        "resources/unsubscribe" => routed::unsubscribe(asked).await,
        "completion/complete" => routed::complete(asked).await,
        "logging/setLevel" => set_level(asked).await,
        "tasks/list" => tasks::list(asked).await,
        "tasks/get" | "tasks/cancel" | "tasks/result" => tasks::of_one(asked).await,
        _ => other::request(asked).await,
    }
}

impl<'a> Asked<'a> {
    fn list(self, kind: Kind) -> Result<Bytes, RpcError> {
        let peek = Peek::read(self.call.params.as_deref())?;
        self.inner.names.load().list(self.client.view(), kind, Era::Handshake, peek.cursor.as_deref())
    }

    /// The request for this service, with these params.
    fn passed(self, service: &'a ServiceName, params: Option<Box<RawValue>>) -> Passed<'a> {
        let asks = AskClient { client: Arc::clone(self.client), outlet: Some(self.call.outlet.clone()) };
        Passed {
            service,
            method: &self.call.method,
            params,
            tool: None,
            asks: Arc::new(asks),
            key: self.client.serial,
            client: Some(self.client),
            waits: false,
            rounds: true,
        }
    }

    /// The same as [`Inner::pass_or_repeat`] for this request; nobody is asked the same twice.
    async fn pass_or_repeat(
        self,
        peek: &Peek<'_>,
        passed: impl Fn() -> Passed<'a>,
        may_repeat: impl FnOnce() -> bool,
    ) -> Result<Bytes, RpcError> {
        let before = self.client.times_asked();
        let may_repeat = || self.client.times_asked() == before && may_repeat();
        self.inner.pass_or_repeat(self.call, peek, passed, may_repeat).await
    }

    /// The service that this client uses where this one is meant: itself, or an instance of the client's own.
    async fn own(self, service: ServiceName) -> Result<ServiceName, RpcError> {
        self.inner.service_for(self.client, service).await
    }

    /// Passes the request on as it is.
    async fn to(self, service: &ServiceName) -> Result<Bytes, RpcError> {
        let peek = Peek::read(self.call.params.as_deref())?;
        self.inner.pass(self.call, &peek, self.passed(service, self.call.params.clone())).await
    }
}

impl Inner {
    /// Whatever the client holds is let go when it goes.
    pub(super) fn watch_over(self: &Arc<Self>, client: &Arc<Client>) {
        if !client.is_first_watch() {
            return;
        }
        let (over, serial) = (client.over.clone(), client.serial);
        let view = client.peer.view.clone();
        let inner = Arc::downgrade(self);
        tokio::spawn(async move {
            over.cancelled().await;
            if let Some(inner) = Weak::upgrade(&inner) {
                inner.tasks.forget(serial);
                for (service, uri) in inner.subscribed(serial) {
                    inner.unsubscribe(&service, &uri, serial).await;
                }
                inner.let_instances_go(serial).await;
                inner.levels_changed(view.as_deref()).await;
            }
        });
    }
}

/// The least that anybody wants is what servers are told; which messages this client gets is decided here.
async fn set_level(Asked { inner, client, call }: Asked<'_>) -> Result<Bytes, RpcError> {
    #[derive(Deserialize)]
    struct Params {
        level: Level,
    }
    let params: Params = read(call.params.as_deref())?;
    inner.watch_over(client);
    inner.levels.say(client, params.level);
    inner.levels_changed(client.view()).await;
    Ok(Bytes::from_static(b"{}"))
}

/// Reads params.
///
/// # Errors
/// `Invalid params`, and why.
fn read<'a, T: Deserialize<'a>>(params: Option<&'a RawValue>) -> Result<T, RpcError> {
    let text = params.map_or("{}", RawValue::get);
    serde_json::from_str(text).map_err(|error| invalid(&format!("the params cannot be read: {error}")))
}

/// A member that must be there.
///
/// # Errors
/// `Invalid params` when it is not.
fn needed<'a>(member: &'a Option<Cow<'_, str>>, name: &str) -> Result<&'a str, RpcError> {
    member.as_deref().ok_or_else(|| invalid(&format!("`{name}` is missing")))
}
