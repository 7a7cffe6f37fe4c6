//! Tools over any session: list them, call one; and the ping.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::object::object;
use crate::{CallError, CallLimits, Session};

/// The most pages of one list that are asked for.
pub const MAX_PAGES: usize = 1_000;
/// The most tools of one server that are taken.
pub const MAX_TOOLS: usize = 100_000;

/// A server's tools.
#[derive(Clone, Debug, Default)]
pub struct ToolList {
    /// The tools, in the server's order.
    pub tools: Vec<Tool>,
    /// The entries that are no tool, with the reason: each hides only itself.
    pub hidden: Vec<String>,
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
struct Page<'a> {
    #[serde(borrow)]
    tools: Vec<&'a RawValue>,
    #[serde(default)]
    next_cursor: Option<String>,
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

/// Lists a server's tools, page by page. The limits hold for each page.
///
/// # Errors
/// [`CallError`] of a page; [`CallError::Malformed`] when a page is no list, a cursor comes twice, or the list has more
/// than [`MAX_PAGES`] pages or [`MAX_TOOLS`] tools.
///
/// # Cancel safety
/// Dropped half-way, the page under way is given up.
pub async fn list_tools(session: &dyn Session, limits: CallLimits) -> Result<ToolList, CallError> {
    let mut list = ToolList::default();
    let mut seen = BTreeSet::new();
    let mut cursor: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let params = cursor.as_ref().map(|cursor| raw(&serde_json::json!({ "cursor": cursor }))).transpose()?;
        let answer = session.request("tools/list", params, limits).await?;
        let page: Page<'_> = object(answer.get())
            .map_err(|error| CallError::Malformed { what: format!("it is no list of tools: {error}") })?;
        for entry in page.tools {
            if list.tools.len() + list.hidden.len() >= MAX_TOOLS {
                return Err(CallError::Malformed { what: format!("its list has more than {MAX_TOOLS} tools") });
            }
            match tool(entry) {
                Ok(tool) => list.tools.push(tool),
                Err(reason) => list.hidden.push(reason),
            }
        }
        match page.next_cursor {
            None => return Ok(list),
            Some(next) if !seen.insert(next.clone()) => {
                return Err(CallError::Malformed { what: "its list of tools comes back to the same cursor".into() });
            }
            next => cursor = next,
        }
    }
    Err(CallError::Malformed { what: format!("its list of tools has more than {MAX_PAGES} pages") })
}

/// The tool in an entry of the list, or why there is none.
fn tool(entry: &RawValue) -> Result<Tool, String> {
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
    #[derive(Serialize)]
    struct Params<'a> {
        name: &'a str,
        arguments: &'a RawValue,
    }
    let params = raw(&Params { name, arguments: &arguments })?;
    session.request("tools/call", Some(params), limits).await
}

/// Pings the server (spec: MCP 2025-11-25, ping).
///
/// # Errors
/// As [`Session::request`].
///
/// # Cancel safety
/// As [`Session::request`].
pub async fn ping(session: &dyn Session, timeout: Duration) -> Result<(), CallError> {
    session.request("ping", None, CallLimits::within(timeout)).await.map(drop)
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>, CallError> {
    to_raw_value(value)
        .map_err(|error| CallError::Malformed { what: format!("the request cannot be written: {error}") })
}
