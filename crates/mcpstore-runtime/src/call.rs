//! Calls: from the caller to the session, past the owner.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_monitor::{ErrorKind, Ticket};
use mcpstore_transport::{CallError, CallLimits, Tool, TraceWords, call_tool_traced, is_tool_error};
use mcpstore_types::{ServiceName, suggestion};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::error::CallFailure;
use crate::snapshot::ServiceInfo;
use crate::supervisor::Supervisor;
use crate::trace::CallTrace;

impl Supervisor {
    /// Calls a tool of a service and returns the server's result object, byte for byte. A result that says `isError` is a
    /// result. `arguments` is a JSON object and goes out byte for byte; the service's timeouts bound the call.
    ///
    /// # Errors
    /// [`CallFailure`]; each names the service.
    ///
    /// # Cancel safety
    /// Dropping the future gives the call up, and the server is told.
    pub async fn call_tool(
        &self,
        service: &str,
        tool: &str,
        arguments: Box<RawValue>,
    ) -> Result<Box<RawValue>, CallFailure> {
        self.call_tool_traced(service, tool, arguments, &CallTrace::default()).await
    }

    /// As [`Supervisor::call_tool`], as a part of its caller's trace.
    ///
    /// # Errors
    /// As [`Supervisor::call_tool`].
    ///
    /// # Cancel safety
    /// As [`Supervisor::call_tool`].
    pub async fn call_tool_traced(
        &self,
        service: &str,
        tool: &str,
        arguments: Box<RawValue>,
        trace: &CallTrace,
    ) -> Result<Box<RawValue>, CallFailure> {
        let info = self.service_for_call(service)?;
        let name = info.name().clone();
        let monitor = &info.monitor;
        let listed = || info.tools.iter().any(|list| list.tools.iter().any(|known| known.name == tool));
        let begin = |bytes| monitor.meter.begin(monitor.meter.tool_if(tool, listed), bytes);
        let refused = |kind| begin(0).end(self.now(), Duration::ZERO, Err(kind), 0);
        if !arguments.get().trim_start().starts_with('{') {
            refused(ErrorKind::BadArguments);
            return Err(CallFailure::BadArguments { service: name, tool: tool.to_owned() });
        }
        let Some(session) = &info.session else {
            refused(ErrorKind::NotRunning);
            return Err(not_running(&info));
        };
        let counted = begin(bytes(&arguments));
        let ticket = match monitor.admit(self.now()) {
            Ok(ticket) => ticket,
            Err(retry_at) => {
                counted.end(self.now(), Duration::ZERO, Err(ErrorKind::CircuitOpen), 0);
                let retry_in = retry_at.since(self.now());
                return Err(CallFailure::CircuitOpen { service: info.name().clone(), retry_in });
            }
        };
        let pass = Pass { supervisor: self, info: &info, ticket: Some(ticket) };
        let span = self.shared.tracer.get().and_then(|tracer| tracer.begin(info.name(), tool, trace));
        let traceparent = span.as_ref().map(|span| span.traceparent()).or(trace.traceparent.as_deref());
        let words = traceparent.map(|traceparent| TraceWords { traceparent, tracestate: trace.tracestate.as_deref() });
        let started = Instant::now();
        let limits = CallLimits::for_call(&info.spec.policy.timeouts);
        let result = call_tool_traced(session.as_ref(), tool, arguments, limits, words).await;
        let outcome = kind(&result);
        // For the circuit it is an answer; for what is counted, a tool that was made up is the caller's doing.
        let made_up = matches!(outcome, Err(ErrorKind::Rpc)) && info.tools.is_some() && !listed();
        let says = if made_up { Err(ErrorKind::BadArguments) } else { outcome };
        if let Some(span) = span {
            span.end(says);
        }
        counted.end(self.now(), started.elapsed(), says, result.as_deref().map_or(0, bytes));
        pass.end(outcome);
        result.map_err(|source| failure(&info, tool, source))
    }

    /// As [`Supervisor::call_tool`], with the arguments as text.
    ///
    /// # Errors
    /// [`CallFailure`], also [`CallFailure::BadArguments`] when the text is no JSON.
    ///
    /// # Cancel safety
    /// As [`Supervisor::call_tool`].
    pub async fn call_tool_text(
        &self,
        service: &str,
        tool: &str,
        arguments: &str,
    ) -> Result<Box<RawValue>, CallFailure> {
        match RawValue::from_string(arguments.to_owned()) {
            Ok(arguments) => self.call_tool(service, tool, arguments).await,
            Err(_) => {
                let name = self.service_for_call(service)?.name().clone();
                Err(CallFailure::BadArguments { service: name, tool: tool.to_owned() })
            }
        }
    }

    /// The tools of one service, or of all running ones, each with its service; in order of registration.
    ///
    /// # Errors
    /// [`CallFailure::UnknownService`], and [`CallFailure::NotRunning`] when the one asked for is not running.
    pub fn list_tools(&self, service: Option<&str>) -> Result<Vec<(ServiceName, Tool)>, CallFailure> {
        let infos = match service {
            Some(name) => {
                let info = self.service_for_call(name)?;
                if info.session.is_none() {
                    return Err(not_running(&info));
                }
                vec![info]
            }
            None => self.snapshot().services().to_vec(),
        };
        let running = infos.iter().filter(|info| info.session.is_some());
        Ok(running
            .flat_map(|info| info.tools.iter().flat_map(|list| &list.tools).map(|t| (info.name().clone(), t.clone())))
            .collect())
    }

    fn service_for_call(&self, service: &str) -> Result<Arc<ServiceInfo>, CallFailure> {
        let snapshot = self.snapshot();
        snapshot
            .get(service)
            .cloned()
            .ok_or_else(|| CallFailure::UnknownService { name: service.to_owned(), hint: snapshot.hint(service) })
    }
}

/// A call that the circuit let through. Dropped before its end, it says nothing, and a trial is free for the next.
struct Pass<'a> {
    supervisor: &'a Supervisor,
    info: &'a ServiceInfo,
    ticket: Option<Option<Ticket>>,
}

impl Pass<'_> {
    fn end(mut self, outcome: Result<(), ErrorKind>) {
        self.tell(outcome);
    }

    fn tell(&mut self, outcome: Result<(), ErrorKind>) {
        let Some(ticket) = self.ticket.take() else { return };
        let monitor = &self.info.monitor;
        let changed = monitor.note_call(self.supervisor.now(), ticket, outcome);
        if changed {
            self.supervisor.circuit_changed(self.info.name());
        }
        if outcome.is_err_and(ErrorKind::is_transport_failure) {
            // Real calls fail: the next probe need not wait for its turn.
            monitor.suspicion.notify_one();
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.tell(Err(ErrorKind::Cancelled));
    }
}

/// The length of a text in bytes.
fn bytes(json: &RawValue) -> u64 {
    u64::try_from(json.get().len()).unwrap_or(u64::MAX)
}

/// How a call ended, in the words that are counted.
fn kind(result: &Result<Box<RawValue>, CallError>) -> Result<(), ErrorKind> {
    match result {
        Ok(result) if is_tool_error(result) => Err(ErrorKind::Tool),
        Ok(_) => Ok(()),
        Err(CallError::TimedOut { .. }) => Err(ErrorKind::Timeout),
        Err(CallError::Rpc { .. }) => Err(ErrorKind::Rpc),
        Err(CallError::Overloaded { .. }) => Err(ErrorKind::Overloaded),
        Err(CallError::TooLarge { .. }) => Err(ErrorKind::BadArguments),
        Err(CallError::Closed | CallError::Broken { .. } | CallError::Unreachable { .. }) => Err(ErrorKind::Transport),
        // A server that is up says 4xx; a proxy before one that is not, 502 to 504.
        Err(CallError::Http { status: 500.., .. }) => Err(ErrorKind::Transport),
        Err(CallError::Http { status: 429, .. }) => Err(ErrorKind::Overloaded),
        Err(_) => Err(ErrorKind::Other),
    }
}

/// How a call failed. The server has the last word on which tools it has: only when it refuses one that it did not list is
/// the tool called unknown.
fn failure(info: &ServiceInfo, tool: &str, source: CallError) -> CallFailure {
    let service = info.name().clone();
    let listed = info.tools.as_ref().map(|list| list.tools.iter().map(|known| known.name.as_str()).collect::<Vec<_>>());
    match listed {
        Some(known) if matches!(source, CallError::Rpc { .. }) && !known.contains(&tool) => {
            let hint = suggestion(tool, known.iter().copied());
            CallFailure::UnknownTool { service, tool: tool.to_owned(), hint, source }
        }
        Some(_) | None => CallFailure::Call { service, source },
    }
}

fn not_running(info: &ServiceInfo) -> CallFailure {
    CallFailure::NotRunning { service: info.name().clone(), state: info.status.state, why: info.why() }
}
