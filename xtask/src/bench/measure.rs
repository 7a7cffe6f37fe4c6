//! Runs every benchmark and writes the page.
//!
//! One file a benchmark, with `pub(super) fn run() -> Vec<Row>`; name it in [`BENCHMARKS`].

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::table::Row;
use super::{call, call_http, children, config, fleet, graph, idle, meter, sinks, spawn, start, table};

/// A benchmark: its name, and what measures it.
type Benchmark = (&'static str, fn() -> Vec<Row>);

const BENCHMARKS: &[Benchmark] = &[
    ("graph", graph::run),
    ("config", config::run),
    ("fleet", fleet::run),
    ("start", start::run),
    ("spawn", spawn::run),
    ("children", children::run),
    ("call", call::run),
    ("call over HTTP", call_http::run),
    ("metrics", meter::run),
    ("idle", idle::run),
    ("sinks", sinks::run),
];

const PAGE: &str = "docs/benchmarks.md";

/// Measures everything, prints the table and writes the page.
///
/// # Errors
/// In a debug build, and when the page cannot be written.
pub(super) fn all(root: &Path) -> Result<()> {
    if cfg!(debug_assertions) {
        bail!("a debug build measures nothing of use: run `cargo xtask bench`");
    }
    let mut rows = Vec::new();
    for (name, measure) in BENCHMARKS {
        println!("measuring {name} …");
        rows.extend(measure());
    }
    println!("measuring memory …");
    let sizes = idle::sizes();
    println!("\n{}\n{}", table::table(&rows), table::sizes(&sizes));
    std::fs::write(root.join(PAGE), table::page(&rows, &sizes)).with_context(|| format!("failed to write {PAGE}"))?;
    println!("wrote {PAGE}");
    Ok(())
}
