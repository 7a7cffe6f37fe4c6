//! Spans of a supervisor's calls.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use mcpstore_monitor::ErrorKind;
use mcpstore_runtime::{CallTrace, CallTracer, TracedCall};
use mcpstore_types::ServiceName;

use super::push::Otlp;
use super::span::CallSpan;
use crate::TraceContext;

/// Makes a span of every call that belongs to a sampled trace, or to none; then it begins one.
#[derive(Debug)]
pub struct Tracer {
    otlp: Otlp,
    seed: u64,
    calls: AtomicU64,
}

impl Tracer {
    /// Spans go to this one.
    #[must_use]
    pub fn new(otlp: Otlp) -> Self {
        // The run's own chance: two managers must not make the same spans.
        Self { otlp, seed: RandomState::new().build_hasher().finish(), calls: AtomicU64::new(1) }
    }
}

struct Call {
    otlp: Otlp,
    span: Option<CallSpan>,
    traceparent: String,
}

impl CallTracer for Tracer {
    fn begin(&self, service: &ServiceName, tool: &str, trace: &CallTrace) -> Option<Box<dyn TracedCall>> {
        let nth = self.calls.fetch_add(1, Ordering::Relaxed);
        let parent = trace.traceparent.as_deref().and_then(TraceContext::parse);
        let context = parent.map_or_else(|| TraceContext::root(self.seed, nth, true), |p| p.child(self.seed, nth));
        // Of a trace that nobody wants nothing is kept, and the server is given the caller's own words.
        context.is_sampled().then(|| {
            let span = CallSpan {
                context,
                parent,
                service: service.clone(),
                method: "tools/call".to_owned(),
                target: Some(tool.to_owned()),
                start_unix_ns: unix_ns(),
                end_unix_ns: 0,
                error: None,
            };
            let call = Call { otlp: self.otlp.clone(), span: Some(span), traceparent: context.to_string() };
            Box::new(call) as Box<dyn TracedCall>
        })
    }
}

impl Call {
    fn finish(&mut self, outcome: Result<(), ErrorKind>) {
        if let Some(span) = self.span.take() {
            let error = outcome.err().map(|kind| kind.as_str().to_owned());
            self.otlp.span(CallSpan { end_unix_ns: unix_ns(), error, ..span });
        }
    }
}

impl TracedCall for Call {
    fn traceparent(&self) -> &str {
        &self.traceparent
    }

    fn end(mut self: Box<Self>, outcome: Result<(), ErrorKind>) {
        self.finish(outcome);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.finish(Err(ErrorKind::Cancelled));
    }
}

fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
