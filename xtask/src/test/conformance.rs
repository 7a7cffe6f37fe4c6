//! The official conformance suite of MCP, from both sides: our client through its servers, and our gateway under its clients.
//!
//! The suite and, where Node.js is older than it wants, a newer Node.js come from npm into `target/conformance`. What a run
//! found stays in `target/conformance-results`.

mod checks;
mod client;
mod explained;
mod lane;
mod programs;
mod ready;
mod server;
mod suite;
mod table;

use std::path::Path;

use anyhow::{Result, bail};
use clap::ValueEnum;

use lane::Lane;
use suite::Suite;

/// The revisions of the protocol whose requirements are held.
const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Arguments of `cargo xtask conformance`. The default runs everything.
#[derive(Default, clap::Args)]
pub(crate) struct Args {
    /// Server side: only the fixture itself, without the gateway before it
    #[arg(long)]
    direct: bool,
    /// Server side: only this way through the gateway, beside the fixture itself; may be given more than once
    #[arg(long, value_enum, value_name = "NAME", conflicts_with = "direct")]
    lane: Vec<Lane>,
    /// Only one side
    #[arg(long, value_enum, value_name = "SIDE")]
    only: Option<Side>,
    /// Only what this revision of the protocol requires
    #[arg(long, value_parser = REVISIONS, value_name = "DATE")]
    revision: Option<String>,
    /// Only this scenario
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Keep the folders of the gateways: config, state, logs
    #[arg(long)]
    keep: bool,
}

/// Whom the suite looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Side {
    /// Our client
    Client,
    /// Our gateway, and the fixture behind it
    Server,
}

impl Args {
    fn sees(&self, side: Side) -> bool {
        // Only one side has something to be reached directly.
        let servers = self.direct || !self.lane.is_empty();
        self.only.unwrap_or(if servers { Side::Server } else { side }) == side
    }

    /// The lanes to run: the first one is what the others are held against.
    fn lanes(&self) -> Vec<Lane> {
        let wanted = |lane: &Lane| !self.direct && (self.lane.is_empty() || self.lane.contains(lane));
        [Lane::Direct].into_iter().chain(Lane::GATEWAY.into_iter().filter(wanted)).collect()
    }

    fn revisions(&self) -> impl Iterator<Item = &'static str> {
        REVISIONS.into_iter().filter(|revision| self.revision.as_deref().is_none_or(|wanted| wanted == *revision))
    }

    /// Fails when nothing of the suite is what is wanted.
    fn check(&self, suite: &Suite) -> Result<()> {
        let Some(wanted) = &self.scenario else { return Ok(()) };
        for (side, name) in [(Side::Client, "client"), (Side::Server, "server")] {
            for revision in self.revisions().filter(|_| self.sees(side)) {
                let known = suite.scenarios(name, revision)?;
                if known.required.contains(wanted) || known.others.contains(wanted) {
                    return Ok(());
                }
            }
        }
        bail!("the conformance suite has no scenario `{wanted}` there")
    }

    fn wants(&self, scenario: &str) -> bool {
        self.scenario.as_deref().is_none_or(|wanted| wanted == scenario)
    }
}

/// Installs the suite, builds the programs, and runs what both revisions require.
///
/// # Errors
/// When Node.js or npm is missing, something cannot be installed or built, or something required is not held.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let suite = Suite::install(root)?;
    args.check(&suite)?;
    super::build_programs(root)?;
    let mut wrong = Vec::new();
    if args.sees(Side::Client) {
        for revision in args.revisions() {
            wrong.extend(client::hold(&suite, revision, args)?);
        }
    }
    if args.sees(Side::Server) {
        wrong.extend(server::hold(&suite, args)?);
    }
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}
