//! The reference server over lines, in both eras: what it asks, what it wants back, its tasks, its changing lists.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

use std::sync::Arc;
use std::time::Duration;

use mcpstore_testkit::http::{HttpBehaviour, HttpServer};
use mcpstore_testkit::server::{Behaviour, Era, serve};
use mcpstore_testkit::shapes;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};

const LONG: Duration = Duration::from_secs(20);

struct Client {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    output: WriteHalf<DuplexStream>,
    next: u64,
    /// Capabilities that go along with each request, in the stateless era.
    can: Option<Value>,
}

impl Client {
    fn start(era: Era, can: Option<Value>) -> Self {
        Self::with(Behaviour { era, reference: true, ..Behaviour::default() }, can)
    }

    fn with(behaviour: Behaviour, can: Option<Value>) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (input, output) = tokio::io::split(theirs);
        tokio::spawn(serve(Arc::new(behaviour), input, output));
        let (input, output) = tokio::io::split(ours);
        Self { lines: BufReader::new(input).lines(), output, next: 0, can }
    }

    async fn handshake(can: Value) -> Self {
        let mut client = Self::start(Era::Handshake, None);
        client.ask("initialize", json!({ "protocolVersion": "2025-11-25", "capabilities": can })).await;
        client
    }

    fn stateless(can: Value) -> Self {
        Self::start(Era::Stateless, Some(can))
    }

    async fn write(&mut self, message: &Value) {
        self.output.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(LONG, self.lines.next_line()).await.expect("it comes in time");
        line.unwrap().expect("the server is there")
    }

    async fn read(&mut self) -> Value {
        serde_json::from_str(&self.line().await).unwrap()
    }

    async fn send(&mut self, method: &str, mut params: Value) {
        self.next += 1;
        if let Some(can) = &self.can {
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = can.clone();
        }
        self.write(&json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params })).await;
    }

    /// The result or the error of a request before which nothing comes.
    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.send(method, params).await;
        let mut answer = self.read().await;
        assert_eq!(answer["id"], self.next, "{answer}");
        if answer.get("error").is_some() { answer["error"].take() } else { answer["result"].take() }
    }

    async fn call(&mut self, tool: &str, mut more: Value) -> Value {
        more["name"] = tool.into();
        self.ask("tools/call", more).await
    }

    /// Answers the next question of the server, and gives its method.
    async fn answer(&mut self, result: Value) -> String {
        let question = self.read().await;
        self.write(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": result })).await;
        question["method"].as_str().unwrap().to_owned()
    }
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text in {result}"))
}

#[tokio::test]
async fn with_a_handshake_it_asks_by_requests() {
    let mut client = Client::handshake(json!({ "elicitation": {}, "sampling": {}, "roots": {} })).await;
    client.send("tools/call", json!({ "name": "test_input_required_result_multi_round" })).await;
    for answer in [json!({ "name": "Alice" }), json!({ "color": "blue" })] {
        let method = client.answer(json!({ "action": "accept", "content": answer })).await;
        assert_eq!(method, "elicitation/create");
    }
    assert!(text(&client.read().await["result"]).contains("blue"));
    // Questions of one round come at once.
    client.send("tools/call", json!({ "name": "test_input_required_result_multiple_inputs" })).await;
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(client.read().await);
    }
    for question in asked {
        client.write(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": {} })).await;
    }
    assert!(text(&client.read().await["result"]).contains("client_roots"));
    let mut unable = Client::handshake(json!({})).await;
    assert_eq!(unable.call("test_sampling", json!({})).await["isError"], true);
}

#[tokio::test]
async fn without_one_it_wants_the_request_again() {
    let mut client = Client::stateless(json!({ "elicitation": {} }));
    let tool = "test_input_required_result_multi_round";
    let first = client.call(tool, json!({})).await;
    assert_eq!((&first["resultType"], first["inputRequests"].get("step1").is_some()), (&json!("input_required"), true));
    let answers = json!({ "step1": { "action": "accept", "content": { "name": "Alice" } } });
    let again = json!({ "inputResponses": answers, "requestState": first["requestState"] });
    let second = client.call(tool, again.clone()).await;
    assert!(second["inputRequests"].get("step2").is_some() && second["requestState"] != first["requestState"]);
    let answers = json!({ "step2": { "action": "accept", "content": { "color": "blue" } } });
    let last = json!({ "inputResponses": answers, "requestState": second["requestState"] });
    assert!(text(&client.call(tool, last).await).contains("Alice"));
    let mut forged = again;
    forged["requestState"] = json!(format!("{}!", first["requestState"].as_str().unwrap()));
    assert_eq!(client.call(tool, forged).await["code"], -32602);
    let unable = client.call("test_missing_capability", json!({})).await;
    assert_eq!(
        (&unable["code"], &unable["data"]),
        (&json!(-32021), &json!({ "requiredCapabilities": { "sampling": {} } }))
    );
}

#[tokio::test]
async fn tasks_of_the_handshake_era_are_wished_for() {
    let mut client = Client::handshake(json!({ "elicitation": {} })).await;
    assert_eq!(client.call("failing_job", json!({})).await["code"], -32601);
    let created = client.call("confirm_delete", json!({ "arguments": { "filename": "f" }, "task": {} })).await;
    let id = created["task"]["taskId"].clone();
    assert!(id.is_string() && created["task"]["ttl"].is_u64(), "{created}");
    client.send("tasks/result", json!({ "taskId": id })).await;
    let method = client.answer(json!({ "action": "accept", "content": { "confirm": true } })).await;
    assert_eq!(method, "elicitation/create");
    // That it is over, and its result, come in either order.
    let (one, other) = (client.read().await, client.read().await);
    let (note, result) = if one.get("method").is_some() { (one, other) } else { (other, one) };
    assert_eq!(
        (&note["method"], &note["params"]["status"]),
        (&json!("notifications/tasks/status"), &json!("completed"))
    );
    assert!(text(&result["result"]).contains("true"));
    assert_eq!(result["result"]["_meta"]["io.modelcontextprotocol/related-task"]["taskId"], id);
    let running = client.call("slow_compute", json!({ "arguments": { "seconds": 600 }, "task": {} })).await;
    let running = json!({ "taskId": running["task"]["taskId"] });
    assert_eq!(client.ask("tasks/cancel", running.clone()).await["status"], "cancelled");
    assert_eq!(client.ask("tasks/cancel", running).await["code"], -32602);
    assert_eq!(client.ask("tasks/list", json!({})).await["tasks"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn tasks_of_the_stateless_era_are_the_servers_choice() {
    let tasks = json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let mut client = Client::stateless(tasks);
    let created = client.call("multi_input", json!({})).await;
    assert_eq!((&created["resultType"], created.get("task")), (&json!("task"), None));
    let task = json!({ "taskId": created["taskId"] });
    let waiting = async |client: &mut Client, keys: usize| loop {
        let found = client.ask("tasks/get", task.clone()).await;
        if found["inputRequests"].as_object().is_some_and(|asked| asked.len() == keys) {
            return;
        }
    };
    waiting(&mut client, 2).await;
    for (key, left) in [("first", Some(1)), ("second", None)] {
        let update = json!({ "taskId": task["taskId"], "inputResponses": { key: { "action": "accept" } } });
        assert_eq!(client.ask("tasks/update", update).await["resultType"], "complete");
        if let Some(left) = left {
            waiting(&mut client, left).await;
        }
    }
    let done = loop {
        let found = client.ask("tasks/get", task.clone()).await;
        if found["status"] == "completed" {
            break found;
        }
    };
    assert!(text(&done["result"]).contains("accept"));
    assert_eq!(client.ask("tasks/list", json!({})).await["code"], -32601);
    client.can = Some(json!({}));
    assert_eq!(client.ask("tasks/get", task).await["code"], -32021);
}

#[tokio::test]
async fn every_shape_comes_as_it_is() {
    for stateless in [false, true] {
        let mut client = if stateless { Client::stateless(json!({})) } else { Client::handshake(json!({})).await };
        for shape in shapes::results(stateless) {
            client.send("tools/call", json!({ "name": "echo_shape", "arguments": { "json": shape.json } })).await;
            assert_eq!(shapes::result_in(&client.line().await), Some(&*shape.json), "{}", shape.name);
        }
    }
    let mut client = Client::handshake(json!({})).await;
    for shape in shapes::progress("7") {
        let arguments = json!({ "method": "notifications/progress", "json": shape.json });
        client.send("tools/call", json!({ "name": "echo_notice", "arguments": arguments })).await;
        let expected = format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{}}}"#, shape.json);
        assert_eq!(client.line().await, expected, "{}", shape.name);
        client.line().await;
    }
    let raw_tools: Vec<_> = shapes::tools().into_iter().map(|shape| shape.json).collect();
    let expected = raw_tools.join(",");
    let mut client = Client::with(Behaviour { raw_tools, ..Behaviour::default() }, None);
    client.send("tools/list", json!({})).await;
    let list = client.line().await;
    assert!(list.contains(&format!(r#""tools":[{expected},{{"#)), "{list}");
}

#[tokio::test]
async fn lists_change() {
    let mut client = Client::handshake(json!({})).await;
    let count =
        async |client: &mut Client| client.ask("tools/list", json!({})).await["tools"].as_array().unwrap().len();
    let before = count(&mut client).await;
    client.send("tools/call", json!({ "name": "test_trigger_tool_change" })).await;
    assert_eq!(client.read().await["method"], "notifications/tools/list_changed");
    client.read().await;
    assert_eq!(count(&mut client).await, before + 1);
}

/// The head and the body that a request over a connection of its own gets.
async fn http(server: &HttpServer, head: &str, body: &str) -> String {
    let address = server.url().strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(LONG, stream.read_to_string(&mut answer)).await.expect("it ends in time").unwrap();
    answer
}

#[tokio::test]
async fn over_http_a_stream_that_broke_is_taken_up_again_and_strangers_are_refused() {
    let behaviour = Behaviour { reference: true, ..Behaviour::default() };
    let server = HttpServer::start(behaviour, HttpBehaviour::reference()).await.unwrap();
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#;
    let strange = http(&server, "POST /mcp HTTP/1.1\r\nHost: evil.example.com", initialize).await;
    assert!(strange.starts_with("HTTP/1.1 403"), "{strange}");
    let opened = http(&server, "POST /mcp HTTP/1.1\r\nHost: localhost", initialize).await;
    let session = opened.lines().find(|line| line.starts_with("mcp-session-id")).unwrap().to_owned();
    let call = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"test_reconnection"}}"#;
    let broken = http(&server, &format!("POST /mcp HTTP/1.1\r\n{session}"), call).await;
    assert!(broken.contains("retry: 50") && !broken.contains("result"), "{broken}");
    let last = broken.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let rest = http(&server, &format!("GET /mcp HTTP/1.1\r\n{session}\r\nlast-event-id: {last}"), "").await;
    assert!(rest.contains("said over another connection"), "{rest}");
}
