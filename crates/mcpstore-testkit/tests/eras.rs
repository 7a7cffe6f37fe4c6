//! The well-behaved server speaks both eras over a stream: what it offers, and how it asks and tells.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

use std::sync::Arc;
use std::time::Duration;

use mcpstore_testkit::server::{Behaviour, Era, Probe, serve};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};

const LONG: Duration = Duration::from_secs(20);

/// A client that writes and reads messages as they are.
struct Client {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    output: WriteHalf<DuplexStream>,
    next: u64,
    meta: Value,
}

impl Client {
    fn new(behaviour: Behaviour, meta: Value) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (input, output) = tokio::io::split(theirs);
        tokio::spawn(serve(Arc::new(behaviour), input, output));
        let (input, output) = tokio::io::split(ours);
        Self { lines: BufReader::new(input).lines(), output, next: 0, meta }
    }

    fn of(era: Era) -> Self {
        Self::new(Behaviour { era, ..Behaviour::default() }, Value::Null)
    }

    fn stateless(capabilities: &Value) -> Self {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        });
        Self::new(Behaviour { era: Era::Stateless, ..Behaviour::default() }, meta)
    }

    async fn write(&mut self, message: &Value) {
        self.output.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn read(&mut self) -> Value {
        let line = tokio::time::timeout(LONG, self.lines.next_line()).await.expect("it comes in time");
        serde_json::from_str(&line.unwrap().expect("the server is there")).unwrap()
    }

    async fn send(&mut self, method: &str, mut params: Value) -> u64 {
        self.next += 1;
        if !self.meta.is_null() {
            params["_meta"] = self.meta.clone();
        }
        self.write(&json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params })).await;
        self.next
    }

    /// The result of a request, when nothing comes before it.
    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        let answer = self.read().await;
        assert_eq!(answer["id"], id, "{answer}");
        if answer.get("error").is_some() { answer["error"].clone() } else { answer["result"].clone() }
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> u64 {
        self.send("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }
}

/// What both eras offer alike.
async fn offers(client: &mut Client) {
    let resources = client.ask("resources/list", json!({})).await;
    assert_eq!(resources["resources"].as_array().unwrap().len(), 3);
    let templates = client.ask("resources/templates/list", json!({})).await;
    assert_eq!(templates["resourceTemplates"][0]["uriTemplate"], "test://template/{id}/data");
    let read = client.ask("resources/read", json!({ "uri": "test://template/7/data" })).await;
    assert_eq!(read["contents"][0]["text"], r#"{"id":"7"}"#);
    let prompts = client.ask("prompts/list", json!({})).await;
    assert_eq!(prompts["prompts"].as_array().unwrap().len(), 3);
    let arguments = json!({ "name": "test_prompt_with_arguments", "arguments": { "arg1": "a", "arg2": "b" } });
    let prompt = client.ask("prompts/get", arguments).await;
    assert_eq!(prompt["messages"][0]["content"]["text"], "arg1=a arg2=b");
    let lacking = client.ask("prompts/get", json!({ "name": "test_prompt_with_arguments" })).await;
    assert_eq!(lacking["code"], -32602);
    let completed = client.ask("completion/complete", json!({ "argument": { "name": "city", "value": "par" } })).await;
    assert_eq!(completed["completion"]["values"].as_array().unwrap().len(), 3);
    assert_eq!(client.ask("no/such", json!({})).await["code"], -32601);
}

#[tokio::test]
async fn the_handshake_era_is_whole() {
    let mut client = Client::of(Era::Handshake);
    let hello = client.ask("initialize", json!({ "protocolVersion": "2025-06-18" })).await;
    assert_eq!(hello["protocolVersion"], "2025-06-18");
    assert!(hello["capabilities"]["logging"].is_object() && hello.get("resultType").is_none());
    offers(&mut client).await;
    assert_eq!(client.ask("resources/read", json!({ "uri": "test://no" })).await["code"], -32002);
    // Logging: from the level on that was set.
    client.ask("logging/setLevel", json!({ "level": "warning" })).await;
    client.call("log", json!({ "level": "info", "text": "too little" })).await;
    assert_eq!(client.read().await["result"]["content"][0]["text"], "logged");
    client.call("log", json!({ "level": "error", "text": "enough" })).await;
    assert_eq!(client.read().await["params"]["data"], "enough");
    client.read().await;
    // Updates: to who subscribed.
    let uri = json!({ "uri": "test://watched-resource" });
    client.ask("resources/subscribe", uri.clone()).await;
    client.call("touch", uri.clone()).await;
    let update = client.read().await;
    assert_eq!((&update["method"], &update["params"]), (&json!("notifications/resources/updated"), &uri));
    client.read().await;
    client.ask("resources/unsubscribe", uri.clone()).await;
    client.call("touch", uri).await;
    assert_eq!(client.read().await["result"]["content"][0]["text"], "touched");
    // Questions: a request of the server, answered by us.
    client.call("ask", json!({ "method": "roots/list" })).await;
    let question = client.read().await;
    assert_eq!(question["method"], "roots/list");
    client.write(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": { "roots": [] } })).await;
    assert_eq!(client.read().await["result"]["content"][0]["text"], r#"{"roots":[]}"#);
}

#[tokio::test]
async fn the_stateless_era_is_whole() {
    let mut client = Client::stateless(&json!({ "roots": {} }));
    let found = client.ask("server/discover", json!({})).await;
    assert_eq!((&found["supportedVersions"], &found["resultType"]), (&json!(["2026-07-28"]), &json!("complete")));
    assert!(found["_meta"]["io.modelcontextprotocol/serverInfo"]["version"] == "1.2.3" && found["ttlMs"] == 0);
    offers(&mut client).await;
    assert_eq!(client.ask("resources/read", json!({ "uri": "test://no" })).await["code"], -32602);
    for gone in ["initialize", "ping", "logging/setLevel", "resources/subscribe"] {
        assert_eq!(client.ask(gone, json!({})).await["code"], -32601, "{gone}");
    }
    // Questions: an answer that wants more, and the same request again with it.
    let ask = json!({ "name": "ask", "arguments": { "method": "roots/list" } });
    let wants = client.ask("tools/call", ask.clone()).await;
    assert_eq!(wants["resultType"], "input_required");
    assert_eq!(wants["inputRequests"]["asked"]["method"], "roots/list");
    let mut again = ask;
    again["inputResponses"] = json!({ "asked": { "roots": [] } });
    again["requestState"] = wants["requestState"].clone();
    assert_eq!(client.ask("tools/call", again.clone()).await["content"][0]["text"], r#"{"roots":[]}"#);
    again["requestState"] = json!("forged");
    assert_eq!(client.ask("tools/call", again).await["code"], -32602);
    let unable = json!({ "name": "ask", "arguments": { "method": "sampling/createMessage" } });
    assert_eq!(client.ask("tools/call", unable).await["code"], -32021);
    // Changes: to who listens, until it is cancelled.
    let wanted = json!({ "toolsListChanged": true, "resourceSubscriptions": ["test://watched-resource"] });
    let listening = client.send("subscriptions/listen", json!({ "notifications": wanted })).await;
    let acknowledged = client.read().await;
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(acknowledged["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], listening);
    client.call("touch", json!({ "uri": "test://watched-resource" })).await;
    assert_eq!(client.read().await["method"], "notifications/resources/updated");
    client.read().await;
    client.call("list_changed", json!({})).await;
    let change = client.read().await;
    assert_eq!(change["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], listening);
    client.read().await;
    let cancel = json!({ "requestId": listening });
    client.write(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel })).await;
    // Whether the cancel was heard shows only by what no longer comes.
    client.ask("server/discover", json!({})).await;
    client.call("list_changed", json!({})).await;
    assert_eq!(client.read().await["result"]["content"][0]["text"], "changed");
}

#[tokio::test]
async fn a_version_that_it_does_not_speak_is_refused_with_those_it_does() {
    let mut client = Client::stateless(&json!({}));
    client.meta["io.modelcontextprotocol/protocolVersion"] = json!("2099-01-01");
    let refused = client.ask("tools/list", json!({})).await;
    assert_eq!(refused["code"], -32022);
    assert_eq!(refused["data"], json!({ "requested": "2099-01-01", "supported": ["2026-07-28"] }));
    client.meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28" });
    assert_eq!(client.ask("tools/list", json!({})).await["code"], -32602);
}

#[tokio::test]
async fn a_server_of_both_eras_lets_each_request_choose() {
    let mut client = Client::of(Era::Both);
    assert!(client.ask("initialize", json!({})).await.get("protocolVersion").is_some());
    assert!(client.ask("tools/list", json!({})).await.get("resultType").is_none());
    client.meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    assert_eq!(client.ask("tools/list", json!({})).await["resultType"], "complete");
}

#[tokio::test]
async fn probes_are_answered_as_told() {
    let with = |probe| Client::new(Behaviour { era: Era::Both, probe, ..Behaviour::default() }, Value::Null);
    let mut refuses = with(Probe::Refuse);
    assert_eq!(refuses.ask("server/discover", json!({})).await["code"], -32601);
    let mut hangs = with(Probe::Hang);
    hangs.send("server/discover", json!({})).await;
    assert!(hangs.ask("initialize", json!({})).await.get("protocolVersion").is_some());
    let mut blocked = with(Probe::Block);
    blocked.send("server/discover", json!({})).await;
    blocked.send("initialize", json!({})).await;
    assert!(tokio::time::timeout(Duration::from_millis(50), blocked.lines.next_line()).await.is_err());
}
