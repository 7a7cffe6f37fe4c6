//! Runs every benchmark and writes the page.
//!
//! One file a benchmark, with `pub(super) fn run() -> Vec<Row>`; name it in [`BENCHMARKS`].

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::table::Row;
use super::{Part, call, call_http, children, config, fleet, gateway, graph, idle, meter, sinks, spawn, start, table};

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

/// Measures everything or a part, prints the tables and, unless it was only a quick look, writes them into the page.
///
/// # Errors
/// In a debug build, but for a quick look, and when the page cannot be read or written.
pub(super) fn all(root: &Path, only: Option<Part>, quick: bool) -> Result<()> {
    if cfg!(debug_assertions) && !quick {
        bail!("a debug build measures nothing of use: run `cargo xtask bench`");
    }
    let file = root.join(PAGE);
    let mut page = std::fs::read_to_string(&file).with_context(|| format!("failed to read {PAGE}"))?;
    let mut put = |part: &str, text: &str| -> Result<()> {
        println!("\n{text}");
        page = table::with_part(&page, part, text).with_context(|| format!("{PAGE} has no place for `{part}`"))?;
        Ok(())
    };
    put("machine", &table::machine())?;
    if only != Some(Part::Gateway) {
        let mut rows = Vec::new();
        for (name, measure) in BENCHMARKS {
            println!("measuring {name} …");
            rows.extend(measure());
        }
        println!("measuring memory …");
        put("base", &format!("{}\n{}", table::table(&rows), table::sizes(&idle::sizes())))?;
    }
    if only != Some(Part::Base) {
        put("gateway", &gateway::section(&gateway::run(quick)))?;
    }
    if !quick {
        std::fs::write(&file, page).with_context(|| format!("failed to write {PAGE}"))?;
        println!("wrote {PAGE}");
    }
    Ok(())
}
