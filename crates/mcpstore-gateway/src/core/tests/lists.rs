//! Changed lists: told once, and only where something changed.

use std::time::Duration;

use serde_json::json;

use super::puppet::Puppet;
use super::site::{Site, methods};

const CHANGED: &str = "notifications/tools/list_changed";

fn tools(names: &[&str]) -> serde_json::Value {
    let tool = |name: &&str| json!({ "name": name, "inputSchema": { "type": "object" } });
    json!({ "tools": names.iter().map(tool).collect::<Vec<_>>() })
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_told_once_and_nothing_where_nothing_changed() {
    let a = Puppet::new("a", json!({ "tools": { "listChanged": true } }));
    let site = Site::of(&[&a]).await;
    let client = site.client().await;
    let long = Duration::from_secs(10);
    for _ in 0..100 {
        a.notify(CHANGED, json!({}));
    }
    assert_eq!(client.within(long).await.len(), 0, "its list is what it was");
    let lists = a.heard_of("tools/list").len();
    a.answers("tools/list", tools(&["t", "new"]));
    for _ in 0..100 {
        a.notify(CHANGED, json!({}));
    }
    assert_eq!(methods(&client.within(long).await), [CHANGED]);
    assert!(a.heard_of("tools/list").len() - lists <= 2);
    assert_eq!(client.request("tools/list", json!({})).await.unwrap()["tools"][1]["name"], "a__new");
    // A storm that does not end: at most two refreshes in a second.
    let lists = a.heard_of("tools/list").len();
    for n in 0..500 {
        a.answers("tools/list", tools(&["t", &format!("new-{n}")]));
        a.notify(CHANGED, json!({}));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let told = client.within(long).await;
    assert!(told.len() <= 22, "{}", told.len());
    assert!(a.heard_of("tools/list").len() - lists <= 22);
    assert_eq!(client.request("tools/list", json!({})).await.unwrap()["tools"][1]["name"], "a__new-499");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_died_and_is_back_is_told_once_at_most() {
    let a = Puppet::new("a", json!({ "tools": {}, "prompts": {}, "resources": {} }));
    a.answers("prompts/list", json!({ "prompts": [{ "name": "p" }] }));
    a.answers("resources/list", json!({ "resources": [{ "uri": "x://r", "name": "r" }] }));
    a.answers("resources/templates/list", json!({ "resourceTemplates": [] }));
    let site = Site::of(&[&a]).await;
    let client = site.client().await;
    a.dies();
    assert_eq!(client.within(Duration::from_secs(30)).await.len(), 0, "it is as it was");
    assert_eq!(a.lives(), 2);
    a.answers("tools/list", tools(&["other"]));
    a.answers("prompts/list", json!({ "prompts": [{ "name": "q" }] }));
    a.dies();
    let mut told = client.within(Duration::from_secs(30)).await;
    told.sort_by_key(|message| message["method"].to_string());
    assert_eq!(methods(&told), ["notifications/prompts/list_changed", CHANGED]);
    assert_eq!(a.lives(), 3);
}
