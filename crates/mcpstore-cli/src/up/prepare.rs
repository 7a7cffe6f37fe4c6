//! From the arguments of `up` to the services to run.

use std::io::Write as _;

use anyhow::Context as _;
use mcpstore::config::{MAX_PARALLEL_STARTS_DEFAULT, Source};
use mcpstore::gateway::Rules;
use mcpstore::types::{AlertsSpec, GatewaySpec, suggestion};
use mcpstore::{Loaded, ServiceName, ServiceSpec};

use super::UpArgs;
use crate::config::{Ask, Config, ConfigFiles, Trust};
use crate::exit::{Exit, Failure};
use crate::output::{Term, diagnostics_text, misnamed, talk};
use crate::paths::Paths;
use crate::quote::with_config;
use crate::select::{Among, Known, Select};

/// Shows a config that works.
const EXAMPLE: &str = "mcpstore up --demo --print-config";

/// What is to run.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) services: Vec<ServiceSpec>,
    /// How many may start at the same time.
    pub(super) max_parallel_starts: usize,
    /// When alerts fire, and who is told.
    pub(super) alerts: AlertsSpec,
    /// How the gateway is reached.
    pub(super) gateway: GatewaySpec,
    /// What its clients see.
    pub(super) rules: Rules,
    /// Which of them to start; `None`: every enabled one.
    pub(super) selection: Option<Select>,
    /// Where they come from; `None` for the demo.
    pub(super) files: Option<ConfigFiles>,
}

/// Reads the config, tells what is wrong with it on stderr, asks whether it may run when it was only found, and checks the
/// selectors. Starts nothing.
///
/// # Errors
/// [`Failure`]: no config, no service that can run, one that was not approved, or a selector that matches nothing.
pub(super) fn prepare(args: &UpArgs, paths: &Paths, term: &Term) -> anyhow::Result<Prepared> {
    let mut selection = args.selection();
    let prepared = if args.demo {
        let program = std::env::current_exe().context("the path of this program is unknown")?;
        let services = crate::demo::services(&program)?;
        let max_parallel_starts = MAX_PARALLEL_STARTS_DEFAULT;
        let (alerts, gateway, rules) = (AlertsSpec::default(), GatewaySpec::default(), Rules::default());
        Prepared { services, max_parallel_starts, alerts, gateway, rules, selection, files: None }
    } else {
        let config = Config::load(&args.config)?;
        let Config { sources, loaded, .. } = &config;
        // Cleaned already, and with colours: so not through `talk`. What cannot be written is lost.
        let _ = std::io::stderr().write_all(diagnostics_text(loaded, sources, term).as_bytes());
        if let Some(words) = left_out(loaded) {
            talk(&words);
        }
        usable(loaded, sources, args)?;
        let trust = Trust::new(paths, args.approvals.as_deref())?;
        trust.demand(&config, Ask::of(args.yes))?;
        if let Some(profile) = &args.profile {
            selection = Some(of_profile(profile, loaded)?);
        }
        let Config { files, loaded, .. } = config;
        let max_parallel_starts = loaded.config.max_parallel_starts;
        let mcpstore::config::Config { services, alerts, gateway, views, .. } = loaded.config;
        let rules = Rules { views, stale: gateway.stale };
        Prepared { services, max_parallel_starts, alerts, gateway, rules, selection, files: Some(files) }
    };
    if let Some(select) = &prepared.selection {
        let known: Vec<Known<'_>> =
            prepared.services.iter().map(|spec| Known { name: &spec.name, tags: &spec.tags }).collect();
        select.among(&known, Among::Config).map_err(|failure| failure.next(plan_command(args)))?;
    }
    Ok(prepared)
}

/// The services of a profile that can run.
fn of_profile(name: &str, loaded: &Loaded) -> Result<Select, Failure> {
    let Some(profile) = loaded.config.profiles.get(name) else {
        let known: Vec<&String> = loaded.config.profiles.keys().collect();
        let message = format!("no profile `{name}` in the config{}", suggestion(name, &known));
        return Err(Failure::new(Exit::Usage, message).next("mcpstore config show"));
    };
    let runs = |name: &&ServiceName| loaded.config.services.iter().any(|spec| spec.name == **name);
    let patterns: Vec<String> = profile.services.iter().filter(runs).map(ToString::to_string).collect();
    if patterns.is_empty() {
        let message = format!("nothing was started: profile `{name}` has no service that can run");
        return Err(Failure::new(Exit::ConfigInvalid, message).next("mcpstore config check"));
    }
    Ok(Select { all: false, patterns })
}

/// Which services do not run, and that the others do.
fn left_out(loaded: &Loaded) -> Option<String> {
    let config = &loaded.config;
    let misnamed = misnamed(loaded);
    if config.services.is_empty() || config.left_out.len() + misnamed == 0 {
        return None;
    }
    let mut names: Vec<String> = config.left_out.iter().map(|name| format!("`{name}`")).collect();
    match misnamed {
        0 => {}
        1 => names.push("1 entry with an invalid name".to_owned()),
        count => names.push(format!("{count} entries with invalid names")),
    }
    let verb = if config.left_out.len() + misnamed == 1 { "is" } else { "are" };
    let rest = match config.services.len() {
        1 => "the other service runs".to_owned(),
        count => format!("the other {count} services run"),
    };
    Some(format!("{} {verb} left out because of errors in the config; {rest}", names.join(", ")))
}

/// There is something to run.
fn usable(loaded: &Loaded, sources: &[Source], args: &UpArgs) -> Result<(), Failure> {
    if !loaded.config.services.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let names = names.join(", ");
    let (message, next) = if loaded.has_errors() {
        let check = with_config("mcpstore config check", &args.config.config);
        let next = check.unwrap_or_else(|| "mcpstore config explain".to_owned());
        (format!("nothing was started: no service of {names} can run as it is"), next)
    } else {
        (format!("nothing was started: there is no service in {names}"), EXAMPLE.to_owned())
    };
    Err(Failure::new(Exit::ConfigInvalid, message).next(next))
}

/// Shows the services there are to start.
pub(super) fn plan_command(args: &UpArgs) -> String {
    let plan = if args.demo { None } else { with_config("mcpstore plan", &args.config.config) };
    plan.unwrap_or_else(|| EXAMPLE.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use mcpstore::{LoadOptions, load};

    use super::*;
    use crate::args::{Cli, Command};

    fn read(text: &str) -> (Option<String>, Result<(), Failure>) {
        let sources = [Source::new("mcp.json", text)];
        let loaded = load(&sources, &mcpstore::config::Nothing, LoadOptions::default());
        let cli = Cli::try_parse_from(["mcpstore", "up", "--config", "mcp.json"]).unwrap();
        let Command::Up(args) = cli.command else { panic!("it is `up`") };
        (left_out(&loaded), usable(&loaded, &sources, &args))
    }

    #[test]
    fn bad_services_are_left_out_and_the_rest_runs() {
        let (words, usable) = read(
            r#"{ "mcpServers": { "a": { "command": 1 }, "b": { "command": "b", "dependsOn": ["a"] }, "c": { "command": "c" } } }"#,
        );
        assert_eq!(words.unwrap(), "`a`, `b` are left out because of errors in the config; the other service runs");
        assert_eq!(usable, Ok(()));
        let (words, _) = read(r#"{ "mcpServers": { "": { "command": "a" }, "b": { "command": "b" } } }"#);
        let expected =
            "1 entry with an invalid name is left out because of errors in the config; the other service runs";
        assert_eq!(words.unwrap(), expected);
    }

    #[test]
    fn of_a_cycle_nothing_starts() {
        let (words, usable) = read(
            r#"{ "mcpServers": { "a": { "command": "a", "dependsOn": ["b"] }, "b": { "command": "b", "dependsOn": ["a"] },
                                "c": { "command": "c" } } }"#,
        );
        let failure = usable.unwrap_err();
        assert_eq!((words, failure.exit), (None, Exit::ConfigInvalid));
        assert_eq!(failure.message, "nothing was started: no service of mcp.json can run as it is");
        assert_eq!(failure.next.unwrap(), "mcpstore config check --config mcp.json");
    }

    #[test]
    fn an_empty_config_is_an_error_of_its_own() {
        let failure = read(r#"{ "mcpServers": { } }"#).1.unwrap_err();
        assert_eq!(failure.message, "nothing was started: there is no service in mcp.json");
        assert_eq!(failure.next.as_deref(), Some(EXAMPLE));
    }
}
