//! A call as a span (source: OTLP 1, `ExportTraceServiceRequest` in JSON).

use mcpstore_types::ServiceName;
use serde_json::{Value, json};

use super::{Attribute, Resource, SCOPE};
use crate::trace::TraceContext;

/// A call of ours, seen from this side.
const CLIENT: u8 = 3;

/// It failed.
const ERROR: u8 = 2;

/// Most bytes of a text in a span; a longer one is cut.
const MAX_TEXT: usize = 256;

/// One call that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSpan {
    /// The trace it belongs to, and which span it is.
    pub context: TraceContext,
    /// The span that made the call; none: the trace begins with it.
    pub parent: Option<TraceContext>,
    /// Which service was called.
    pub service: ServiceName,
    /// What of it: `tools/call`, for example.
    pub method: String,
    /// Which tool, or whatever the method names.
    pub target: Option<String>,
    /// When it began, in nanoseconds since the Unix epoch.
    pub start_unix_ns: u64,
    /// When it ended.
    pub end_unix_ns: u64,
    /// The kind of its failure; none: it succeeded.
    pub error: Option<String>,
}

/// The request for these spans.
pub(super) fn request(spans: &[CallSpan], instance: &str) -> Value {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    json!({ "resourceSpans": [{
        "resource": Resource::of(instance),
        "scopeSpans": [{ "scope": SCOPE, "spans": spans }],
    }] })
}

/// Names are those of OpenTelemetry's conventions for MCP, where they have one.
fn span(call: &CallSpan) -> Value {
    let (method, target) = (cut(&call.method), call.target.as_deref().map(cut));
    let mut attributes =
        vec![Attribute::new("mcp.method.name", method), Attribute::new("mcpstore.service", call.service.as_str())];
    attributes.extend(target.map(|target| {
        let key = if method == "tools/call" { "gen_ai.tool.name" } else { "mcpstore.target" };
        Attribute::new(key, target)
    }));
    attributes.extend(call.error.as_deref().map(|kind| Attribute::new("error.type", cut(kind))));
    let mut span = json!({
        "traceId": call.context.trace_id(),
        "spanId": call.context.span_id(),
        "name": target.map_or_else(|| method.to_owned(), |target| format!("{method} {target}")),
        "kind": CLIENT,
        "startTimeUnixNano": call.start_unix_ns.to_string(),
        "endTimeUnixNano": call.end_unix_ns.to_string(),
        "attributes": attributes,
        "status": call.error.as_deref().map_or_else(|| json!({}), |kind| json!({ "code": ERROR, "message": cut(kind) })),
    });
    if let Some(parent) = call.parent {
        span["parentSpanId"] = json!(parent.span_id());
    }
    span
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
