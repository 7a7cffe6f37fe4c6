//! The project's whole test command.

mod conformance;
mod servers;
mod survivors;
mod tally;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cmd::{self, Steps};
pub(crate) use conformance::{Args as ConformanceArgs, run as conformance};
use survivors::Run;
use tally::Tally;

/// Tells the tests to leave out what needs real servers.
const FAST: &str = "MCPSTORE_FAST";
/// Tells the tests where the real servers are.
const REAL_SERVERS: &str = "MCPSTORE_REAL_SERVERS";

/// Installs, builds, tests, and looks for processes left behind.
///
/// # Errors
/// When an installation, the build or a test fails, or when a process outlives the tests.
pub(crate) fn run(root: &Path, fast: bool) -> Result<()> {
    let mut steps = Steps::new("test");
    let mut tally = Tally::default();
    if let Some(servers) = prepare(&mut steps, root, fast) {
        steps.run("tests", || tests(root, servers.as_deref(), &mut tally));
        if !fast {
            steps.run("conformance", || conformance(root, &ConformanceArgs::default()));
        }
    }
    steps.finish(&tally.to_string())
}

/// Installs the real servers alone, and prints the folder for `MCPSTORE_REAL_SERVERS`.
///
/// # Errors
/// When an installation fails.
pub(crate) fn install_servers(root: &Path) -> Result<()> {
    println!("{REAL_SERVERS}={}", servers::install(root)?.display());
    Ok(())
}

/// Builds every program, always with the same features: with others everything would be compiled once more.
fn build_programs(root: &Path) -> Result<()> {
    cmd::run(&mut cmd::cargo(root, &["build", "--workspace", "--bins", "--locked", "--features", cmd::FEATURES]))
}

/// What the tests need, or nothing when that failed. The inner value is the folder of the real servers.
fn prepare(steps: &mut Steps, root: &Path, fast: bool) -> Option<Option<PathBuf>> {
    let servers = if fast { None } else { Some(steps.run("real servers", || servers::install(root))?) };
    steps.run("build", || build_programs(root))?;
    // Compiled apart, so that the time of the tests is their own, and so that no compiler is taken for their child.
    steps.run("compile tests", || {
        cmd::run(&mut cmd::cargo(root, &["test", "--workspace", "--locked", "--features", cmd::FEATURES, "--no-run"]))
    })?;
    Some(servers)
}

fn tests(root: &Path, servers: Option<&Path>, tally: &mut Tally) -> Result<()> {
    let run = Run::begin()?;
    let mut test =
        cmd::cargo(root, &["test", "--workspace", "--locked", "--features", cmd::FEATURES, "--no-fail-fast"]);
    test.env(survivors::TAG, run.tag());
    match servers {
        Some(dir) => test.env(REAL_SERVERS, dir).env_remove(FAST),
        None => test.env(FAST, "1").env_remove(REAL_SERVERS),
    };
    let line = cmd::line(&test);
    println!("$ {line}");
    let (mut child, output) = tally::follow(&mut test).with_context(|| format!("failed to start `{line}`"))?;
    let status = child.wait().with_context(|| format!("failed to wait for `{line}`"))?;
    let left = run.end();
    // Only now: a process left behind may hold the pipe open.
    *tally = output.finish();
    let mut wrong = Vec::new();
    if !status.success() {
        wrong.push(format!("`{line}` failed: {status} {}", tally.failed_names().join(", ")));
    }
    if !left.is_empty() {
        wrong.push(format!("{} process(es) outlived the tests (now killed):\n{}", left.len(), left.join("\n")));
    }
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}
