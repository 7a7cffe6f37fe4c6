//! Work that a server does for a client of this era: it may outlive the request that began it, while the client is asked
//! something.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use mcpstore_transport::{RpcError, ServerRequests};
use mcpstore_types::ServiceName;
use serde_json::value::RawValue;
use tokio_util::task::AbortOnDropHandle;

use super::super::Inner;
use super::super::asks::{Aside, UnderWay};
use super::super::params::Peek;
use super::super::relay::Passed;
use super::questions::Questions;
use super::teller::Teller;
use crate::outlet::{OutletStream, outlet};
use crate::seam::Call;

/// What work gives in the end.
type Outcome = Result<Bytes, RpcError>;

/// Where a request leads, and as what.
pub(super) struct Target {
    pub(super) service: ServiceName,
    pub(super) params: Option<Box<RawValue>>,
    /// The tool that it calls, as the server names it.
    pub(super) tool: Option<String>,
    /// Whether doing it twice does no more than doing it once.
    pub(super) repeats: Repeats,
}

/// Whether doing something twice does no more than doing it once.
pub(super) enum Repeats {
    Yes,
    No,
    /// If this tool says so, as the client calls it.
    AsToolSays(String),
}

/// Work under way. Dropped, it is given up, and its server is told.
pub(super) struct Job {
    work: Work,
    notices: OutletStream,
    pub(super) questions: Arc<Questions>,
    /// Who does it.
    pub(super) service: ServiceName,
    /// The progress token under which it was begun, as JSON.
    token: Option<String>,
    /// It waits for its client.
    aside: Option<Aside>,
}

/// Why nothing more is to be waited for.
pub(super) enum Pause {
    /// The work is over.
    Over(Outcome),
    /// The server asks the client something.
    Asks,
}

enum Work {
    /// It goes on while it is waited for.
    Here(BoxFuture<'static, Outcome>),
    /// It goes on by itself.
    Apart(AbortOnDropHandle<Outcome>),
}

impl Job {
    /// Begins: nothing happens until it is waited for. `can` is what the client can do.
    pub(super) fn begin(inner: &Arc<Inner>, call: &Call, target: Target, can: &RawValue, token: Option<&str>) -> Self {
        let questions = Arc::new(Questions::new(can));
        let (outlet, notices) = outlet();
        let call = Call {
            peer: call.peer.clone(),
            client: None,
            id: call.id.clone(),
            method: call.method.clone(),
            params: None,
            headers: None,
            outlet,
            trail: call.trail.clone(),
        };
        let (inner, asks, doer) = (Arc::clone(inner), Arc::clone(&questions), target.service.clone());
        let work = async move {
            let Target { service, params, tool, repeats } = target;
            let peek = Peek::read(params.as_deref())?;
            let (key, questions) = (asks.serial, Arc::clone(&asks));
            let (method, tool) = (&call.method, tool.as_deref());
            let passed = || {
                let (params, asks) = (params.clone(), Arc::clone(&asks) as Arc<dyn ServerRequests>);
                let (client, waits, rounds) = (None, false, false);
                Passed { service: &service, method, params, tool, asks, key, client, waits, rounds }
            };
            let repeats = || match repeats {
                Repeats::Yes => true,
                Repeats::No => false,
                Repeats::AsToolSays(tool) => inner.names.load().may_repeat(call.peer.view.as_deref(), &tool),
            };
            // Nobody is asked the same twice.
            inner.pass_or_repeat(&call, &peek, passed, || !questions.ever_asked() && repeats()).await
        };
        let token = token.map(ToOwned::to_owned);
        Self { work: Work::Here(Box::pin(work)), notices, questions, service: doer, token, aside: None }
    }

    /// Waits until it is over, or the server asks the client something; what it says meanwhile goes to the client.
    pub(super) async fn wait(&mut self, to: &Teller) -> Pause {
        self.aside = None;
        let questions = Arc::clone(&self.questions);
        let mut asked = std::pin::pin!(questions.asked());
        let Self { work, notices, token, .. } = self;
        let token = token.as_deref();
        loop {
            tokio::select! {
                biased;
                Some(notice) = notices.next() => to.tell(notice, token),
                outcome = &mut *work => {
                    while let Some(notice) = notices.try_next() {
                        to.tell(notice, token);
                    }
                    return Pause::Over(outcome);
                }
                () = &mut asked => return Pause::Asks,
            }
        }
    }

    /// Goes on by itself from now on, as a task of the current runtime, until it is waited for again.
    pub(super) fn apart(self, under_way: &Arc<UnderWay>) -> Self {
        let work = match self.work {
            Work::Here(work) => Work::Apart(AbortOnDropHandle::new(tokio::spawn(work))),
            Work::Apart(handle) => Work::Apart(handle),
        };
        let aside = Some(under_way.aside(self.questions.serial));
        Self { work, aside, ..self }
    }
}

impl Future for Work {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        match &mut *self {
            Self::Here(work) => work.as_mut().poll(cx),
            Self::Apart(handle) => {
                let outcome = ready!(Pin::new(handle).poll(cx));
                Poll::Ready(outcome.unwrap_or_else(|_| Err(RpcError::new(-32603, "the work broke off"))))
            }
        }
    }
}
