//! Servers on the SDKs as child processes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mcpstore::ServiceSpec;
use mcpstore::transport::{Adapter, CallLimits, Endpoint, LaunchRequest, LogRing, Stdio, call_tool, list_tools};
use mcpstore::types::{EraChoice, Incarnation, Secret, TransportSpec};
use mcpstore_testkit::{TAG_VARIABLE, suite, unique_tag};
use serde_json::value::RawValue;

use crate::support::{Sdk, installed, name, nothing_left};

const LONG: Duration = Duration::from_secs(60);

/// A spec of a child that runs where the SDKs are, marked with a tag.
fn child(program: String, args: Vec<String>, installed: &Path) -> (ServiceSpec, String) {
    let tag = unique_tag("sdk");
    let mut spec = ServiceSpec::stdio(name(), program, args);
    // A Python that starts on a busy machine takes its time.
    spec.policy.timeouts.handshake = LONG;
    if let TransportSpec::Stdio(stdio) = &mut spec.transport {
        stdio.cwd = Some(installed.to_path_buf());
        stdio.env.insert(TAG_VARIABLE.to_owned(), Secret::from(tag.as_str()));
    }
    (spec, tag)
}

async fn passes(sdk: Sdk) {
    let Some(installed) = installed() else { return };
    let mut line = sdk.command(&installed);
    line.push("stdio".to_owned());
    for era in sdk.eras() {
        let (mut spec, tag) = child(line[0].clone(), line[1..].to_vec(), &installed);
        // Stated: one that is asked on a busy machine may be slow enough to be offered both.
        spec.era = EraChoice::Only(*era);
        sdk.holds(&suite::check(&Stdio::new(), &spec).await, *era);
        nothing_left(&tag);
    }
}

#[tokio::test]
async fn stdio_passes_with_typescript_before_the_stateless_era() {
    passes(Sdk::Ts1).await;
}

#[tokio::test]
async fn stdio_passes_with_typescript_in_both_eras() {
    passes(Sdk::Ts2).await;
}

#[tokio::test]
async fn stdio_passes_with_python_before_the_stateless_era() {
    passes(Sdk::Py1).await;
}

#[tokio::test]
async fn stdio_passes_with_python_in_both_eras() {
    passes(Sdk::Py2).await;
}

#[tokio::test]
async fn stdio_passes_with_rust_in_both_eras() {
    passes(Sdk::Rmcp).await;
}

/// A server of the registry for Python packages that is no toy of ours.
#[tokio::test]
async fn the_git_server_tells_the_state_of_a_repository() {
    let Some(installed) = installed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("git").args(["init", "--quiet"]).arg(folder.path()).status().unwrap();
    assert!(made.success());
    std::fs::write(folder.path().join("new.txt"), "new").unwrap();
    let program = installed.join("venv/bin/mcp-server-git").display().to_string();
    let (spec, tag) = child(program, vec![], &installed);
    let logs = Arc::new(LogRing::new(Incarnation(1)));
    let launched = Stdio::new().launch(LaunchRequest::new(Arc::new(spec), Incarnation(1), logs)).await.unwrap();
    let session = launched.handshake.await.unwrap();
    let tools = list_tools(&*session, CallLimits::within(LONG)).await.unwrap();
    assert!(tools.tools.iter().any(|tool| tool.name == "git_status") && tools.hidden.is_empty());
    let arguments = serde_json::json!({ "repo_path": folder.path() }).to_string();
    let call = call_tool(&*session, "git_status", RawValue::from_string(arguments).unwrap(), CallLimits::within(LONG));
    let status = call.await.unwrap();
    assert!(status.get().contains("new.txt"), "{status}");
    end(&*launched.endpoint).await;
    nothing_left(&tag);
}

async fn end(endpoint: &dyn Endpoint) {
    endpoint.close_input();
    tokio::time::timeout(LONG, endpoint.group_empty()).await.expect("it ends when its input closes");
}
