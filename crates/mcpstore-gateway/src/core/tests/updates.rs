//! Updates of resources.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_testkit::server::{Behaviour, Era, factory};
use mcpstore_types::ViewSpec;
use serde_json::{Value, json};

use super::puppet::Puppet;
use super::site::{Downstream, Site, methods, service};
use crate::core::Rules;

const SUBSCRIBE: &str = "resources/subscribe";
const UNSUBSCRIBE: &str = "resources/unsubscribe";

async fn site() -> (Site, Arc<Puppet>) {
    let a = Puppet::new("a", json!({ "resources": { "subscribe": true } }));
    let entries: Vec<_> = ["x://r", "x://s"].iter().map(|uri| json!({ "uri": uri, "name": uri })).collect();
    a.answers("resources/list", json!({ "resources": entries }));
    a.answers("resources/templates/list", json!({ "resourceTemplates": [] }));
    a.answers(SUBSCRIBE, json!({ "ok": true }));
    a.answers(UNSUBSCRIBE, json!({}));
    (Site::of(&[&a]).await, a)
}

async fn wants(client: &Downstream, method: &str, uri: &str) -> Value {
    client.request(method, json!({ "uri": uri })).await.unwrap()
}

fn updated(a: &Puppet, uri: &str) {
    a.notify("notifications/resources/updated", json!({ "uri": uri, "title": 1.50 }));
}

#[tokio::test(start_paused = true)]
async fn the_first_subscribes_and_the_last_unsubscribes() {
    let (site, a) = site().await;
    let (one, two, three) = (site.client().await, site.client().await, site.client().await);
    assert_eq!(wants(&one, SUBSCRIBE, "x://r").await, json!({ "ok": true }));
    assert_eq!(wants(&two, SUBSCRIBE, "x://r").await, json!({}));
    assert_eq!(wants(&two, SUBSCRIBE, "x://r").await, json!({}));
    wants(&three, SUBSCRIBE, "x://s").await;
    assert_eq!(a.heard_of(SUBSCRIBE).len(), 2);
    updated(&a, "x://r");
    updated(&a, "x://r#part");
    let second = Duration::from_secs(1);
    let got = one.within(second).await;
    assert_eq!(got.len(), 2);
    assert_eq!(got[0]["params"], json!({ "uri": "x://r", "title": 1.50 }));
    assert_eq!((methods(&two.here().await).len(), methods(&three.here().await).len()), (2, 0));
    wants(&one, UNSUBSCRIBE, "x://r").await;
    wants(&one, UNSUBSCRIBE, "x://r").await;
    updated(&a, "x://r");
    assert_eq!((one.within(second).await.len(), two.here().await.len()), (0, 1));
    assert_eq!(a.heard_of(UNSUBSCRIBE).len(), 0);
    // A client that goes unsubscribes from all it had.
    two.goes();
    assert_eq!(a.hears_of(1, UNSUBSCRIBE).await["params"]["uri"], "x://r");
    drop(three);
    assert_eq!(a.hears_of(2, UNSUBSCRIBE).await["params"]["uri"], "x://s");
    // From the beginning.
    wants(&one, SUBSCRIBE, "x://r").await;
    assert_eq!(a.heard_of(SUBSCRIBE).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_new_life_is_subscribed_to_again() {
    let (site, a) = site().await;
    let client = site.client().await;
    wants(&client, SUBSCRIBE, "x://r").await;
    a.dies();
    a.hears_of(2, SUBSCRIBE).await;
    assert_eq!(a.lives(), 2);
    client.within(Duration::from_secs(1)).await;
    updated(&a, "x://r");
    assert_eq!(client.next().await["params"]["uri"], "x://r");
    drop(site);
}

#[tokio::test(start_paused = true)]
async fn a_server_of_the_other_era_is_listened_to() {
    let behaviour = Behaviour { name: "s".into(), era: Era::Stateless, ..Behaviour::default() };
    let site = Site::with(vec![("s", factory(behaviour))], Vec::new()).await;
    let (one, two) = (site.client().await, site.client().await);
    let uri = "test://watched-resource";
    wants(&one, SUBSCRIBE, uri).await;
    let second = Duration::from_secs(1);
    one.within(second).await;
    let touch = || json!({ "name": "s__touch", "arguments": { "uri": uri } });
    two.request("tools/call", touch()).await.unwrap();
    let told = one.within(second).await;
    assert_eq!(methods(&told), ["notifications/resources/updated"]);
    assert_eq!(told[0]["params"]["uri"], uri);
    assert_eq!(two.here().await.len(), 0);
    wants(&one, UNSUBSCRIBE, uri).await;
    one.within(second).await;
    two.request("tools/call", touch()).await.unwrap();
    assert_eq!(one.within(second).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_view_shows_no_more_is_not_told() {
    let (site, a) = site().await;
    let views = |services: &[&str]| {
        let services = services.iter().map(|name| service(name)).collect();
        let view = ViewSpec { name: "v".into(), services, ..ViewSpec::default() };
        Rules { views: vec![view], ..Rules::default() }
    };
    site.gateway.set_rules(views(&["a"]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (all, part) = (site.client().await, site.client_of(Some("v"), json!({})).await);
    wants(&all, SUBSCRIBE, "x://r").await;
    wants(&part, SUBSCRIBE, "x://r").await;
    let second = Duration::from_secs(1);
    updated(&a, "x://r");
    assert_eq!((all.within(second).await.len(), part.here().await.len()), (1, 1));
    site.gateway.set_rules(views(&[]));
    // Its lists are others now.
    assert!(!part.within(second).await.is_empty());
    updated(&a, "x://r");
    a.notify("notifications/message", json!({ "level": "info", "data": 1 }));
    assert_eq!((methods(&all.within(second).await).len(), part.here().await.len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn what_the_server_refuses_is_not_subscribed_to() {
    let (site, a) = site().await;
    let client = site.client().await;
    a.answers.lock().unwrap().remove(SUBSCRIBE);
    let asked = client.start(SUBSCRIBE, json!({ "uri": "x://r" }));
    let heard = a.hears_of(1, SUBSCRIBE).await;
    a.say(json!({ "jsonrpc": "2.0", "id": heard["id"], "error": { "code": -32602, "message": "no" } }));
    assert_eq!(asked.await.unwrap().unwrap_err().code, -32602);
    updated(&a, "x://r");
    assert_eq!(client.within(Duration::from_secs(1)).await.len(), 0);
    a.answers(SUBSCRIBE, json!({}));
    wants(&client, SUBSCRIBE, "x://r").await;
    assert_eq!(a.heard_of(SUBSCRIBE).len(), 2);
}
