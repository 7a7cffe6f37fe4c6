//! Arguments of `approve` and `audit`.

use clap::Args;

const APPROVE_HELP: &str = "\
A tool is pinned when it is seen first: its name, title, description, schemas and annotations.
When a server offers it with others, clients of the gateway neither see nor call it
(`gateway.toolChanges` of the config says how strictly) until somebody has seen what changed,
and approves it. It needs no running manager; one that runs takes it over at once.

Examples:
  mcpstore approve --list          what waits
  mcpstore approve                 see each change, and say yes or no
  mcpstore approve api search      of this tool alone";

/// Arguments of `approve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = APPROVE_HELP)]
pub(crate) struct ApproveToolsArgs {
    /// The service; default every one.
    #[arg(value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// Its tools, as its server calls them; default all that wait.
    #[arg(value_name = "TOOL", requires = "service")]
    pub(crate) tools: Vec<String>,
    /// Only say which tools wait.
    #[arg(long, conflicts_with = "yes")]
    pub(crate) list: bool,
    /// Show what changed, and approve it without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

const AUDIT_HELP: &str = "\
The gateway notes what clients do: each call of a tool, each prompt and each resource that is
read, who asked and how it ended. Arguments are not in it, only what tells equal ones from
others. Each line carries a hash of all before it, so a line that was changed or taken out
shows: --verify.

Examples:
  mcpstore audit                   the last of what clients did
  mcpstore audit --service api --outcome refused -n 100
  mcpstore audit --verify";

/// Arguments of `audit`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AUDIT_HELP)]
pub(crate) struct AuditArgs {
    /// How many lines.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(crate) lines: usize,
    /// Only of this service.
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// Only what ended so: done, tool_error, error, refused, too_many, cancelled.
    #[arg(long, value_name = "WORD")]
    pub(crate) outcome: Option<String>,
    /// Check that the log is as it was written, and print the hash of its last line; exit code 1 when it is not.
    #[arg(long, conflicts_with_all = ["service", "outcome"])]
    pub(crate) verify: bool,
}
