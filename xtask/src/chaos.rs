//! Long runs of the tests that kill: the kill matrix and the soak, on real processes.

use std::path::Path;

use anyhow::Result;

use crate::cmd::{self, Steps};

/// Tells the tests how many rounds they shall do.
const ROUNDS: &str = "MCPSTORE_CHAOS_ROUNDS";

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rounds of the kill matrix; each does every way once for every kind of service
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Stops and starts, and crashes, that one manager lives through
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    lives: u32,
}

/// Runs them, one after the other, and says what was worst.
///
/// # Errors
/// When something survived, two lives of a service were there at once, or a manager holds more than before.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let mut steps = Steps::new("chaos");
    let built = steps.run("build", || {
        cmd::run(&mut cmd::cargo(root, &["build", "--workspace", "--bins", "--locked"]))?;
        cmd::run(&mut cmd::cargo(root, &["test", "--package", "mcpstore-tests", "--locked", "--no-run"]))
    });
    if built.is_some() {
        for (name, tests, rounds) in [("kill matrix", "kills::", args.rounds), ("soak", "soak::", args.lives)] {
            steps.run(name, || {
                let test = ["test", "--package", "mcpstore-tests", "--test", "suite", "--locked", tests];
                let mut test = cmd::cargo(root, &[&test[..], &["--", "--nocapture", "--test-threads", "1"]].concat());
                cmd::run(test.env(ROUNDS, rounds.to_string()))
            });
        }
    }
    steps.finish(&format!("{} rounds, {} lives", args.rounds, args.lives))
}
