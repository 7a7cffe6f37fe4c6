//! A server that does what the arguments of a request say, and gives back what it was sent byte for byte.
//!
//! Of the arguments of a call (of the params, for other methods) it takes `x-notices` (a list of `{method, params}` to
//! send first; `"TOKEN"` in them is the progress token of the request), `x-ask` (`{method, params}`: asks the client that,
//! and gives its answer as `raw`), `x-reply` (its result) and `x-error` (its error). Else it gives the params as `raw`.

use std::collections::HashMap;
use std::sync::Arc;

use mcpstore_testkit::shapes;
use mcpstore_transport::Factory;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};

/// The members of a message that it looks at.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    method: Option<String>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Params<'a> {
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_meta")]
    meta: Option<Meta<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    #[serde(borrow, default)]
    progress_token: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Deed<'a> {
    #[serde(borrow, default, rename = "x-notices")]
    notices: Vec<Said<'a>>,
    #[serde(borrow, default, rename = "x-ask")]
    ask: Option<Said<'a>>,
    #[serde(borrow, default, rename = "x-reply")]
    reply: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "x-error")]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Said<'a> {
    method: String,
    #[serde(borrow)]
    params: &'a RawValue,
}

const CAPABILITIES: &str =
    r#"{"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true},"completions":{},"logging":{}}"#;

/// Servers of this kind; of the stateless era, or of the other one.
pub(crate) fn servers(stateless: bool) -> Factory {
    Arc::new(move || {
        let (ours, theirs) = tokio::io::duplex(1024 * 1024);
        let (input, output) = tokio::io::split(theirs);
        tokio::spawn(serve(stateless, input, output));
        ours
    })
}

async fn serve(stateless: bool, input: impl AsyncRead + Unpin + Send, mut output: impl AsyncWrite + Unpin + Send) {
    let mut lines = BufReader::new(input).lines();
    // The request that waits for the answer to a question, by the question's id.
    let mut asked: HashMap<String, String> = HashMap::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(message) = serde_json::from_str::<Message<'_>>(&line) else { continue };
        let mut out = String::new();
        match (&message.method, message.id) {
            (Some(method), Some(id)) => answer(stateless, method, id.get(), message.params, &mut asked, &mut out),
            (None, Some(id)) => {
                let Some(request) = asked.remove(id.get()) else { continue };
                let body = message.result.or(message.error).map_or("null", RawValue::get);
                result(&mut out, &request, &complete(stateless, &format!(r#""content":[],"raw":{body}"#)));
            }
            _ => {}
        }
        if output.write_all(out.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(
    stateless: bool,
    method: &str,
    id: &str,
    params: Option<&RawValue>,
    asked: &mut HashMap<String, String>,
    out: &mut String,
) {
    let list = |member: &str, entries: &str| complete(stateless, &format!(r#""{member}":[{entries}]"#));
    match method {
        "initialize" if !stateless => {
            let version = r#""protocolVersion":"2025-11-25","serverInfo":{"name":"raw","version":"1"}"#;
            result(out, id, &format!(r#"{{{version},"capabilities":{CAPABILITIES}}}"#));
        }
        "server/discover" if stateless => {
            let said = format!(r#""supportedVersions":["2026-07-28"],"capabilities":{CAPABILITIES}"#);
            result(out, id, &complete(true, &said));
        }
        "initialize" | "server/discover" => error(out, id, r#"{"code":-32601,"message":"method not found"}"#),
        "ping" => result(out, id, "{}"),
        "tools/list" => {
            let mut tools: Vec<String> = shapes::tools().into_iter().map(|shape| shape.json).collect();
            tools.push(r#"{"name":"raw","inputSchema":{"type":"object"}}"#.to_owned());
            result(out, id, &list("tools", &tools.join(",")));
        }
        "prompts/list" => result(out, id, &list("prompts", r#"{"name":"raw"}"#)),
        "resources/list" => result(out, id, &list("resources", r#"{"uri":"test://raw","name":"raw"}"#)),
        "resources/templates/list" => result(out, id, &list("resourceTemplates", "")),
        "subscriptions/listen" => {
            let meta = format!(r#"{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}},"notifications":{{}}}}"#);
            notice(out, "notifications/subscriptions/acknowledged", &meta);
        }
        _ => {
            let text = params.map_or("{}", RawValue::get);
            let own: Params<'_> = serde_json::from_str(text).unwrap_or_default();
            let deed: Deed<'_> = serde_json::from_str(own.arguments.map_or(text, RawValue::get)).unwrap_or_default();
            let token = own.meta.and_then(|meta| meta.progress_token).map_or("null", RawValue::get);
            for said in &deed.notices {
                notice(out, &said.method, &said.params.get().replace("\"TOKEN\"", token));
            }
            match deed {
                Deed { ask: Some(ask), .. } => {
                    let question = format!("\"ask-{}\"", id.trim_matches('"'));
                    let (method, params) = (ask.method, ask.params.get());
                    out.push_str(&format!(
                        "{{\"jsonrpc\":\"2.0\",\"id\":{question},\"method\":\"{method}\",\"params\":{params}}}\n"
                    ));
                    asked.insert(question, id.to_owned());
                }
                Deed { error: Some(said), .. } => error(out, id, said.get()),
                Deed { reply: Some(said), .. } => result(out, id, said.get()),
                _ => result(out, id, &complete(stateless, &format!(r#""content":[],"raw":{text}"#))),
            }
        }
    }
}

/// A result with what the era wants in each.
fn complete(stateless: bool, members: &str) -> String {
    let wanted = r#""resultType":"complete","ttlMs":0,"cacheScope":"private","#;
    format!("{{{}{members}}}", if stateless { wanted } else { "" })
}

fn result(out: &mut String, id: &str, result: &str) {
    out.push_str(&format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}\n"));
}

fn error(out: &mut String, id: &str, error: &str) {
    out.push_str(&format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{error}}}\n"));
}

fn notice(out: &mut String, method: &str, params: &str) {
    out.push_str(&format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\",\"params\":{params}}}\n"));
}
