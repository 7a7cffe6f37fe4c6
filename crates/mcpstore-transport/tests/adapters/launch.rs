//! Launches that fail, each for a reason of its own, and what a child gets.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mcpstore_testkit::{fixture_path, no_survivors};
use mcpstore_transport::{Adapter, AdapterSet, LaunchError};
use mcpstore_types::{Secret, ServiceName, ServiceSpec, TransportSpec};

use crate::support::{LONG, request, spec, start, start_with, tagged};

/// Launches `command` with this `PATH` and returns the error.
async fn error_of(command: &str, path: Option<&Path>) -> LaunchError {
    let mut spec = ServiceSpec::stdio(ServiceName::new("s").unwrap(), command, Vec::<String>::new());
    if let (TransportSpec::Stdio(stdio), Some(path)) = (&mut spec.transport, path) {
        stdio.env.insert("PATH".to_owned(), Secret::new(path.display().to_string()));
    }
    crate::stdio().launch(request(spec)).await.expect_err("the launch fails")
}

fn file(folder: &Path, name: &str, text: &[u8], mode: u32) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn a_missing_program_names_what_was_searched_and_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), "weather-server", b"#!/bin/sh\n", 0o755);
    let error = error_of("wether-server", Some(folder.path())).await;
    assert!(error.is_permanent());
    let LaunchError::NotFound { program, searched, nearest } = error else { panic!("{error}") };
    assert_eq!((program.as_str(), nearest.as_deref()), ("wether-server", Some("weather-server")));
    assert_eq!(searched, [folder.path()]);
    let error = error_of(&folder.path().join("wether-server").display().to_string(), None).await;
    let text = error.to_string();
    assert!(text.ends_with("weather-server`?"), "{text}");
    assert!(matches!(error_of("", None).await, LaunchError::NotFound { .. }));
}

#[tokio::test]
async fn each_exec_error_has_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let plain = file(folder.path(), "plain", b"#!/bin/sh\n", 0o644);
    assert!(matches!(error_of(&plain, None).await, LaunchError::NotExecutable { .. }));
    assert!(matches!(error_of("plain", Some(folder.path())).await, LaunchError::NotExecutable { .. }));
    assert!(matches!(error_of(&folder.path().display().to_string(), None).await, LaunchError::NotExecutable { .. }));
    // An ELF file for a machine that is none, and text without `#!`, which no shell may get.
    let foreign = [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 9], &[2, 0, 0xfe, 0xfe], &[0; 100]].concat();
    let foreign = file(folder.path(), "foreign", &foreign, 0o755);
    let error = error_of(&foreign, None).await;
    assert!(matches!(error, LaunchError::WrongArchitecture { .. }), "{error:?}");
    let text = file(folder.path(), "text", b"echo hello\n", 0o755);
    assert!(matches!(error_of(&text, None).await, LaunchError::WrongArchitecture { .. }));
    let orphan = file(folder.path(), "orphan", b"#!/no/such/interpreter -x\n", 0o755);
    let LaunchError::NoInterpreter { interpreter, .. } = error_of(&orphan, None).await else { panic!() };
    assert_eq!(interpreter.as_deref(), Some("/no/such/interpreter"));
}

#[tokio::test]
async fn a_bad_working_directory_is_its_own_error() {
    let (mut spec, tag) = spec("");
    let TransportSpec::Stdio(stdio) = &mut spec.transport else { unreachable!() };
    stdio.cwd = Some("/no/such/folder".into());
    let error = crate::stdio().launch(request(spec)).await.expect_err("the launch fails");
    assert!(matches!(error, LaunchError::BadWorkingDirectory { .. }), "{error}");
    assert_eq!(no_survivors(&tag, LONG), Vec::<u32>::new());
}

#[tokio::test]
async fn an_unknown_kind_names_the_known_ones() {
    let error = AdapterSet::builtin().get("stdoi").expect_err("there is none");
    assert_eq!(
        error.to_string(),
        "no adapter for transport `stdoi`; did you mean `stdio`?; known are http, in_process, sse, stdio"
    );
}

#[tokio::test]
async fn a_child_gets_a_small_environment_and_its_own_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spec, tag) = spec("");
    let TransportSpec::Stdio(stdio) = &mut spec.transport else { unreachable!() };
    stdio.cwd = Some(folder.path().to_owned());
    stdio.env.insert("MINE".to_owned(), Secret::from("yes"));
    let mut server = start_with(&crate::stdio(), spec).await;
    server.tag = tag;
    let env = |name: &'static str| {
        let server = &server;
        async move { server.text("env", &format!(r#"{{"name":"{name}"}}"#)).await }
    };
    assert_eq!(env("MINE").await, "yes");
    assert_eq!((env("MCPSTORE_SERVICE").await.as_str(), env("MCPSTORE_INCARNATION").await.as_str()), ("fixture", "1"));
    // The test runner has this one; it is on no list.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert_eq!(env("CARGO_MANIFEST_DIR").await, "");
    assert_eq!(server.text("cwd", "{}").await, folder.path().canonicalize().unwrap().display().to_string());
    server.end().await;
}

#[tokio::test]
async fn a_program_is_found_in_the_childs_own_path() {
    let fixture = fixture_path();
    let name = ServiceName::new("s").unwrap();
    let program = fixture.file_name().unwrap().to_string_lossy().into_owned();
    let (mut spec, tag) = tagged(ServiceSpec::stdio(name, program, ["--name", "a b"]));
    let TransportSpec::Stdio(stdio) = &mut spec.transport else { unreachable!() };
    stdio.env.insert("PATH".to_owned(), Secret::new(fixture.parent().unwrap().display().to_string()));
    let mut server = start_with(&crate::stdio(), spec).await;
    server.tag = tag;
    assert_eq!(server.session.server().name, "a b");
    server.end().await;
}

#[tokio::test]
async fn a_relative_folder_of_path_is_meant_from_the_childs_own_folder() {
    let folder = fixture_path().parent().unwrap().to_owned();
    let program = fixture_path().file_name().unwrap().to_string_lossy().into_owned();
    let name = ServiceName::new("s").unwrap();
    let (mut spec, tag) = tagged(ServiceSpec::stdio(name, program, Vec::<String>::new()));
    let TransportSpec::Stdio(stdio) = &mut spec.transport else { unreachable!() };
    stdio.cwd = folder.parent().map(Path::to_owned);
    let relative = folder.file_name().unwrap().to_string_lossy().into_owned();
    stdio.env.insert("PATH".to_owned(), Secret::new(relative));
    let mut server = start_with(&crate::stdio(), spec).await;
    server.tag = tag;
    server.end().await;
}

#[tokio::test]
async fn a_limit_that_is_no_limit_is_none() {
    let (mut spec, tag) = spec("");
    spec.policy.timeouts.handshake = std::time::Duration::MAX;
    let mut server = start_with(&crate::stdio(), spec).await;
    server.tag = tag;
    let limits = mcpstore_transport::CallLimits::within(std::time::Duration::MAX);
    assert!(server.call_within("echo", "{}", limits).await.is_ok());
    server.end().await;
}

#[tokio::test]
async fn a_program_that_is_still_being_written_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("server");
    fs::copy(fixture_path(), &copy).unwrap();
    let writing = fs::OpenOptions::new().append(true).open(&copy).unwrap();
    let (mut spec, tag) = spec("");
    let TransportSpec::Stdio(stdio) = &mut spec.transport else { unreachable!() };
    stdio.command = copy.display().to_string();
    // On this one thread: a launch that slept on it would never see the file closed.
    let close = async {
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        drop(writing);
    };
    let adapter = crate::stdio();
    let (mut server, ()) = tokio::join!(start_with(&adapter, spec), close);
    server.tag = tag;
    server.end().await;
}

#[tokio::test]
async fn a_launch_given_up_leaves_nothing() {
    for _ in 0..10 {
        let (spec, tag) = spec("--ignore-eof --ignore-term");
        let adapter = crate::stdio();
        let mut launch = adapter.launch(request(spec));
        // Polled once, so that the child is on its way, or there already.
        drop(futures_util::poll!(&mut launch));
        drop(launch);
        assert_eq!(no_survivors(&tag, LONG), Vec::<u32>::new());
    }
    let server = start("").await;
    server.end().await;
}
