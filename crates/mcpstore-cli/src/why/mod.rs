//! `why`: what brought a service where it is, down to exit codes and the server's own words, and what to do about it. Pure, but
//! for [`show`].

mod cause;
mod explain;
mod find;
mod fix;
mod launch;
mod left_out;
mod model;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod words;

use explain::explain;
pub(crate) use launch::launch;
pub(crate) use left_out::left_out;
pub(crate) use model::{AlertNote, Before, WhyModel};
pub(crate) use text::why_text;

use crate::args::{Format, Global};
use crate::exit::Exit;
use crate::output::{self, Schema, Term};

/// Prints an explanation in the format asked for; `-o name` prints the word of the cause.
///
/// # Errors
/// When stdout cannot be written to.
pub(crate) fn show(model: &WhyModel, global: &Global) -> anyhow::Result<Exit> {
    match global.output {
        Format::Json | Format::Ndjson => output::print_json(&Schema::new("mcpstore.why/1", explain(model)))?,
        Format::Name => output::print(&format!("{}\n", explain(model).cause))?,
        Format::Auto | Format::Table | Format::Wide => {
            let in_command = |command: &str| global.in_command(command);
            output::print(&why_text(model, &Term::stdout(global.color), &in_command))?;
        }
    }
    Ok(Exit::Done)
}
