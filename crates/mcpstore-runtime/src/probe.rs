//! One probe: a question to a service, through its session or past it, and what the answer means.

use std::time::Duration;

use mcpstore_monitor::ProbeOutcome;
use mcpstore_transport::{
    CallError, CallLimits, Outside, OutsideError, Session, TimeoutKind, call_tool, is_tool_error, list_tools, ping,
};
use mcpstore_types::{ProbeKind, ServiceName, TransportSpec, WaitCondition};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};

use crate::monitor::ServiceMonitor;

/// What one probe found, and the words for it when it did not pass.
pub(crate) struct Probed {
    pub(crate) outcome: ProbeOutcome,
    pub(crate) error: Option<String>,
    /// The conversation is over: there is nothing left to probe.
    pub(crate) closed: bool,
    /// Nothing came back, and somebody's call was under way.
    pub(crate) busy: bool,
    /// It could not be asked at all.
    pub(crate) unable: bool,
}

impl Probed {
    /// Nothing was found out.
    pub(crate) fn unknown(error: Option<String>) -> Self {
        Self { outcome: ProbeOutcome::Unknown, error, closed: false, busy: false, unable: false }
    }

    fn pass(latency: Duration) -> Self {
        Self { outcome: ProbeOutcome::Pass { latency }, ..Self::unknown(None) }
    }

    fn fail(error: impl ToString) -> Self {
        Self { outcome: ProbeOutcome::Fail, ..Self::unknown(Some(error.to_string())) }
    }

    fn unable(error: impl ToString) -> Self {
        Self { unable: true, ..Self::unknown(Some(error.to_string())) }
    }
}

/// Who asks, and whom.
pub(crate) struct Asker<'a> {
    pub(crate) service: &'a ServiceName,
    pub(crate) session: &'a dyn Session,
    pub(crate) monitor: &'a ServiceMonitor,
    pub(crate) outside: &'a dyn Outside,
    /// Over HTTP bytes alone are no sign of life: a gateway sends them on behalf of a dead server too.
    pub(crate) over_http: bool,
}

/// True for a server that is reached over HTTP.
pub(crate) fn is_over_http(transport: &TransportSpec) -> bool {
    matches!(transport, TransportSpec::Http(_) | TransportSpec::Sse(_))
}

/// True for a question that goes through the session.
pub(crate) fn is_through_session(kind: &ProbeKind) -> bool {
    outside(kind).is_none()
}

impl Asker<'_> {
    /// Asks once, inside `within`, however many pages the answer has.
    pub(crate) async fn probe(&self, kind: &ProbeKind, within: Duration) -> Probed {
        let started = Instant::now();
        let Some(what) = outside(kind) else { return self.through_session(kind, within).await };
        match self.outside.ask(self.service, &what, within).await {
            Ok(()) => Probed::pass(started.elapsed()),
            Err(OutsideError::No { message }) => Probed::fail(message),
            Err(error) => Probed::unable(error),
        }
    }

    /// A number that changes when the server shows that it lives.
    pub(crate) fn signs_of_life(&self) -> (u64, u64) {
        let (bytes, answered) = self.monitor.signs_of_life(self.session);
        (if self.over_http { self.session.counters().received } else { bytes }, answered)
    }

    /// An answer of any kind shows that the server lives; so do signs that came meanwhile, and a call that is still inside
    /// its own deadline keeps it busy: then the probe says nothing. Of a named tool more is wanted than a sign of life.
    async fn through_session(&self, kind: &ProbeKind, within: Duration) -> Probed {
        let before = self.signs_of_life();
        let started = Instant::now();
        let answer = {
            let _own = self.monitor.own_request();
            match timeout(within, self.request(kind, within)).await {
                Ok(answer) => answer,
                Err(_) => Err(Refusal::Call(CallError::TimedOut { after: within, what: TimeoutKind::Total })),
            }
        };
        let latency = started.elapsed();
        let error = match answer {
            Ok(()) => return Probed::pass(latency),
            Err(Refusal::Unusable(words)) => return Probed::unable(words),
            Err(Refusal::ToolFailed(words)) => return Probed::fail(words),
            Err(Refusal::Call(error)) => error,
        };
        let wants_more = matches!(kind, ProbeKind::Tool { .. });
        match error {
            CallError::Rpc { .. } if !wants_more => Probed::pass(latency),
            // Over HTTP whoever answers need not be the server, nor one that speaks MCP.
            CallError::Malformed { .. } if !wants_more && !self.over_http => Probed::pass(latency),
            CallError::Rpc { .. } | CallError::Malformed { .. } => Probed::fail(error),
            // 429: it lives, and wants to be asked less.
            CallError::Overloaded { .. } | CallError::Http { status: 429, .. } => {
                Probed::unknown(Some(error.to_string()))
            }
            CallError::Closed => Probed { closed: true, ..Probed::fail(error) },
            error => {
                let alive = self.signs_of_life() != before;
                let busy = !alive && self.monitor.is_busy(self.session);
                let found = if alive || busy { Probed::unknown(Some(error.to_string())) } else { Probed::fail(error) };
                Probed { busy, ..found }
            }
        }
    }

    async fn request(&self, kind: &ProbeKind, within: Duration) -> Result<(), Refusal> {
        let (session, limits) = (self.session, CallLimits::within(within));
        let plain = |method: &'static str| session.request(method, None, limits);
        let answer = match kind {
            ProbeKind::Ping => plain("ping").await.map(drop),
            ProbeKind::Discover => plain("server/discover").await.map(drop),
            ProbeKind::List => list_tools(session, limits).await.map(drop),
            ProbeKind::Tool { name, args } => {
                let args = RawValue::from_string(args.clone())
                    .map_err(|error| Refusal::Unusable(format!("the arguments of the probe are no JSON: {error}")))?;
                let result = call_tool(session, name, args, limits).await.map_err(Refusal::Call)?;
                if is_tool_error(result.get()) {
                    return Err(Refusal::ToolFailed(format!("its tool `{name}` says that it failed")));
                }
                Ok(())
            }
            // What the era has for it.
            _ => ping(session, within).await,
        };
        answer.map_err(Refusal::Call)
    }
}

/// Why a question through the session got no good answer.
enum Refusal {
    Call(CallError),
    /// The tool says so itself.
    ToolFailed(String),
    /// The question is none.
    Unusable(String),
}

/// The question as one to the world outside of the session, when it is one.
fn outside(kind: &ProbeKind) -> Option<WaitCondition> {
    match kind {
        ProbeKind::Http { url } => Some(WaitCondition::Http { url: url.clone() }),
        ProbeKind::Tcp { address } => Some(WaitCondition::Tcp { address: address.clone() }),
        ProbeKind::Exec { command, args } => Some(WaitCondition::Exec { command: command.clone(), args: args.clone() }),
        _ => None,
    }
}
