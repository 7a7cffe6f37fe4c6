//! The `mcpstore` command: runs the manager, and speaks to a running one.

mod args;
mod commands;
mod config;
mod control;
mod critical;
mod demo;
mod doctor;
mod door;
mod exit;
mod far_end;
mod logging;
mod login;
mod metrics_view;
mod output;
mod paths;
mod quote;
mod reload;
mod select;
mod serve;
// Not registered yet: what it shows comes from operations of the control socket that are not there.
mod top;
mod up;
#[cfg(test)]
mod views_doc;
mod why;

use std::io;
use std::time::Duration;

use clap::Parser as _;

use args::{Cli, Command, Global};
use exit::{Exit, Failure};

/// How long what is still under way may hold up the end of the process: a read of stdin never ends by itself.
const LAST_WORDS: Duration = Duration::from_millis(200);

fn main() -> Exit {
    // First: a warden needs nothing of what follows.
    mcpstore_warden::run_if_asked();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout and are no failure.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    logging::init();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        // A call is some 40 µs of work in four steps. Between two workers each step wakes the other, which costs as much again
        // (docs/benchmarks.md). The command itself has the main thread, and what blocks has threads of its own.
        builder.worker_threads(1);
    }
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&error.into(), &cli.global),
    };
    let global = cli.global.clone();
    let outcome = runtime.block_on(dispatch(cli.command, &global));
    runtime.shutdown_timeout(LAST_WORDS);
    outcome.unwrap_or_else(|error| report(&error, &global))
}

async fn dispatch(command: Command, global: &Global) -> anyhow::Result<Exit> {
    match command {
        Command::Up(args) => up::run(*args, global).await,
        Command::Serve(args) => serve::run(args, global).await,
        Command::DemoServer(args) => demo::serve(&args.name).await.map(|()| Exit::Done),
        other => tokio::select! {
            outcome = commands::run(other, global) => outcome,
            _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
        },
    }
}

/// Tells what went wrong, and the one command to try next.
fn report(error: &anyhow::Error, global: &Global) -> Exit {
    let reader_left = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe);
    if reader_left {
        // `mcpstore events | head` has seen enough.
        return Exit::Done;
    }
    let known = error.downcast_ref::<Failure>();
    let message = known.map_or_else(|| format!("{error:#}"), ToString::to_string);
    let next = known.and_then(|failure| failure.next.as_deref()).unwrap_or("mcpstore --help");
    let red = output::Term::stderr(global.color).paint(31, "error:");
    output::talk_after(&red, &message);
    output::talk(&format!("try: {}", global.in_command(next)));
    known.map_or(Exit::Failed, |failure| failure.exit)
}
