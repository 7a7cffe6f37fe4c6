//! Benchmarks: each measures its reference in the same run, and the table of all goes to `docs/benchmarks.md`.
//!
//! One file a benchmark, with `pub(super) fn run() -> Vec<Row>`; name it in [`BENCHMARKS`].

mod graph;
mod samples;
mod table;

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::cmd;
use table::Row;

/// A benchmark: its name, and what measures it.
type Benchmark = (&'static str, fn() -> Vec<Row>);

const BENCHMARKS: &[Benchmark] = &[("graph", graph::run)];

const PAGE: &str = "docs/benchmarks.md";

/// Measures in a release build: in this process when `inner`, else in one started for it.
///
/// # Errors
/// When the release build fails, when `inner` is set in a debug build, or when the page cannot be written.
pub(crate) fn run(root: &Path, inner: bool) -> Result<()> {
    if !inner {
        return cmd::run(&mut cmd::cargo(
            root,
            &["run", "--quiet", "--release", "--locked", "--package", "xtask", "--", "bench", "--inner"],
        ));
    }
    if cfg!(debug_assertions) {
        bail!("a debug build measures nothing of use: run `cargo xtask bench`");
    }
    let mut rows = Vec::new();
    for (name, measure) in BENCHMARKS {
        println!("measuring {name} …");
        rows.extend(measure());
    }
    let page = table::page(&rows);
    println!("\n{}", table::table(&rows));
    std::fs::write(root.join(PAGE), page).with_context(|| format!("failed to write {PAGE}"))?;
    println!("wrote {PAGE}");
    Ok(())
}
