//! A request under way: what the core does for it, and what it says meanwhile.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use mcpstore_transport::RpcError;
use serde_json::value::RawValue;

use super::sessions::InUse;
use super::stats::Counters;
use crate::message;
use crate::seam::{Call, Core};

/// A request under way. Dropped before its end, it is given up.
pub(crate) struct Running {
    work: Pin<Box<dyn Future<Output = Result<Bytes, RpcError>> + Send>>,
    /// Its id, byte for byte.
    pub(crate) id: Box<RawValue>,
    over: bool,
    counters: Arc<Counters>,
    session: Option<InUse>,
}

impl Running {
    /// Gives a request to the core. `session` stays in use until it is over.
    pub(crate) fn begin(core: &Arc<dyn Core>, counters: &Arc<Counters>, call: Call, session: Option<InUse>) -> Self {
        let id = call.id.clone();
        counters.requests_total.up();
        Self { work: Arc::clone(core).request(call), id, over: false, counters: Arc::clone(counters), session }
    }

    /// The session that it is of.
    pub(crate) const fn session(&self) -> Option<&InUse> {
        self.session.as_ref()
    }
}

impl Future for Running {
    type Output = Result<Bytes, RpcError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(self.work.as_mut().poll(cx));
        self.over = true;
        if outcome.is_ok() {
            self.counters.results_total.up()
        } else {
            self.counters.errors_total.up()
        }
        Poll::Ready(outcome)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.over {
            self.counters.cancelled_total.up();
        }
    }
}

/// What stands before and behind a result in its answer.
pub(crate) fn around(id: &RawValue) -> (Bytes, Bytes) {
    let id = id.get();
    let mut head = BytesMut::with_capacity(id.len() + 34);
    head.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    head.extend_from_slice(id.as_bytes());
    head.extend_from_slice(br#","result":"#);
    (head.freeze(), Bytes::from_static(b"}"))
}

/// An outcome as one message.
pub(crate) fn answer(id: &RawValue, outcome: &Result<Bytes, RpcError>) -> Bytes {
    match outcome {
        Ok(result) => {
            let (head, tail) = around(id);
            let mut whole = BytesMut::with_capacity(head.len() + result.len() + tail.len() + 1);
            whole.extend_from_slice(&head);
            whole.extend_from_slice(result);
            whole.extend_from_slice(&tail);
            whole.freeze()
        }
        Err(error) => message::error(Some(id), error),
    }
}
