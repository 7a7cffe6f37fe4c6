//! What servers ask of clients.

use std::time::Duration;

use mcpstore_testkit::server::{Behaviour, Era, factory};
use mcpstore_transport::RpcError;
use serde_json::{Value, json};

use super::puppet::Puppet;
use super::site::Site;

fn able() -> Value {
    json!({ "elicitation": { "form": {}, "url": {} }, "sampling": {}, "roots": {} })
}

#[tokio::test(start_paused = true)]
async fn a_question_goes_to_the_client_that_the_server_works_for() {
    let a = Puppet::new("a", json!({ "tools": {} }));
    let site = Site::of(&[&a]).await;
    let (one, two) = (site.client_of(None, able()).await, site.client_of(None, able()).await);
    let call = one.start("tools/call", json!({ "name": "a__t" }));
    let heard = a.hears_of(1, "tools/call").await;
    let params = json!({ "message": "sure?", "requestedSchema": { "x": 1.50 } });
    a.ask(900, "elicitation/create", params.clone());
    let asked = one.next().await;
    assert_eq!((&asked["method"], &asked["params"]), (&json!("elicitation/create"), &params));
    // Its id is ours: those of two servers may be equal.
    assert_ne!(asked["id"], 900);
    one.answer(&asked, Ok(json!({ "action": "accept", "content": { "n": 2.0 } })));
    assert_eq!(a.answer_to(900).await["result"], json!({ "action": "accept", "content": { "n": 2.0 } }));
    a.ask(901, "sampling/createMessage", json!({ "messages": [] }));
    let asked = one.next().await;
    one.answer(&asked, Err(RpcError::new(-1, "the user said no")));
    assert_eq!(a.answer_to(901).await["error"], json!({ "code": -1, "message": "the user said no" }));
    // Taken back by the server.
    a.ask(902, "roots/list", json!({}));
    let asked = one.next().await;
    a.notify("notifications/cancelled", json!({ "requestId": 902 }));
    let told = one.next().await;
    assert_eq!((&told["method"], &told["params"]["requestId"]), (&json!("notifications/cancelled"), &asked["id"]));
    // Nobody can tell whose it is while two are at work.
    let other = two.start("tools/call", json!({ "name": "a__t" }));
    let second = a.hears_of(2, "tools/call").await;
    a.ask(903, "roots/list", json!({}));
    assert_eq!(a.answer_to(903).await["error"]["code"], -32000);
    a.reply(&heard, json!({ "content": [] }));
    call.await.unwrap().unwrap();
    // Now it is the other one's; and when that goes, the server hears it.
    a.ask(904, "roots/list", json!({}));
    two.next().await;
    two.goes();
    assert_eq!(a.answer_to(904).await["error"]["code"], -32000);
    a.reply(&second, json!({ "content": [] }));
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn what_a_client_cannot_do_is_refused_without_asking_it() {
    let a = Puppet::new("a", json!({ "tools": {} }));
    let site = Site::of(&[&a]).await;
    let client = site.client().await;
    let call = client.start("tools/call", json!({ "name": "a__t" }));
    let heard = a.hears_of(1, "tools/call").await;
    for (id, method) in [(1, "sampling/createMessage"), (2, "elicitation/create"), (3, "roots/list")] {
        a.ask(id, method, json!({}));
        let error = a.answer_to(id).await["error"].clone();
        assert_eq!(error["code"], -32601, "{method}");
        assert_eq!(error["data"]["kind"], "client_capability");
    }
    a.reply(&heard, json!({ "content": [] }));
    call.await.unwrap().unwrap();
    assert_eq!(client.here().await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_question_amid_nothing_is_for_the_only_client_there_is() {
    let a = Puppet::new("a", json!({ "tools": {} }));
    let site = Site::of(&[&a]).await;
    a.ask(1, "roots/list", json!({}));
    assert_eq!(a.answer_to(1).await["error"]["code"], -32000);
    let one = site.client_of(None, able()).await;
    // Now it may ask again.
    a.hears_of(1, "notifications/roots/list_changed").await;
    a.ask(2, "roots/list", json!({}));
    let asked = one.next().await;
    one.answer(&asked, Ok(json!({ "roots": [] })));
    assert_eq!(a.answer_to(2).await["result"], json!({ "roots": [] }));
    let two = site.client_of(None, able()).await;
    a.ask(3, "roots/list", json!({}));
    assert_eq!(a.answer_to(3).await["error"]["code"], -32000);
    assert_eq!((one.here().await.len(), two.here().await.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_elicitation_is_told_to_who_was_asked() {
    let a = Puppet::new("a", json!({ "tools": {} }));
    let site = Site::of(&[&a]).await;
    let (one, two) = (site.client_of(None, able()).await, site.client_of(None, able()).await);
    let call = one.start("tools/call", json!({ "name": "a__t" }));
    let heard = a.hears_of(1, "tools/call").await;
    let params = json!({ "mode": "url", "elicitationId": "e1", "url": "https://x.example/", "message": "go" });
    a.ask(1, "elicitation/create", params);
    let asked = one.next().await;
    one.answer(&asked, Ok(json!({ "action": "accept" })));
    a.answer_to(1).await;
    a.reply(&heard, json!({ "content": [] }));
    call.await.unwrap().unwrap();
    a.notify("notifications/elicitation/complete", json!({ "elicitationId": "e1" }));
    let told = one.next().await;
    assert_eq!(
        (&told["method"], &told["params"]["elicitationId"]),
        (&json!("notifications/elicitation/complete"), &json!("e1"))
    );
    assert_eq!(two.within(Duration::from_secs(1)).await.len(), 0);
}

/// A server of the stateless era.
async fn across() -> Site {
    let behaviour = Behaviour { name: "ref".into(), era: Era::Stateless, reference: true, ..Behaviour::default() };
    Site::with(vec![("ref", factory(behaviour))], Vec::new()).await
}

#[tokio::test(start_paused = true)]
async fn a_server_of_the_other_era_that_asks_back_is_answered() {
    let site = across().await;
    let client = site.client_of(None, able()).await;
    let call = client.start("tools/call", json!({ "name": "ref__test_input_required_result_multi_round" }));
    for (n, (key, text)) in [("name", "Ada"), ("color", "blue")].into_iter().enumerate() {
        let asked = client.next().await;
        assert_eq!(asked["method"], "elicitation/create");
        assert!(asked["params"]["message"].as_str().unwrap().starts_with(&format!("Step {}", n + 1)));
        client.answer(&asked, Ok(json!({ "action": "accept", "content": { key: text } })));
    }
    let result = call.await.unwrap().unwrap();
    let said = result["content"][0]["text"].as_str().unwrap();
    assert!(said.contains("Ada") && said.contains("blue"), "{said}");
    // It is told the truth of this client, and asks nothing else.
    let modest = site.client_of(None, json!({ "elicitation": {} })).await;
    let call = modest.start("tools/call", json!({ "name": "ref__test_input_required_result_capabilities" }));
    let asked = modest.next().await;
    assert_eq!(asked["method"], "elicitation/create");
    modest.answer(&asked, Ok(json!({ "action": "accept", "content": { "name": "Eve" } })));
    assert!(call.await.unwrap().is_ok());
    let mute = site.client().await;
    let error = mute.refused("tools/call", json!({ "name": "ref__test_input_required_result_elicitation" })).await;
    assert!(error.code == -32021 || error.code == -32603, "{error:?}");
    // Who refuses gets no question for a result.
    let call = client.start("tools/call", json!({ "name": "ref__test_input_required_result_elicitation" }));
    let asked = client.next().await;
    client.answer(&asked, Err(RpcError::new(-1, "no")));
    let error = call.await.unwrap().unwrap_err();
    let data: Value = serde_json::from_str(error.data.unwrap().get()).unwrap();
    assert_eq!((error.code, &data["kind"]), (-32603, &json!("input_required")));
}

#[tokio::test(start_paused = true)]
async fn a_server_of_the_other_era_logs_as_its_client_wants() {
    let site = across().await;
    let client = site.client().await;
    let call = json!({ "name": "ref__test_tool_with_logging" });
    client.request("tools/call", call.clone()).await.unwrap();
    assert_eq!(client.here().await.len(), 3);
    client.request("logging/setLevel", json!({ "level": "error" })).await.unwrap();
    client.request("tools/call", call).await.unwrap();
    assert_eq!(client.here().await.len(), 0);
}
