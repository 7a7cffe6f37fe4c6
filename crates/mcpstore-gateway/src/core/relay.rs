//! A request on its way to a server, and what comes back before its answer.

use std::sync::Arc;

use bytes::Bytes;
use mcpstore_runtime::{CallTrace, Relay};
use mcpstore_transport::{Notification, RequestOptions, RpcError, ServerRequests, notice_channel};
use mcpstore_types::ServiceName;
use serde_json::value::RawValue;

use super::Inner;
use super::asks::Worker;
use super::failure::rpc_error;
use super::params::Peek;
use crate::message;
use crate::outlet::Outlet;
use crate::seam::Call;

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
}

impl Inner {
    /// Passes a request on; what the server tells meanwhile goes into the outlet of the call.
    pub(crate) async fn pass(&self, call: &Call, peek: &Peek<'_>, passed: Passed<'_>) -> Result<Bytes, RpcError> {
        let Passed { service, method, params, tool, asks, key } = passed;
        call.trail.goes_to(service, tool.or(peek.what().as_deref()), peek.arguments, peek.client());
        let worker = Worker { key, asks: Arc::clone(&asks), outlet: call.outlet.clone() };
        let _entered = self.under_way.enter(service, worker);
        let (sink, mut notices) = notice_channel();
        let meta = peek.meta.as_ref();
        let wants_progress = meta.is_some_and(|meta| meta.progress.is_some());
        let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let trace = meta.map_or_else(CallTrace::default, |meta| CallTrace {
            traceparent: text(&meta.traceparent),
            tracestate: text(&meta.tracestate),
        });
        let relay = Relay {
            method,
            params,
            tool,
            options: RequestOptions { notices: Some(sink), client: Some(Arc::clone(&asks)) },
            inputs: Some(asks.as_ref()),
            trace,
        };
        let mut answer = std::pin::pin!(self.supervisor.relay(service.as_str(), relay));
        let result = loop {
            tokio::select! {
                biased;
                Some(notice) = notices.next() => tell(&call.outlet, &notice, wants_progress),
                result = &mut answer => break result,
            }
        };
        while let Some(notice) = notices.try_next() {
            tell(&call.outlet, &notice, wants_progress);
        }
        // A boxed text is taken over as it is.
        result.map(|result| Bytes::from(String::from(Box::<str>::from(result)))).map_err(rpc_error)
    }
}

/// Tells the client; progress only where it asked for it: what we ask for ourselves is none of its affairs.
fn tell(outlet: &Outlet, notice: &Notification, wants_progress: bool) {
    if wants_progress || &*notice.method != "notifications/progress" {
        outlet.push(message::notification(&notice.method, notice.params.as_deref()));
    }
}
