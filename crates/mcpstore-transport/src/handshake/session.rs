//! The session over a wire.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::initialize::Running;
use crate::http;
use crate::wire::Hub;
use crate::{CallError, CallLimits, NoticeFeed, RequestOptions, ServerInfo, Session, WireCounters};

/// A session over a wire. Dropped, it closes the wire.
pub(super) struct McpSession {
    pub(super) server: ServerInfo,
    pub(super) hub: Arc<Hub>,
    /// rmcp's side of it, in the era that has one.
    pub(super) _rmcp: Option<Running>,
}

#[async_trait]
impl Session for McpSession {
    fn server(&self) -> &ServerInfo {
        &self.server
    }

    async fn request_with(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
        limits: CallLimits,
        options: RequestOptions,
    ) -> Result<Box<RawValue>, CallError> {
        self.hub.request(method, params.as_deref(), limits, options).await
    }

    async fn notify(&self, method: &str, params: Option<Box<RawValue>>) -> Result<(), CallError> {
        self.hub.notify(method, params.as_deref())
    }

    fn notices(&self) -> NoticeFeed {
        self.hub.notices()
    }

    fn unusable(&self, input_schema: &RawValue) -> Option<String> {
        if self.hub.headers_matter() { http::broken_rule(input_schema) } else { None }
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.hub.changes()
    }

    fn in_flight(&self) -> usize {
        self.hub.in_flight()
    }

    async fn closed(&self) {
        self.hub.closed().await;
    }

    fn close(&self) {
        self.hub.close();
    }

    fn counters(&self) -> WireCounters {
        self.hub.counters()
    }
}

impl Drop for McpSession {
    fn drop(&mut self) {
        self.hub.close();
    }
}
