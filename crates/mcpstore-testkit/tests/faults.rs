//! The table of faults and the tests of faults are held together: no name without a test.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

use std::path::Path;

use mcpstore_testkit::faults::FAULTS;

/// The bodies of the tests in files that begin with `faults_`, without their comments.
fn tests() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mcpstore-transport/tests/adapters");
    let mut tests = String::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_str().unwrap().starts_with("faults_") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let first = text.find("test]").unwrap_or(text.len());
        tests.extend(text[first..].lines().filter(|line| !line.trim_start().starts_with("//")));
    }
    tests
}

#[test]
fn every_fault_has_a_test() {
    let tests = tests();
    let without: Vec<_> =
        FAULTS.iter().map(|fault| fault.name).filter(|name| !tests.contains(&format!("\"{name}\""))).collect();
    // A name that only a test knows fails where the test asks for the fault.
    assert!(without.is_empty(), "no test names {without:?}");
}

#[test]
fn every_form_of_an_answer_is_a_fault() {
    for name in mcpstore_testkit::server::Odd::names() {
        let flags = format!("--reply {name}");
        assert!(FAULTS.iter().any(|fault| fault.flags == flags), "no fault has {flags}");
    }
}
