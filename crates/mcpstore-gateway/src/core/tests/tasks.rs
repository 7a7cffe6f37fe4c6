//! Tasks of 2025-11-25.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::puppet::Puppet;
use super::site::{Downstream, Site};

fn puppet(name: &str) -> Arc<Puppet> {
    let tasks = json!({ "list": {}, "cancel": {}, "requests": { "tools": { "call": {} } } });
    Puppet::new(name, json!({ "tools": {}, "tasks": tasks }))
}

fn task(status: &str) -> Value {
    json!({ "taskId": "t", "status": status, "ttl": null })
}

/// Calls the tool of a service as a task, which its server calls `t`; the id under which the client knows it.
async fn begin(client: &Downstream, puppet: &Puppet) -> String {
    puppet.answers("tools/call", json!({ "task": task("working"), "_meta": { "n": 1.50 } }));
    let params = json!({ "name": format!("{}__t", puppet.name()), "task": { "ttl": 1000 } });
    let begun = client.request("tools/call", params).await.unwrap();
    assert_eq!(begun["_meta"]["n"], 1.50);
    begun["task"]["taskId"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_task_is_of_its_service_and_of_its_client() {
    let (a, b) = (puppet("a"), puppet("b"));
    let site = Site::of(&[&a, &b]).await;
    let (one, two) = (site.client().await, site.client().await);
    assert!(one.begun.lock().unwrap()["capabilities"]["tasks"]["requests"]["tools"]["call"].is_object());
    let (of_a, of_b) = (begin(&one, &a).await, begin(&one, &b).await);
    assert_eq!((of_a.as_str(), of_b.as_str()), ("t", "t@b"));
    for puppet in [&a, &b] {
        puppet.answers("tasks/get", task("working"));
        puppet.answers("tasks/cancel", task("cancelled"));
        puppet.answers("tasks/list", json!({ "tasks": [task("working"), { "taskId": "of another" }] }));
    }
    assert_eq!(one.request("tasks/get", json!({ "taskId": of_b })).await.unwrap()["taskId"], "t@b");
    assert_eq!((a.heard_of("tasks/get").len(), &b.heard_of("tasks/get")[0]["params"]["taskId"]), (0, &json!("t")));
    assert_eq!(two.refused("tasks/get", json!({ "taskId": of_b })).await.code, -32602);
    assert_eq!(two.request("tasks/list", json!({})).await.unwrap(), json!({ "tasks": [] }));
    let listed = one.request("tasks/list", json!({})).await.unwrap();
    let ids: Vec<_> = listed["tasks"].as_array().unwrap().iter().map(|task| task["taskId"].clone()).collect();
    assert_eq!(ids, ["t", "t@b"]);
    assert_eq!(one.request("tasks/cancel", json!({ "taskId": of_b })).await.unwrap()["status"], "cancelled");
    assert_eq!(a.heard_of("tasks/cancel").len(), 0);
    b.notify("notifications/tasks/status", task("cancelled"));
    assert_eq!(one.next().await["params"]["taskId"], "t@b");
    assert_eq!(two.within(Duration::from_secs(1)).await.len(), 0);
    // Whoever goes leaves nothing behind.
    one.goes();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(begin(&two, &b).await, "t");
}

#[tokio::test(start_paused = true)]
async fn progress_of_a_task_goes_on() {
    let a = puppet("a");
    let site = Site::of(&[&a]).await;
    let (one, two) = (site.client().await, site.client().await);
    a.answers("tools/call", json!({ "task": task("working") }));
    let params = json!({ "name": "a__t", "task": {}, "_meta": { "progressToken": "p" } });
    one.request("tools/call", params.clone()).await.unwrap();
    two.request("tools/call", params).await.unwrap();
    let calls = a.heard_of("tools/call");
    for (n, call) in calls.iter().enumerate() {
        let token = &call["params"]["_meta"]["progressToken"];
        a.notify("notifications/progress", json!({ "progressToken": token, "progress": n }));
    }
    for (n, client) in [&one, &two].into_iter().enumerate() {
        assert_eq!(client.next().await["params"], json!({ "progressToken": "p", "progress": n }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_takes_as_long_as_its_task_and_what_it_asks_goes_to_its_client() {
    let (a, b) = (puppet("a"), puppet("b"));
    let site = Site::of(&[&a, &b]).await;
    let able = json!({ "elicitation": {} });
    let (one, two) = (site.client_of(None, able.clone()).await, site.client_of(None, able).await);
    begin(&one, &a).await;
    let id = begin(&one, &b).await;
    let result = one.start("tasks/result", json!({ "taskId": id }));
    let heard = b.hears_of(1, "tasks/result").await;
    // Another one is at work too: the question says which task it is of.
    b.answers.lock().unwrap().remove("tools/call");
    let other = two.start("tools/call", json!({ "name": "b__t" }));
    let second = b.hears_of(2, "tools/call").await;
    let related = |id: &str| json!({ "io.modelcontextprotocol/related-task": { "taskId": id } });
    b.ask(5, "elicitation/create", json!({ "message": "?", "_meta": related("t") }));
    let asked = one.next().await;
    assert_eq!(asked["params"]["_meta"], related("t@b"));
    one.answer(&asked, Ok(json!({ "action": "decline" })));
    assert_eq!(b.answer_to(5).await["result"]["action"], "decline");
    b.reply(&second, json!({ "content": [] }));
    other.await.unwrap().unwrap();
    // Longer than a call may be silent.
    tokio::time::sleep(Duration::from_secs(300)).await;
    b.reply(&heard, json!({ "content": [], "_meta": related("t") }));
    assert_eq!(result.await.unwrap().unwrap()["_meta"], related("t@b"));
}
