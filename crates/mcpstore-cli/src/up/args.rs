//! Arguments of `up`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use crate::args::ConfigArgs;
use crate::select::Select;

const AFTER_HELP: &str = "\
It stays until Ctrl-C, SIGTERM or `mcpstore down`, also when services failed or were stopped:
they can be started again from a second terminal. --exit-on-failure ends that: the first
service that fails for good stops all (exit code 1).

A config that was found in this folder, and not named, runs nothing before its commands were
shown and approved; the approval holds until they change. A config that is named is approved
by that.

A service whose config entry has an error is left out, and so is what requires it; the rest
runs. When dependencies go round in a circle, or nothing is left to run, nothing starts (exit
code 5).

The first Ctrl-C stops in reverse order (exit code 0, or 1 when something did not stop); a
second one kills what is left (exit code 130).

Examples:
  mcpstore up --demo
  mcpstore up --config mcp.json
  mcpstore up api 'tag:prod' --config mcp.json --exit-on-failure";

/// Arguments of `up`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct UpArgs {
    /// Start only these and what they need: names, globs (* ?), or tag:WORD. Default: every enabled service.
    #[arg(value_name = "SEL")]
    pub(crate) selectors: Vec<String>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Start the services of a profile of the config.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["selectors", "demo"])]
    pub(crate) profile: Option<String>,
    /// Run a config that was found in this folder without asking: its commands are approved as they stand.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// A file with approvals, made by `mcpstore config approve --to FILE`. Default: MCPSTORE_APPROVALS.
    #[arg(long, value_name = "FILE")]
    pub(crate) approvals: Option<PathBuf>,
    /// Leave the services as they are when the config changes; `mcpstore reload` still takes it over.
    #[arg(long)]
    pub(crate) no_watch: bool,
    /// Run three small servers that live in this program, instead of a config.
    #[arg(long, conflicts_with_all = ["config", "strict"])]
    pub(crate) demo: bool,
    /// Print the config of the demo, and do nothing else.
    #[arg(long, requires = "demo")]
    pub(crate) print_config: bool,
    /// Where MCP clients reach all services as one: an address with a port, a port alone, or `none`. Default: what the config
    /// says, else 127.0.0.1:8420 where that is free. Beyond this machine it takes TLS and the token.
    #[arg(long, value_name = "ADDR", value_parser = gateway_listen, env = "MCPSTORE_LISTEN")]
    pub(crate) listen: Option<Listen>,
    /// Let every program on this machine use the gateway, without the token.
    #[arg(long)]
    pub(crate) no_auth: bool,
    /// Where metrics and health are shown over HTTP: /metrics, /healthz, /readyz. A loopback address (127.0.0.1:8421), or a
    /// port alone. Default: nowhere.
    #[arg(long, value_name = "ADDR", value_parser = listen)]
    pub(crate) listen_admin: Option<SocketAddr>,
    /// Push metrics, and a span of each call, to this OpenTelemetry collector (OTLP over HTTP). Headers: as
    /// OTEL_EXPORTER_OTLP_HEADERS has them.
    #[cfg(feature = "otlp")]
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub(crate) otlp: Option<String>,
    /// Stop everything when a service fails for good (exit code 1).
    #[arg(long)]
    pub(crate) exit_on_failure: bool,
    /// Print a line for each change, on a terminal too, instead of a table that is kept up to date.
    #[arg(long)]
    pub(crate) no_table: bool,
}

/// Where the gateway listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// On no TCP address.
    None,
    /// There.
    At(SocketAddr),
}

/// As [`listen`], or `none`.
pub(crate) fn gateway_listen(text: &str) -> Result<Listen, String> {
    if text == "none" {
        return Ok(Listen::None);
    }
    let wanted = || "write an address with a port, like 127.0.0.1:8420, a port alone, or none".to_owned();
    listen(text).map(Listen::At).map_err(|_| wanted())
}

/// An address to listen on: `127.0.0.1:8421`, `[::1]:8421`, `localhost:8421`, or `8421`.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let port = text.strip_prefix("localhost:").unwrap_or(text).trim_start_matches(':');
    if let Ok(port) = port.parse::<u16>() {
        return Ok(SocketAddr::new(here, port));
    }
    text.parse().map_err(|_| "write a loopback address with a port, like 127.0.0.1:8421, or a port alone".to_owned())
}

impl UpArgs {
    /// Which services to start; `None`: every enabled one.
    pub(crate) fn selection(&self) -> Option<Select> {
        let patterns = self.selectors.clone();
        (!patterns.is_empty()).then_some(Select { all: false, patterns })
    }
}
