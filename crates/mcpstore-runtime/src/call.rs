//! Calls: from the caller to the session, past the owner.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_monitor::{CallInFlight, ErrorKind, Ticket};
use mcpstore_transport::{
    CallError, CallLimits, Session, Tool, ToolList, TraceWords, call_tool_traced, is_tool_error, request_with_inputs,
};
use mcpstore_types::{Era, ServiceName, suggestion};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::error::CallFailure;
use crate::in_use::Use;
use crate::relay::{Relay, with_traceparent};
use crate::snapshot::ServiceInfo;
use crate::supervisor::Supervisor;
use crate::trace::{CallTrace, TracedCall};
use crate::wake::{Held, not_running};

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
        let info = self.info_for_call(service)?;
        if !arguments.get().trim_start().starts_with('{') {
            let listed = || is_listed(&info, tool);
            let meter = &info.monitor.meter;
            let refused = meter.begin(meter.tool_if(tool, listed), 0);
            refused.end(self.now(), Duration::ZERO, Err(ErrorKind::BadArguments), 0);
            return Err(CallFailure::BadArguments { service: info.name().clone(), tool: tool.to_owned() });
        }
        let Held { info, used } = self.hold(service, Some(tool)).await?;
        let call = self.begin_call(&info, used, Some(tool), bytes(&arguments), trace)?;
        let traceparent = call.traceparent(trace);
        let words = traceparent.map(|traceparent| TraceWords { traceparent, tracestate: trace.tracestate.as_deref() });
        let result = call_tool_traced(call.session.as_ref(), tool, arguments, call.limits, words).await;
        call.finish(result)
    }

    /// Sends any request to the server of a service that is held ([`Supervisor::hold`]), and returns its result byte for byte.
    /// With [`Relay::tool`] it is counted as a call of that tool; the service's circuit holds for all.
    ///
    /// # Errors
    /// As [`Supervisor::call_tool`].
    ///
    /// # Cancel safety
    /// As [`Supervisor::call_tool`].
    pub async fn relay(&self, held: Held, relay: Relay<'_>) -> Result<Box<RawValue>, CallFailure> {
        let Relay { method, params, tool, options, inputs, trace, limits } = relay;
        let bytes_in = params.as_deref().map_or(0, bytes);
        let Held { info, used } = held;
        let call = self.begin_call(&info, used, tool, bytes_in, &trace)?;
        let params = match call.traceparent(&trace) {
            // The caller's own words are in the params already.
            Some(parent) if trace.traceparent.as_deref() != Some(parent) => with_traceparent(params, parent),
            Some(_) | None => params,
        };
        let limits = limits.unwrap_or(call.limits);
        let result = match inputs {
            Some(inputs) if call.session.server().era == Era::Stateless => {
                // Put aside, as the lesser part of all calls: each would carry the room for it.
                Box::pin(request_with_inputs(call.session.as_ref(), inputs, method, params, limits, options)).await
            }
            Some(_) | None => call.session.request_with(method, params, limits, options).await,
        };
        call.finish(result)
    }

    /// Begins a request within the circuit of its service, counted and traced as a call of `tool` where there is one.
    fn begin_call<'a>(
        &'a self,
        info: &'a Arc<ServiceInfo>,
        used: Use,
        tool: Option<&'a str>,
        bytes_in: u64,
        trace: &CallTrace,
    ) -> Result<Running<'a>, CallFailure> {
        let monitor = &info.monitor;
        let begin = |bytes| {
            let tool = tool?;
            Some(monitor.meter.begin(monitor.meter.tool_if(tool, || is_listed(info, tool)), bytes))
        };
        let refused = |counted: Option<CallInFlight>, kind| {
            if let Some(counted) = counted {
                counted.end(self.now(), Duration::ZERO, Err(kind), 0);
            }
        };
        let Some(session) = &info.session else {
            refused(begin(0), ErrorKind::NotRunning);
            return Err(not_running(info, info.why()));
        };
        let counted = begin(bytes_in);
        let ticket = match monitor.admit(self.now()) {
            Ok(ticket) => ticket,
            Err(retry_at) => {
                refused(counted, ErrorKind::CircuitOpen);
                let retry_in = retry_at.since(self.now());
                return Err(CallFailure::CircuitOpen { service: info.name().clone(), retry_in });
            }
        };
        let tracer = tool.and_then(|tool| Some((tool, self.shared.tracer.get()?)));
        Ok(Running {
            pass: Pass { supervisor: self, info, ticket: Some(ticket), _used: used },
            session,
            limits: CallLimits::for_call(&info.spec.policy.timeouts),
            tool,
            counted,
            span: tracer.and_then(|(tool, tracer)| tracer.begin(info.name(), tool, trace)),
            started: Instant::now(),
        })
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
                let name = self.info_for_call(service)?.name().clone();
                Err(CallFailure::BadArguments { service: name, tool: tool.to_owned() })
            }
        }
    }

    /// The tools of one service, or of all running ones, each with its service; in order of registration. Of a service that
    /// sleeps, those that it had last.
    ///
    /// # Errors
    /// [`CallFailure::UnknownService`], and [`CallFailure::NotRunning`] when the one asked for is not running.
    pub fn list_tools(&self, service: Option<&str>) -> Result<Vec<(ServiceName, Tool)>, CallFailure> {
        let infos = match service {
            Some(name) => {
                let info = self.info_for_call(name)?;
                if info.session.is_none() && asleep(&info).is_none() {
                    return Err(not_running(&info, info.why()));
                }
                vec![info]
            }
            None => self.snapshot().services().to_vec(),
        };
        let all = infos.iter().filter(|info| info.spec.instance_of.is_none() || service.is_some());
        let tools = all.filter_map(|info| {
            let list = if info.session.is_some() { info.tools.as_ref() } else { asleep(info) };
            Some((info.name(), list?))
        });
        Ok(tools.flat_map(|(name, list)| list.tools.iter().map(|tool| (name.clone(), tool.clone()))).collect())
    }
}

/// A request that runs. Dropped before its end, it was given up by its caller.
struct Running<'a> {
    pass: Pass<'a>,
    session: &'a Arc<dyn Session>,
    limits: CallLimits,
    tool: Option<&'a str>,
    counted: Option<CallInFlight>,
    span: Option<Box<dyn TracedCall>>,
    started: Instant,
}

impl Running<'_> {
    /// The `traceparent` that the server is given.
    fn traceparent<'t>(&'t self, trace: &'t CallTrace) -> Option<&'t str> {
        self.span.as_ref().map(|span| span.traceparent()).or(trace.traceparent.as_deref())
    }

    /// It ended.
    fn finish(self, result: Result<Box<RawValue>, CallError>) -> Result<Box<RawValue>, CallFailure> {
        let Self { pass, tool, counted, span, started, .. } = self;
        let info = pass.info;
        let outcome = kind(&result);
        // For the circuit it is an answer; for what is counted, a tool that was made up is the caller's doing.
        let made_up = matches!(outcome, Err(ErrorKind::Rpc))
            && info.tools.is_some()
            && tool.is_some_and(|tool| !is_listed(info, tool));
        let says = if made_up { Err(ErrorKind::BadArguments) } else { outcome };
        if let Some(span) = span {
            span.end(says);
        }
        if let Some(counted) = counted {
            let bytes_out = result.as_deref().map_or(0, bytes);
            counted.end(pass.supervisor.now(), started.elapsed(), says, bytes_out);
        }
        pass.end(outcome);
        result.map_err(|source| failure(info, tool, source))
    }
}

/// A call that the circuit let through. Dropped before its end, it says nothing, and a trial is free for the next.
struct Pass<'a> {
    supervisor: &'a Supervisor,
    info: &'a ServiceInfo,
    ticket: Option<Option<Ticket>>,
    _used: Use,
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

/// The tools of a service that sleeps, as it had them last.
fn asleep(info: &ServiceInfo) -> Option<&Arc<ToolList>> {
    info.known.as_ref().filter(|_| info.sleeps())?.tools.as_ref()
}

/// True when the service listed a tool of this name.
pub(crate) fn is_listed(info: &ServiceInfo, tool: &str) -> bool {
    info.tools.iter().any(|list| list.tools.iter().any(|known| known.name == tool))
}

/// The length of a text in bytes.
fn bytes(json: &RawValue) -> u64 {
    u64::try_from(json.get().len()).unwrap_or(u64::MAX)
}

/// How a call ended, in the words that are counted.
fn kind(result: &Result<Box<RawValue>, CallError>) -> Result<(), ErrorKind> {
    match result {
        Ok(result) if is_tool_error(result.get()) => Err(ErrorKind::Tool),
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
fn failure(info: &ServiceInfo, tool: Option<&str>, source: CallError) -> CallFailure {
    let service = info.name().clone();
    let Some(tool) = tool else { return CallFailure::Call { service, source } };
    let listed = info.tools.as_ref().map(|list| list.tools.iter().map(|known| known.name.as_str()).collect::<Vec<_>>());
    match listed {
        Some(known) if matches!(source, CallError::Rpc { .. }) && !known.contains(&tool) => {
            let hint = suggestion(tool, known.iter().copied());
            CallFailure::UnknownTool { service, tool: tool.to_owned(), hint, source }
        }
        Some(_) | None => CallFailure::Call { service, source },
    }
}
