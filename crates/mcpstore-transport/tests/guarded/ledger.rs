//! The ledger beside real servers.

use std::path::Path;
use std::sync::Arc;

use mcpstore_testkit::fixture_path;
use mcpstore_transport::{Ledger, Stdio};
use mcpstore_types::{ServiceName, ServiceSpec};
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::escapes::warden_of;
use crate::support::{Server, start_with, tagged, within};

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A fixture that copies the ledger to a file before it does anything else.
async fn server(adapter: &Stdio, folder: &Path) -> Server {
    let script = format!(r#"cp "$0" "$1" && exec "{}" --ignore-eof"#, fixture_path().display());
    let (ledger, copy) = (folder.join(Ledger::FILE), folder.join("seen"));
    let args = ["-c".to_owned(), script, ledger.display().to_string(), copy.display().to_string()];
    let (spec, tag) = tagged(ServiceSpec::stdio(ServiceName::new("s").unwrap(), "sh", args));
    let mut server = start_with(adapter, spec).await;
    server.tag = tag;
    server
}

#[tokio::test]
async fn a_life_is_in_it_before_it_begins_and_out_of_it_when_nothing_is_left() {
    for guarded in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Ledger::open(folder.path()).unwrap());
        let adapter = if guarded { crate::stdio() } else { Stdio::new() }.with_ledger(Arc::clone(&ledger));
        let server = server(&adapter, folder.path()).await;
        let file = folder.path().join(Ledger::FILE);
        if guarded {
            let seen = lines(&folder.path().join("seen"));
            let (warden, pid) = (warden_of(&server).as_raw_nonzero().get(), std::process::id());
            assert_eq!((&seen[0]["what"], &seen[0]["service"]), (&"begin".into(), &"s".into()));
            assert_eq!((&seen[0]["warden"]["pid"], &seen[0]["manager"]), (&warden.into(), &pid.into()));
            assert_eq!(seen[0]["life"], server.text("env", r#"{"name":"MCPSTORE_LIFE"}"#).await);
        }
        let known = lines(&file);
        assert_eq!(known[1]["server"]["pid"], server.endpoint.pid().unwrap());
        server.endpoint.kill();
        within(server.endpoint.group_empty()).await;
        assert_eq!(lines(&file)[2]["what"], "over");
        drop((server, adapter));
        assert_eq!((ledger.failures(), ledger.reconcile().services), (0, 0));
    }
}

#[tokio::test]
async fn a_killed_warden_is_no_reason_to_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::open(folder.path()).unwrap());
    let server = server(&crate::stdio().with_ledger(ledger), folder.path()).await;
    kill_process(warden_of(&server), Signal::KILL).unwrap();
    within(server.endpoint.group_empty()).await;
    let lines = lines(&folder.path().join(Ledger::FILE));
    assert_eq!(lines.last().unwrap()["what"], "over");
    server.end().await;
}
