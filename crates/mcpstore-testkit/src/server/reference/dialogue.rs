//! What the reference's tools and its prompt ask of the client, and what they make of the answers.

use serde_json::{Value, json};

/// The prompt that asks.
pub(super) const PROMPT: &str = "test_input_required_result_prompt";

/// One thing that is asked.
pub(super) struct Question {
    /// Its name among the questions of a tool.
    pub(super) key: &'static str,
    pub(super) method: &'static str,
    pub(super) params: Value,
}

/// Questions, round by round.
#[derive(Default)]
pub(super) struct Dialogue {
    pub(super) rounds: Vec<Vec<Question>>,
    /// The client has to bring back how far it is.
    pub(super) sealed: bool,
    /// What the client cannot do is not asked.
    pub(super) choosy: bool,
}

impl Question {
    /// What the client must be able to, as a pointer into its capabilities.
    pub(super) fn needs(&self) -> &'static str {
        match self.method {
            "sampling/createMessage" => "/sampling",
            "roots/list" => "/roots",
            _ => "/elicitation",
        }
    }

    pub(super) fn request(&self) -> Value {
        json!({ "method": self.method, "params": self.params })
    }
}

fn elicit(key: &'static str, message: &str, properties: Value) -> Question {
    let required: Vec<_> = properties.as_object().into_iter().flat_map(|properties| properties.keys()).collect();
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    let params = json!({ "mode": "form", "message": message, "requestedSchema": schema });
    Question { key, method: "elicitation/create", params }
}

fn elicit_text(key: &'static str, message: &str, property: &str) -> Question {
    elicit(key, message, json!({ property: { "type": "string" } }))
}

fn sample(key: &'static str, prompt: &str, most: u32) -> Question {
    let content = json!({ "type": "text", "text": prompt });
    let params = json!({ "messages": [{ "role": "user", "content": content }], "maxTokens": most });
    Question { key, method: "sampling/createMessage", params }
}

fn roots(key: &'static str) -> Question {
    Question { key, method: "roots/list", params: json!({}) }
}

fn once(questions: Vec<Question>) -> Dialogue {
    Dialogue { rounds: vec![questions], ..Dialogue::default() }
}

fn sealed(rounds: Vec<Vec<Question>>) -> Dialogue {
    Dialogue { rounds, sealed: true, choosy: false }
}

/// What this tool asks; `None` when it is a tool that asks nothing.
pub(super) fn of_tool(name: &str, arguments: &Value) -> Option<Dialogue> {
    let text = |name: &str| arguments[name].as_str().unwrap_or_default();
    let confirm = |key, message: &str| elicit(key, message, json!({ "confirm": { "type": "boolean" } }));
    let ok = || elicit("confirm", "Please confirm", json!({ "ok": { "type": "boolean" } }));
    let user = || elicit_text("user_name", "What is your name?", "name");
    Some(match name {
        "test_sampling" => once(vec![sample("answer", text("prompt"), 100)]),
        "test_elicitation" => {
            let properties = json!({
                "username": { "type": "string", "description": "Who you are" },
                "email": { "type": "string", "description": "Where you are reached" },
            });
            once(vec![elicit("user", text("message"), properties)])
        }
        "test_elicitation_sep1034_defaults" => once(vec![elicit("user", "All with defaults", with_defaults())]),
        "test_elicitation_sep1330_enums" => once(vec![elicit("user", "Choices of every kind", choices())]),
        "test_missing_capability" => once(vec![sample("answer", "Say something", 10)]),
        "test_streaming_elicitation" | "test_input_required_result_elicitation" => once(vec![user()]),
        "test_input_required_result_sampling" => {
            once(vec![sample("capital_question", "What is the capital of France?", 100)])
        }
        "test_input_required_result_list_roots" => once(vec![roots("client_roots")]),
        "test_input_required_result_request_state" | "test_input_required_result_tampered_state" => {
            sealed(vec![vec![ok()]])
        }
        "test_input_required_result_multiple_inputs" => {
            sealed(vec![vec![user(), sample("greeting", "Make a greeting", 50), roots("client_roots")]])
        }
        "test_input_required_result_multi_round" => sealed(vec![
            vec![elicit_text("step1", "Step 1: What is your name?", "name")],
            vec![elicit_text("step2", "Step 2: What is your favorite color?", "color")],
        ]),
        "test_input_required_result_capabilities" => {
            let all = vec![user(), sample("greeting", "Make a greeting", 50), roots("client_roots")];
            Dialogue { choosy: true, ..once(all) }
        }
        "confirm_delete" => once(vec![confirm("confirm", &format!("Delete {}?", text("filename")))]),
        "multi_input" => once(vec![confirm("first", "The first one?"), confirm("second", "The second one?")]),
        "test_tool_with_task" => sealed(vec![vec![user()]]),
        _ => return None,
    })
}

/// What the prompt asks.
pub(super) fn of_prompt() -> Dialogue {
    once(vec![elicit_text("user_context", "What context should the prompt use?", "context")])
}

/// The result of a tool that has its answers.
pub(super) fn conclusion(name: &str, answers: &Value) -> Value {
    let user = &answers["user"];
    let text = match name {
        "test_sampling" => {
            format!("LLM response: {}", answers["answer"]["content"]["text"].as_str().unwrap_or_default())
        }
        "test_elicitation" => {
            format!(
                "User response: action={}, content={}",
                user["action"].as_str().unwrap_or_default(),
                user["content"]
            )
        }
        "test_elicitation_sep1034_defaults" | "test_elicitation_sep1330_enums" => {
            let action = user["action"].as_str().unwrap_or_default();
            format!("Elicitation completed: action={action}, content={}", user["content"])
        }
        "test_input_required_result_elicitation" | "test_tool_with_task" => {
            format!("Hello, {}!", answers["user_name"]["content"]["name"].as_str().unwrap_or("nobody"))
        }
        "test_input_required_result_request_state" => "state-ok".to_owned(),
        _ => answers.to_string(),
    };
    json!({ "content": [{ "type": "text", "text": text }] })
}

fn with_defaults() -> Value {
    json!({
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "default": true },
    })
}

fn choices() -> Value {
    let titled = |what: &str| {
        json!([
            { "const": "value1", "title": format!("First {what}") },
            { "const": "value2", "title": format!("Second {what}") },
            { "const": "value3", "title": format!("Third {what}") },
        ])
    };
    let options = json!(["option1", "option2", "option3"]);
    json!({
        "untitledSingle": { "type": "string", "enum": options },
        "titledSingle": { "type": "string", "oneOf": titled("Option") },
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": options } },
        "titledMulti": { "type": "array", "items": { "anyOf": titled("Choice") } },
    })
}
