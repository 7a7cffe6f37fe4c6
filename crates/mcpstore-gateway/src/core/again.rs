//! A request once more, where the service died under it and asking twice does no more than asking once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mcpstore_runtime::{CallFailure, Goal, ServiceInfo};
use mcpstore_transport::{CallError, RpcError};
use tokio::time::Instant;

use super::Inner;
use super::failure::rpc_error;
use super::params::Peek;
use super::relay::Passed;
use crate::seam::Call;

/// The longest wait for a service to come back.
const MAX_WAIT: Duration = Duration::from_secs(30);

impl Inner {
    /// Passes a request on. Where its service dies under it, it is passed on once more when that is back, provided that it
    /// may be repeated: a wait within the time that the call has in all, and 30 s at most.
    ///
    /// # Errors
    /// What the server says; the first failure where there is no second try.
    ///
    /// # Cancel safety
    /// Dropped, the server is told.
    pub(crate) async fn pass_or_repeat<'a>(
        &self,
        call: &Call,
        peek: &Peek<'_>,
        passed: impl Fn() -> Passed<'a>,
        may_repeat: impl FnOnce() -> bool,
    ) -> Result<Bytes, RpcError> {
        let (began, first) = (Instant::now(), passed());
        let held = self.hold_for(call, peek, &first).await.map_err(rpc_error)?;
        let info = Arc::clone(&held.info);
        match self.pass_held(call, peek, first, held).await {
            Ok(result) => Ok(result),
            Err(failure) if died(&failure) && may_repeat() => {
                // Put aside, as what comes seldom: every call would carry the room for it.
                Box::pin(async {
                    if !self.is_back(&info, began).await {
                        return Err(rpc_error(failure));
                    }
                    tracing::debug!(service = %info.name(), method = &*call.method, "once more: the service died under it");
                    self.pass(call, peek, passed()).await
                })
                .await
            }
            Err(failure) => Err(rpc_error(failure)),
        }
    }

    /// Waits until the service can be asked again after a failure in this life.
    async fn is_back(&self, before: &Arc<ServiceInfo>, began: Instant) -> bool {
        let Some(session) = before.session() else { return false };
        let over = tokio::select! {
            biased;
            () = session.closed() => true,
            () = std::future::ready(()) => false,
        };
        if !over {
            // It was this request alone that broke.
            return true;
        }
        let left = before.spec.policy.timeouts.call_total.saturating_sub(began.elapsed());
        let goal = Goal::RunningAfter(before.status.incarnation);
        self.supervisor.wait(before.name(), goal, Some(left.min(MAX_WAIT))).await.is_ok()
    }
}

/// True when nobody answered.
fn died(failure: &CallFailure) -> bool {
    matches!(
        failure,
        CallFailure::Call { source: CallError::Closed | CallError::Broken { .. } | CallError::Unreachable { .. }, .. }
    )
}
