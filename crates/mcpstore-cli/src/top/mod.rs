//! `top`: all services in one live view, or as a table that is printed once.

mod app;
mod columns;
mod details;
#[cfg(test)]
pub(crate) mod fixture;
mod graph;
mod help;
mod live;
mod model;
mod once;
mod order;
mod paint;
mod screen;
#[cfg(test)]
mod terminal_tests;
#[cfg(test)]
pub(crate) mod tests;
mod view;

use std::io::{self, IsTerminal as _};

pub(crate) use model::{FiringAlert, RestartBudget, ServiceFacts, TopModel};
pub(crate) use order::Sort;

use crate::args::{Format, Global, TopArgs};
use crate::exit::{Exit, Failure};
use crate::output::{self, Schema, Term};
use app::App;

/// `top`. Live when somebody sits in front of it; else, or when asked to, the table is printed so many times.
///
/// # Errors
/// Live, none but those of the terminal: what `fetch` fails with is shown, and it is tried again. Printed, also the first
/// failure of `fetch`.
///
/// # Cancel safety
/// Safe: the terminal is as it was before.
pub(crate) async fn run(
    mut fetch: impl AsyncFnMut() -> Result<TopModel, Failure>,
    args: &TopArgs,
    global: &Global,
) -> anyhow::Result<Exit> {
    let term = Term::stdout(global.color);
    let asked = args.once || args.count.is_some() || global.output != Format::Auto;
    if !asked && term.tty && io::stdin().is_terminal() {
        let app = App::new(args.sort, args.reverse, term.color);
        return live::run(fetch, app, args.interval).await;
    }
    let rounds = args.count.unwrap_or(1);
    for round in 0..rounds {
        if round > 0 {
            tokio::time::sleep(args.interval).await;
        }
        let model = fetch().await?;
        match global.output {
            Format::Json | Format::Ndjson => output::print_json(&Schema::new("mcpstore.top/1", model))?,
            Format::Name => output::print(&once::names(&model, args.sort, args.reverse))?,
            Format::Auto | Format::Table | Format::Wide => {
                let table = once::table(&model, args.sort, args.reverse);
                // Between two of them an empty line.
                output::print(&if round > 0 { format!("\n{table}") } else { table })?;
            }
        }
    }
    Ok(Exit::Done)
}
