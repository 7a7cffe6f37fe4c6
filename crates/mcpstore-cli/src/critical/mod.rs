//! `critical-chain`: which services, one after the other, made the start as slow as it was. Pure, but
//! for [`show`].

mod chain;
#[cfg(test)]
pub(crate) mod tests;
mod text;

use mcpstore::{Dependency, ServiceName};
use serde::{Deserialize, Serialize};

use crate::args::{CriticalChainArgs, Format, Global};
use crate::exit::{Exit, Failure};
use crate::output::{self, Schema, Term, talk};

use chain::critical_chain;
pub(crate) use text::chain_text;

/// When each service did what on its last start, as one plain value that can travel over the control socket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChainModel {
    /// In order of registration.
    pub(crate) services: Vec<ServiceStart>,
}

/// The last start of one service. All moments are in seconds from the start of the manager; one that was not reached is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceStart {
    pub(crate) service: ServiceName,
    pub(crate) depends_on: Vec<Dependency>,
    /// It was asked to start, or registered: it entered phase `wait`.
    pub(crate) asked: f64,
    /// Its launch began: it entered phase `spawn`.
    pub(crate) spawn: Option<f64>,
    /// Its process or connection was there: phase `init`.
    pub(crate) init: Option<f64>,
    /// Its handshake was done: phase `probe`.
    pub(crate) probe: Option<f64>,
    /// It was running: phase `ready`.
    pub(crate) ready: Option<f64>,
}

/// Prints the chain in the format asked for; `-o name` prints its services, the first one first.
///
/// # Errors
/// [`Exit::NoSuchService`]; and when stdout cannot be written to.
pub(crate) fn show(model: &ChainModel, args: &CriticalChainArgs, global: &Global) -> anyhow::Result<Exit> {
    let unknown = |name: &str| Failure::new(Exit::NoSuchService, format!("no service `{name}`")).next("mcpstore ls");
    let asked = match &args.service {
        Some(name) => Some(ServiceName::new(name).map_err(|_| unknown(name))?),
        None => None,
    };
    let Some(found) = critical_chain(model, asked.as_ref()) else {
        return match asked {
            Some(name) => Err(unknown(name.as_str()).into()),
            None => {
                talk("no services");
                Ok(Exit::Done)
            }
        };
    };
    match global.output {
        Format::Json | Format::Ndjson => output::print_json(&Schema::new("mcpstore.critical_chain/1", found))?,
        Format::Name => {
            output::print(&found.chain.iter().map(|link| format!("{}\n", link.service)).collect::<String>())?;
        }
        Format::Auto | Format::Table | Format::Wide => {
            output::print(&chain_text(&found, &Term::stdout(global.color)))?;
        }
    }
    Ok(Exit::Done)
}
