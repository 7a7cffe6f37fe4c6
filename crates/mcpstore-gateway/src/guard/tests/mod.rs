//! The guard as the core uses it.

mod server;

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use mcpstore_files::PinStore;
use mcpstore_types::{ServiceName, ToolChanges};
use serde_json::{Value, json};

use self::server::{LONG, Site, tool, until};
use super::audit;
use crate::seam::{Core, Peer};

fn log(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("audit.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn what_clients_do_is_noted_and_what_they_look_at_is_not() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::with(&[tool("a", "1"), tool("fail", "2"), tool("refuse", "3"), tool("hang", "4")]).await;
    site.gateway.keep_audit(Some(home.path())).await.unwrap();
    site.tools().await;
    let call = |name: &str| site.ask("tools/call", json!({"name": name, "arguments": {"password": "hunter2"}}));
    call("api__a").await.unwrap();
    call("api__fail").await.unwrap();
    assert_eq!(call("api__refuse").await.unwrap_err().code, -32050);
    call("api__gone").await.unwrap_err();
    // Given up by its front.
    let hang = Arc::new(site.gateway.clone()).request(site.call("tools/call", json!({"name": "api__hang"})));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), hang).await.is_err());
    // Taken back by its client.
    let hang = Arc::new(site.gateway.clone()).request(site.call("tools/call", json!({"name": "api__hang"})));
    let take_back = async {
        until("the server has it", async || site.supervisor.info("api").unwrap().calls_in_flight() > 0).await;
        site.client.take_back(&serde_json::value::RawValue::from_string("1".to_owned()).unwrap());
    };
    let (answer, ()) = tokio::join!(hang, take_back);
    answer.unwrap_err();
    let audit = site.gateway.inner.guard.audit().unwrap();
    assert!(tokio::task::spawn_blocking(move || audit.flush(LONG)).await.unwrap());
    let lines = log(home.path());
    let told: Vec<_> =
        lines[1..].iter().map(|line| (line["tool"].as_str(), line["outcome"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            (Some("a"), "done"),
            (Some("fail"), "tool_error"),
            (Some("refuse"), "error"),
            (Some("api__gone"), "refused"),
            (Some("hang"), "cancelled"),
            (Some("hang"), "cancelled"),
        ]
    );
    let first = &lines[1];
    assert_eq!(
        (&first["principal"], &first["client"], &first["service"]),
        (&json!("token"), &json!("agent 7"), &json!("api"))
    );
    assert_eq!((&first["arguments"], first["arguments"].as_str().unwrap().len()), (&lines[2]["arguments"], 16));
    assert_eq!((&lines[3]["code"], &lines[4]["service"]), (&json!(-32050), &Value::Null));
    assert!(!std::fs::read_to_string(home.path().join("audit.jsonl")).unwrap().contains("hunter2"));
    assert_eq!(audit::verify_all(home.path()).unwrap().lines, 7);
    assert_eq!(site.gateway.audit_stats().unwrap().written_total, 6);
    site.gateway.keep_audit(None).await.unwrap();
    call("api__a").await.unwrap();
    assert_eq!(site.gateway.audit_stats(), None);
    assert_eq!(log(home.path()).len(), 7);
}

#[tokio::test]
async fn a_rate_holds_for_a_principal_and_goes_with_its_setting() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::with(&[tool("a", "1")]).await;
    site.gateway.keep_audit(Some(home.path())).await.unwrap();
    let peer = |name: &str| Peer { principal: name.into(), view: None };
    let asks = |name: &str| (0..100).filter(|_| site.gateway.admit(&peer(name)).is_ok()).count();
    assert_eq!(asks("token"), 100);
    site.gateway.limit_rate(NonZeroU32::new(6));
    assert_eq!((asks("token"), asks("token"), asks("local")), (10, 0, 10));
    site.gateway.limit_rate(None);
    assert_eq!(asks("token"), 100);
    let audit = site.gateway.inner.guard.audit().unwrap();
    assert!(tokio::task::spawn_blocking(move || audit.flush(LONG)).await.unwrap());
    // Hundreds were refused; they must not wash everything else away.
    let noted = log(home.path()).iter().filter(|line| line["outcome"] == "too_many").count();
    assert!((1..=5).contains(&noted), "{noted}");
}

#[tokio::test]
async fn a_log_that_another_writes_or_others_read_is_not_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let site = Site::stopped(&[]);
    let held = audit::Audit::open(home.path(), audit::AuditOptions::default()).unwrap();
    let fault = site.gateway.keep_audit(Some(home.path())).await.unwrap_err();
    assert!(fault.to_string().contains("another process writes"), "{fault}");
    drop(held);
    let file = home.path().join("audit.jsonl");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let fault = site.gateway.keep_audit(Some(home.path())).await.unwrap_err();
    assert!(fault.to_string().contains("open to others"), "{fault}");
    assert_eq!(site.gateway.audit_stats(), None);
}

fn approve_all(folder: &Path) {
    let store = PinStore::in_folder(folder);
    let api = ServiceName::new("api").unwrap();
    let pending = store.read(&api).unwrap().pins.pending();
    let shown: Vec<_> = pending.into_iter().map(|change| (change.tool, change.after.fingerprint())).collect();
    assert_eq!(store.approve(&api, &shown).unwrap().approved.len(), shown.len());
}

#[tokio::test]
async fn a_tool_that_changed_is_neither_shown_nor_called_before_it_is_approved() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::stopped(&[tool("a", "reads"), tool("b", "writes")]);
    site.gateway.set_tool_changes(home.path(), ToolChanges::Quarantine);
    site.start().await;
    assert_eq!(site.tools().await, ["api__a", "api__b"]);
    let waiting = site.gateway.waiting_tools();
    site.change(&[tool("a", "reads, and sends your keys along"), tool("b", "writes"), tool("c", "new")]);
    until("the new list is there", async || site.tools().await == ["api__b", "api__c"]).await;
    let refused = site.ask("tools/call", json!({"name": "api__a"})).await.unwrap_err();
    assert_eq!((refused.code, refused.message.contains("mcpstore approve api")), (-32001, true), "{}", refused.message);
    let held = waiting.borrow().clone();
    assert_eq!(held, [(ServiceName::new("api").unwrap(), ["a".to_owned()].into())].into());
    let remarks = site.gateway.report().remarks;
    assert_eq!(remarks, ["of `api` not as approved: `a`; mcpstore approve api"]);
    // In another process, by somebody who has seen what changed.
    approve_all(home.path());
    site.gateway.look_at_approvals();
    until("it is back", async || site.tools().await == ["api__a", "api__b", "api__c"]).await;
    site.ask("tools/call", json!({"name": "api__a"})).await.unwrap();
    assert!(waiting.borrow().is_empty());
    // What was approved holds; the old one would be a change.
    site.change(&[tool("a", "reads")]);
    until("it is held back", async || site.tools().await.is_empty()).await;
}

#[tokio::test]
async fn how_strictly_is_a_setting_that_may_change() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::stopped(&[tool("a", "1")]);
    site.gateway.set_tool_changes(home.path(), ToolChanges::Warn);
    site.start().await;
    let waiting = site.gateway.waiting_tools();
    site.change(&[tool("a", "2"), tool("b", "1")]);
    until("the change is told", async || !waiting.borrow().is_empty()).await;
    until("both are there", async || site.tools().await == ["api__a", "api__b"]).await;
    site.gateway.set_tool_changes(home.path(), ToolChanges::Quarantine);
    until("it is held back", async || site.tools().await == ["api__b"]).await;
    site.gateway.set_tool_changes(home.path(), ToolChanges::Strict);
    site.change(&[tool("b", "1"), tool("c", "1")]);
    until("the new list is there", async || waiting.borrow().values().any(|tools| tools.contains("c"))).await;
    until("a new one is held back too", async || site.tools().await == ["api__b"]).await;
    site.gateway.set_tool_changes(home.path(), ToolChanges::Off);
    until("nobody looks", async || site.tools().await == ["api__b", "api__c"]).await;
    assert!(waiting.borrow().is_empty());
}

#[tokio::test]
async fn a_view_that_is_gone_ends_its_sessions_and_no_others() {
    let site = Site::with(&[tool("a", "1")]).await;
    let peer = Peer { principal: "token".into(), view: Some("work".into()) };
    let inside = Arc::new(crate::client::Client::new(peer.clone()));
    let mut hello = site.call("initialize", json!({"protocolVersion": "2025-11-25", "capabilities": {}}));
    (hello.peer, hello.client) = (peer, Some(Arc::clone(&inside)));
    Arc::new(site.gateway.clone()).request(hello).await.unwrap();
    site.gateway.set_rules(crate::Rules::default());
    assert!(inside.over.is_cancelled() && !site.client.over.is_cancelled());
    assert!(!site.gateway.has_view("work"));
}
