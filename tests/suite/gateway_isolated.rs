//! A server that asks its clients, behind the gateway of a real manager.

use serde_json::{Value, json};

use crate::gateway_support::{Door, Lines, call, fixture, hello, text};

const QUESTION: &str = "elicitation/create";

/// A client that can be asked.
fn client(door: &Door) -> Lines {
    let mut lines = Lines::start(door.manager.client(&["serve", "--stdio"]));
    let mut hello = hello();
    hello["capabilities"] = json!({ "elicitation": {} });
    lines.request("initialize", &hello);
    lines.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    lines
}

/// Begins a call in which the server asks; its id.
fn begin(client: &mut Lines, message: &str) -> u64 {
    client.begin("tools/call", &call("asker__test_elicitation", &json!({ "message": message })))
}

/// The question to this client.
fn question(client: &mut Lines) -> Value {
    client.heard.wait(QUESTION, |message| message["method"] == QUESTION)
}

fn answer(client: &mut Lines, question: &Value, name: &str) {
    let content = json!({ "username": name, "email": format!("{name}@example.test") });
    let result = json!({ "action": "accept", "content": content });
    client.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": result }));
}

#[test]
fn a_server_that_asks_is_each_clients_own_as_soon_as_that_is_known() {
    let door = Door::open("gateway-isolated", &json!({ "mcpServers": { "asker": fixture(&["--reference"]) } }));
    door.listed(&["asker"]);
    let (mut first, mut second) = (client(&door), client(&door));
    // Nobody knows that it asks: whoever finds out stays where it is.
    let id = begin(&mut first, "who is there");
    let asked = question(&mut first);
    assert_eq!(asked["params"]["message"], "who is there");
    answer(&mut first, &asked, "ada");
    assert!(text(&first.outcome(id).unwrap()).contains("ada"));

    // The next one has a process of its own: both are asked at once, and each hears what is for it alone.
    let of_second = begin(&mut second, "to the second");
    let asks_second = question(&mut second);
    let of_first = begin(&mut first, "to the first");
    let asks_first = question(&mut first);
    assert_eq!(asks_second["params"]["message"], "to the second");
    assert_eq!(asks_first["params"]["message"], "to the first");
    answer(&mut second, &asks_second, "grace");
    answer(&mut first, &asks_first, "ada");
    assert!(text(&second.outcome(of_second).unwrap()).contains("grace"));
    assert!(text(&first.outcome(of_first).unwrap()).contains("ada"));
    assert_eq!((first.heard.count(QUESTION), second.heard.count(QUESTION)), (0, 0));
    let is_own = |service: &Value| service["name"] == "asker@1";
    door.manager.wait_until("an instance", |services| {
        services.iter().any(|service| is_own(service) && service["state"] == "running")
    });

    // It goes with its client.
    assert!(second.end().status.success());
    door.manager.wait_until("no instance", |services| !services.iter().any(is_own));
    let ended = door.manager.interrupt();
    assert_eq!(ended.left, [0_u32; 0], "{}", ended.stderr);
}
