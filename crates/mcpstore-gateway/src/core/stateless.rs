//! The methods of the stateless era (spec: MCP 2026-07-28).

use std::sync::Arc;

use bytes::Bytes;
use mcpstore_transport::RpcError;

use super::Inner;
use crate::seam::Call;

/// Answers one request.
pub(crate) async fn answer(_inner: &Arc<Inner>, call: &Call) -> Result<Bytes, RpcError> {
    Err(RpcError::new(-32601, format!("no method `{}`", call.method)))
}
