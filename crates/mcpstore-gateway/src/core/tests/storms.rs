//! Many notices of many clients at once.

use std::collections::BTreeMap;

use serde_json::json;

use super::puppet::Puppet;
use super::site::Site;

/// Clients that call at once.
const CLIENTS: usize = 50;
/// Notices of each call.
const NOTICES: u64 = 100;

#[tokio::test(start_paused = true)]
async fn progress_of_many_with_equal_ids_and_tokens_never_meets() {
    let a = Puppet::new("a", json!({ "tools": {} }));
    let site = Site::of(&[&a]).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(site.client().await);
    }
    let params = |n: usize| json!({ "name": "a__t", "arguments": { "n": n }, "_meta": { "progressToken": "same" } });
    let calls: Vec<_> =
        clients.iter().enumerate().map(|(n, client)| client.begin(1, "tools/call", params(n))).collect();
    a.hears_of(CLIENTS, "tools/call").await;
    let heard = a.heard_of("tools/call");
    let tokens: BTreeMap<_, _> =
        heard.iter().map(|call| (call["params"]["_meta"]["progressToken"].to_string(), call)).collect();
    assert_eq!(tokens.len(), CLIENTS, "the server can tell them apart");
    for progress in 0..NOTICES {
        for call in &heard {
            let token = &call["params"]["_meta"]["progressToken"];
            let number = call["params"]["arguments"]["n"].as_u64().unwrap() * 1000 + progress;
            a.notify("notifications/progress", json!({ "progressToken": token, "progress": number }));
        }
        // As a front would read meanwhile.
        tokio::task::yield_now().await;
    }
    for call in &heard {
        a.reply(call, json!({ "content": [], "n": call["params"]["arguments"]["n"] }));
        // Late, and for nobody.
        let token = &call["params"]["_meta"]["progressToken"];
        a.notify("notifications/progress", json!({ "progressToken": token, "progress": 1_000_000 }));
    }
    for (n, (call, client)) in calls.into_iter().zip(&clients).enumerate() {
        let result = call.await.unwrap().unwrap();
        assert_eq!(result["n"], n);
        let got: Vec<_> = client.here().await.iter().map(|notice| notice["params"].clone()).collect();
        let expected: Vec<_> = (0..NOTICES)
            .map(|progress| json!({ "progressToken": "same", "progress": n as u64 * 1000 + progress }))
            .collect();
        assert_eq!(got, expected, "client {n}");
    }
}

#[tokio::test(start_paused = true)]
async fn log_messages_come_in_order_before_the_answer() {
    let a = Puppet::new("a", json!({ "tools": {}, "logging": {} }));
    let site = Site::of(&[&a]).await;
    let (client, other) = (site.client().await, site.client().await);
    let call = client.start("tools/call", json!({ "name": "a__t" }));
    let heard = a.hears_of(1, "tools/call").await;
    for n in 0..5_000 {
        a.notify("notifications/message", json!({ "level": "info", "data": n }));
    }
    a.reply(&heard, json!({ "content": [] }));
    call.await.unwrap().unwrap();
    let got: Vec<_> = client.here().await.iter().map(|notice| notice["params"]["data"].as_u64().unwrap()).collect();
    assert!(got == (0..5_000).collect::<Vec<_>>(), "{} came", got.len());
    assert_eq!(other.here().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn five_thousand_notices_come_in_order_before_their_answer() {
    let a = Puppet::new("a", json!({ "tools": {} }));
    let site = Site::of(&[&a]).await;
    let client = site.client().await;
    let call = client.start("tools/call", json!({ "name": "a__t", "_meta": { "progressToken": 7 } }));
    let heard = a.hears_of(1, "tools/call").await;
    for progress in 0..5_000 {
        a.notify("notifications/progress", json!({ "progressToken": 7, "progress": progress }));
    }
    a.reply(&heard, json!({ "content": [] }));
    call.await.unwrap().unwrap();
    let got: Vec<_> = client.here().await.iter().map(|notice| notice["params"]["progress"].as_u64().unwrap()).collect();
    assert!(got.len() == 5_000 && got.is_sorted() && got[4_999] == 4_999, "{} came", got.len());
}
