//! `doctor`: what services need from this machine, and whether it is there. Needs no manager and changes nothing.
//!
//! [`machine`] gathers [`facts::Facts`], [`judge`] makes checks of them, [`report`] shows those. Only the first looks at
//! anything.

mod facts;
mod judge;
mod machine;
mod report;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

pub(crate) use facts::WantedPort;

use crate::args::{DoctorArgs, Global};
use crate::control::Client;
use crate::exit::Exit;
use crate::output::{self, Schema, Term};
use crate::paths::Paths;
use machine::Machine;

/// What the caller knows beside the machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct DoctorInputs {
    /// Addresses that a manager of this config would listen on.
    pub(crate) ports: Vec<WantedPort>,
    /// The environment of the running manager, when it tells. Only `PATH` and the proxies are looked at.
    pub(crate) manager_env: Option<BTreeMap<String, String>>,
}

/// `doctor`. Exit code 1 when a check fails.
///
/// # Errors
/// When stdout cannot be written to, or no folder for the state can be named.
pub(crate) async fn run(args: &DoctorArgs, global: &Global, inputs: DoctorInputs) -> anyhow::Result<Exit> {
    let paths = Paths::resolve(global)?;
    let client = Client::new(&paths.socket);
    let facts = Machine::new(&paths, &client).look(&args.config, inputs).await;
    let report = judge::judge(&facts);
    let failed = report.count(judge::Level::Fail) > 0;
    if global.output.is_json() {
        output::print_json(&Schema::new("mcpstore.doctor/1", report))?;
    } else {
        let in_command = |command: &str| global.in_command(command);
        output::print(&report::text(&report, &Term::stdout(global.color), &in_command))?;
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}
