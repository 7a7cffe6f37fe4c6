//! The warden itself: what others see of it, and what becomes of a launch when it does not do its work.

use std::path::Path;
use std::time::{Duration, Instant};

use mcpstore_testkit::{no_survivors, warden_path};
use mcpstore_transport::{Adapter, LaunchError, Stdio, WardenProgram};
use mcpstore_types::{ExitStatus, Secret, TransportSpec};
use rustix::process::{Signal, kill_process, test_kill_process};

use crate::escapes::{started, warden_of};
use crate::support::{LONG, end, request, spec, start, start_with, within};

#[tokio::test]
async fn nothing_secret_stands_in_it_for_all_to_read() {
    let (mut spec, tag) = spec("");
    let TransportSpec::Stdio(stdio) = &mut spec.transport else { unreachable!() };
    stdio.env.insert("TOKEN".to_owned(), Secret::from("canary-17"));
    let mut server = start_with(&crate::stdio(), spec).await;
    server.tag = tag;
    assert_eq!(server.text("env", r#"{"name":"TOKEN"}"#).await, "canary-17");
    let warden = warden_of(&server).as_raw_nonzero();
    let of = |what: &str| std::fs::read(Path::new("/proc").join(warden.to_string()).join(what)).unwrap();
    assert_eq!(of("environ"), b"");
    let said = String::from_utf8(of("cmdline")).unwrap();
    assert_eq!(said, format!("{}\0fixture\0", warden_path().display()));
    server.end().await;
}

#[tokio::test]
async fn a_warden_goes_when_its_tree_is_gone() {
    let server = start("").await;
    let warden = warden_of(&server);
    server.endpoint.close_input();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Code(0));
    within(server.endpoint.group_empty()).await;
    // Waited for already: its number is free.
    assert!(test_kill_process(warden).is_err());
}

#[tokio::test]
async fn a_warden_that_was_stopped_is_woken_for_a_kill() {
    let server = started("--setsid-children 1", 2).await;
    kill_process(warden_of(&server), Signal::STOP).unwrap();
    server.endpoint.kill();
    within(server.endpoint.group_empty()).await;
    server.end().await;
}

#[tokio::test]
async fn what_is_no_warden_starts_nothing() {
    for program in ["/no/such/warden", "/bin/true", "/bin/sh"] {
        let (spec, tag) = spec("");
        let adapter = Stdio::new().with_warden(WardenProgram::helper(program));
        let error = within(adapter.launch(request(spec))).await.expect_err("the launch fails");
        let LaunchError::Warden { program: named, source } = &error else { panic!("{program}: {error:?}") };
        assert!(!error.is_permanent() && named == Path::new(program), "{error}: {source}");
        assert_eq!(no_survivors(&tag, LONG), Vec::<u32>::new());
    }
}

#[tokio::test]
async fn this_program_is_no_warden_unless_it_said_so() {
    assert_eq!(WardenProgram::this_program(), None);
}

#[tokio::test]
async fn a_long_plan_arrives() {
    let (mut spec, tag) = spec("");
    let TransportSpec::Stdio(stdio) = &mut spec.transport else { unreachable!() };
    for number in 0..10 {
        // The system takes 128 KiB of one text.
        stdio.env.insert(format!("LONG_{number}"), Secret::from("x".repeat(100_000).as_str()));
    }
    let mut server = start_with(&crate::stdio(), spec).await;
    server.tag = tag;
    assert_eq!(server.text("env", r#"{"name":"LONG_9"}"#).await.len(), 100_000);
    server.end().await;
}

#[tokio::test]
async fn a_warden_costs_little() {
    let server = start("").await;
    let warden = warden_of(&server).as_raw_nonzero();
    let memory = std::fs::read_to_string(format!("/proc/{warden}/smaps_rollup")).unwrap();
    let pss = memory.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    let pss: u64 = pss.split_whitespace().next().unwrap().parse().unwrap();
    println!("a warden takes {pss} KiB");
    // The aim is 512 KiB; a debug build is larger.
    assert!(pss < 5_120, "a warden takes {pss} KiB");
    server.end().await;
    for (name, adapter) in [("without", Stdio::new()), ("with", crate::stdio())] {
        let mut times = Vec::new();
        for _ in 0..20 {
            let (spec, tag) = spec("");
            let began = Instant::now();
            let launched = within(adapter.launch(request(spec))).await.unwrap();
            times.push(began.elapsed());
            end(launched.endpoint, &tag).await;
        }
        times.sort();
        println!("a launch {name} a warden: {:?} (median of {})", times[times.len() / 2], times.len());
        assert!(times[times.len() / 2] < Duration::from_secs(1));
    }
}
