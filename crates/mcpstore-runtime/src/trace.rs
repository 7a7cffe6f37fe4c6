//! Which trace a call belongs to, and who is told of it.

use std::fmt;
use std::sync::Arc;

use mcpstore_monitor::ErrorKind;
use mcpstore_types::ServiceName;

/// Which trace a call belongs to, as its caller has it (source: W3C Trace Context).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallTrace {
    /// `traceparent`: the trace, and the span that makes the call. One that is no such text is passed on to nobody.
    pub traceparent: Option<String>,
    /// `tracestate`: passed on as it is, with a `traceparent` alone.
    pub tracestate: Option<String>,
}

/// Who makes spans of calls. Set with [`crate::Supervisor::set_tracer`]; without one, a caller's trace is passed on as it is.
pub trait CallTracer: Send + Sync {
    /// A call begins; `None`: it is of no interest. Must return at once.
    fn begin(&self, service: &ServiceName, tool: &str, trace: &CallTrace) -> Option<Box<dyn TracedCall>>;
}

/// A call that is traced. Dropped before its end, it was given up by its caller.
pub trait TracedCall: Send + Sync {
    /// The `traceparent` that the server is given: the caller's trace, and the span of this call.
    fn traceparent(&self) -> &str;

    /// It ended. Must return at once.
    fn end(self: Box<Self>, outcome: Result<(), ErrorKind>);
}

impl fmt::Debug for dyn CallTracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallTracer")
    }
}

/// What is set once.
pub(crate) type Tracer = std::sync::OnceLock<Arc<dyn CallTracer>>;
