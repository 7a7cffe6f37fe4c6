//! What faults cost in memory: a process of its own hosts the client, so that no other test is counted.

use std::process::Command;
use std::time::Duration;

use mcpstore_transport::{CallError, CallLimits, list_tools};

use crate::faults_support::{Neighbour, SOON, start_fault, start_for_call, works_on};
use crate::support::{LONG, until};

/// Set in the process that hosts the client.
const HOST: &str = "MCPSTORE_TEST_MEMORY_HOST";
/// By how much a fault may raise the most memory that the process ever had.
const MOST: u64 = 64 * 1024 * 1024;

/// A line of `/proc/self/status`, in bytes.
#[cfg(target_os = "linux")]
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Runs one scenario in a process of its own that measures itself; fails when it fails there.
#[cfg(target_os = "linux")]
async fn costs_little(test: &'static str, scenario: impl Future<Output = ()>) {
    if std::env::var_os(HOST).is_none() {
        let program = std::env::current_exe().unwrap();
        let arguments = ["--exact", test, "--test-threads", "1", "--nocapture"];
        let output =
            tokio::task::spawn_blocking(move || Command::new(program).args(arguments).env(HOST, "1").output().unwrap());
        let output = output.await.unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}\n{err}");
        // Not because nothing ran there.
        assert!(out.contains("1 passed"), "{out}\n{err}");
        return;
    }
    // What a program takes on its first call is no cost of a fault.
    Neighbour::start().await.end().await;
    let before = memory("VmRSS");
    scenario.await;
    let most = memory("VmHWM");
    assert!(most < before + MOST, "{} MiB more", (most - before) / 1024 / 1024);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_line_of_300_mb_costs_its_bound_and_its_call() {
    costs_little("faults_memory::a_line_of_300_mb_costs_its_bound_and_its_call", async {
        let neighbour = Neighbour::start().await;
        let (server, deed) = start_for_call("huge-line").await;
        let limits = CallLimits::within(LONG * 3);
        let (outcome, ()) = tokio::join!(deed.pull_within(&server, limits), neighbour.is_well());
        assert!(matches!(&outcome, Err(CallError::Malformed { what }) if what.contains("300000")), "{outcome:?}");
        works_on(&server).await;
        assert_eq!(server.session.counters().oversized, 1);
        server.end().await;
        neighbour.end().await;
    })
    .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_huge_reply_and_a_deep_one_cost_little() {
    costs_little("faults_memory::a_huge_reply_and_a_deep_one_cost_little", async {
        for name in ["big-reply", "deep-nesting"] {
            let (server, deed) = start_for_call(name).await;
            for _ in 0..5 {
                drop(deed.pull(&server).await);
            }
            works_on(&server).await;
            server.end().await;
        }
    })
    .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn floods_cost_little() {
    costs_little("faults_memory::floods_cost_little", async {
        for name in ["noise-flood", "stderr-flood", "stderr-flood-of-short-lines"] {
            let server = start_fault(name).await;
            until("the flood is there", || server.logs.dropped() > 20_000).await;
            works_on(&server).await;
            server.end().await;
        }
        for name in ["notification-flood", "list-changed-storm"] {
            let (server, deed) = start_for_call(name).await;
            deed.pull(&server).await.unwrap();
            server.end().await;
        }
        let (server, deed) = start_for_call("endless-progress-flood").await;
        let limits = CallLimits::new(Duration::from_secs(10), SOON * 3);
        assert!(deed.pull_within(&server, limits).await.is_err());
        server.end().await;
    })
    .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn long_lists_cost_little() {
    costs_little("faults_memory::long_lists_cost_little", async {
        for name in ["ten-thousand-tools", "endless-cursor", "descriptions-of-a-megabyte"] {
            let server = start_fault(name).await;
            drop(list_tools(&*server.session, CallLimits::within(LONG)).await);
            works_on(&server).await;
            server.end().await;
        }
    })
    .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_that_reads_nothing_costs_what_waits_for_it() {
    costs_little("faults_memory::a_server_that_reads_nothing_costs_what_waits_for_it", async {
        let server = start_fault("deaf-after-handshake").await;
        let arguments = format!(r#"{{"text":"{}"}}"#, "x".repeat(1_000_000));
        for _ in 0..100 {
            let outcome = server.call_within("echo", &arguments, CallLimits::within(Duration::from_millis(20))).await;
            assert!(outcome.is_err());
        }
        server.end().await;
    })
    .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_endless_answer_over_http_costs_little() {
    costs_little("faults_memory::an_endless_answer_over_http_costs_little", async {
        for name in ["http-huge-body", "http-huge-event", "http-endless-headers"] {
            // The server is in this process too; it holds no more than a piece of what it writes.
            let (_web, client) = crate::faults_http::start_fault(name).await;
            assert!(client.call_within("echo", "{}", CallLimits::within(LONG)).await.is_err(), "{name}");
            client.end().await;
        }
    })
    .await;
}
