//! The arguments of the commands that change the config.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::verbs::{SomeSelectArgs, assignment, duration};

const ADD_HELP: &str = "\
Everything behind -- is the command, each word as it is; no shell is involved. The entry is
written into the config of the running manager (or the one that --config names), which keeps
its comments and its order. It is on the disk when this command ends, and a manager that runs
has taken it over.

Secrets belong into variables: --env 'TOKEN=${TOKEN}' writes a reference.

Examples:
  mcpstore add time -- uvx mcp-server-time
  mcpstore add files --depends-on time -- npx -y @modelcontextprotocol/server-filesystem /srv
  mcpstore add search https://mcp.example.com/mcp --header 'Authorization=Bearer ${TOKEN}'";

/// Arguments of `add`.
#[derive(Clone, Debug, Args)]
#[command(after_help = ADD_HELP)]
pub(crate) struct AddArgs {
    /// The name of the service.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The address of a server that runs already.
    #[arg(value_name = "URL", required_unless_present = "command", conflicts_with = "command")]
    pub(crate) url: Option<String>,
    /// What stands behind a forgotten --; see [`AddArgs::forgotten`].
    #[arg(hide = true)]
    pub(crate) rest: Vec<String>,
    /// The program that is launched, and its arguments.
    #[arg(value_name = "CMD", last = true)]
    pub(crate) command: Vec<String>,
    /// A variable for the program; may be given several times.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = assignment, requires = "command")]
    pub(crate) env: Vec<(String, String)>,
    /// A header for the address; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, requires = "url")]
    pub(crate) header: Vec<(String, String)>,
    /// The working directory of the program.
    #[arg(long, value_name = "DIR", requires = "command")]
    pub(crate) cwd: Option<String>,
    /// How the address is spoken to; without it, the address says.
    #[arg(long = "type", value_enum, value_name = "TYPE", requires = "url")]
    pub(crate) kind: Option<RemoteKind>,
    /// A service that it needs; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) depends_on: Vec<String>,
    /// A word to select it by; may be given several times.
    #[arg(long, value_name = "WORD")]
    pub(crate) tag: Vec<String>,
    /// What it is for.
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// Write it disabled: it is not started.
    #[arg(long, visible_alias = "disabled")]
    pub(crate) no_start: bool,
    /// Write it anew when it is there already.
    #[arg(long)]
    pub(crate) replace: bool,
    /// The file to write into; it is made when it is not there.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Wait until it runs.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Give up waiting after this time (exit code 124).
    #[arg(long, value_name = "D", value_parser = duration, requires = "wait")]
    pub(crate) timeout: Option<Duration>,
}

impl AddArgs {
    /// The words of a command without the -- in front of it.
    pub(crate) fn forgotten(&self) -> Option<Vec<&str>> {
        let first = self.url.as_deref()?;
        let is_address = first.contains("://") || first.starts_with("unix:") || first.contains("${");
        let words = std::iter::once(first).chain(self.rest.iter().map(String::as_str));
        (!is_address || !self.rest.is_empty()).then(|| words.collect())
    }
}

/// How an address is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RemoteKind {
    /// Streamable HTTP.
    Http,
    /// HTTP+SSE, as older servers speak it.
    Sse,
}

impl RemoteKind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Sse => "sse",
        }
    }
}

const REMOVE_HELP: &str = "\
The entry is taken out of every file of the config that has one, and the running manager stops
and forgets the service. One that others depend on stays, unless they are removed too.

Example:
  mcpstore remove api --force";

/// Arguments of `remove`.
#[derive(Clone, Debug, Args)]
#[command(after_help = REMOVE_HELP)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    pub(crate) select: SomeSelectArgs,
    /// Stop what is active first.
    #[arg(long)]
    pub(crate) force: bool,
    /// The config to change; default that of the running manager.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
}

const EDIT_HELP: &str = "\
With --set and --unset, fields of one service are written: FIELD is its way from the entry,
with dots between (timeouts.start, env.TOKEN). A VALUE that is JSON is taken as such,
everything else is text. Without them, the file is opened in $VISUAL or $EDITOR, checked when
the editor is left, and put in place only when it has no new errors.

Examples:
  mcpstore edit
  mcpstore edit api --set timeouts.start=90s --set 'args=[\"-v\"]' --unset cwd";

/// Arguments of `edit`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EDIT_HELP)]
pub(crate) struct EditArgs {
    /// The service whose fields are written.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// A field to write.
    #[arg(long, value_name = "FIELD=VALUE", value_parser = assignment, requires = "name")]
    pub(crate) set: Vec<(String, String)>,
    /// A field to take out.
    #[arg(long, value_name = "FIELD", requires = "name")]
    pub(crate) unset: Vec<String>,
    /// The editor. Default: VISUAL, then EDITOR.
    #[arg(long, env = "VISUAL", hide_env_values = true, value_name = "PROGRAM")]
    pub(crate) editor: Option<String>,
    /// The config to change; default that of the running manager.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
}

/// Arguments of `enable` and `disable`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "A service that another one needs is still started with it.\n\nExamples:\n  mcpstore disable api\n  mcpstore enable 'tag:prod'"
)]
pub(crate) struct EnableArgs {
    #[command(flatten)]
    pub(crate) select: SomeSelectArgs,
    /// The config to change; default that of the running manager.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
}
