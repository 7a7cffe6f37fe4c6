//! The table of faults and the tests of faults are held together: no name without a test.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

use std::path::Path;

use mcpstore_testkit::faults::FAULTS;

/// The files of a folder of tests whose names begin like this, without their comments.
fn tests(folder: &str, begin: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mcpstore-transport/tests").join(folder);
    let mut tests = String::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_str().unwrap().starts_with(begin) {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        tests.extend(text.lines().filter(|line| !line.trim_start().starts_with("//")));
    }
    tests
}

#[test]
fn every_fault_has_a_test() {
    let (by_name, of_wardens) = (tests("adapters", "faults_"), tests("guarded", ""));
    let named = |text: &str, what: &str| text.contains(&format!("\"{what}\""));
    let without: Vec<_> = FAULTS
        .iter()
        .filter(|fault| !named(&by_name, fault.name) && !named(&of_wardens, fault.flags))
        .map(|fault| fault.name)
        .collect();
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
