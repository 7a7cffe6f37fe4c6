//! A request that is passed on as it is.

use std::collections::BTreeMap;
use std::fmt;

use mcpstore_transport::{CallLimits, RequestOptions, ServerRequests};
use serde_json::value::{RawValue, to_raw_value};

use crate::trace::CallTrace;

/// A request for the server of a service, from somebody who speaks MCP too. See [`crate::Supervisor::relay`].
pub struct Relay<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its params, which go out byte for byte.
    pub params: Option<Box<RawValue>>,
    /// The tool that it calls, as the server names it; `None`: it calls none.
    pub tool: Option<&'a str>,
    /// Where what comes before the answer goes.
    pub options: RequestOptions,
    /// Who is asked where a server of the stateless era answers with a question; `None`: the question is the result.
    pub inputs: Option<&'a dyn ServerRequests>,
    /// The trace that it belongs to, as the params say it.
    pub trace: CallTrace,
    /// How long it may take; `None`: as long as the service's timeouts allow a call.
    pub limits: Option<CallLimits>,
}

impl<'a> Relay<'a> {
    /// A request without anything beside it.
    #[must_use]
    pub fn new(method: &'a str, params: Option<Box<RawValue>>) -> Self {
        let (options, trace) = (RequestOptions::default(), CallTrace::default());
        Self { method, params, tool: None, options, inputs: None, trace, limits: None }
    }
}

impl fmt::Debug for Relay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("method", &self.method).field("tool", &self.tool).finish_non_exhaustive()
    }
}

/// The params with this `traceparent` in their `_meta`: the trace of a caller goes on with a span of ours. Params that are
/// no object stay as they are.
pub(crate) fn with_traceparent(params: Option<Box<RawValue>>, traceparent: &str) -> Option<Box<RawValue>> {
    type Members = BTreeMap<String, Box<RawValue>>;
    let written = || {
        let mut members: Members = serde_json::from_str(params.as_deref().map_or("{}", RawValue::get)).ok()?;
        let meta: Option<Members> = serde_json::from_str(members.get("_meta").map_or("{}", |meta| meta.get())).ok()?;
        let mut meta = meta.unwrap_or_default();
        meta.insert("traceparent".to_owned(), to_raw_value(traceparent).ok()?);
        members.insert("_meta".to_owned(), to_raw_value(&meta).ok()?);
        to_raw_value(&members).ok()
    };
    written().or(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_ours_takes_the_place_of_the_callers() {
        let with = |text: &str| {
            let params = RawValue::from_string(text.to_owned()).unwrap();
            with_traceparent(Some(params), "00-1").unwrap().get().to_owned()
        };
        let got = with(r#"{"name":"x","arguments":{"n":1.0},"_meta":{"traceparent":"00-0","k":1e2}}"#);
        assert_eq!(got, r#"{"_meta":{"k":1e2,"traceparent":"00-1"},"arguments":{"n":1.0},"name":"x"}"#);
        assert_eq!(with_traceparent(None, "00-1").unwrap().get(), r#"{"_meta":{"traceparent":"00-1"}}"#);
        assert_eq!(with("[1]"), "[1]");
    }
}
