//! The list of tools, well or oddly.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::server::{Server, reference};

/// Tools on one page of a long list.
const PAGE: usize = 100;

/// An argument of a tool: its name and its JSON type.
type Argument = (&'static str, &'static str);

/// Name, description and arguments of every tool.
const TOOLS: &[(&str, &str, &[Argument])] = &[
    ("echo", "Returns its text", &[("text", "string")]),
    ("add", "Adds two numbers", &[("a", "number"), ("b", "number")]),
    ("sleep", "Answers after some milliseconds", &[("ms", "integer")]),
    ("pid", "Its process id", &[]),
    ("env", "A variable of its environment", &[("name", "string")]),
    ("cwd", "Its working directory", &[]),
    ("crash", "Ends the process with an exit code", &[("code", "integer")]),
    ("die", "Ends the process by a signal (kill, segv, abort), or stops it (stop)", &[("how", "string")]),
    ("close", "Closes its stdin or its stdout, and lives on", &[("what", "string")]),
    ("progress", "Reports progress n times, some milliseconds apart", &[("n", "integer"), ("ms", "integer")]),
    ("hang", "Never answers", &[]),
    ("fail", "Answers with an error, or with a result that says so", &[("code", "integer"), ("text", "string")]),
    ("big", "A text of so many bytes", &[("bytes", "integer")]),
    ("long", "A text of so many bytes, written as it is made", &[("bytes", "integer")]),
    ("deep", "A result nested so deep", &[("depth", "integer")]),
    ("ask", "Sends the client a request and returns its answer", &[("method", "string"), ("params", "object")]),
    ("list_changed", "Says n times that the list of tools changed", &[("n", "integer")]),
    ("notes", "Sends n log messages, whatever the level", &[("n", "integer")]),
    ("log", "Sends a log message of this level", &[("level", "string"), ("text", "string")]),
    ("touch", "Says that a resource changed, to those who subscribed", &[("uri", "string")]),
];

/// Tools that say of themselves that they change nothing.
const READ_ONLY: &[&str] = &["pid", "sleep"];

/// One page of the list.
pub(in crate::server) fn list(server: &Server, params: &Value, stateless: bool) -> Value {
    let behaviour = &*server.behaviour;
    let page: usize = params["cursor"].as_str().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    if behaviour.endless_cursor {
        return json!({ "tools": [], "nextCursor": (page + 1).to_string() });
    }
    if behaviour.same_cursor {
        return json!({ "tools": [], "nextCursor": "1" });
    }
    let mut tools = Vec::new();
    if page == 0 {
        tools.extend(TOOLS.iter().map(|(name, description, arguments)| {
            let properties: serde_json::Map<_, _> =
                arguments.iter().map(|(name, kind)| ((*name).to_owned(), json!({ "type": kind }))).collect();
            let schema = json!({ "type": "object", "properties": properties });
            let description = format!("{description}{}", "!".repeat(behaviour.big_descriptions));
            let mut tool = json!({ "name": name, "description": description, "inputSchema": schema });
            if READ_ONLY.contains(name) {
                tool["annotations"] = json!({ "readOnlyHint": true });
            }
            tool
        }));
        if behaviour.reference {
            tools.extend(reference::tools(server, stateless));
        }
        if let Some(start) = behaviour.changing {
            tools[0]["description"] = format!("Returns its text, since start {start}").into();
        }
        if behaviour.bad_tool {
            tools.insert(1, json!({ "name": "bad", "description": "has no schema" }));
        }
        if behaviour.new_list {
            let number = server.lists.fetch_add(1, Ordering::Relaxed);
            tools.push(json!({ "name": format!("new-{number}"), "inputSchema": { "type": "object" } }));
        }
    }
    let first = page * PAGE;
    let last = behaviour.many_tools.min(first + PAGE);
    tools.extend((first..last).map(|n| json!({ "name": format!("tool-{n}"), "inputSchema": { "type": "object" } })));
    if last < behaviour.many_tools {
        json!({ "tools": tools, "nextCursor": (page + 1).to_string() })
    } else {
        json!({ "tools": tools })
    }
}

/// The list with these entries before the others, as they are: no value could hold them.
pub(in crate::server) fn with_raw(list: String, raw: &[String]) -> String {
    const BEGIN: &str = r#""tools":["#;
    match list.split_once(BEGIN) {
        Some((before, rest)) if !raw.is_empty() => {
            let comma = if rest.starts_with(']') { "" } else { "," };
            format!("{before}{BEGIN}{}{comma}{rest}", raw.join(","))
        }
        _ => list,
    }
}
