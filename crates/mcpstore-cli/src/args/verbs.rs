//! The arguments of each command.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand, ValueEnum};
use mcpstore::types::suggestion;

use crate::select::Select;

/// Which services a command means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct SelectArgs {
    /// Names, globs (* ?), or tag:WORD.
    #[arg(value_name = "SEL")]
    pub(crate) selectors: Vec<String>,
    /// Every service.
    #[arg(long, conflicts_with = "selectors")]
    pub(crate) all: bool,
}

impl SelectArgs {
    /// The selection; nothing said means all.
    pub(crate) fn select(&self) -> Select {
        Select { all: self.all || self.selectors.is_empty(), patterns: self.selectors.clone() }
    }
}

/// As [`SelectArgs`], for commands that must not mean "all" by accident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct SomeSelectArgs {
    /// Names, globs (* ?), or tag:WORD.
    #[arg(value_name = "SEL", required_unless_present = "all")]
    pub(crate) selectors: Vec<String>,
    /// Every service; for a start: every enabled one.
    #[arg(long, conflicts_with = "selectors")]
    pub(crate) all: bool,
}

impl SomeSelectArgs {
    /// The selection.
    pub(crate) fn select(&self) -> Select {
        Select { all: self.all, patterns: self.selectors.clone() }
    }
}

/// Arguments of `down`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  mcpstore down --timeout 30s")]
pub(crate) struct DownArgs {
    /// Kill at once, in the same order.
    #[arg(long)]
    pub(crate) force: bool,
    /// Give up waiting after this time (exit code 124); the stop goes on.
    #[arg(long, value_name = "D", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
}

/// Arguments of `start`, `stop` and `restart`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  mcpstore start api --wait --timeout 30s\n  mcpstore restart 'tag:prod'\n  mcpstore stop --all"
)]
pub(crate) struct VerbArgs {
    #[command(flatten)]
    pub(crate) select: SomeSelectArgs,
    /// Kill at once instead of asking politely; without meaning for a start.
    #[arg(long)]
    pub(crate) force: bool,
    /// Wait until it is done.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Give up waiting after this time (exit code 124).
    #[arg(long, value_name = "D", value_parser = duration, requires = "wait")]
    pub(crate) timeout: Option<Duration>,
}

/// Arguments of `wait`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  mcpstore wait api --for healthy --timeout 30s")]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    pub(crate) select: SomeSelectArgs,
    /// One of the seven states, or: healthy, down.
    #[arg(long = "for", value_name = "STATE", default_value = "running", value_parser = goal_word)]
    pub(crate) goal: String,
    /// Give up after this time (exit code 124).
    #[arg(long, value_name = "D", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
}

/// Arguments of `reset`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  mcpstore reset api")]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    pub(crate) select: SomeSelectArgs,
}

/// Arguments of `ls`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  mcpstore ls\n  mcpstore ls -w 'tag:prod'\n  mcpstore ls -o json")]
pub(crate) struct LsArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// More columns; the same as -o wide.
    #[arg(short, long)]
    pub(crate) wide: bool,
}

/// Arguments of `status`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  mcpstore status api")]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
}

/// Arguments of `tools`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "A single SVC.TOOL shows that tool with its arguments; -o wide lists the arguments of all.\n\nExamples:\n  mcpstore tools\n  mcpstore tools filesystem.read_file\n  mcpstore tools filesystem -o wide"
)]
pub(crate) struct ToolsArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
}

/// Arguments of `call`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
An argument is k=v (a number, true, a list … when the tool's schema asks for one, else text),
k:=JSON, k=@FILE (the file's text; @- is stdin) or k:=@FILE. Text that begins with @ goes as
k:='\"@…\"'. `mcpstore tools SVC.TOOL` shows what a tool takes.

Examples:
  mcpstore call filesystem.list_directory path=/tmp
  mcpstore call api.search query=cats limit=5 'filter:={\"kind\": \"photo\"}'
  mcpstore call api.search --args '{\"query\": \"cats\"}'")]
pub(crate) struct CallArgs {
    /// The service and its tool.
    #[arg(value_name = "SVC.TOOL")]
    pub(crate) tool: String,
    /// The arguments, one by one.
    #[arg(value_name = "K=V")]
    pub(crate) pairs: Vec<String>,
    /// All arguments as one JSON object; @FILE or @- reads it.
    #[arg(long, value_name = "JSON", conflicts_with = "pairs")]
    pub(crate) args: Option<String>,
}

/// Arguments of `logs`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  mcpstore logs api -f -n 20")]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) select: SomeSelectArgs,
    /// Go on with what is written from now on.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// The last so many lines of each service; 200 of this life and 200 of the one before are kept.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    pub(crate) lines: usize,
}

/// Arguments of `events`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EVENTS_HELP)]
pub(crate) struct EventsArgs {
    /// Go on with what happens from now on.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only what happened since: a length of time (10m, 2h, 3d), a moment in UTC (2026-01-31T08:00:00Z, 2026-01-31), or
    /// the number of an event. A time reaches back into history, before the start of the manager too, and needs none to run. Default: all since its start.
    #[arg(long, value_name = "WHEN", default_value = "0", value_parser = since)]
    pub(crate) since: Since,
}

const EVENTS_HELP: &str = "\
Examples:
  mcpstore events
  mcpstore events --since 10m
  mcpstore events -f -o ndjson
  mcpstore events --since 120";

/// From where on events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// Above this number of the running manager's.
    Seq(u64),
    /// From this moment on.
    Moment(SystemTime),
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(seq) = text.parse() {
        return Ok(Since::Seq(seq));
    }
    // A day alone is its beginning, in UTC as everything here.
    let moment =
        humantime::parse_rfc3339_weak(text).or_else(|_| humantime::parse_rfc3339_weak(&format!("{text}T00:00:00")));
    if let Ok(moment) = moment {
        return Ok(Since::Moment(moment));
    }
    let ago = humantime::parse_duration(text).ok().and_then(|ago| SystemTime::now().checked_sub(ago));
    ago.map(Since::Moment).ok_or_else(|| {
        "write a length of time (10m), a moment in UTC (2026-01-31, 2026-01-31T08:00:00Z), or a number".to_owned()
    })
}

/// Arguments of `check`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  mcpstore check && echo all healthy")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
}

/// Arguments of `metrics`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  mcpstore metrics api --over 10m")]
pub(crate) struct MetricsArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// Only the checks of the last so long; default all that are kept.
    #[arg(long, value_name = "D", value_parser = duration)]
    pub(crate) over: Option<Duration>,
}

/// Which config to read, and how.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConfigArgs {
    /// A config file; given several times, later ones win; - is stdin. Default: MCPSTORE_CONFIG, then ./mcp.json,
    /// ./.mcp.json, ./mcpstore.json (or .toml, .yaml), then your own, ~/.config/mcpstore/mcp.json.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
    /// Unknown keys are errors.
    #[arg(long)]
    pub(crate) strict: bool,
    /// A value for ${input:ID} in the config; may be given several times.
    #[arg(long, value_name = "ID=VALUE", value_parser = assignment)]
    pub(crate) input: Vec<(String, String)>,
}

/// `NAME=VALUE`.
pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

/// Arguments of `plan`.
#[derive(Clone, Debug, Args)]
#[command(after_help = PLAN_HELP)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// End with exit code 7 when anything would change.
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// As `apply --prune`: services that the config does not name would go.
    #[arg(long)]
    pub(crate) prune: bool,
}

const PLAN_HELP: &str = "\
Each line says what would become of a service and which field is the reason, with its place in
the config. Without --config, the manager's own files are compared with what runs.

Examples:
  mcpstore plan
  mcpstore plan --config mcp.json --exit-code
  mcpstore plan -o json";

/// Arguments of `apply`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  mcpstore apply --config mcp.json --wait\n  mcpstore apply --config mcp.json --prune"
)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Stop and remove what the config does not name.
    #[arg(long)]
    pub(crate) prune: bool,
    /// Wait until what was started or restarted runs.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Give up waiting after this time (exit code 124).
    #[arg(long, value_name = "D", value_parser = duration, requires = "wait")]
    pub(crate) timeout: Option<Duration>,
}

/// Arguments of `reload`.
#[derive(Clone, Debug, Args)]
#[command(after_help = RELOAD_HELP)]
pub(crate) struct ReloadArgs {
    /// Wait until what was started or restarted runs.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Give up waiting after this time (exit code 124).
    #[arg(long, value_name = "D", value_parser = duration, requires = "wait")]
    pub(crate) timeout: Option<Duration>,
}

const RELOAD_HELP: &str = "\
The manager watches its config and does this by itself; SIGHUP does it too. A config with an
error changes nothing. Only services whose entry changed in a way that needs it are restarted,
after calls under way had time to end (timeouts.drain).

Example:
  mcpstore reload --wait";

/// Arguments of `graph`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  mcpstore graph --format dot | dot -Tsvg > graph.svg")]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The language of the drawing.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<GraphFormat>,
}

/// The language of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Plain lines.
    Ascii,
    /// A flow chart for Markdown.
    Mermaid,
    /// Graphviz.
    Dot,
    /// A document.
    Json,
}

/// What to do about logins.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Log in to a server: prints a page to open, and waits for the browser to come back.
    #[command(after_help = "Example:\n  mcpstore auth login search")]
    Login {
        /// The service.
        #[arg(value_name = "NAME")]
        service: String,
        /// Only print the address of the page.
        #[arg(long)]
        no_browser: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Forget the login to a server.
    #[command(after_help = "Example:\n  mcpstore auth logout search")]
    Logout {
        /// The service.
        #[arg(value_name = "NAME")]
        service: String,
    },
    /// Show to which servers of the config there is a login.
    #[command(after_help = "Examples:\n  mcpstore auth status\n  mcpstore auth status -o json")]
    Status {
        /// Names, globs (* ?), or tag:WORD.
        #[arg(value_name = "SEL")]
        selectors: Vec<String>,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

/// What to do with a config.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Tell everything that is wrong with a config; exit code 5 on errors.
    #[command(after_help = "Examples:\n  mcpstore config check\n  mcpstore config check mcp.json team.json --strict")]
    Check {
        /// Config files, as with --config.
        #[arg(value_name = "FILE", conflicts_with = "config")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        args: ConfigArgs,
    },
    /// Show what all files together state; what may be secret is hidden.
    #[command(after_help = "Examples:\n  mcpstore config show --origin\n  mcpstore config show api -o json")]
    Show(ShowArgs),
    /// Say which files are the config.
    #[command(after_help = "Example:\n  mcpstore config path")]
    Path {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Let a config run that was found in this folder, as it stands.
    #[command(after_help = APPROVE_HELP)]
    Approve(ApproveArgs),
    /// Explain a diagnostic.
    #[command(after_help = "Example:\n  mcpstore config explain MS012")]
    Explain {
        /// Its code; without one, all codes are listed.
        #[arg(value_name = "CODE")]
        code: Option<String>,
    },
    /// Print the JSON Schema of a config, for editors.
    #[command(
        after_help = "Example:\n  mcpstore config schema > mcpstore.schema.json\n  # then, in the config: \"$schema\": \"./mcpstore.schema.json\""
    )]
    Schema,
}

const APPROVE_HELP: &str = "\
A config in the working directory runs nothing before its commands were shown and approved: it
may come with a repository. An approval holds for this file, these commands, arguments and
programs; a change of any of them asks again. A config that is named with --config needs none.

Examples:
  mcpstore config approve
  mcpstore config approve --to approved.json";

/// Arguments of `config show`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ShowArgs {
    /// Only these services.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Say where each value stands.
    #[arg(long)]
    pub(crate) origin: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Arguments of `config approve`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ApproveArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Write a file with the approvals instead, for machines where nobody can be asked.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
}

/// Arguments of `completion`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  mcpstore completion bash > ~/.local/share/bash-completion/completions/mcpstore")]
pub(crate) struct CompletionArgs {
    /// Of which shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Arguments of the hidden `demo-server`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoServerArgs {
    /// Which one.
    pub(crate) name: String,
}

/// Reads "250ms", "10s", "2m", "1h 30m".
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if digits {
            return format!("its unit is missing; write {text}s or {text}ms");
        }
        "a duration is written like 250ms, 10s, 2m, 1h 30m".to_owned()
    })
}

/// A word that `wait --for` takes.
fn goal_word(word: &str) -> Result<String, String> {
    let known = crate::select::GOAL_WORDS;
    if known.contains(&word) {
        return Ok(word.to_owned());
    }
    Err(format!("no state `{word}`{}; known: {}", suggestion(word, &known), known.join(", ")))
}
