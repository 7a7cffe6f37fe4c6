//! Services of which each client has its own.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_runtime::{Goal, Target};
use mcpstore_types::{Isolation, ServiceSpec, SpecDelta};
use serde_json::{Value, json};

use super::puppet::Puppet;
use super::site::{Downstream, Site, methods, service};
use crate::core::instances::MAX_INSTANCES;

const SECOND: Duration = Duration::from_secs(1);

/// A gateway over `a`, isolated, and `b`, for all.
async fn site() -> (Site, Arc<Puppet>, Arc<Puppet>) {
    let puppets = ["a", "b"].map(|name| Puppet::new(name, json!({ "tools": {}, "logging": {} })));
    for puppet in &puppets {
        puppet.answers("tools/call", json!({ "content": [] }));
        puppet.answers("logging/setLevel", json!({}));
    }
    let [a, b] = puppets;
    let site = Site::of(&[&a, &b]).await;
    change(&site, |spec| spec.isolation = Isolation::PerSession).await;
    (site, a, b)
}

async fn change(site: &Site, change: impl FnOnce(&mut ServiceSpec)) {
    let supervisor = &site.gateway.inner.supervisor;
    let mut spec = (*supervisor.info("a").unwrap().spec).clone();
    change(&mut spec);
    supervisor.apply(SpecDelta { changed: vec![(spec, vec![])], ..SpecDelta::default() }, true).await.unwrap();
    tokio::time::sleep(SECOND).await;
}

async fn call(client: &Downstream, tool: &str) -> Value {
    client.request("tools/call", json!({ "name": tool })).await.unwrap()
}

/// The instances that there are.
fn instances(site: &Site) -> Vec<String> {
    let snapshot = site.gateway.inner.supervisor.snapshot();
    let own = snapshot.services().iter().filter(|info| info.spec.instance_of.is_some());
    own.map(|info| info.name().to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn each_client_has_its_own_from_its_first_use_until_it_goes() {
    let (site, a, b) = site().await;
    let one = site.client_of(None, json!({ "sampling": {} })).await;
    let two = site.client_of(None, json!({ "sampling": {} })).await;
    assert_eq!((a.lives(), b.lives(), instances(&site).len()), (1, 1, 0));
    let (first, second) = tokio::join!(call(&one, "a__t"), call(&one, "a__safe"));
    assert_eq!((first, second), (json!({ "content": [] }), json!({ "content": [] })));
    call(&two, "a__t").await;
    call(&two, "b__t").await;
    assert_eq!((a.lives(), b.lives(), instances(&site)), (3, 1, vec!["a@1".into(), "a@2".into()]));
    // Its tools are in the list once, and none of this is among the specs that a reload compares with.
    let tools = one.request("tools/list", json!({})).await.unwrap()["tools"].as_array().unwrap().len();
    assert_eq!((tools, site.gateway.inner.supervisor.specs().len()), (4, 2));
    tokio::time::sleep(SECOND).await;
    // What the last life says, and asks, is for the second client alone, though nothing is under way.
    one.here().await;
    two.here().await;
    a.notify("notifications/message", json!({ "level": "error", "data": 1 }));
    a.ask(7, "sampling/createMessage", json!({ "messages": [], "maxTokens": 1 }));
    let said = two.within(SECOND).await;
    assert_eq!(methods(&said), ["notifications/message", "sampling/createMessage"]);
    two.answer(&said[1], Ok(json!({ "role": "assistant" })));
    assert_eq!(a.answer_to(7).await["result"]["role"], "assistant");
    assert_eq!(methods(&one.here().await), Vec::<&str>::new());
    // It learns what its client wants to hear, and the others do not.
    let before = a.heard_of("logging/setLevel").len();
    two.request("logging/setLevel", json!({ "level": "debug" })).await.unwrap();
    assert_eq!(a.heard_of("logging/setLevel").len() - before, 2, "the service and the one instance");
    two.goes();
    tokio::time::sleep(SECOND).await;
    assert_eq!(instances(&site), ["a@1"]);
    call(&one, "a__t").await;
    assert_eq!(a.lives(), 3);
}

#[tokio::test(start_paused = true)]
async fn there_are_only_so_many_and_the_next_client_hears_why() {
    let (site, a, _b) = site().await;
    let mut clients = Vec::new();
    for _ in 0..MAX_INSTANCES {
        let client = site.client().await;
        call(&client, "a__t").await;
        clients.push(client);
    }
    let late = site.client().await;
    let error = late.refused("tools/call", json!({ "name": "a__t" })).await;
    let data: Value = serde_json::from_str(error.data.as_ref().unwrap().get()).unwrap();
    assert_eq!((error.code, &data["kind"], &data["service"]), (-32003, &json!("too_many_instances"), &json!("a")));
    call(&late, "b__t").await;
    clients[3].goes();
    tokio::time::sleep(SECOND).await;
    call(&late, "a__t").await;
    assert_eq!((a.lives(), instances(&site).len()), (1 + MAX_INSTANCES + 1, MAX_INSTANCES));
}

#[tokio::test(start_paused = true)]
async fn they_go_with_their_service_and_are_made_anew_when_it_is_another_one() {
    let (site, a, _b) = site().await;
    let client = site.client().await;
    call(&client, "a__t").await;
    assert_eq!(instances(&site), ["a@1"]);
    change(&site, |spec| spec.tags = vec!["other".into()]).await;
    assert!(instances(&site).is_empty());
    call(&client, "a__t").await;
    assert_eq!(instances(&site), ["a@2"]);
    let supervisor = site.gateway.inner.supervisor.clone();
    supervisor.stop_and_wait(&service("a"), false).await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert!(instances(&site).is_empty());
    let error = client.refused("tools/call", json!({ "name": "a__t" })).await;
    assert!(error.message.contains("`a`") && error.message.contains("stop asked"), "{}", error.message);
    supervisor.start_and_wait(&service("a")).await.unwrap();
    call(&client, "a__t").await;
    assert_eq!(instances(&site), ["a@3"]);
    // Removed with it.
    supervisor.stop_and_remove(Target::from(service("a")), false).await.unwrap();
    supervisor.wait(&service("a@3"), Goal::Removed, Some(10 * SECOND)).await.unwrap();
    assert!(a.lives() >= 4);
}

#[tokio::test(start_paused = true)]
async fn who_began_with_the_one_for_all_stays_there() {
    let (site, a, _b) = site().await;
    change(&site, |spec| spec.isolation = Isolation::Shared).await;
    let (one, two) = (site.client().await, site.client().await);
    call(&one, "a__t").await;
    change(&site, |spec| spec.isolation = Isolation::PerSession).await;
    call(&one, "a__t").await;
    assert_eq!((a.lives(), instances(&site).len()), (1, 0));
    call(&two, "a__t").await;
    assert_eq!((a.lives(), instances(&site)), (2, vec!["a@1".into()]));
}
