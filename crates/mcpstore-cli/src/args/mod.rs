//! The command line: what can be asked for, as clap reads it.

mod alerts;
mod clients;
mod guard;
mod registry;
mod serve;
mod verbs;
// Some of its commands are not registered yet.
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ColorChoice, Parser, Subcommand, ValueEnum};

use crate::quote::quoted;
use crate::up::UpArgs;
pub(crate) use alerts::AlertsCommand;
pub(crate) use clients::{ClientFileArgs, ConnectArgs, ExportArgs, ImportArgs, InitArgs, Secrets};
pub(crate) use guard::{ApproveToolsArgs, AuditArgs};
pub(crate) use registry::{AddArgs, EditArgs, EnableArgs, RemoveArgs};
pub(crate) use serve::ServeArgs;
pub(crate) use verbs::{
    ApplyArgs, ApproveArgs, AuthCommand, CallArgs, CheckArgs, CompletionArgs, ConfigArgs, ConfigCommand,
    DemoServerArgs, DownArgs, EventsArgs, GraphArgs, GraphFormat, LogsArgs, LsArgs, MetricsArgs, PlanArgs, ReloadArgs,
    ResetArgs, ShowArgs, Since, StatusArgs, ToolsArgs, VerbArgs, WaitArgs,
};
pub(crate) use watch::{CriticalChainArgs, DoctorArgs, TopArgs, WhyArgs};

const AFTER_HELP: &str = "\
Try it:
  mcpstore up --demo                            three small servers, in this terminal
  mcpstore ls                                   what runs, from a second terminal
  mcpstore call notes.put key=hello text=world  call a tool

Exit codes: 0 done, 1 failed, 2 usage, 3 not all healthy, 4 no such service, 5 config invalid,
6 no manager is running, 7 a plan has changes, 8 the tool returned an error, 9 refused,
124 timed out, 130 interrupted.";

/// Starts, watches and stops MCP servers, in the order they depend on each other.
#[derive(Debug, Parser)]
#[command(name = "mcpstore", version, after_help = AFTER_HELP, max_term_width = 120)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Global {
    /// The control socket of the manager.
    #[arg(long, global = true, env = "MCPSTORE_SOCKET", value_name = "PATH", hide_env_values = true)]
    pub(crate) socket: Option<PathBuf>,
    /// The folder the manager keeps its state in; its control socket too, unless --socket says otherwise.
    #[arg(long, global = true, env = "MCPSTORE_STATE_DIR", value_name = "DIR", hide_env_values = true)]
    pub(crate) state_dir: Option<PathBuf>,
    /// How results are printed. Default: table; for `call` off a terminal: json.
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT", default_value_t, hide_default_value = true)]
    pub(crate) output: Format,
    /// Colours: auto heeds NO_COLOR, CLICOLOR_FORCE, and whether this is a terminal.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
}

impl Global {
    /// A command of ours as it must be typed to reach the same manager: with the options that were given here.
    pub(crate) fn in_command(&self, command: &str) -> String {
        self.in_command_with(command, |name| std::env::var_os(name))
    }

    fn in_command_with(&self, command: &str, env: impl Fn(&str) -> Option<OsString>) -> String {
        let Some(rest) = command.strip_prefix("mcpstore ") else { return command.to_owned() };
        let mut out = "mcpstore".to_owned();
        let options =
            [("--socket", "MCPSTORE_SOCKET", &self.socket), ("--state-dir", "MCPSTORE_STATE_DIR", &self.state_dir)];
        for (option, variable, value) in options {
            let Some(path) = value else { continue };
            if rest.contains(option) || env(variable).is_some_and(|set| set == *path.as_os_str()) {
                continue;
            }
            out.push_str(&format!(" {option} {}", quoted(&path.display().to_string())));
        }
        format!("{out} {rest}")
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// What suits the command and the terminal.
    #[default]
    #[value(hide = true)]
    Auto,
    /// Columns for people.
    Table,
    /// More columns.
    Wide,
    /// One JSON document with a schema word.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Names only, one a line.
    Name,
}

impl Format {
    /// True for the two JSON formats.
    pub(crate) const fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Ndjson)
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the manager in this terminal: start the services and watch them until Ctrl-C.
    Up(Box<UpArgs>),
    /// Stop every service in reverse order, and end the running manager.
    Down(DownArgs),
    /// Start services and what they depend on.
    Start(VerbArgs),
    /// Stop services, those that cannot be without them first.
    Stop(VerbArgs),
    /// Restart services; those that depend on them go down first and come up after.
    Restart(VerbArgs),
    /// Wait until services are where they shall be.
    Wait(WaitArgs),
    /// Forget the failures of services that gave up.
    Reset(ResetArgs),
    /// Add a service to the config, and to the running manager.
    Add(AddArgs),
    /// Remove services from the config, and from the running manager.
    Remove(RemoveArgs),
    /// Change the entry of a service, or the whole config, in an editor.
    Edit(EditArgs),
    /// Have services started with the others from now on.
    Enable(EnableArgs),
    /// Keep services from being started with the others.
    Disable(EnableArgs),
    /// List services with their states.
    Ls(LsArgs),
    /// Show all there is to know about services.
    Status(StatusArgs),
    /// List the tools of running services.
    Tools(ToolsArgs),
    /// Call a tool and print what the server answers.
    Call(Box<CallArgs>),
    /// Show what servers write to stderr.
    Logs(LogsArgs),
    /// Show what happened.
    Events(EventsArgs),
    /// Probe services now; exit code 3 when not all are healthy.
    Check(CheckArgs),
    /// Show how checks and calls went, and what services use.
    Metrics(MetricsArgs),
    /// Watch all services live: states, calls, latencies, memory.
    Top(TopArgs),
    /// Say why a service is where it is, and what to do about it.
    Why(WhyArgs),
    /// Show what the config would change in the running manager; without one, in which order services start.
    Plan(PlanArgs),
    /// Make the running manager's services what a config says.
    Apply(ApplyArgs),
    /// Have the running manager read its config again, and take over what changed.
    Reload(ReloadArgs),
    /// Draw who depends on whom.
    Graph(GraphArgs),
    /// Show which services made the start as slow as it was.
    CriticalChain(CriticalChainArgs),
    /// List alerts, silence them, and test who is told.
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// Look at what services need from this machine; exit code 1 when something fails.
    Doctor(DoctorArgs),
    /// Show where the gateway is, and what it offers.
    #[command(after_help = "Examples:\n  mcpstore gateway\n  mcpstore gateway -o json")]
    Gateway,
    /// See what changed of tools that are not what they were, and approve them.
    Approve(ApproveToolsArgs),
    /// Show what clients of the gateway did, or check that the log of it is whole.
    Audit(AuditArgs),
    /// Log in to remote servers, and out of them.
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Write a first config, from what is on this machine.
    Init(InitArgs),
    /// Take servers over from another client, or from a file.
    Import(ImportArgs),
    /// Write services into another client's file.
    Export(ExportArgs),
    /// Have another client reach all services through this manager.
    Connect(ConnectArgs),
    /// Speak MCP over stdin and stdout: one server that offers what all services offer.
    Serve(ServeArgs),
    /// Check, show and approve configs.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write the completion script of a shell.
    Completion(CompletionArgs),
    /// Show the version.
    Version,
    /// One of the servers of `up --demo`, on stdin and stdout.
    #[command(hide = true)]
    DemoServer(DemoServerArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        let mut todo: Vec<clap::Command> = Cli::command().get_subcommands().cloned().collect();
        assert!(AFTER_HELP.lines().all(|line| line.chars().count() <= 96));
        while let Some(command) = todo.pop() {
            todo.extend(command.get_subcommands().cloned());
            if command.has_subcommands() || command.is_hide_set() {
                continue;
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines() {
                assert!(line.chars().count() <= 96, "clap would break this line of `{}`: {line}", command.get_name());
            }
            let plain = matches!(command.get_name(), "version" | "help");
            assert!(plain || help.contains("mcpstore "), "`{}` has no example", command.get_name());
        }
    }

    #[test]
    fn help_of_the_whole() {
        let help = Cli::command().term_width(100).render_help().to_string();
        expect![[r#"
            Starts, watches and stops MCP servers, in the order they depend on each other

            Usage: mcpstore [OPTIONS] <COMMAND>

            Commands:
              up              Run the manager in this terminal: start the services and watch them until Ctrl-C
              down            Stop every service in reverse order, and end the running manager
              start           Start services and what they depend on
              stop            Stop services, those that cannot be without them first
              restart         Restart services; those that depend on them go down first and come up after
              wait            Wait until services are where they shall be
              reset           Forget the failures of services that gave up
              add             Add a service to the config, and to the running manager
              remove          Remove services from the config, and from the running manager
              edit            Change the entry of a service, or the whole config, in an editor
              enable          Have services started with the others from now on
              disable         Keep services from being started with the others
              ls              List services with their states
              status          Show all there is to know about services
              tools           List the tools of running services
              call            Call a tool and print what the server answers
              logs            Show what servers write to stderr
              events          Show what happened
              check           Probe services now; exit code 3 when not all are healthy
              metrics         Show how checks and calls went, and what services use
              top             Watch all services live: states, calls, latencies, memory
              why             Say why a service is where it is, and what to do about it
              plan            Show what the config would change in the running manager; without one, in which
                              order services start
              apply           Make the running manager's services what a config says
              reload          Have the running manager read its config again, and take over what changed
              graph           Draw who depends on whom
              critical-chain  Show which services made the start as slow as it was
              alerts          List alerts, silence them, and test who is told
              doctor          Look at what services need from this machine; exit code 1 when something fails
              gateway         Show where the gateway is, and what it offers
              approve         See what changed of tools that are not what they were, and approve them
              audit           Show what clients of the gateway did, or check that the log of it is whole
              auth            Log in to remote servers, and out of them
              init            Write a first config, from what is on this machine
              import          Take servers over from another client, or from a file
              export          Write services into another client's file
              connect         Have another client reach all services through this manager
              serve           Speak MCP over stdin and stdout: one server that offers what all services offer
              config          Check, show and approve configs
              completion      Write the completion script of a shell
              version         Show the version
              help            Print this message or the help of the given subcommand(s)

            Options:
                  --socket <PATH>    The control socket of the manager [env: MCPSTORE_SOCKET]
                  --state-dir <DIR>  The folder the manager keeps its state in; its control socket too, unless
                                     --socket says otherwise [env: MCPSTORE_STATE_DIR]
              -o, --output <FORMAT>  How results are printed. Default: table; for `call` off a terminal: json
                                     [possible values: table, wide, json, ndjson, name]
                  --color <WHEN>     Colours: auto heeds NO_COLOR, CLICOLOR_FORCE, and whether this is a
                                     terminal [default: auto] [possible values: auto, always, never]
              -h, --help             Print help (see more with '--help')
              -V, --version          Print version

            Try it:
              mcpstore up --demo                            three small servers, in this terminal
              mcpstore ls                                   what runs, from a second terminal
              mcpstore call notes.put key=hello text=world  call a tool

            Exit codes: 0 done, 1 failed, 2 usage, 3 not all healthy, 4 no such service, 5 config invalid,
            6 no manager is running, 7 a plan has changes, 8 the tool returned an error, 9 refused,
            124 timed out, 130 interrupted.
        "#]]
        .assert_eq(&help);
    }

    #[test]
    fn the_next_command_reaches_the_same_manager() {
        let global = Global { socket: Some("/run/my sock".into()), state_dir: Some("/s".into()), ..Global::default() };
        let typed =
            |command| global.in_command_with(command, |name| (name == "MCPSTORE_STATE_DIR").then(|| "/s".into()));
        assert_eq!(typed("mcpstore ls"), "mcpstore --socket '/run/my sock' ls");
        assert_eq!(typed("mcpstore --socket PATH up"), "mcpstore --socket PATH up");
        assert_eq!(Global::default().in_command("mcpstore ls"), "mcpstore ls");
    }

    #[test]
    fn selectors_are_required_where_something_changes() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' ')).map(drop).map_err(|error| error.kind());
        assert!(parse("mcpstore start").is_err());
        assert!(parse("mcpstore stop --all --wait --timeout 5s").is_ok());
        assert!(parse("mcpstore restart a tag:x --force").is_ok());
        assert!(parse("mcpstore ls").is_ok());
        assert!(parse("mcpstore wait a --for unheathy --timeout 5s").is_err());
        assert!(parse("mcpstore stop a --timeout 5s").is_err(), "a timeout means nothing without --wait");
        assert_eq!(parse("mcpstore start a --timeout soon --wait"), Err(clap::error::ErrorKind::ValueValidation));
    }
}
