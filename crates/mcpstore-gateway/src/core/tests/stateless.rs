//! Clients without a session, over servers of both eras.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_testkit::server::{Behaviour, Era, factory};
use mcpstore_transport::RpcError;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::puppet::{LONG, Puppet};
use super::site::{Site, methods, raw};
use crate::core::Gateway;
use crate::outlet::{OutletStream, outlet};
use crate::seam::{Call, Core, Peer};

const CAN: &str = "io.modelcontextprotocol/clientCapabilities";
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const LEVEL: &str = "io.modelcontextprotocol/logLevel";
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
const TASKS: &str = "io.modelcontextprotocol/tasks";

/// Somebody who sends requests.
struct Caller {
    gateway: Gateway,
    peer: Peer,
    can: Value,
}

/// One request.
struct Sent {
    work: JoinHandle<Result<Value, RpcError>>,
    stream: OutletStream,
}

impl Caller {
    fn of(site: &Site, principal: &str, can: Value) -> Self {
        let peer = Peer { principal: principal.into(), view: None };
        Self { gateway: site.gateway.clone(), peer, can }
    }

    fn send(&self, method: &str, params: Value) -> Sent {
        self.send_as(&json!(7), method, params)
    }

    fn send_as(&self, id: &Value, method: &str, mut params: Value) -> Sent {
        params["_meta"][VERSION] = json!("2026-07-28");
        params["_meta"][CAN] = self.can.clone();
        let (outlet, stream) = outlet();
        let call = Call {
            peer: self.peer.clone(),
            client: None,
            id: raw(id),
            method: method.into(),
            params: Some(raw(&params)),
            headers: None,
            outlet,
            trail: Default::default(),
        };
        let gateway = self.gateway.clone();
        let work = tokio::spawn(async move {
            Arc::new(gateway).request(call).await.map(|text| serde_json::from_slice(&text).unwrap())
        });
        Sent { work, stream }
    }

    async fn ask(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        self.send(method, params).answer().await
    }

    async fn tool(&self, name: &str) -> Value {
        self.ask("tools/call", json!({ "name": name })).await.unwrap()
    }
}

impl Sent {
    async fn answer(self) -> Result<Value, RpcError> {
        tokio::time::timeout(LONG, self.work).await.expect("it is answered").unwrap()
    }

    async fn next(&mut self) -> Value {
        let message =
            tokio::time::timeout(LONG, self.stream.next()).await.expect("something comes").expect("it is there");
        serde_json::from_slice(&message).unwrap()
    }

    /// What is here.
    fn here(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.stream.try_next()).map(|text| serde_json::from_slice(&text).unwrap()).collect()
    }
}

fn able() -> Value {
    json!({ "elicitation": { "form": {}, "url": {} }, "sampling": {}, "roots": {} })
}

/// The answers to a result that asks for these.
fn brought(name: &str, asked: &Value, responses: Value) -> Value {
    json!({ "name": name, "requestState": asked["requestState"], "inputResponses": responses })
}

async fn site(era: Era) -> Site {
    let behaviour = Behaviour { reference: true, era, name: "ref".to_owned(), ..Behaviour::default() };
    Site::with(vec![("r", factory(behaviour))], Vec::new()).await
}

#[tokio::test(start_paused = true)]
async fn discovery_lists_and_errors() {
    let site = site(Era::Handshake).await;
    let caller = Caller::of(&site, "token", json!({}));
    let found = caller.ask("server/discover", json!({})).await.unwrap();
    assert_eq!(found["supportedVersions"][0], "2026-07-28");
    assert_eq!(
        (&found["resultType"], &found["ttlMs"], &found["cacheScope"]),
        (&json!("complete"), &json!(0), &json!("private"))
    );
    assert_eq!(found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "mcpstore");
    assert_eq!(found["capabilities"]["tools"]["listChanged"], true);
    // Its tasks are of the other era.
    assert_eq!(found["capabilities"].get("tasks"), None);
    for (method, member) in [
        ("tools/list", "tools"),
        ("prompts/list", "prompts"),
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
    ] {
        let list = caller.ask(method, json!({})).await.unwrap();
        assert!(list[member].is_array() && list["resultType"] == "complete" && list["ttlMs"] == 0, "{list}");
    }
    let code = async |method: &str, params: Value| caller.ask(method, params).await.unwrap_err().code;
    for method in ["ping", "initialize", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "x/y"] {
        assert_eq!(code(method, json!({})).await, -32601, "{method}");
    }
    assert_eq!(code("tools/call", json!({ "name": "none" })).await, -32602);
    assert_eq!(code("tools/call", json!({})).await, -32602);
    assert_eq!(code("resources/read", json!({ "uri": "test://none" })).await, -32602);
    assert_eq!(code("tasks/get", json!({ "taskId": "t" })).await, -32601, "its tasks are of the other era");
    assert_eq!(code("tools/call", json!({ "name": "r__echo_shape", "requestState": "x" })).await, -32602);
}

#[tokio::test(start_paused = true)]
async fn results_of_servers_with_a_handshake_get_what_this_era_wants() {
    let a = Puppet::new("a", json!({ "tools": {}, "resources": {} }));
    a.answers("resources/list", json!({ "resources": [{ "uri": "x://r", "name": "r" }] }));
    a.answers("resources/templates/list", json!({ "resourceTemplates": [] }));
    a.answers("tools/call", json!({ "content": [], "n": 1.50, "_meta": { "x": 1 } }));
    a.answers("resources/read", json!({ "contents": [] }));
    let site = Site::of(&[&a]).await;
    let caller = Caller::of(&site, "token", json!({}));
    assert_eq!(
        caller.tool("a__t").await,
        json!({ "resultType": "complete", "content": [], "n": 1.50, "_meta": { "x": 1 } })
    );
    assert_eq!(a.heard_of("tools/call")[0]["params"]["name"], "t");
    let read = caller.ask("resources/read", json!({ "uri": "x://r" })).await.unwrap();
    assert_eq!(read, json!({ "resultType": "complete", "ttlMs": 0, "cacheScope": "private", "contents": [] }));
}

#[tokio::test(start_paused = true)]
async fn what_a_server_with_a_handshake_asks_comes_as_a_result() {
    let a = Puppet::new("a", json!({ "tools": {} }));
    let site = Site::of(&[&a]).await;
    let (caller, other) = (Caller::of(&site, "token", able()), Caller::of(&site, "local", able()));
    let call = caller.send("tools/call", json!({ "name": "a__t" }));
    let heard = a.hears_of(1, "tools/call").await;
    let params = json!({ "message": "sure?", "requestedSchema": { "x": 1.50 } });
    a.ask(900, "elicitation/create", params.clone());
    a.ask(901, "roots/list", json!({}));
    let asked = call.answer().await.unwrap();
    assert_eq!(asked["resultType"], "input_required");
    let requests = asked["inputRequests"].as_object().unwrap();
    let keys: Vec<_> = requests.keys().cloned().collect();
    assert_eq!(requests[&keys[0]], json!({ "method": "elicitation/create", "params": params }));
    assert_eq!(requests[&keys[1]], json!({ "method": "roots/list", "params": {} }));
    // Nobody else, with nothing else.
    let (yes, none) = (json!({ "action": "accept", "content": { "n": 2.0 } }), json!({ "roots": [] }));
    let both = json!({ &keys[0]: yes, &keys[1]: none });
    let code = async |caller: &Caller, params: Value| caller.ask("tools/call", params).await.unwrap_err().code;
    assert_eq!(code(&other, brought("a__t", &asked, both.clone())).await, -32602);
    assert_eq!(code(&caller, brought("a__safe", &asked, both.clone())).await, -32602);
    assert_eq!(code(&caller, brought("a__t", &asked, json!({ &keys[0]: 1 }))).await, -32602);
    // The half of it: the rest is asked once more.
    let again = caller.ask("tools/call", brought("a__t", &asked, json!({ &keys[0]: yes }))).await.unwrap();
    assert_eq!(a.answer_to(900).await["result"], yes);
    assert_eq!(again["inputRequests"].as_object().unwrap().keys().collect::<Vec<_>>(), [&keys[1]]);
    assert_eq!(code(&caller, brought("a__t", &asked, both)).await, -32602, "it is used up");
    let mut last = caller.send("tools/call", {
        let mut params = brought("a__t", &again, json!({ &keys[1]: none }));
        params["_meta"] = json!({ "progressToken": "mine" });
        params
    });
    assert_eq!(a.answer_to(901).await["result"], none);
    let token = &heard["params"]["_meta"]["progressToken"];
    a.notify("notifications/progress", json!({ "progressToken": token, "progress": 1 }));
    a.reply(&heard, json!({ "content": [] }));
    let (progress, done) = (last.here(), last.answer().await.unwrap());
    assert_eq!(done, json!({ "resultType": "complete", "content": [] }));
    // It was begun without a token: the server was given one of ours.
    assert!(progress.is_empty(), "{progress:?}");
    assert_eq!(a.heard_of("tools/call").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_comes_back_is_not_waited_for_for_ever() {
    let a = Puppet::new("a", json!({ "tools": {} }));
    let site = Site::of(&[&a]).await;
    let caller = Caller::of(&site, "token", able());
    let call = caller.send("tools/call", json!({ "name": "a__t" }));
    let heard = a.hears_of(1, "tools/call").await;
    a.ask(900, "roots/list", json!({}));
    let asked = call.answer().await.unwrap();
    // It stands in nobody's way meanwhile.
    let second = caller.send("tools/call", json!({ "name": "a__safe" }));
    let second_heard = a.hears_of(2, "tools/call").await;
    a.ask(901, "sampling/createMessage", json!({}));
    let second = second.answer().await.unwrap();
    assert_eq!(second["inputRequests"].as_object().unwrap().len(), 1, "{second_heard}");
    tokio::time::sleep(Duration::from_secs(601)).await;
    let told = a.hears(1, |message| message["params"]["requestId"] == heard["id"]).await;
    assert_eq!(told["method"], "notifications/cancelled");
    let late = caller.ask("tools/call", brought("a__t", &asked, json!({}))).await.unwrap_err();
    assert_eq!(late.code, -32602);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_is_given_up_at_its_server() {
    let a = Puppet::new("a", json!({ "tools": {} }));
    let site = Site::of(&[&a]).await;
    let caller = Caller::of(&site, "token", able());
    let call = caller.send("tools/call", json!({ "name": "a__t" }));
    let heard = a.hears_of(1, "tools/call").await;
    call.work.abort();
    let told = a.hears(1, |message| message["params"]["requestId"] == heard["id"]).await;
    assert_eq!(told["method"], "notifications/cancelled");
}

#[tokio::test(start_paused = true)]
async fn what_a_client_cannot_do_is_told_when_the_server_cannot_do_without() {
    let a = Puppet::new("a", json!({ "tools": {} }));
    let site = Site::of(&[&a]).await;
    let caller = Caller::of(&site, "token", json!({ "roots": {} }));
    for (n, result, expected) in
        [(1, json!({ "content": [], "isError": true }), Some(-32021)), (2, json!({ "content": [] }), None)]
    {
        let call = caller.send("tools/call", json!({ "name": "a__t" }));
        let heard = a.hears_of(n, "tools/call").await;
        a.ask(900 + n as u64, "sampling/createMessage", json!({}));
        assert_eq!(a.answer_to(900 + n as u64).await["error"]["code"], -32601);
        a.reply(&heard, result);
        let outcome = call.answer().await;
        assert_eq!(outcome.as_ref().err().map(|error| error.code), expected);
        if let Err(error) = outcome {
            assert_eq!(error.data.unwrap().get(), r#"{"requiredCapabilities":{"sampling":{}}}"#);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn log_lines_and_progress_come_where_they_are_wanted() {
    for era in [Era::Handshake, Era::Stateless] {
        let site = site(era).await;
        let caller = Caller::of(&site, "token", json!({}));
        let heard = async |tool: &str, meta: Value| {
            let mut call = caller.send("tools/call", json!({ "name": tool, "_meta": meta }));
            let mut work = std::mem::replace(&mut call.work, tokio::spawn(std::future::pending()));
            let done = tokio::time::timeout(LONG, &mut work).await.unwrap().unwrap().unwrap();
            assert_eq!(done["resultType"], "complete");
            call.here()
        };
        assert_eq!(heard("r__test_tool_with_logging", json!({})).await.len(), 0);
        assert_eq!(heard("r__test_tool_with_logging", json!({ LEVEL: "error" })).await.len(), 0);
        let logs = heard("r__test_tool_with_logging", json!({ LEVEL: "debug" })).await;
        assert_eq!(methods(&logs), ["notifications/message"; 3]);
        assert_eq!(heard("r__test_tool_with_progress", json!({})).await.len(), 0);
        let progress = heard("r__test_tool_with_progress", json!({ "progressToken": "p" })).await;
        assert_eq!(methods(&progress), ["notifications/progress"; 3]);
        assert!(progress.iter().all(|notice| notice["params"]["progressToken"] == "p"), "{progress:?}");
        let bad = json!({ "name": "r__test_tool_with_logging", "_meta": { LEVEL: "loud" } });
        assert_eq!(caller.ask("tools/call", bad).await.unwrap_err().code, -32602);
    }
}

#[tokio::test(start_paused = true)]
async fn the_states_of_servers_of_this_era_come_back_to_them() {
    let site = site(Era::Stateless).await;
    let (caller, other) = (Caller::of(&site, "token", able()), Caller::of(&site, "local", able()));
    let tool = "r__test_input_required_result_multi_round";
    let first = caller.tool(tool).await;
    assert_eq!(
        (&first["resultType"], first["inputRequests"]["step1"]["method"].as_str()),
        (&json!("input_required"), Some("elicitation/create"))
    );
    let said = |what: &str| json!({ "action": "accept", "content": { what: "x" } });
    let second = brought(tool, &first, json!({ "step1": said("name") }));
    assert_eq!(other.ask("tools/call", second.clone()).await.unwrap_err().code, -32602);
    let second = caller.ask("tools/call", second).await.unwrap();
    assert_eq!(second["inputRequests"]["step2"]["method"], "elicitation/create");
    let done = caller.ask("tools/call", brought(tool, &second, json!({ "step2": said("color") }))).await.unwrap();
    assert_eq!(done["resultType"], "complete");
    // The server hears what this very client can do.
    let weak = Caller::of(&site, "token", json!({}));
    assert_eq!(weak.ask("tools/call", json!({ "name": tool })).await.unwrap_err().code, -32021);
}

#[tokio::test(start_paused = true)]
async fn changes_come_to_those_who_listen() {
    for era in [Era::Handshake, Era::Stateless] {
        let site = site(era).await;
        let caller = Caller::of(&site, "token", json!({}));
        let mut tools = caller.send_as(
            &json!("a"),
            "subscriptions/listen",
            json!({ "notifications": { "toolsListChanged": true } }),
        );
        let mut prompts = caller.send_as(
            &json!(8),
            "subscriptions/listen",
            json!({ "notifications": { "promptsListChanged": true } }),
        );
        let first = tools.next().await;
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(
            first["params"],
            json!({ "_meta": { SUBSCRIPTION: "a" }, "notifications": { "toolsListChanged": true } })
        );
        assert_eq!(prompts.next().await["params"]["_meta"][SUBSCRIPTION], 8);
        caller.tool("r__test_trigger_tool_change").await;
        let told = tools.next().await;
        assert_eq!(
            told,
            json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed", "params": { "_meta": { SUBSCRIPTION: "a" } } }),
            "{era:?}"
        );
        let listed = caller.ask("tools/list", json!({})).await.unwrap();
        assert!(listed["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == "r__test_dynamic_tool"));
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!((tools.here().len(), prompts.here().len()), (0, 0), "{era:?}");
        // Who goes is forgotten; who is hung up on hears the end of it.
        prompts.work.abort();
        let _ = prompts.work.await;
        tools.stream.close();
        let end = tools.answer().await.unwrap();
        assert_eq!((&end["resultType"], &end["_meta"][SUBSCRIPTION]), (&json!("complete"), &json!("a")));
        assert!(site.gateway.inner.stateless.listeners.all().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn updates_come_to_those_who_listen() {
    let a = Puppet::new("a", json!({ "resources": { "subscribe": true } }));
    a.answers("resources/list", json!({ "resources": [{ "uri": "x://r", "name": "r" }] }));
    a.answers("resources/templates/list", json!({ "resourceTemplates": [] }));
    a.answers("resources/subscribe", json!({}));
    a.answers("resources/unsubscribe", json!({}));
    let site = Site::of(&[&a]).await;
    let caller = Caller::of(&site, "token", json!({}));
    let mut one =
        caller.send("subscriptions/listen", json!({ "notifications": { "resourceSubscriptions": ["x://r"] } }));
    assert_eq!(one.next().await["params"]["notifications"], json!({ "resourceSubscriptions": ["x://r"] }));
    assert_eq!(a.heard_of("resources/subscribe").len(), 1);
    let mut both = caller.send_as(
        &json!("b"),
        "subscriptions/listen",
        json!({ "notifications": { "resourceSubscriptions": ["x://r"], "toolsListChanged": true } }),
    );
    // It has no tools that could change.
    assert_eq!(both.next().await["params"]["notifications"], json!({ "resourceSubscriptions": ["x://r"] }));
    a.notify("notifications/resources/updated", json!({ "uri": "x://r", "title": 1.50 }));
    assert_eq!(one.next().await["params"], json!({ "_meta": { SUBSCRIPTION: 7 }, "uri": "x://r", "title": 1.50 }));
    assert_eq!(both.next().await["params"]["_meta"][SUBSCRIPTION], "b");
    one.work.abort();
    let _ = one.work.await;
    a.notify("notifications/resources/updated", json!({ "uri": "x://r" }));
    both.next().await;
    assert_eq!(a.heard_of("resources/unsubscribe").len(), 0);
    both.work.abort();
    a.hears_of(1, "resources/unsubscribe").await;
}

#[tokio::test(start_paused = true)]
async fn tasks_are_their_owners_alone() {
    let server = || factory(Behaviour { reference: true, era: Era::Stateless, ..Behaviour::default() });
    let site = Site::with(vec![("r", server()), ("s", server())], Vec::new()).await;
    let can = json!({ "extensions": { TASKS: {} } });
    let (caller, other) = (Caller::of(&site, "token", can.clone()), Caller::of(&site, "local", can));
    let unable = Caller::of(&site, "token", json!({}));
    assert_eq!(unable.ask("tasks/get", json!({ "taskId": "t" })).await.unwrap_err().code, -32021);
    let found = caller.ask("server/discover", json!({})).await.unwrap();
    assert!(found["capabilities"]["extensions"][TASKS].is_object(), "{found}");
    let begin = async |tool: &str| {
        let call = json!({ "name": tool, "arguments": { "seconds": 1, "label": tool } });
        let begun = caller.ask("tools/call", call).await.unwrap();
        assert_eq!(begun["resultType"], "task", "{begun}");
        begun["taskId"].as_str().unwrap().to_owned()
    };
    let (first, second) = (begin("r__slow_compute").await, begin("s__slow_compute").await);
    assert_ne!(first, second);
    assert_eq!(other.ask("tasks/get", json!({ "taskId": first })).await.unwrap_err().code, -32602);
    tokio::time::sleep(Duration::from_secs(2)).await;
    for id in [&first, &second] {
        let task = caller.ask("tasks/get", json!({ "taskId": id })).await.unwrap();
        assert_eq!((&task["taskId"], &task["status"]), (&json!(id), &json!("completed")), "{task}");
    }
    let third = begin("r__slow_compute").await;
    assert_eq!(caller.ask("tasks/cancel", json!({ "taskId": third })).await.unwrap()["resultType"], "complete");
}

#[tokio::test(start_paused = true)]
async fn two_servers_keep_their_clients_apart() {
    let (a, b) = (Puppet::new("a", json!({ "tools": {} })), Puppet::new("b", json!({ "tools": {} })));
    let site = Site::of(&[&a, &b]).await;
    let caller = Arc::new(Caller::of(&site, "token", able()));
    let (first, second) =
        (caller.send("tools/call", json!({ "name": "a__t" })), caller.send("tools/call", json!({ "name": "b__t" })));
    a.hears_of(1, "tools/call").await;
    b.hears_of(1, "tools/call").await;
    a.ask(1, "roots/list", json!({}));
    b.ask(1, "sampling/createMessage", json!({}));
    let method = |asked: &Value| asked["inputRequests"].as_object().unwrap().values().next().unwrap()["method"].clone();
    assert_eq!(method(&first.answer().await.unwrap()), "roots/list");
    assert_eq!(method(&second.answer().await.unwrap()), "sampling/createMessage");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_told_what_to_log_learns_what_a_request_wants() {
    let a = Puppet::new("a", json!({ "tools": {}, "logging": {} }));
    a.answers("logging/setLevel", json!({}));
    let site = Site::of(&[&a]).await;
    let caller = Caller::of(&site, "token", json!({}));
    let mut call = caller.send("tools/call", json!({ "name": "a__t", "_meta": { LEVEL: "warning" } }));
    let heard = a.hears_of(1, "tools/call").await;
    assert_eq!(a.heard_of("logging/setLevel")[0]["params"]["level"], "warning");
    a.notify("notifications/message", json!({ "level": "info", "data": 1 }));
    a.notify("notifications/message", json!({ "level": "error", "data": 2 }));
    assert_eq!(call.next().await["params"]["data"], 2);
    a.reply(&heard, json!({ "content": [] }));
    call.answer().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_unknown_method_is_for_the_one_that_can_be_meant() {
    let a = Puppet::new("a", json!({ "tools": {} }));
    a.answers("x/y", json!({ "z": 1.50 }));
    let site = Site::of(&[&a]).await;
    let caller = Caller::of(&site, "token", json!({}));
    assert_eq!(caller.ask("x/y", json!({ "n": 1 })).await.unwrap(), json!({ "resultType": "complete", "z": 1.50 }));
    let (b, c) = (Puppet::new("b", json!({})), Puppet::new("c", json!({})));
    let site = Site::of(&[&b, &c]).await;
    let caller = Caller::of(&site, "token", json!({}));
    assert_eq!(caller.ask("x/y", json!({})).await.unwrap_err().code, -32601);
}

/// A server of this era that says what a test says.
fn modern(capabilities: &Value) -> Arc<Puppet> {
    let a = Puppet::new("a", json!({}));
    let found = json!({ "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": capabilities });
    a.answers("server/discover", found);
    a.answers("resources/list", json!({ "resources": [{ "uri": "x://r", "name": "r" }] }));
    a.answers("resources/templates/list", json!({ "resourceTemplates": [] }));
    a
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_heard_any_more_is_listened_to_again() {
    let a = modern(&json!({ "tools": { "listChanged": true } }));
    let _site = Site::of(&[&a]).await;
    let first = a.hears_of(1, "subscriptions/listen").await;
    assert_eq!(first["params"]["notifications"], json!({ "toolsListChanged": true }));
    let lists = a.heard_of("tools/list").len();
    a.notify("notifications/tools/list_changed", json!({ "_meta": { SUBSCRIPTION: first["id"] } }));
    a.hears_of(lists + 1, "tools/list").await;
    // It ends in good order; what happened until it is listened to again is found by listing.
    a.reply(&first, json!({ "resultType": "complete" }));
    a.hears_of(2, "subscriptions/listen").await;
    a.hears_of(lists + 2, "tools/list").await;
}

#[tokio::test(start_paused = true)]
async fn a_server_of_this_era_tells_those_who_listen_through_us() {
    let a = modern(&json!({ "resources": { "subscribe": true } }));
    let site = Site::of(&[&a]).await;
    let (caller, client) = (Caller::of(&site, "token", json!({})), site.client().await);
    assert_eq!(a.heard_of("subscriptions/listen").len(), 0, "nobody wants anything");
    let wish = json!({ "notifications": { "resourceSubscriptions": ["x://r"] } });
    let mut one = caller.send("subscriptions/listen", wish);
    one.next().await;
    let asked = a.hears_of(1, "subscriptions/listen").await;
    assert_eq!(asked["params"]["notifications"], json!({ "resourceSubscriptions": ["x://r"] }));
    a.notify(
        "notifications/subscriptions/acknowledged",
        json!({ "_meta": { SUBSCRIPTION: asked["id"] }, "notifications": {} }),
    );
    client.request("resources/subscribe", json!({ "uri": "x://r" })).await.unwrap();
    a.notify("notifications/resources/updated", json!({ "uri": "x://r", "_meta": { SUBSCRIPTION: asked["id"] } }));
    assert_eq!(one.next().await["params"], json!({ "uri": "x://r", "_meta": { SUBSCRIPTION: 7 } }));
    let told = client.next().await;
    assert_eq!((&told["method"], &told["params"]["uri"]), (&json!("notifications/resources/updated"), &json!("x://r")));
    assert_eq!(told["params"]["_meta"].get(SUBSCRIPTION), None);
    client.request("resources/unsubscribe", json!({ "uri": "x://r" })).await.unwrap();
    one.work.abort();
    let over = a.hears(1, |message| message["params"]["requestId"] == asked["id"]).await;
    assert_eq!(over["method"], "notifications/cancelled");
}
