//! The arguments of the commands about other clients' files.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mcpstore::config::Client;
use mcpstore::types::suggestion;

use super::registry::RemoteKind;
use super::verbs::{SelectArgs, assignment};

const IMPORT_HELP: &str = "\
Without SOURCE, the files of the clients on this machine are listed. A server that is new is
added, one that is there already with the same entry is left alone, and one that differs is a
conflict, which --overwrite decides. Secrets that stand in a file in plain text are put into
files of their own, which only you can read, and referred to.

Clients: claude-desktop, claude-code, cursor, windsurf, vscode, codex, zed, cline, gemini.

Examples:
  mcpstore import
  mcpstore import cursor --dry-run
  mcpstore import cursor
  mcpstore import ./team/mcp.json --secrets env";

/// Arguments of `import`.
#[derive(Clone, Debug, Args)]
#[command(after_help = IMPORT_HELP)]
pub(crate) struct ImportArgs {
    /// A client, or a file in any client's format.
    #[arg(value_name = "SOURCE")]
    pub(crate) source: Option<String>,
    /// Only these servers.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Only say what would be done.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Write servers anew that are there already and differ.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// What becomes of secrets in plain text.
    #[arg(long, value_enum, value_name = "WHERE", default_value_t = Secrets::File)]
    pub(crate) secrets: Secrets,
    /// The config to write into; default that of the running manager, else yours.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Where secrets are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Secrets {
    /// Into files of their own: ${file:…}.
    File,
    /// Nowhere: variables are referred to, and you set them.
    Env,
    /// They stay where they are.
    Keep,
}

const EXPORT_HELP: &str = "\
Only what the client understands is written; the rest is named. What the file said before is
kept, and --undo brings it back.

Examples:
  mcpstore export --to cursor --dry-run
  mcpstore export files --to vscode --project
  mcpstore export --to cursor --undo";

/// Arguments of `export`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXPORT_HELP)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// The client.
    #[arg(long, value_name = "CLIENT", value_parser = client)]
    pub(crate) to: Client,
    #[command(flatten)]
    pub(crate) file: ClientFileArgs,
    /// Write servers anew that are there already and differ.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// The config to read; default that of the running manager.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
}

/// Which file of a client, and how it is treated.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ClientFileArgs {
    /// The client's file in this folder, instead of that for all projects.
    #[arg(long, conflicts_with = "file")]
    pub(crate) project: bool,
    /// This file, instead of the one where the client keeps its servers.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Only say what would be done.
    #[arg(short = 'n', long, conflicts_with = "undo")]
    pub(crate) dry_run: bool,
    /// Take the last change of that file back.
    #[arg(long)]
    pub(crate) undo: bool,
}

const CONNECT_HELP: &str = "\
One entry is written into the client's file, and nothing else of it is touched; what it said
before is kept, and --undo brings it back byte for byte.

By default the client launches `mcpstore serve --stdio`, which joins the running manager, or
is one itself. With --http it reaches the manager's address; the entry then holds the token of
the gateway. --url and CMD write an entry for another server.

Clients: claude-desktop, claude-code, cursor, windsurf, vscode, codex, zed, cline, gemini.

Examples:
  mcpstore connect cursor
  mcpstore connect claude-code --profile coder
  mcpstore connect vscode --http
  mcpstore connect cursor --undo";

/// Arguments of `connect`.
#[derive(Clone, Debug, Args)]
#[command(after_help = CONNECT_HELP)]
pub(crate) struct ConnectArgs {
    /// The client.
    #[arg(value_name = "CLIENT", value_parser = client)]
    pub(crate) client: Client,
    /// The name of the entry.
    #[arg(long, value_name = "NAME", default_value = "mcpstore")]
    pub(crate) name: String,
    /// The address that the client shall reach.
    #[arg(long, value_name = "URL", conflicts_with = "command")]
    pub(crate) url: Option<String>,
    /// Reach the manager's own address, with its token.
    #[arg(long, conflicts_with_all = ["url", "command"])]
    pub(crate) http: bool,
    /// The profile of the config that the client sees.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["url", "command"])]
    pub(crate) profile: Option<String>,
    /// How the address is spoken to.
    #[arg(long = "type", value_enum, value_name = "TYPE", requires = "url")]
    pub(crate) kind: Option<RemoteKind>,
    /// A header for the address; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment, requires = "url")]
    pub(crate) header: Vec<(String, String)>,
    /// The program that the client shall launch, and its arguments.
    #[arg(value_name = "CMD", last = true)]
    pub(crate) command: Vec<String>,
    #[command(flatten)]
    pub(crate) file: ClientFileArgs,
}

/// Arguments of `init`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  mcpstore init\n  mcpstore init team/mcp.json")]
pub(crate) struct InitArgs {
    /// The file to write.
    #[arg(value_name = "FILE", default_value = "mcp.json")]
    pub(crate) file: PathBuf,
    /// Print it instead.
    #[arg(long)]
    pub(crate) print: bool,
}

fn client(word: &str) -> Result<Client, String> {
    Client::of(word).ok_or_else(|| {
        let known: Vec<&str> = Client::ALL.iter().map(|client| client.word()).collect();
        format!("no client `{word}`{}; known: {}", suggestion(word, &known), known.join(", "))
    })
}
