//! Tools over any session: list them, call one.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memmem};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::clip::clip;
use crate::lists::list_all;
use crate::object::object;
use crate::requests::raw;
use crate::{CallError, CallLimits, Session};

/// A server's tools.
#[derive(Clone, Debug, Default)]
pub struct ToolList {
    /// The tools, in the server's order.
    pub tools: Vec<Tool>,
    /// The entries that are no tool, with the reason: each hides only itself.
    pub hidden: Vec<String>,
    /// See [`List::ttl_ms`](crate::List::ttl_ms).
    pub ttl_ms: Option<u64>,
    /// See [`List::private`](crate::List::private).
    pub private: bool,
}

/// One tool of a server.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Its name, as the server has it.
    pub name: String,
    /// What it does, in the server's words.
    pub description: Option<String>,
    /// The schema of its arguments, byte for byte.
    pub input_schema: Box<RawValue>,
    /// The whole entry, byte for byte.
    pub raw: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(borrow)]
    input_schema: &'a RawValue,
}

/// Lists a server's tools, as [`list_all`] lists.
///
/// # Errors
/// As [`list_all`].
///
/// # Cancel safety
/// As [`list_all`].
pub async fn list_tools(session: &dyn Session, limits: CallLimits) -> Result<ToolList, CallError> {
    let all = list_all(session, "tools/list", "tools", limits).await?;
    let mut list = ToolList { ttl_ms: all.ttl_ms, private: all.private, ..ToolList::default() };
    for entry in all.entries {
        match read_tool(&entry) {
            Ok(tool) => match session.unusable(&tool.input_schema) {
                None => list.tools.push(tool),
                Some(reason) => list.hidden.push(clip(&format!("`{}`: {reason}", tool.name))),
            },
            Err(reason) => list.hidden.push(reason),
        }
    }
    Ok(list)
}

/// The tool in an entry of a list of tools.
///
/// # Errors
/// Why there is none, in words.
pub fn read_tool(entry: &RawValue) -> Result<Tool, String> {
    whole_tool(entry).map_err(|reason| clip(&reason))
}

fn whole_tool(entry: &RawValue) -> Result<Tool, String> {
    let parsed: Entry<'_> = object(entry.get()).map_err(|error| {
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        let name = object::<Named>(entry.get()).map(|named| named.name);
        name.map_or_else(|_| format!("a tool without a name: {error}"), |name| format!("`{name}`: {error}"))
    })?;
    if !parsed.input_schema.get().starts_with('{') {
        return Err(format!("`{}`: its input schema is no object", parsed.name));
    }
    Ok(Tool {
        name: parsed.name,
        description: parsed.description,
        input_schema: parsed.input_schema.to_owned(),
        raw: entry.to_owned(),
    })
}

/// Calls a tool and returns the server's result object, byte for byte.
///
/// `arguments` go out byte for byte too; they should be an object.
///
/// # Errors
/// As [`Session::request`]. A result that says `isError` is a result.
///
/// # Cancel safety
/// As [`Session::request`].
pub async fn call_tool(
    session: &dyn Session,
    name: &str,
    arguments: Box<RawValue>,
    limits: CallLimits,
) -> Result<Box<RawValue>, CallError> {
    call_tool_traced(session, name, arguments, limits, None).await
}

/// As [`call_tool`]; the server is told which trace the call belongs to (source: W3C Trace Context; spec: MCP 2026-07-28,
/// `_meta`, which earlier servers pass over).
///
/// # Errors
/// As [`call_tool`].
///
/// # Cancel safety
/// As [`Session::request`].
pub async fn call_tool_traced(
    session: &dyn Session,
    name: &str,
    arguments: Box<RawValue>,
    limits: CallLimits,
    trace: Option<TraceWords<'_>>,
) -> Result<Box<RawValue>, CallError> {
    #[derive(Serialize)]
    struct Params<'a> {
        name: &'a str,
        arguments: &'a RawValue,
        #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
        meta: Option<TraceWords<'a>>,
    }
    let params = raw(&Params { name, arguments: &arguments, meta: trace })?;
    session.request("tools/call", Some(params), limits).await
}

/// Which trace a call belongs to, in the words of W3C Trace Context.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TraceWords<'a> {
    /// The trace, and the span that the call is made by.
    pub traceparent: &'a str,
    /// What other systems want to be passed on with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<&'a str>,
}

/// True when the result of a call (JSON text) says of itself that the tool failed (`isError`). Large results are not taken apart
/// for it: only one in which the word stands, or may stand escaped, is read, unless it is the last member.
#[must_use]
pub fn is_tool_error(result: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Outcome {
        #[serde(default)]
        is_error: bool,
    }
    // In a text its quotes would be escaped; and behind the last member stands the end of the whole.
    if result.ends_with(r#""isError":false}"#) {
        return false;
    }
    static WORD: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("isError"));
    let may_be_escaped =
        || memchr(b'\\', result.as_bytes()).is_some() && memmem::find(result.as_bytes(), br"\u").is_some();
    (WORD.find(result.as_bytes()).is_some() || may_be_escaped())
        && object::<Outcome>(result).is_ok_and(|outcome| outcome.is_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_failed_says_so() {
        let says = is_tool_error;
        assert!(says(r#"{"content":[],"isError":true}"#));
        assert!(says(r#"{"is\u0045rror" : true}"#));
        assert!(!says(r#"{"content":[{"type":"text","text":"isError\":true"}],"isError":false}"#));
        assert!(!says(r#"{"content":[]}"#) && !says(r#"{"content":[{"isError":true}]}"#));
        for (result, failed) in [
            (r#"{"isError" : true,"content":[]}"#, true),
            (r#"{"content":[],"isError":false}"#, false),
            (r#"{"content":[{"type":"text","text":"\"isError\":true}"}]}"#, false),
            (r#"{"structuredContent":{"isError":true}}"#, false),
            (r#"{"isError":true,"structuredContent":{"isError":false}}"#, true),
            (r#"{"isError":"yes"}"#, false),
        ] {
            assert_eq!(says(result), failed, "{result}");
        }
    }

    #[test]
    fn a_reason_is_cut_to_a_bound() {
        let entry = RawValue::from_string(format!(r#"{{"name":"{}"}}"#, "n".repeat(1_000_000))).unwrap();
        assert!(read_tool(&entry).unwrap_err().len() < 4096);
        let rpc = CallError::Rpc { code: 1, message: "m".repeat(1_000_000), data: None };
        assert!(rpc.to_string().len() < 4096);
    }
}
