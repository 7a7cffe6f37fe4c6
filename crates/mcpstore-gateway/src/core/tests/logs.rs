//! Log messages: levels and views.

use std::time::Duration;

use mcpstore_types::ViewSpec;
use serde_json::{Value, json};

use super::puppet::Puppet;
use super::site::{Site, service};

fn texts(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["params"]["data"].as_str().unwrap_or_default()).collect()
}

fn log(puppet: &Puppet, level: &str) {
    puppet.notify("notifications/message", json!({ "level": level, "data": level }));
}

#[tokio::test(start_paused = true)]
async fn each_client_gets_its_own_level_and_servers_hear_the_least() {
    let (a, quiet) = (Puppet::new("a", json!({ "logging": {} })), Puppet::new("b", json!({ "tools": {} })));
    a.answers("logging/setLevel", json!({}));
    let views = vec![ViewSpec { name: "b".into(), services: [service("b")].into(), ..ViewSpec::default() }];
    let servers = vec![("a", a.factory()), ("b", quiet.factory())];
    let site = Site::with(servers, views).await;
    let (one, two) = (site.client().await, site.client().await);
    let other_view = site.client_of(Some("b"), json!({})).await;
    let second = Duration::from_secs(1);
    // As long as nobody says anything the server decides.
    log(&a, "debug");
    assert_eq!((texts(&one.within(second).await), texts(&two.here().await)), (vec!["debug"], vec!["debug"]));
    assert_eq!(one.request("logging/setLevel", json!({ "level": "error" })).await.unwrap(), json!({}));
    // The other one did not say: it keeps what servers send by themselves.
    assert_eq!(a.heard_of("logging/setLevel")[0]["params"]["level"], "info");
    two.request("logging/setLevel", json!({ "level": "debug" })).await.unwrap();
    assert_eq!(a.heard_of("logging/setLevel")[1]["params"]["level"], "debug");
    for level in ["debug", "error", "loud"] {
        log(&a, level);
    }
    assert_eq!(texts(&one.within(second).await), ["error", "loud"]);
    assert_eq!(texts(&two.here().await), ["debug", "error", "loud"]);
    assert_eq!(other_view.here().await, Vec::<Value>::new());
    assert_eq!(one.refused("logging/setLevel", json!({ "level": "loud" })).await.code, -32602);
    // A new life is told again.
    a.dies();
    a.hears_of(3, "logging/setLevel").await;
    assert_eq!((a.lives(), &a.heard_of("logging/setLevel")[2]["params"]["level"]), (2, &json!("debug")));
    // Who goes counts no more.
    two.goes();
    assert_eq!(a.hears_of(4, "logging/setLevel").await["params"]["level"], "error");
    assert_eq!(quiet.heard_of("logging/setLevel").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_amid_the_work_for_one_is_for_that_one() {
    let a = Puppet::new("a", json!({ "logging": {}, "tools": {} }));
    let site = Site::of(&[&a]).await;
    let (one, two) = (site.client().await, site.client().await);
    let call = one.start("tools/call", json!({ "name": "a__t" }));
    let heard = a.hears_of(1, "tools/call").await;
    log(&a, "info");
    assert_eq!(texts(&[one.next().await]), ["info"]);
    let other = two.start("tools/call", json!({ "name": "a__t" }));
    let second = a.hears_of(2, "tools/call").await;
    log(&a, "error");
    assert_eq!((texts(&[one.next().await]), texts(&[two.next().await])), (vec!["error"], vec!["error"]));
    a.reply(&heard, json!({ "content": [] }));
    a.reply(&second, json!({ "content": [] }));
    assert!(call.await.unwrap().is_ok() && other.await.unwrap().is_ok());
}
