//! Whether a config that was found may run: its commands are shown and approved first.

use std::ffi::OsString;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use mcpstore::ServiceSpec;
use mcpstore::config::{Config as Said, hide_secrets, hide_secrets_in_json};
use mcpstore::files::{
    Approvable, Approvals, Pending, PendingKind, alerts_fingerprint, loads_code, service_fingerprint,
};
use mcpstore::types::{AlertsSpec, ProbeKind, Secret, SinkKind, TransportSpec, WaitCondition, visible_text};

use super::Config;
use crate::exit::{Exit, Failure};
use crate::output::talk;
use crate::paths::Paths;
use crate::quote::quoted;

/// The variable that names a file of approvals, for machines where nobody can be asked.
pub(crate) const APPROVALS_VARIABLE: &str = "MCPSTORE_APPROVALS";

/// How somebody is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// `--yes`: the answer was given.
    Yes,
    /// On a terminal there is somebody to ask.
    Terminal,
    /// Nobody is asked: what is not approved is refused.
    Nobody,
}

impl Ask {
    /// What `--yes` and the terminal make of it.
    pub(crate) fn of(yes: bool) -> Self {
        match (yes, std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            (true, _) => Self::Yes,
            (false, true) => Self::Terminal,
            (false, false) => Self::Nobody,
        }
    }
}

/// What was approved.
#[derive(Debug)]
pub(crate) struct Trust {
    own: Approvals,
    /// A file that was made for this.
    given: Option<Approvals>,
    search: Option<OsString>,
}

impl Trust {
    /// The approvals of the state folder, and those of a file that was named.
    ///
    /// # Errors
    /// The file that was named cannot be read, or is not safe to be.
    pub(crate) fn new(paths: &Paths, given: Option<&Path>) -> Result<Self, Failure> {
        let variable = std::env::var_os(APPROVALS_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        let given = given.map(Path::to_path_buf).or(variable);
        let given = given.map(|path| Approvals::from_file(&path)).transpose().map_err(|error| {
            let message = format!("the approvals cannot be read: {}", crate::exit::chain(&error));
            Failure::new(Exit::Failed, message).next("mcpstore config approve --help")
        })?;
        Ok(Self { own: Approvals::in_folder(&paths.state_dir), given, search: std::env::var_os("PATH") })
    }

    /// What of a config may not run as it stands. Of one that somebody named, all may.
    pub(crate) fn pending(&self, config: &Config) -> Vec<Pending> {
        match config.files.files.first() {
            Some(file) if config.files.needs_approval() => self.pending_of(file, &config.loaded.config),
            _ => Vec::new(),
        }
    }

    /// Every service and the alerts, as if nothing was ever approved.
    pub(crate) fn everything(said: &Said) -> Vec<Pending> {
        let search = std::env::var_os("PATH");
        let search = search.as_deref();
        let services = said
            .services
            .iter()
            .map(|spec| (Approvable::Service(spec.name.clone()), service_fingerprint(spec, search)));
        let alerts = alerts_fingerprint(&said.alerts, search).map(|print| (Approvable::Alerts, print));
        let pending = services.chain(alerts);
        pending.map(|(what, fingerprint)| Pending { what, fingerprint, kind: PendingKind::New }).collect()
    }

    fn pending_of(&self, file: &Path, said: &Said) -> Vec<Pending> {
        let Said { services: specs, alerts, .. } = said;
        let given = self.given.as_ref().map(|given| given.pending(file, specs, alerts, self.search.as_deref()).pending);
        if given.is_some_and(|pending| pending.is_empty()) {
            return Vec::new();
        }
        let checked = self.own.pending(file, specs, alerts, self.search.as_deref());
        if let Some(warning) = checked.warning {
            talk(&warning);
        }
        checked.pending
    }

    /// Lets a config run, after asking if need be.
    ///
    /// # Errors
    /// [`Failure`] with [`Exit::Refused`]: it was not approved; or the approval could not be kept.
    pub(crate) fn demand(&self, config: &Config, ask: Ask) -> Result<(), Failure> {
        let pending = self.pending(config);
        if pending.is_empty() {
            return Ok(());
        }
        let file = config.files.files.first().map(PathBuf::as_path).unwrap_or(Path::new(""));
        let shown = file.display();
        if ask != Ask::Yes {
            talk(&format!("{shown} is not approved as it stands. It would run:"));
            talk(&command_lines(&config.loaded.config, &pending));
        }
        let yes = match ask {
            Ask::Yes => true,
            Ask::Terminal => asked("run these programs now and from now on? [y/N] "),
            Ask::Nobody => false,
        };
        if !yes {
            let message = format!("nothing was started: {shown} is not approved");
            let approve = crate::quote::with_config("mcpstore config approve --yes", &config.named);
            return Err(Failure::new(Exit::Refused, message).next(approve.unwrap_or_default()));
        }
        self.approve(config)
    }

    /// Approves a config as it stands.
    ///
    /// # Errors
    /// The approval could not be kept.
    pub(crate) fn approve(&self, config: &Config) -> Result<(), Failure> {
        let Some(file) = config.files.files.first() else { return Ok(()) };
        let Said { services, alerts, .. } = &config.loaded.config;
        let kept = self.own.approve(file, services, alerts, self.search.as_deref());
        kept.map_err(|error| {
            Failure::new(Exit::Failed, format!("the approval was not kept: {}", crate::exit::chain(&error)))
        })
    }
}

/// What the pending services and alerts would run, a few lines each. Values of variables and headers do not show.
pub(crate) fn command_lines(said: &Said, pending: &[Pending]) -> String {
    let mut out = Vec::new();
    for pending in pending {
        let (name, lines) = match &pending.what {
            Approvable::Service(name) => match said.services.iter().find(|spec| spec.name == *name) {
                Some(spec) => (name.to_string(), runs(spec)),
                None => continue,
            },
            Approvable::Alerts => ("alerts of this config".to_owned(), tells(&said.alerts)),
        };
        let word = match pending.kind {
            PendingKind::New => "",
            PendingKind::Changed { .. } => "  (changed since it was approved)",
        };
        out.push(format!("  {name}{word}"));
        out.extend(lines.into_iter().map(|line| format!("    {}", visible_text(&line))));
    }
    out.join("\n")
}

fn runs(spec: &ServiceSpec) -> Vec<String> {
    let names = |names: Vec<&String>| names.into_iter().map(|name| quoted(name)).collect::<Vec<_>>().join(" ");
    let mut out = Vec::new();
    match &spec.transport {
        TransportSpec::Stdio(stdio) => {
            out.push(line(&stdio.command, &stdio.args));
            if let Some(cwd) = &stdio.cwd {
                out.push(format!("in {}", cwd.display()));
            }
            if !stdio.env.is_empty() {
                // Where a value says which code runs, it is what is approved.
                let variable = |(name, value): (&String, &Secret)| match loads_code(name) {
                    true => quoted(&format!("{name}={}", value.expose())),
                    false => quoted(name),
                };
                out.push(format!("with {}", stdio.env.iter().map(variable).collect::<Vec<_>>().join(" ")));
            }
            if !stdio.inherit_env.is_empty() {
                out.push(format!("passing on {}", names(stdio.inherit_env.iter().collect())));
            }
        }
        TransportSpec::Http(http) | TransportSpec::Sse(http) => {
            out.push(format!("reaches {}", without_secrets(&http.url)));
            if !http.headers.is_empty() {
                out.push(format!("with {}", names(http.headers.keys().collect())));
            }
        }
        other => out.push(format!("a server of the kind {}", other.kind())),
    }
    let health = &spec.policy.health;
    for probe in std::iter::once(&health.probe).chain(&health.readiness) {
        match probe {
            ProbeKind::Auto | ProbeKind::Ping | ProbeKind::Discover | ProbeKind::List => {}
            ProbeKind::Tool { name, args } => {
                out.push(format!("probed by a call of its tool {} with {}", quoted(name), hide_secrets_in_json(args)));
            }
            ProbeKind::Http { url } => out.push(format!("probed at {}", without_secrets(url))),
            ProbeKind::Tcp { address } => out.push(format!("probed at {address}")),
            ProbeKind::Exec { command, args } => out.push(format!("probed by {}", line(command, args))),
            other => out.push(format!("probed by {}", other.word())),
        }
    }
    for condition in &spec.wait_for {
        match condition {
            WaitCondition::Exec { command, args } => out.push(format!("waits for {} to succeed", line(command, args))),
            other => out.push(format!("waits for {other}")),
        }
    }
    out
}

/// A command with its arguments, as one would type it.
fn line(command: &str, args: &[String]) -> String {
    let words = std::iter::once(command).chain(args.iter().map(String::as_str)).map(quoted);
    hide_secrets(&words.collect::<Vec<_>>().join(" "))
}

/// What alerts run, and whom they reach.
fn tells(alerts: &AlertsSpec) -> Vec<String> {
    let sink = |kind: &SinkKind| match kind {
        SinkKind::Log | SinkKind::Desktop => None,
        SinkKind::Command { command, args } => Some(format!("run {}", line(command, args))),
        SinkKind::Webhook { url, .. } => Some(format!("are sent to {}", host_alone(url.expose()))),
        SinkKind::Mail { server, from: _, to } => {
            Some(format!("are mailed to {} by {}", to.join(" "), host_alone(server.expose())))
        }
        other => Some(format!("go to a sink of the type {}", other.word())),
    };
    alerts.sinks.iter().filter_map(|spec| sink(&spec.kind)).collect()
}

/// The scheme and the host of an address whose path is a secret.
fn host_alone(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "?".to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", if authority.len() < rest.len() { "/…" } else { "" })
}

/// An address without user, password and query: those may be secret.
fn without_secrets(url: &str) -> String {
    let (before, query) = url.split_once('?').map_or((url, ""), |(before, _)| (before, "?…"));
    match before.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            let path = path.map_or_else(String::new, |path| format!("/{path}"));
            format!("{scheme}://{host}{path}{query}")
        }
        None => format!("{before}{query}"),
    }
}

/// Asks on the terminal; anything but yes is no.
pub(crate) fn asked(question: &str) -> bool {
    let mut stderr = std::io::stderr();
    // What cannot be asked is not approved.
    if write!(stderr, "{question}").and_then(|()| stderr.flush()).is_err() {
        return false;
    }
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ConfigArgs;
    use crate::config::{Chosen, ConfigFiles};

    #[test]
    fn what_probes_conditions_and_alerts_run_is_shown_before_it_is_approved() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mcp.json");
        let paths = Paths { state_dir: dir.path().join("state"), socket: dir.path().join("s") };
        let text = r#"{
          "mcpServers": { "a": { "command": "one",
            "health": { "probe": { "exec": ["check", "x y"] }, "readiness": { "tool": "t", "args": { "n": 1, "token": "hunter2" } } },
            "waitFor": [{ "exec": "ready" }, { "tcp": "127.0.0.1:1" }, { "http": "http://me:pw@h/up?key=1" }, { "file": "/f" }] } },
          "alerts": { "sinks": [{ "type": "command", "command": "wake", "args": ["me"] },
            { "type": "webhook", "url": "https://h.example/T0/hunter2" }, { "type": "log" },
            { "type": "mail", "server": "smtps://me:hunter2@m.example", "from": "a@b", "to": "c@d" }] } }"#;
        std::fs::write(&file, text).unwrap();
        let files = ConfigFiles { files: vec![file], chosen: Chosen::Found };
        let found = Config::load_files(files, &ConfigArgs::default()).unwrap();
        let trust = Trust::new(&paths, None).unwrap();
        let pending = trust.pending(&found);
        let lines = [
            "  a",
            "    one",
            "    probed by check 'x y'",
            "    probed by a call of its tool t with {\"n\":1,\"token\":\"***\"}",
            "    waits for ready to succeed",
            "    waits for a connection to 127.0.0.1:1",
            "    waits for an answer from http://h/up",
            "    waits for the file /f",
            "  alerts of this config",
            "    run wake me",
            "    are sent to https://h.example/…",
            "    are mailed to c@d by smtps://m.example",
        ];
        assert_eq!(command_lines(&found.loaded.config, &pending), lines.join("\n"));
        trust.demand(&found, Ask::Yes).unwrap();
        assert!(trust.pending(&found).is_empty());
    }

    #[test]
    fn what_was_found_runs_after_it_was_approved_and_asks_again_when_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mcp.json");
        let paths = Paths { state_dir: dir.path().join("state"), socket: dir.path().join("s") };
        let write = |command: &str| {
            let text = format!(
                r#"{{ "mcpServers": {{ "a": {{ "command": "{command}", "args": ["x y"], "env": {{ "TOKEN": "hunter2" }} }},
                     "b": {{ "url": "https://me:pw@h.example/mcp?key=1" }} }} }}"#
            );
            std::fs::write(&file, text).unwrap();
        };
        let load = |chosen| {
            let files = ConfigFiles { files: vec![file.clone()], chosen };
            Config::load_files(files, &ConfigArgs::default()).unwrap()
        };
        write("one");
        let trust = Trust::new(&paths, None).unwrap();
        assert!(trust.pending(&load(Chosen::Named)).is_empty(), "naming a file is approval");
        let found = load(Chosen::Found);
        let pending = trust.pending(&found);
        assert_eq!(
            command_lines(&found.loaded.config, &pending),
            "  a\n    one 'x y'\n    with TOKEN\n  b\n    reaches https://h.example/mcp?…"
        );
        let refused = trust.demand(&found, Ask::Nobody).unwrap_err();
        assert_eq!((refused.exit, refused.next.as_deref()), (Exit::Refused, Some("mcpstore config approve --yes")));
        trust.demand(&found, Ask::Yes).unwrap();
        trust.demand(&load(Chosen::Found), Ask::Nobody).unwrap();
        write("two");
        let changed = load(Chosen::Found);
        let lines = command_lines(&changed.loaded.config, &trust.pending(&changed));
        assert_eq!(lines, "  a  (changed since it was approved)\n    two 'x y'\n    with TOKEN");
        assert!(trust.demand(&changed, Ask::Nobody).is_err());
        let list = dir.path().join("approved.json");
        let Said { services, alerts, .. } = &changed.loaded.config;
        Approvals::write_to(&list, services, alerts).unwrap();
        Trust::new(&paths, Some(&list)).unwrap().demand(&changed, Ask::Nobody).unwrap();
    }
}
