//! Benchmarks: each measures its reference in the same run, and the table of all goes to `docs/benchmarks.md`.
//!
//! What is measured, and with what, is behind the feature `bench`, so that every other task builds quickly; lint and test
//! turn it on.

use std::path::Path;

use anyhow::Result;

use crate::cmd;

#[cfg(feature = "bench")]
mod call;
#[cfg(feature = "bench")]
mod call_http;
#[cfg(feature = "bench")]
mod children;
#[cfg(feature = "bench")]
mod config;
#[cfg(feature = "bench")]
mod fleet;
#[cfg(feature = "bench")]
mod graph;
#[cfg(feature = "bench")]
mod idle;
#[cfg(feature = "bench")]
mod manager;
#[cfg(feature = "bench")]
mod measure;
#[cfg(feature = "bench")]
mod meter;
#[cfg(feature = "bench")]
mod pipe;
#[cfg(feature = "bench")]
mod samples;
#[cfg(feature = "bench")]
mod servers;
#[cfg(feature = "bench")]
mod sinks;
#[cfg(feature = "bench")]
mod spawn;
#[cfg(feature = "bench")]
mod start;
#[cfg(feature = "bench")]
mod table;

/// Measures in a release build: in this process when `inner`, else in one built and started for it.
///
/// # Errors
/// When the release build fails, when `inner` is set in another build, or when the page cannot be written.
pub(crate) fn run(root: &Path, inner: bool) -> Result<()> {
    if inner {
        return measure_here(root);
    }
    // The servers that are measured are built beside the benchmarks, in the same profile.
    let fixture = ["build", "--quiet", "--release", "--locked", "--package", "mcpstore-testkit", "--bins"];
    cmd::run(&mut cmd::cargo(root, &["build", "--quiet", "--release", "--locked", "--package", "mcpstore-cli"]))?;
    cmd::run(cmd::cargo(root, &fixture).args(["--package", "mcpstore-warden"]))?;
    let inner = ["run", "--quiet", "--release", "--locked", "--package", "xtask", "--features", "bench"];
    cmd::run(&mut cmd::cargo(root, &[&inner[..], &["--", "bench", "--inner"]].concat()))
}

#[cfg(feature = "bench")]
fn measure_here(root: &Path) -> Result<()> {
    measure::all(root)
}

#[cfg(not(feature = "bench"))]
fn measure_here(_root: &Path) -> Result<()> {
    anyhow::bail!("this build has no benchmarks: run `cargo xtask bench`")
}
