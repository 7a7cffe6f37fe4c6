//! A request on its way to a server, and what comes back before its answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use mcpstore_runtime::{CallFailure, CallTrace, Held, Relay, ServiceInfo};
use mcpstore_transport::{
    CallLimits, NoticeStream, Notification, RequestOptions, RpcError, ServerRequests, notice_channel,
};
use mcpstore_types::{Era, ServiceName};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Inner;
use super::asks::Worker;
use super::failure::{rpc_error, unanswered};
use super::levels::Level;
use super::params::{Peek, with_meta, without_era};
use crate::client::Client;
use crate::message;
use crate::outlet::Outlet;
use crate::seam::Call;

/// Where a request of the stateless era says what its client can do.
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Where it says from which level on it wants log messages.
const META_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// What is passed on.
pub(crate) struct Passed<'a> {
    pub(crate) service: &'a ServiceName,
    pub(crate) method: &'a str,
    pub(crate) params: Option<Box<RawValue>>,
    /// The tool that is called, as the server names it.
    pub(crate) tool: Option<&'a str>,
    /// Who answers what the server asks meanwhile, and whose request this is.
    pub(crate) asks: Arc<dyn ServerRequests>,
    pub(crate) key: usize,
    /// The client, in the era that has such: what it can do and wants to hear holds for all of its requests.
    pub(crate) client: Option<&'a Arc<Client>>,
    /// It may take as long without a sign of life as it may take in all.
    pub(crate) waits: bool,
    /// Where a server answers with questions, `asks` is asked and the request is sent again; else they are the result.
    pub(crate) rounds: bool,
}

impl Inner {
    /// Passes a request on; what the server tells meanwhile goes into the outlet of the call.
    ///
    /// # Errors
    /// What the client hears instead of a result.
    ///
    /// # Cancel safety
    /// Dropped, the server is told.
    pub(crate) async fn pass(&self, call: &Call, peek: &Peek<'_>, passed: Passed<'_>) -> Result<Bytes, RpcError> {
        let held = self.hold_for(call, peek, &passed).await.map_err(rpc_error)?;
        self.pass_held(call, peek, passed, held).await.map_err(rpc_error)
    }

    /// Brings the service up for a request. One that sleeps is woken first: what the client says depends on the era of its
    /// server.
    pub(super) async fn hold_for(
        &self,
        call: &Call,
        peek: &Peek<'_>,
        passed: &Passed<'_>,
    ) -> Result<Held, CallFailure> {
        let &Passed { service, tool, .. } = passed;
        call.trail.goes_to(service, tool.or(peek.what().as_deref()), peek.arguments, peek.client());
        self.supervisor.hold(service.as_str(), tool).await
    }

    /// The same as [`Inner::pass`] for a service that is held, with the failure as it is.
    pub(super) async fn pass_held(
        &self,
        call: &Call,
        peek: &Peek<'_>,
        passed: Passed<'_>,
        held: Held,
    ) -> Result<Bytes, CallFailure> {
        let Passed { service, method, params, tool, asks, key, client, waits, rounds } = passed;
        let info = &held.info;
        let stateless = self.is_stateless(service, Some(info));
        let params = match client {
            Some(client) if stateless => said_by(client, params),
            None if !stateless => params.map(without_era),
            Some(_) | None => params,
        };
        let limits = waits.then(|| CallLimits::within(info.spec.policy.timeouts.call_total));
        let worker = Worker { key, asks: Arc::clone(&asks), outlet: call.outlet.clone(), client: client.cloned() };
        let _entered = self.under_way.enter(service, worker);
        let (sink, mut notices) = notice_channel();
        let meta = peek.meta.as_ref();
        let wants_progress = meta.is_some_and(|meta| meta.progress.is_some());
        let lingers = wants_progress && client.is_some() && peek.task.is_some();
        let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let trace = meta.map_or_else(CallTrace::default, |meta| CallTrace {
            traceparent: text(&meta.traceparent),
            tracestate: text(&meta.tracestate),
        });
        let relay = Relay {
            method,
            params,
            tool,
            options: RequestOptions { notices: Some(sink), client: Some(Arc::clone(&asks)), lingers },
            inputs: rounds.then_some(asks.as_ref()),
            trace,
            limits,
        };
        let tell = |notice: &Notification| self.tell(&call.outlet, client, notice, wants_progress);
        let mut answer = std::pin::pin!(self.supervisor.relay(held, relay));
        let result = loop {
            tokio::select! {
                biased;
                Some(notice) = notices.next() => tell(&notice),
                result = &mut answer => break result,
            }
        };
        while let Some(notice) = notices.try_next() {
            tell(&notice);
        }
        let result = result?;
        // Who brings what is asked for itself gets the question as it is.
        if stateless
            && rounds
            && let Some(methods) = questions(&result)
        {
            return Err(unanswered(service, &methods));
        }
        if let (true, Some(client)) = (lingers && result.get().contains("taskId"), client) {
            tokio::spawn(linger(Arc::clone(client), notices));
        }
        // A boxed text is taken over as it is.
        Ok(Bytes::from(String::from(Box::<str>::from(result))))
    }

    /// True when the server of a service is of the stateless era; of one that sleeps, when it was so last.
    fn is_stateless(&self, service: &ServiceName, info: Option<&ServiceInfo>) -> bool {
        let session = info.and_then(ServiceInfo::session);
        let era = session.map(|session| session.server().era).or_else(|| self.names.load().era(service));
        era == Some(Era::Stateless)
    }

    /// Tells the client; progress only where it asked for it: what we ask for ourselves is none of its affairs. Log
    /// messages only of the levels that it wants.
    fn tell(&self, outlet: &Outlet, client: Option<&Arc<Client>>, notice: &Notification, wants_progress: bool) {
        let params = notice.params.as_deref();
        let wanted = match &*notice.method {
            "notifications/progress" => wants_progress,
            "notifications/message" => client.is_none_or(|client| self.wants_log(client, Level::of_message(params))),
            _ => true,
        };
        if wanted {
            outlet.push(message::notification(&notice.method, params));
        }
    }
}

/// Tells the client of the progress of its task, which outlives the request, until it is not remembered any more.
async fn linger(client: Arc<Client>, mut notices: NoticeStream) {
    loop {
        let notice = tokio::select! {
            notice = notices.next() => notice,
            () = client.over.cancelled() => return,
        };
        let Some(notice) = notice else { return };
        client.tell(message::notification(&notice.method, notice.params.as_deref()));
    }
}

/// The params with what a client of the handshake era said once and for all: in the stateless era each request says it
/// (spec: MCP 2026-07-28, basic).
fn said_by(client: &Client, params: Option<Box<RawValue>>) -> Option<Box<RawValue>> {
    let capabilities = client.hello.get().map_or("{}", |hello| hello.capabilities.get());
    let level = format!("\"{}\"", client.log_level().unwrap_or_default().as_str());
    with_meta(params, &[(META_CAPABILITIES, capabilities), (META_LEVEL, &level)])
}

/// The methods that a server asks for in the place of a result; `None` when it is a result.
fn questions(result: &RawValue) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        result_type: String,
        #[serde(default)]
        input_requests: BTreeMap<String, Question>,
    }
    #[derive(Deserialize)]
    struct Question {
        method: String,
    }
    const QUESTION: &str = "input_required";
    if !result.get().contains(QUESTION) {
        return None;
    }
    let answer: Answer = serde_json::from_str(result.get()).ok()?;
    let methods = answer.input_requests.into_values().map(|question| question.method);
    (answer.result_type == QUESTION).then(|| methods.collect())
}
