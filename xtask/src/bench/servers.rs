//! The programs that are measured: the fixture of the testkit and the warden, in the profile of this run.

use std::path::PathBuf;

/// The fixture's program, which `cargo xtask bench` built beside this one.
pub(super) fn fixture() -> PathBuf {
    beside("mcpstore-fixture")
}

/// The warden's, built there too.
pub(super) fn warden() -> PathBuf {
    beside("mcpstore-warden")
}

/// A program of this workspace, built there too.
pub(super) fn program(name: &str) -> PathBuf {
    beside(name)
}

fn beside(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("a program knows where it is");
    let program = here.with_file_name(name);
    assert!(program.is_file(), "{} is missing: run `cargo xtask bench`", program.display());
    program
}
