//! One message of each type that the published schemas know (2025-11-25 and 2026-07-28), with what a decode and an encode
//! would not leave as it is: members that nobody knows, numbers that are written oddly, escapes, an order of their own.

use std::path::PathBuf;

/// By the method that they are the result of, and the params that lead to the server: results, by the names of their types.
pub(crate) const RESULTS: &[(&str, &str, &str)] = &[
    (
        "CallToolResult",
        "tools/call",
        r#"{"isError":false,"structuredContent":{"temperature":22.50,"n":1e3},"content":[{"type":"text","text":"22.5\u00b0"}],"x":null}"#,
    ),
    (
        "ReadResourceResult",
        "resources/read",
        r#"{"contents":[{"uri":"test://raw","mimeType":"text/x-rust","text":"fn main() {\n}\n","_meta":{"b":1.0,"a":2}},{"blob":"AA==","uri":"test://raw#2"}],"x-z":0.10}"#,
    ),
    (
        "GetPromptResult",
        "prompts/get",
        r#"{"messages":[{"role":"user","content":{"type":"text","text":"Review \/ this"}},{"content":{"type":"resource","resource":{"uri":"a:b","text":"c"}},"role":"assistant"}],"description":"d","x":[1.0]}"#,
    ),
    (
        "CompleteResult",
        "completion/complete",
        r#"{"completion":{"total":10.0,"values":["python","pytorch"],"hasMore":true,"x":{}}}"#,
    ),
];

/// What a server says of itself while it works, by the names of the types.
pub(crate) const NOTICES: &[(&str, &str, &str)] = &[
    (
        "ProgressNotification",
        "notifications/progress",
        r#"{"total":100.0,"progressToken":"TOKEN","message":"Reticulating \u0061","progress":5e1,"x":{"b":1,"a":2}}"#,
    ),
    (
        "LoggingMessageNotification",
        "notifications/message",
        r#"{"level":"error","data":{"error":"lost","details":{"port":5432.0,"z":null,"a":1}},"logger":"db","_meta":{"k":1.0}}"#,
    ),
    ("a notification that nobody knows", "notifications/x-unknown", r#"{"z":1.00,"a":[{}]}"#),
];

/// What a server asks of its client, and what is answered.
pub(crate) const QUESTIONS: &[(&str, &str, &str, &str)] = &[
    (
        "CreateMessageRequest",
        "sampling/createMessage",
        r#"{"messages":[{"role":"user","content":{"type":"text","text":"capital?"}}],"maxTokens":100,"temperature":0.70,"modelPreferences":{"hints":[{"name":"n"}],"speedPriority":0.50,"x":1},"tools":[{"name":"t","inputSchema":{"type":"object","x-z":1.0}}],"toolChoice":{"mode":"auto"},"systemPrompt":"\u0061"}"#,
        r#"{"model":"m-1","stopReason":"toolUse","role":"assistant","content":[{"type":"tool_use","id":"c1","name":"t","input":{"n":1.0,"big":9007199254740993}}],"x":null}"#,
    ),
    (
        "ElicitRequestFormParams",
        "elicitation/create",
        r#"{"mode":"form","requestedSchema":{"type":"object","properties":{"n":{"type":"number","minimum":0.0,"default":1.50},"e":{"type":"array","items":{"anyOf":[{"const":"a","title":"A"}]}}},"required":["n"]},"message":"How many?","x":{"b":1,"a":2}}"#,
        r#"{"content":{"n":1.0,"e":["a"]},"action":"accept","x":1e2}"#,
    ),
    (
        "ElicitRequestURLParams",
        "elicitation/create",
        r#"{"mode":"url","url":"https:\/\/example.com\/a?b=c","elicitationId":"550e","message":"Sign in"}"#,
        r#"{"action":"decline"}"#,
    ),
    (
        "ListRootsRequest",
        "roots/list",
        r#"{"_meta":{"example.com/a":1.0}}"#,
        r#"{"roots":[{"name":"R","uri":"file:///tmp/a%20b","_meta":{"z":1.0}}],"x":0.0}"#,
    ),
];

/// Errors that a server answers with.
pub(crate) const ERRORS: &[&str] = &[
    r#"{"code":-32602,"message":"Invalid params"}"#,
    r#"{"code":-32000,"message":"a \u0061 \/ b","data":{"z":1.0,"a":[1e2,null]}}"#,
    r#"{"code":-32042,"message":"sign in first","data":{"elicitations":[{"mode":"url","elicitationId":"550e","url":"https://example.com/a","message":"m"}]}}"#,
    r#"{"code":-32002,"message":"Resource not found","data":{"uri":"test://raw"}}"#,
    r#"{"code":42,"message":"","data":9007199254740993}"#,
];

/// The same for the stateless era, where every result says what kind it is.
pub(crate) const STATELESS_RESULTS: &[(&str, &str, &str)] = &[
    (
        "CallToolResult",
        "tools/call",
        r#"{"isError":false,"resultType":"complete","structuredContent":[22.50,1e3],"content":[{"type":"text","text":"22.5\u00b0"}],"x":null}"#,
    ),
    (
        "ReadResourceResult",
        "resources/read",
        r#"{"resultType":"complete","contents":[{"uri":"test://raw","text":"a\n","_meta":{"b":1.0,"a":2}}],"ttlMs":5000,"cacheScope":"public","x-z":0.10}"#,
    ),
    (
        "GetPromptResult",
        "prompts/get",
        r#"{"messages":[{"role":"user","content":{"type":"text","text":"Review \/ this"}}],"resultType":"complete","x":[1.0]}"#,
    ),
    (
        "CompleteResult",
        "completion/complete",
        r#"{"resultType":"complete","completion":{"total":10.0,"values":["python"],"hasMore":true,"x":{}}}"#,
    ),
];

/// The params with which a method leads to the server, without the last brace.
pub(crate) fn way(method: &str) -> &'static str {
    match method {
        "tools/call" => r#"{"name":"raw""#,
        "resources/read" => r#"{"uri":"test://raw""#,
        "prompts/get" => r#"{"name":"raw""#,
        "completion/complete" => r#"{"ref":{"type":"ref/prompt","name":"raw"},"argument":{"name":"a","value":"p"}"#,
        other => panic!("no way to {other}"),
    }
}

/// All of these as bare objects with a name, and beside them the JSON files below the folder that `MCPSTORE_SCHEMA_EXAMPLES`
/// names: examples that come with a published schema, say. Line ends are spaces there, as a message is one line.
pub(crate) fn objects() -> Vec<(String, String)> {
    let own = RESULTS.iter().chain(STATELESS_RESULTS).chain(NOTICES).map(|(name, _, object)| (name, object));
    let asked = QUESTIONS.iter().flat_map(|(name, _, params, said)| [(name, params), (name, said)]);
    let mut all: Vec<_> = own.chain(asked).map(|(name, object)| ((*name).to_owned(), (*object).to_owned())).collect();
    let mut folders: Vec<PathBuf> =
        std::env::var_os("MCPSTORE_SCHEMA_EXAMPLES").map(PathBuf::from).into_iter().collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "json") {
                let text = std::fs::read_to_string(&path).unwrap();
                all.push((path.display().to_string(), text.trim().replace(['\r', '\n'], " ")));
            }
        }
    }
    all
}
