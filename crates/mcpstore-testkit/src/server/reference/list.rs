//! What the reference adds to the lists and to what the server offers.

use serde_json::{Value, json};

use super::{HEADER_TOOL, changes, dialogue, tasks};
use crate::server::Server;

/// Tools without arguments, or with texts for arguments that they need.
const TOOLS: &[(&str, &str, &[&str])] = &[
    ("test_simple_text", "Gives a text", &[]),
    ("test_image_content", "Gives a picture", &[]),
    ("test_audio_content", "Gives a sound", &[]),
    ("test_embedded_resource", "Gives a resource", &[]),
    ("test_multiple_content_types", "Gives a text, a picture and a resource", &[]),
    ("test_error_handling", "Always fails", &[]),
    ("test_tool_with_logging", "Logs three times", &[]),
    ("test_logging_tool", "Logs three times", &[]),
    ("test_tool_with_progress", "Reports progress three times", &[]),
    ("test_reconnection", "Lets its stream break, and answers then", &[]),
    ("test_sampling", "Asks the client's model", &["prompt"]),
    ("test_elicitation", "Asks the user", &["message"]),
    ("test_elicitation_sep1034_defaults", "Asks the user, with a default for everything", &[]),
    ("test_elicitation_sep1330_enums", "Lets the user choose in every way", &[]),
    ("test_missing_capability", "Needs a client that samples", &[]),
    ("test_streaming_elicitation", "Asks the user", &[]),
    ("test_input_required_result_elicitation", "Asks the user", &[]),
    ("test_input_required_result_sampling", "Asks the client's model", &[]),
    ("test_input_required_result_list_roots", "Asks for the roots", &[]),
    ("test_input_required_result_request_state", "Asks the user, and wants its state back", &[]),
    ("test_input_required_result_multiple_inputs", "Asks three things at once", &[]),
    ("test_input_required_result_multi_round", "Asks twice", &[]),
    ("test_input_required_result_tampered_state", "Asks the user, and wants its state back", &[]),
    ("test_input_required_result_capabilities", "Asks whatever the client can do", &[]),
    ("test_trigger_tool_change", "Adds a tool, or takes it away", &[]),
    ("test_trigger_prompt_change", "Adds a prompt, or takes it away", &[]),
    ("greet", "Greets", &["name"]),
    ("failing_job", "A task that fails", &[]),
    ("protocol_error_job", "A task that breaks", &[]),
    ("confirm_delete", "A task that asks the user", &["filename"]),
    ("multi_input", "A task that asks the user twice at once", &[]),
    ("test_tool_with_task", "Asks the user, and goes on as a task", &[]),
    ("echo_notice", "Sends a notification with this JSON text as its params", &["method", "json"]),
    ("echo_shape", "Its result is this JSON text, byte by byte", &["json"]),
];

/// The tools.
pub(in crate::server) fn tools(server: &Server, stateless: bool) -> Vec<Value> {
    let mut tools: Vec<_> = TOOLS.iter().map(|(name, description, needed)| simple(name, description, needed)).collect();
    tools.push(json!({
        "name": "slow_compute",
        "description": "A task that takes some seconds",
        "inputSchema": {
            "type": "object",
            "properties": { "seconds": { "type": "number" }, "label": { "type": "string" } },
        },
    }));
    tools.push(json!({
        "name": HEADER_TOOL.0,
        "description": "Has an argument that goes along as a header",
        "inputSchema": {
            "type": "object",
            "properties": { HEADER_TOOL.2: { "type": "string", "x-mcp-header": "Region" } },
        },
    }));
    tools.push(json!({
        "name": "json_schema_2020_12_tool",
        "description": "Has a schema with much in it",
        "inputSchema": rich_schema(),
    }));
    if server.reference.changes.has_tool() {
        tools.push(simple("test_dynamic_tool", "Comes and goes", &[]));
    }
    if !stateless {
        for tool in &mut tools {
            if let Some(support) = tool["name"].as_str().and_then(tasks::support) {
                tool["execution"] = json!({ "taskSupport": support });
            }
        }
    }
    tools
}

fn simple(name: &str, description: &str, needed: &[&str]) -> Value {
    let properties: serde_json::Map<_, _> =
        needed.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !needed.is_empty() {
        schema["required"] = json!(needed);
    }
    json!({ "name": name, "description": description, "inputSchema": schema })
}

/// A schema in which everything must be kept (the suite looks for each of these words).
fn rich_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}

/// The prompts.
pub(in crate::server) fn prompts(server: &Server) -> Vec<Value> {
    let mut prompts = vec![
        json!({
            "name": "test_prompt_with_embedded_resource",
            "description": "A resource in a message",
            "arguments": [{ "name": "resourceUri", "required": true }],
        }),
        json!({ "name": dialogue::PROMPT, "description": "Asks the user first" }),
    ];
    if server.reference.changes.has_prompt() {
        prompts.push(json!({ "name": changes::MORE_PROMPT, "description": "Comes and goes" }));
    }
    prompts
}

/// Adds to what a server says it offers.
pub(in crate::server) fn capabilities(offered: &mut Value, stateless: bool) {
    if stateless {
        offered["extensions"] = json!({ tasks::EXTENSION: {} });
        offered["logging"] = json!({});
    } else {
        offered["tasks"] = json!({ "list": {}, "cancel": {}, "requests": { "tools": { "call": {} } } });
    }
}
