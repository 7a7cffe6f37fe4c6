//! The arguments of the commands that watch and explain: `top`, `doctor`, `critical-chain`, `why`.

use std::time::Duration;

use clap::Args;

use super::verbs::{ConfigArgs, duration};
use crate::top::Sort;

/// Arguments of `top`.
#[derive(Clone, Debug, Args)]
#[command(after_help = TOP_HELP)]
pub(crate) struct TopArgs {
    /// Print the table once and end; so it is off a terminal.
    #[arg(long, conflicts_with = "count")]
    pub(crate) once: bool,
    /// Print the table so many times, one every interval, and end.
    #[arg(short = 'n', long = "count", value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: Option<u32>,
    /// How often it is refreshed, from 200ms to 1h.
    #[arg(long, value_name = "D", default_value = "2s", value_parser = interval)]
    pub(crate) interval: Duration,
    /// By what the rows are sorted.
    #[arg(long, value_enum, value_name = "COLUMN", default_value_t)]
    pub(crate) sort: Sort,
    /// Sort the other way round.
    #[arg(short, long)]
    pub(crate) reverse: bool,
}

const TOP_HELP: &str = "\
Keys: arrows, j k, PgUp PgDn, Home End select; Enter details, which d u scroll; g graph;
/ filter; s sort; r reverse; p pause; left and right move long names; ? help; q, Esc or
Ctrl-C ends.
`!` before a service: an alert of it is firing. A terminal needs 40x10.

Examples:
  mcpstore top
  mcpstore top --sort cpu --interval 5s
  mcpstore top --once -o json";

/// Arguments of `doctor`.
#[derive(Clone, Debug, Args)]
#[command(after_help = DOCTOR_HELP)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

const DOCTOR_HELP: &str = "\
Looks at what services need from this machine: programs of the config and their versions,
folders, limits, containment, ports, the config itself, proxies, the clock, and whether a
running manager has another PATH than this shell. It needs no manager, changes nothing, and
starts no service. Programs that it knows (npx, uvx, node, python, docker, …) are asked for
their `--version`, no others.

Each line begins with `ok`, `warn` or `FAIL`; below what is not ok stands how to mend it.
Exit code 1 when something fails; a warning is none.

Examples:
  mcpstore doctor
  mcpstore doctor --config mcp.json
  mcpstore doctor -o json";

/// Arguments of `critical-chain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = CHAIN_HELP)]
pub(crate) struct CriticalChainArgs {
    /// Only the chain that ends at this service.
    #[arg(value_name = "SVC")]
    pub(crate) service: Option<String>,
}

const CHAIN_HELP: &str = "\
@ is when a service was ready, counted from the start of the manager; + is how long it took once
everything it waits for was there. The services marked with * are the chain that made the start
so slow: only making one of them faster makes the whole faster.

Examples:
  mcpstore critical-chain
  mcpstore critical-chain api -o json";

/// Arguments of `why`.
#[derive(Clone, Debug, Args)]
#[command(after_help = WHY_HELP)]
pub(crate) struct WhyArgs {
    /// The service.
    #[arg(value_name = "SVC")]
    pub(crate) service: String,
}

const WHY_HELP: &str = "\
The first line is the answer. Below stand the causes, each what led to the one above it, down to
exit codes and what the server said last; then what to do about it.

Examples:
  mcpstore why api
  mcpstore why api -o json";

fn interval(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if (Duration::from_millis(200)..=Duration::from_secs(3_600)).contains(&time) {
        Ok(time)
    } else {
        Err("from 200ms to 1h".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_help_is_broken() {
        for help in [TOP_HELP, DOCTOR_HELP, CHAIN_HELP, WHY_HELP] {
            assert!(help.lines().all(|line| line.chars().count() <= 96) && help.contains("  mcpstore "), "{help}");
        }
    }

    #[test]
    fn an_interval_has_bounds() {
        assert_eq!(interval("2s"), Ok(Duration::from_secs(2)));
        assert!(interval("100ms").is_err() && interval("2h").is_err() && interval("2").is_err());
    }
}
