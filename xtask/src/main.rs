//! Builds, checks and measures the workspace: `cargo xtask help` says how.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod arch;
mod bench;
mod chaos;
mod cmd;
mod codegen;
mod fuzz;
mod lint;
mod prop;
mod scaffold;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Builds, checks and measures the mcpstore workspace",
    version
)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build every member
    Build {
        /// With the release profile
        #[arg(long)]
        release: bool,
    },
    /// Install the real servers, then run every test: unit, property, doc, suite
    Test {
        /// Leave out the real servers and the tests that need them
        #[arg(long)]
        fast: bool,
    },
    /// Only install the real servers, and print their folder
    Servers,
    /// Run our client, and the gateway with the fixture behind it, through the official conformance suite of MCP
    Conformance(test::ConformanceArgs),
    /// Formatting, clippy, docs, arch-check, generated files, licences: all of them, then one verdict
    Lint,
    /// Run the property and model tests with many cases
    Prop(prop::Args),
    /// Begin a new part of the workspace: the files it needs, which work as they stand
    Scaffold {
        #[command(subcommand)]
        what: scaffold::Scaffold,
    },
    /// Kill services and managers in every way, many times, and let one manager live through many lives of its services
    Chaos(chaos::Args),
    /// Feed the reader of configs with bytes that nobody would write (needs nightly and cargo-fuzz)
    Fuzz(fuzz::Args),
    /// Hold the layers and the rules of the house against the checkout
    ArchCheck,
    /// Write the generated documents
    Codegen {
        /// Write nothing; fail when a document is stale
        #[arg(long)]
        check: bool,
    },
    /// Measure, and write docs/benchmarks.md
    Bench(bench::Args),
}

fn main() -> ExitCode {
    match run(Args::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    // Its programs run anywhere.
    if let Task::Bench(args) = &task {
        return bench::run(args);
    }
    let root = cmd::root()?;
    match task {
        Task::Build { release } => {
            let mut build = cmd::cargo(&root, &["build", "--workspace", "--locked"]);
            cmd::run(if release { build.arg("--release") } else { &mut build })
        }
        Task::Test { fast } => test::run(&root, fast),
        Task::Servers => test::install_servers(&root),
        Task::Conformance(args) => test::conformance(&root, &args),
        Task::Lint => lint::run(&root),
        Task::Prop(args) => prop::run(&root, &args),
        Task::Scaffold { what } => scaffold::run(&root, &what),
        Task::Chaos(args) => chaos::run(&root, &args),
        Task::Fuzz(args) => fuzz::run(&root, &args),
        Task::ArchCheck => arch::run(&root),
        Task::Codegen { check } => codegen::run(&root, check),
        Task::Bench(args) => bench::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Args::command().debug_assert();
    }
}
