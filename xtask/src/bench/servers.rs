//! The servers that are measured: the fixture of the testkit, in the profile of this run.

use std::path::PathBuf;

/// The fixture's program, which `cargo xtask bench` built beside this one.
pub(super) fn fixture() -> PathBuf {
    let here = std::env::current_exe().expect("a program knows where it is");
    let fixture = here.with_file_name("mcpstore-fixture");
    assert!(fixture.is_file(), "{} is missing: run `cargo xtask bench`", fixture.display());
    fixture
}
