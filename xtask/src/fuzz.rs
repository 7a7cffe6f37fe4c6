//! Fuzzing of what reads text from outside.

use std::path::Path;

use anyhow::{Result, bail};

use crate::cmd;

/// Where the targets are.
const FOLDER: &str = "crates/mcpstore-config/fuzz";

/// What was found before, and is replayed by an ordinary test.
const CORPUS: &str = "crates/mcpstore-config/tests/fuzzed/corpus";

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many inputs to try
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// The longest input, in bytes
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    max_len: u32,
}

/// Builds the target with coverage and runs it; new inputs go to the folder `corpus` beside it, failures to `artifacts`.
///
/// # Errors
/// When a tool is missing, and when an input fails.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    if !cmd::works("cargo", &["+nightly", "--version"]) {
        bail!("fuzzing needs a nightly compiler: rustup toolchain install nightly");
    }
    if !cmd::works("cargo", &["+nightly", "fuzz", "--version"]) {
        bail!("fuzzing needs cargo-fuzz: cargo install cargo-fuzz --locked");
    }
    let folder = root.join(FOLDER);
    let corpus = folder.join("corpus/config");
    std::fs::create_dir_all(&corpus)?;
    let seeds = root.join(CORPUS);
    // No sanitizer: there is no unsafe code to watch, and it runs several times as fast.
    let mut fuzz =
        cmd::program(&folder, "cargo", &["+nightly", "fuzz", "run", "config", "--fuzz-dir", ".", "-s", "none"]);
    fuzz.arg(&corpus).arg(&seeds).arg("--");
    fuzz.args([format!("-runs={}", args.runs), format!("-max_len={}", args.max_len)]);
    fuzz.args(["-timeout=10", "-dict=dict.txt", "-print_final_stats=1"]);
    cmd::run(&mut fuzz)
}
