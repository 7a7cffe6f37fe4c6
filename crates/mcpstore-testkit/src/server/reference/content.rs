//! Tools and prompts of the reference whose results are always the same, or come from their arguments alone.

use serde_json::{Value, json};

use crate::server::content::PNG;
use crate::server::tools::Outcome;

/// A sound of nothing, as base64 of a WAV without samples.
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

/// The result of a tool, when it is one of these.
pub(super) fn tool(name: &str, arguments: &Value) -> Option<Value> {
    let content = match name {
        "test_simple_text" => json!([{ "type": "text", "text": "This is a simple text response for testing." }]),
        "test_image_content" => json!([{ "type": "image", "data": PNG, "mimeType": "image/png" }]),
        "test_audio_content" => json!([{ "type": "audio", "data": WAV, "mimeType": "audio/wav" }]),
        "test_embedded_resource" => {
            json!([embedded("test://embedded-resource", "text/plain", "An embedded resource.")])
        }
        "test_multiple_content_types" => json!([
            { "type": "text", "text": "Several types of content:" },
            { "type": "image", "data": PNG, "mimeType": "image/png" },
            embedded("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#),
        ]),
        "test_error_handling" => {
            return Some(
                json!({ "content": [{ "type": "text", "text": "This tool always fails." }], "isError": true }),
            );
        }
        "greet" => {
            let name = arguments["name"].as_str().unwrap_or("nobody");
            json!([{ "type": "text", "text": format!("Hello, {name}!") }])
        }
        "json_schema_2020_12_tool" => json!([{ "type": "text", "text": arguments.to_string() }]),
        name if name == super::HEADER_TOOL.0 => {
            let region = arguments[super::HEADER_TOOL.2].as_str().unwrap_or("nowhere");
            json!([{ "type": "text", "text": format!("in {region}") }])
        }
        _ => return None,
    };
    Some(json!({ "content": content }))
}

/// What a prompt gives, when it is one of these.
pub(super) fn prompt(name: &str, arguments: &Value) -> Option<Outcome> {
    match name {
        "test_prompt_with_embedded_resource" => Some(match arguments["resourceUri"].as_str() {
            None => Outcome::Error(-32602, "missing argument: resourceUri".to_owned(), Value::Null),
            Some(uri) => Outcome::Result(json!({ "messages": [
                { "role": "user", "content": embedded(uri, "text/plain", "Embedded in a prompt.") },
                { "role": "user", "content": { "type": "text", "text": "Please look at what is embedded." } },
            ] })),
        }),
        super::changes::MORE_PROMPT => {
            let content = json!({ "type": "text", "text": "I come and go." });
            Some(Outcome::Result(json!({ "messages": [{ "role": "user", "content": content }] })))
        }
        _ => None,
    }
}

fn embedded(uri: &str, kind: &str, text: &str) -> Value {
    json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "text": text } })
}
