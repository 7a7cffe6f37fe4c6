//! Calls: views, what is not known, cancelling, and services that die.

use std::time::Duration;

use mcpstore_types::ViewSpec;
use serde_json::json;
use tokio::time::Instant;

use super::puppet::Puppet;
use super::site::{Site, service};

/// Two services, and a view of the first alone.
async fn two() -> (Site, [std::sync::Arc<Puppet>; 2]) {
    let offers = json!({ "tools": {}, "prompts": {}, "resources": {}, "logging": {}, "completions": {} });
    let puppets = [Puppet::new("a", offers), Puppet::new("b", json!({ "tools": {} }))];
    puppets[0].answers("prompts/list", json!({ "prompts": [{ "name": "p" }] }));
    puppets[0].answers("resources/list", json!({ "resources": [{ "uri": "x://r", "name": "r" }] }));
    puppets[0].answers("resources/templates/list", json!({ "resourceTemplates": [] }));
    let views = vec![view("only-a", "a"), view("only-b", "b")];
    let servers = puppets.iter().map(|puppet| (puppet.name(), puppet.factory())).collect();
    (Site::with(servers, views).await, puppets)
}

fn view(name: &str, of: &str) -> ViewSpec {
    ViewSpec { name: name.to_owned(), services: [service(of)].into(), ..ViewSpec::default() }
}

#[tokio::test(start_paused = true)]
async fn a_view_shows_and_calls_its_own_alone() {
    let (site, [a, _]) = two().await;
    let (all, only_b) = (site.client().await, site.client_of(Some("only-b"), json!({})).await);
    let names = |result: &serde_json::Value| {
        let tools = result["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&all.request("tools/list", json!({})).await.unwrap()), ["a__t", "a__safe", "b__t", "b__safe"]);
    assert_eq!(names(&only_b.request("tools/list", json!({})).await.unwrap()), ["b__t", "b__safe"]);
    assert_eq!(all.begun.lock().unwrap()["capabilities"]["logging"], json!({}));
    assert_eq!(only_b.begun.lock().unwrap()["capabilities"].as_object().unwrap().keys().collect::<Vec<_>>(), ["tools"]);
    for (method, params) in [
        ("tools/call", json!({ "name": "a__t" })),
        ("prompts/get", json!({ "name": "a__p" })),
        ("resources/read", json!({ "uri": "x://r" })),
        ("resources/subscribe", json!({ "uri": "x://r" })),
        ("completion/complete", json!({ "ref": { "type": "ref/prompt", "name": "a__p" }, "argument": {} })),
    ] {
        let error = only_b.refused(method, params).await;
        assert!(matches!(error.code, -32602 | -32002), "{method}: {error:?}");
        assert_eq!(a.heard_of(method).len(), 0, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn names_are_the_servers_own_on_their_way() {
    let (site, [a, _]) = two().await;
    let client = site.client().await;
    a.answers("tools/call", json!({ "content": [] }));
    a.answers("completion/complete", json!({ "completion": { "values": [] } }));
    client.request("tools/call", json!({ "name": "a__t", "arguments": { "name": "a__t" } })).await.unwrap();
    let reference = json!({ "type": "ref/prompt", "name": "a__p" });
    client.request("completion/complete", json!({ "ref": reference, "argument": { "name": "n" } })).await.unwrap();
    let call = &a.heard_of("tools/call")[0]["params"];
    assert_eq!((&call["name"], &call["arguments"]["name"]), (&json!("t"), &json!("a__t")));
    assert_eq!(a.heard_of("completion/complete")[0]["params"]["ref"]["name"], "p");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_goes_to_the_one_service_that_it_can_be_for() {
    let (site, [a, b]) = two().await;
    let (all, only_b) = (site.client().await, site.client_of(Some("only-b"), json!({})).await);
    b.answers("x/odd", json!({ "odd": 1.5 }));
    assert_eq!(only_b.request("x/odd", json!({ "k": 1 })).await.unwrap(), json!({ "odd": 1.5 }));
    assert_eq!(b.heard_of("x/odd")[0]["params"]["k"], 1);
    let error = all.refused("x/odd", json!({})).await;
    assert_eq!(error.code, -32601);
    assert!(error.message.contains("which of 2 services"), "{error}");
    assert_eq!(only_b.refused("server/discover", json!({})).await.code, -32601);
    only_b.notify("notifications/x", json!({ "n": 1 }));
    b.hears_of(1, "notifications/x").await;
    all.notify("notifications/x", json!({}));
    all.notify("notifications/roots/list_changed", json!({}));
    a.hears_of(1, "notifications/roots/list_changed").await;
    b.hears_of(1, "notifications/roots/list_changed").await;
    assert_eq!((a.heard_of("notifications/x").len(), b.heard_of("notifications/x").len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn who_takes_a_call_back_or_goes_has_its_server_told() {
    let (site, [a, _]) = two().await;
    let client = site.client().await;
    let under_way = client.begin(77, "tools/call", json!({ "name": "a__t" }));
    let call = a.hears_of(1, "tools/call").await;
    let asked = Instant::now();
    client.notify("notifications/cancelled", json!({ "requestId": 77 }));
    let told = a.hears_of(1, "notifications/cancelled").await;
    assert_eq!(told["params"]["requestId"], call["id"]);
    assert!(asked.elapsed() < Duration::from_millis(500));
    assert!(under_way.await.unwrap().is_err());
    // The client goes: what was begun for it ends.
    let under_way = client.start("tools/call", json!({ "name": "a__t" }));
    let call = a.hears_of(2, "tools/call").await;
    let gone = Instant::now();
    client.goes();
    let told = a.hears_of(2, "notifications/cancelled").await;
    assert_eq!(told["params"]["requestId"], call["id"]);
    assert!(gone.elapsed() < Duration::from_millis(500));
    drop(under_way);
}

#[tokio::test(start_paused = true)]
async fn a_front_that_drops_a_call_has_its_server_told() {
    let (site, [a, _]) = two().await;
    let client = site.client().await;
    let under_way = client.start("tools/call", json!({ "name": "a__t" }));
    let call = a.hears_of(1, "tools/call").await;
    under_way.abort();
    assert_eq!(a.hears_of(1, "notifications/cancelled").await["params"]["requestId"], call["id"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_be_repeated_is_when_its_service_is_back() {
    let (site, [a, _]) = two().await;
    let client = site.client().await;
    let safe = client.start("tools/call", json!({ "name": "a__safe" }));
    a.hears_of(1, "tools/call").await;
    let other = client.start("tools/call", json!({ "name": "a__t" }));
    a.hears_of(2, "tools/call").await;
    let died = Instant::now();
    a.dies();
    let error = other.await.unwrap().expect_err("nobody knows how far it came");
    assert!(died.elapsed() < Duration::from_millis(250), "{:?}", died.elapsed());
    assert_eq!(error.code, -32001);
    let data: serde_json::Value = serde_json::from_str(error.data.unwrap().get()).unwrap();
    assert_eq!(data, json!({ "service": "a", "kind": "connection" }));
    let again = a.hears_of(3, "tools/call").await;
    assert_eq!((a.lives(), &again["params"]["name"]), (2, &json!("safe")));
    a.reply(&again, json!({ "content": [{ "type": "text", "text": "read" }] }));
    assert_eq!(safe.await.unwrap().unwrap()["content"][0]["text"], "read");
    // Once more, and not for ever.
    let safe = client.start("tools/call", json!({ "name": "a__safe" }));
    a.hears_of(4, "tools/call").await;
    a.dies();
    a.hears_of(5, "tools/call").await;
    a.dies();
    assert_eq!(safe.await.unwrap().expect_err("it was repeated once").code, -32001);
    assert_eq!(a.heard_of("tools/call").len(), 5);
    assert!(!client.client.over.is_cancelled());
    // Nobody is asked the same twice.
    let asker = site.client_of(None, json!({ "elicitation": {} })).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let safe = asker.start("tools/call", json!({ "name": "a__safe" }));
    a.hears_of(6, "tools/call").await;
    a.ask(1, "elicitation/create", json!({}));
    let asked = asker.next().await;
    asker.answer(&asked, Ok(json!({ "action": "cancel" })));
    a.answer_to(1).await;
    a.dies();
    assert_eq!(safe.await.unwrap().expect_err("it asked").code, -32001);
}
