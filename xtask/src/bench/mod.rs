//! Benchmarks: each measures its reference in the same run, and the table of all goes to `docs/benchmarks.md`.
//!
//! What is measured, and with what, is behind the feature `bench`, so that every other task builds quickly; lint and test
//! turn it on.

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
mod gateway;
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

/// What to measure, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Measure in this very process, whatever its profile
    #[arg(long, hide = true)]
    inner: bool,
    /// Measure a part alone, and leave the rest of the page as it is
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Fewer runs: for a look, not for the page, which stays as it is
    #[arg(long)]
    quick: bool,
    /// Be one of the programs that a benchmark needs
    #[arg(long, hide = true)]
    serve: Option<String>,
    /// How many tools that program has
    #[arg(long, hide = true, default_value_t = 2)]
    tools: usize,
}

/// A part of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Everything but the gateway
    Base,
    /// The gateway
    Gateway,
}

/// Measures in a release build: in this process when asked to, else in one built and started for it.
///
/// # Errors
/// When the release build fails, when this is another build, or when the page cannot be written.
pub(crate) fn run(args: &Args) -> Result<()> {
    if args.inner || args.serve.is_some() {
        return here(args);
    }
    let root = &cmd::root()?;
    // The servers that are measured are built beside the benchmarks, in the same profile.
    let fixture = ["build", "--quiet", "--release", "--locked", "--package", "mcpstore-testkit", "--bins"];
    cmd::run(&mut cmd::cargo(root, &["build", "--quiet", "--release", "--locked", "--package", "mcpstore-cli"]))?;
    cmd::run(cmd::cargo(root, &fixture).args(["--package", "mcpstore-warden"]))?;
    let inner = ["run", "--quiet", "--release", "--locked", "--package", "xtask", "--features", "bench"];
    let mut run = cmd::cargo(root, &[&inner[..], &["--", "bench", "--inner"]].concat());
    if let Some(part) = args.only {
        run.args(["--only", if part == Part::Base { "base" } else { "gateway" }]);
    }
    if args.quick {
        run.arg("--quick");
    }
    cmd::run(&mut run)
}

#[cfg(feature = "bench")]
fn here(args: &Args) -> Result<()> {
    match &args.serve {
        Some(role) => gateway::serve(role, args.tools),
        None => measure::all(&cmd::root()?, args.only, args.quick),
    }
}

#[cfg(not(feature = "bench"))]
fn here(args: &Args) -> Result<()> {
    anyhow::bail!("this build has no benchmarks ({args:?}): run `cargo xtask bench`")
}
