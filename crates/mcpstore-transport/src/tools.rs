//! Tools over any session: list them, call one; and the ping.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tokio::time::Instant;

use crate::clip::clip;
use crate::deadline::deadline_after;
use crate::object::object;
use crate::{CallError, CallLimits, Session, TimeoutKind};

/// The most pages of one list that are asked for.
pub const MAX_PAGES: usize = 1_000;
/// The most bytes of one list, all its pages together.
pub const MAX_LIST_BYTES: usize = 64 * 1024 * 1024;
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

/// Lists a server's tools, page by page. `limits.idle` holds for each page, `limits.total` for the whole list.
///
/// # Errors
/// [`CallError`] of a page; [`CallError::Malformed`] when a page is no list, a cursor comes twice, or the list has more
/// than [`MAX_PAGES`] pages, [`MAX_TOOLS`] tools or [`MAX_LIST_BYTES`] bytes; [`CallError::TimedOut`] when the whole takes
/// too long.
///
/// # Cancel safety
/// Dropped half-way, the page under way is given up.
pub async fn list_tools(session: &dyn Session, limits: CallLimits) -> Result<ToolList, CallError> {
    let deadline = deadline_after(limits.total);
    let mut list = ToolList::default();
    let mut seen = BTreeSet::new();
    let mut cursor: Option<String> = None;
    let mut bytes = 0;
    for _ in 0..MAX_PAGES {
        let params = cursor.as_ref().map(|cursor| raw(&serde_json::json!({ "cursor": cursor }))).transpose()?;
        let left = deadline.saturating_duration_since(Instant::now());
        let page_limits = CallLimits::new(limits.idle, left);
        let answer = session.request("tools/list", params, page_limits).await.map_err(|error| match error {
            // What is left for a page is our affair; the caller knows of the whole.
            CallError::TimedOut { what: TimeoutKind::Total, .. } => {
                CallError::TimedOut { after: limits.total, what: TimeoutKind::Total }
            }
            other => other,
        })?;
        bytes += answer.get().len();
        if bytes > MAX_LIST_BYTES {
            return Err(CallError::Malformed { what: format!("its list has more than {MAX_LIST_BYTES} bytes") });
        }
        let page: Page<'_> = object(answer.get())
            .map_err(|error| CallError::Malformed { what: clip(&format!("it is no list of tools: {error}")) })?;
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;
    use tokio::sync::watch;

    use super::*;
    use crate::ServerInfo;

    /// A session whose list never ends; each page is so long and takes so much time.
    #[derive(Default)]
    struct Endless {
        server: ServerInfo,
        asked: AtomicU64,
        bytes: usize,
        takes: Duration,
    }

    #[async_trait]
    impl Session for Endless {
        fn server(&self) -> &ServerInfo {
            &self.server
        }

        async fn request(
            &self,
            _: &str,
            _: Option<Box<RawValue>>,
            limits: CallLimits,
        ) -> Result<Box<RawValue>, CallError> {
            let n = self.asked.fetch_add(1, Ordering::Relaxed);
            let page = format!(r#"{{"tools":[],"nextCursor":"{n}","pad":"{}"}}"#, "x".repeat(self.bytes));
            let answer = async {
                tokio::time::sleep(self.takes).await;
                RawValue::from_string(page).unwrap()
            };
            let limit = limits.idle.min(limits.total);
            let what = if limits.idle < limits.total { TimeoutKind::Idle } else { TimeoutKind::Total };
            tokio::time::timeout(limit, answer).await.map_err(|_| CallError::TimedOut { after: limit, what })
        }

        fn changes(&self) -> watch::Receiver<u64> {
            watch::Sender::new(0).subscribe()
        }

        fn in_flight(&self) -> usize {
            0
        }

        async fn closed(&self) {}

        fn close(&self) {}
    }

    #[tokio::test]
    async fn a_list_has_a_bound_in_bytes() {
        let endless = Endless { bytes: 10 * 1024 * 1024, ..Endless::default() };
        let error = list_tools(&endless, CallLimits::within(Duration::MAX)).await.unwrap_err();
        assert!(matches!(&error, CallError::Malformed { what } if what.contains("67108864 bytes")), "{error}");
        assert_eq!(endless.asked.load(Ordering::Relaxed), 7);
    }

    #[tokio::test]
    async fn the_total_limit_holds_for_the_whole_list() {
        let after = Duration::from_millis(200);
        let endless = Endless { takes: Duration::from_millis(50), ..Endless::default() };
        // All its pages together would take 50 s.
        let error = list_tools(&endless, CallLimits::new(Duration::from_secs(60), after)).await.unwrap_err();
        let CallError::TimedOut { after: told, what: TimeoutKind::Total } = error else { panic!("{error}") };
        assert_eq!(told, after);
        // The idle limit is for each.
        let limits = CallLimits::new(Duration::from_millis(1), Duration::from_secs(60));
        let error = list_tools(&endless, limits).await.unwrap_err();
        assert!(matches!(error, CallError::TimedOut { what: TimeoutKind::Idle, .. }), "{error}");
    }

    #[test]
    fn a_reason_is_cut_to_a_bound() {
        let entry = RawValue::from_string(format!(r#"{{"name":"{}"}}"#, "n".repeat(1_000_000))).unwrap();
        assert!(tool(&entry).unwrap_err().len() < 4096);
        let rpc = CallError::Rpc { code: 1, message: "m".repeat(1_000_000), data: None };
        assert!(rpc.to_string().len() < 4096);
    }
}
