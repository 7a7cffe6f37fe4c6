//! Profiles: an agent sees and calls only what is its own, and names stay what they are.

use std::process::Stdio;
use std::time::{Duration, Instant};

use mcpstore_testkit::{TAG_VARIABLE, no_survivors, unique_tag};
use serde_json::{Value, json};

use crate::gateway_support::{Door, call, fixture, hello, names, text};
use crate::manager::{LONG, mcpstore};

const CHANGED: &str = "notifications/tools/list_changed";

fn config() -> Value {
    json!({
        "mcpServers": { "files": fixture(&[]), "search": fixture(&[]), "secret": fixture(&[]) },
        "profiles": {
            "coder": { "services": ["files", "search"], "tools": { "deny": ["search__crash", "files__e*"] } },
            "reader": { "services": ["search"], "tools": { "allow": ["search__echo", "search__add"] } },
        },
    })
}

/// Everything that a client could reach a service by, over one door.
fn sees_only_its_own(request: &mut dyn FnMut(&str, &Value) -> Result<Value, Value>) {
    let tools = request("tools/list", &json!({})).unwrap();
    assert_eq!(names(&tools), ["search__echo", "search__add"], "in the order of the server");
    let prompts = request("prompts/list", &json!({})).unwrap();
    assert!(
        names(&prompts).iter().all(|name| name.starts_with("search__")) && !names(&prompts).is_empty(),
        "{prompts}"
    );
    let said = request("tools/call", &call("search__echo", &json!({ "text": "mine" }))).unwrap();
    assert_eq!(text(&said), "mine");
    for other in ["secret__echo", "files__echo", "search__crash", "search__pid", "echo", "secret__nothing"] {
        let error = request("tools/call", &call(other, &json!({}))).unwrap_err();
        assert_eq!(error["code"], -32602, "{other}: {error}");
        // Nor does it learn that there is such a thing.
        let said = error.to_string().replace(other, "");
        assert!(!said.contains("secret") && !said.contains("files"), "{other}: {error}");
    }
    let error = request("prompts/get", &json!({ "name": "secret__test_simple_prompt" })).unwrap_err();
    assert_eq!(error["code"], -32602, "{error}");
    request("prompts/get", &json!({ "name": "search__test_simple_prompt" })).unwrap();
}

#[test]
fn an_agent_sees_and_calls_only_its_own() {
    let door = Door::open("gateway-profiles", &config());
    door.listed(&["files", "search", "secret"]);
    let mut http = door.session(Some("reader"));
    sees_only_its_own(&mut |method, params| http.try_request(method, params));
    let mut lines = door.lines(&["--profile", "reader"]);
    sees_only_its_own(&mut |method, params| lines.try_request(method, params));

    let mut coder = door.session(Some("coder"));
    let listed = coder.request("tools/list", &json!({}));
    let own = names(&listed);
    assert!(own.iter().all(|name| name.starts_with("files__") || name.starts_with("search__")), "{own:?}");
    assert!(own.contains(&"search__echo") && own.contains(&"files__add"), "{own:?}");
    assert!(!own.contains(&"files__echo") && !own.contains(&"search__crash"), "{own:?}");

    // A session of one view is none of another, nor of everything.
    let mut strayed = door.http(Some("coder"));
    strayed.session.clone_from(&http.session);
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    assert_eq!(strayed.post(&list).status, 404);
    let mut everything = door.http(None);
    everything.session.clone_from(&http.session);
    assert_eq!(everything.post(&list).status, 404);

    // There is no such profile: over HTTP, over stdin, and for `connect`.
    let begin = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello() });
    assert_eq!(door.http(Some("writer")).post(&begin).status, 404);
    let refused = door.manager.run(&["serve", "--stdio", "--profile", "readr"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("did you mean `reader`"), "{refused:?}");
    for more in [&[][..], &["--http"]] {
        let refused = door.manager.run(&[&["connect", "cursor", "--dry-run", "--profile", "readr"], more].concat());
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("did you mean `reader`"), "{refused:?}");
    }
}

#[test]
fn a_manager_of_its_own_runs_nothing_for_a_profile_that_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mcp.json");
    std::fs::write(&file, config().to_string()).unwrap();
    let tag = unique_tag("gateway-no-profile");
    let mut command = mcpstore(dir.path());
    command.args(["serve", "--stdio", "--profile", "readr", "--config", file.to_str().unwrap()]);
    let output = command.env(TAG_VARIABLE, &tag).stdin(Stdio::null()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean `reader`"), "{output:?}");
    assert_eq!(no_survivors(&tag, Duration::from_secs(1)), [0_u32; 0]);
}

#[test]
fn what_connect_wrote_for_a_profile_shows_that_profile() {
    let door = Door::open("gateway-profile-connect", &config());
    door.listed(&["files", "search", "secret"]);
    let file = door.manager.dir().join("client.json");
    let shown = file.to_str().unwrap();
    door.manager.stdout(&["connect", "cursor", "--http", "--profile", "reader", "--file", shown]);
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(written["mcpServers"]["mcpstore"]["url"], door.url(Some("reader")));
}

#[test]
fn names_stay_when_services_come_and_go() {
    let door = Door::open("gateway-names", &config());
    door.listed(&["files", "search", "secret"]);
    let file = door.manager.dir().join("mcp.json");
    let mut all = door.session(None);
    let mut reader = door.session(Some("reader"));
    let mut stream = reader.listen();
    let before = all.request("tools/list", &json!({}));
    let own = reader.request("tools/list", &json!({}));
    // Changes are told at most twice in a second: the last one of the start may still be on its way.
    std::thread::sleep(Duration::from_secs(2));
    let told = stream.count(CHANGED);

    // One that sorts before all others, and whose tools have the same names, comes; one goes.
    let mut changed = config();
    changed["mcpServers"]["alpha"] = fixture(&[]);
    changed["mcpServers"].as_object_mut().unwrap().remove("files");
    changed["profiles"]["coder"]["services"] = json!(["search"]);
    std::fs::write(&file, changed.to_string()).unwrap();
    door.manager.run(&["reload"]);
    let start = Instant::now();
    let after = loop {
        let after = all.request("tools/list", &json!({}));
        let there = |service: &str| names(&after).iter().any(|name| name.starts_with(service));
        if there("alpha__") && !there("files__") {
            break after;
        }
        assert!(start.elapsed() < LONG, "{after}");
    };
    let of = |list: &Value, service: &str| -> Vec<Value> {
        let tools = list["tools"].as_array().unwrap();
        tools.iter().filter(|tool| tool["name"].as_str().unwrap().starts_with(service)).cloned().collect()
    };
    for service in ["search__", "secret__"] {
        assert_eq!(of(&before, service), of(&after, service), "name, words, schema and order");
    }
    let services: Vec<&str> = names(&after).into_iter().map(|name| name.split_once("__").unwrap().0).collect();
    assert!(services.is_sorted(), "{services:?}");

    // Who sees nothing of all that is told nothing.
    assert_eq!(reader.request("tools/list", &json!({})), own);
    let said = reader.request("tools/call", &call("search__echo", &json!({ "text": "same" })));
    assert_eq!(text(&said), "same");
    assert_eq!(stream.count(CHANGED), told);
    let gone = all.try_request("tools/call", &call("files__add", &json!({ "a": 1, "b": 1 }))).unwrap_err();
    assert_eq!(gone["code"], -32602, "{gone}");
    all.request("tools/call", &call("alpha__echo", &json!({ "text": "x" })));

    // Back again, under the same names.
    std::fs::write(&file, config().to_string()).unwrap();
    door.manager.run(&["reload"]);
    let start = Instant::now();
    while all.request("tools/list", &json!({})) != before {
        assert!(start.elapsed() < LONG, "{}", all.request("tools/list", &json!({})));
    }
}
