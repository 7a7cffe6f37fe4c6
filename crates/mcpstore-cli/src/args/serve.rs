//! Arguments of `serve`.

use std::path::PathBuf;

use clap::Args;

use super::ConfigArgs;

const AFTER_HELP: &str = "\
For clients that launch a program and speak MCP with it over stdin and stdout. When a manager
runs, this joins it: its services are shared, and stay when the client goes. When none runs,
it is one itself, with the services of the config, and stops them when the client goes; other
clients may join it meanwhile.

Nothing is asked on stdin, which belongs to the client: a config that was only found must be
approved before (`mcpstore config approve`), or named with --config.

Examples:
  mcpstore serve --stdio
  mcpstore serve --stdio --profile coder
  mcpstore connect cursor      write this into a client's config";

/// Arguments of `serve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ServeArgs {
    /// Speak MCP over stdin and stdout.
    #[arg(long, required = true)]
    pub(crate) stdio: bool,
    /// The profile of the config that the client sees. Default: every service.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Fail when no manager runs, instead of being one.
    #[arg(long)]
    pub(crate) join_only: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// A file with approvals, made by `mcpstore config approve --to FILE`. Default: MCPSTORE_APPROVALS.
    #[arg(long, value_name = "FILE")]
    pub(crate) approvals: Option<PathBuf>,
}
