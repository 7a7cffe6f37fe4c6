//! What a service would run, as a number that is another one for everything else.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use mcpstore_types::{
    AlertsSpec, HealthSpec, HttpSpec, InProcessSpec, OAuthSpec, OtherSpec, Policy, ProbeKind, ServiceSpec, SinkKind,
    SinkSpec, StdioSpec, TransportSpec, WaitCondition,
};

use sha2::{Digest as _, Sha256};

use super::encode::Encoder;
use super::program::{find_beside, find_program};

/// A digest (SHA-256) of what a service, or all services of a config, would run, or of a tool's definition. Shown as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

/// A text that is no fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is `sha256:` and 64 hexadecimal digits")]
pub struct NotAFingerprint;

impl Fingerprint {
    /// The digest of a text as it is.
    pub(crate) fn of_text(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("sha256:").ok_or(NotAFingerprint)?.as_bytes();
        let (pairs, rest) = digits.as_chunks::<2>();
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(NotAFingerprint);
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let (high, low) = digit(*high).zip(digit(*low)).ok_or(NotAFingerprint)?;
            *byte = high * 16 + low;
        }
        Ok(Self(bytes))
    }
}

/// The fingerprint of all services of a config together; their order does not matter. Its alerts have one of their own
/// ([`alerts_fingerprint`]).
#[must_use]
pub fn fingerprint(specs: &[ServiceSpec], path_variable: Option<&OsStr>) -> Fingerprint {
    let mut each: Vec<Fingerprint> = specs.iter().map(|spec| service_fingerprint(spec, path_variable)).collect();
    each.sort_unstable();
    let mut out = Encoder::default();
    out.text("mcpstore config 1");
    out.count(each.len());
    each.iter().for_each(|one| out.bytes(&one.0));
    Fingerprint(out.finish())
}

/// The fingerprint of what one service would run, or reach.
///
/// In it are its name and kind; command, arguments, working directory and the file that the command is, looked up in
/// `path_variable` ([`find_program`]); names of environment variables and headers, and the values of those variables by which
/// code is loaded (`LD_PRELOAD`, `NODE_OPTIONS`, `PATH`, …); `inheritEnv` and the sandbox with its paths; the address, `caFile`,
/// and where a login may send a client's secret; settings of other kinds with their values; what its probes and `waitFor` run,
/// call or reach. Not in it is what changes nothing
/// about that: other values, which may be secrets that are renewed, policies, limits, tags, dependencies.
#[must_use]
pub fn service_fingerprint(spec: &ServiceSpec, path_variable: Option<&OsStr>) -> Fingerprint {
    digest(spec, &Search::Here(path_variable))
}

/// The fingerprint of what alerting would run or reach; `None` when it does neither: the log and the desktop of this machine
/// need no approval.
///
/// In it is each sink that runs a command (with the file that it is, looked up in `path_variable`), and where the others send
/// what happens here: the addresses of webhooks and mail servers, the names of headers, the recipients. Not in it: names of
/// sinks, which alerts go there, and rules.
#[must_use]
pub fn alerts_fingerprint(alerts: &AlertsSpec, path_variable: Option<&OsStr>) -> Option<Fingerprint> {
    digest_alerts(alerts, &Search::Here(path_variable))
}

/// The fingerprint for a machine where programs may lie elsewhere.
pub(super) fn portable(spec: &ServiceSpec) -> Fingerprint {
    digest(spec, &Search::Nowhere)
}

/// The same of alerting.
pub(super) fn portable_alerts(alerts: &AlertsSpec) -> Option<Fingerprint> {
    digest_alerts(alerts, &Search::Nowhere)
}

/// Where programs are looked up.
enum Search<'p> {
    /// On this machine, in this variable.
    Here(Option<&'p OsStr>),
    /// Not at all.
    Nowhere,
}

impl Search<'_> {
    fn server(&self, stdio: &StdioSpec) -> Option<PathBuf> {
        match self {
            Self::Here(path_variable) => find_program(stdio, *path_variable),
            Self::Nowhere => None,
        }
    }

    fn beside(&self, command: &str) -> Option<PathBuf> {
        match self {
            Self::Here(path_variable) => find_beside(command, *path_variable),
            Self::Nowhere => None,
        }
    }
}

fn digest(spec: &ServiceSpec, search: &Search<'_>) -> Fingerprint {
    // Named one by one, so that a new field does not compile before somebody decided about it.
    // What the gateway shows of a service runs nothing.
    let ServiceSpec {
        name,
        transport,
        era: _,
        dependencies: _,
        policy,
        enabled: _,
        tags: _,
        description: _,
        wait_for,
        tools: _,
        isolation: _,
        start: _,
        idle_stop: _,
        instance_of: _,
    } = spec;
    let Policy { restart: _, timeouts: _, health, breaker: _, recycle: _ } = policy;
    let HealthSpec { probe, readiness, interval: _, timeout: _, rise: _, fall: _, startup: _ } = health;
    let mut out = Encoder::default();
    out.text("mcpstore service 1");
    out.text(name.as_str());
    out.text(transport.kind());
    match transport {
        TransportSpec::Stdio(stdio) => encode_stdio(&mut out, stdio, search.server(stdio).as_deref()),
        TransportSpec::Http(http) | TransportSpec::Sse(http) => encode_http(&mut out, http),
        TransportSpec::InProcess(InProcessSpec { factory }) => out.text(factory),
        TransportSpec::Other(OtherSpec { kind: _, settings }) => out.named(settings, |_| true),
        // A kind of which nothing is known here: everything about it counts, as far as it shows.
        other => out.text(&format!("{other:?}")),
    }
    // What does nothing beside asking the server whether it lives adds nothing, so that older approvals hold.
    encode_probe(&mut out, "probe", probe, search);
    if let Some(readiness) = readiness {
        encode_probe(&mut out, "readiness", readiness, search);
    }
    wait_for.iter().for_each(|condition| encode_condition(&mut out, condition, search));
    Fingerprint(out.finish())
}

fn encode_probe(out: &mut Encoder, of: &str, probe: &ProbeKind, search: &Search<'_>) {
    match probe {
        ProbeKind::Auto | ProbeKind::Ping | ProbeKind::Discover | ProbeKind::List => return,
        _ => out.text(of),
    }
    out.text(probe.word());
    match probe {
        ProbeKind::Tool { name, args } => {
            out.text(name);
            out.text(args);
        }
        ProbeKind::Http { url } => out.text(url),
        ProbeKind::Tcp { address } => out.text(address),
        ProbeKind::Exec { command, args } => encode_exec(out, command, args, search),
        other => out.text(&format!("{other:?}")),
    }
}

fn encode_condition(out: &mut Encoder, condition: &WaitCondition, search: &Search<'_>) {
    match condition {
        // Whether a file is there is told to nobody.
        WaitCondition::File { .. } => return,
        _ => out.text("waitFor"),
    }
    out.text(condition.word());
    match condition {
        WaitCondition::Http { url } => out.text(url),
        WaitCondition::Tcp { address } => out.text(address),
        WaitCondition::Exec { command, args } => encode_exec(out, command, args, search),
        other => out.text(&format!("{other:?}")),
    }
}

fn encode_exec(out: &mut Encoder, command: &str, args: &[String], search: &Search<'_>) {
    out.text(command);
    out.maybe_path(search.beside(command).as_deref());
    out.texts(args);
}

fn digest_alerts(alerts: &AlertsSpec, search: &Search<'_>) -> Option<Fingerprint> {
    let AlertsSpec { enabled, rules: _, sinks, repeat: _ } = alerts;
    let mut out = Encoder::default();
    out.text("mcpstore alerts 1");
    let mut does_something = false;
    for sink in sinks.iter().filter(|_| *enabled) {
        let SinkSpec { name: _, kind, min_severity: _, only: _, send_resolved: _ } = sink;
        match kind {
            SinkKind::Log | SinkKind::Desktop => continue,
            _ => does_something = true,
        }
        out.text(kind.word());
        match kind {
            SinkKind::Webhook { url, template, headers, sign_key } => {
                out.text(url.expose());
                out.text(template.word());
                out.named(headers, |_| false);
                out.count(usize::from(sign_key.is_some()));
            }
            SinkKind::Command { command, args } => encode_exec(&mut out, command, args, search),
            SinkKind::Mail { server, from, to } => {
                out.text(server.expose());
                out.text(from);
                out.texts(to);
            }
            other => out.text(&format!("{other:?}")),
        }
    }
    does_something.then(|| Fingerprint(out.finish()))
}

fn encode_stdio(out: &mut Encoder, stdio: &StdioSpec, program: Option<&Path>) {
    let StdioSpec { command, args, env, cwd, inherit_env, sandbox, sandbox_read, sandbox_write, limits: _ } = stdio;
    out.text(command);
    out.maybe_path(program);
    out.texts(args);
    out.named(env, loads_code);
    out.maybe_path(cwd.as_deref());
    out.texts(inherit_env);
    out.text(sandbox.word());
    out.paths(sandbox_read);
    out.paths(sandbox_write);
}

fn encode_http(out: &mut Encoder, http: &HttpSpec) {
    let HttpSpec { url, headers, oauth, ca_file } = http;
    let OAuthSpec { client_id: _, client_secret: _, issuer, client_metadata_url, scopes, callback_port: _ } = oauth;
    out.text(url);
    out.named(headers, |_| false);
    out.maybe_path(ca_file.as_deref());
    for text in [issuer, client_metadata_url] {
        out.count(usize::from(text.is_some()));
        out.text(text.as_deref().unwrap_or(""));
    }
    out.texts(scopes);
}

/// True for a variable whose value decides which code a program runs: an approval is for its value too.
#[must_use]
pub fn loads_code(name: &str) -> bool {
    const NAMES: [&str; 24] = [
        "BASH_ENV",
        "BUN_OPTIONS",
        "CLASSPATH",
        "DENO_DIR",
        "ENV",
        "GIT_EXEC_PATH",
        "GIT_SSH_COMMAND",
        "JAVA_TOOL_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "NODE_OPTIONS",
        "NODE_PATH",
        "PATH",
        "PERL5LIB",
        "PERL5OPT",
        "PIP_INDEX_URL",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "RUBYLIB",
        "RUBYOPT",
        "SHELLOPTS",
        "UV_INDEX_URL",
        "ZDOTDIR",
        "_JAVA_OPTIONS",
    ];
    // The loader, and the settings of package installers: where they fetch from, and what they run.
    const BEGINNINGS: [&str; 6] = ["LD_", "DYLD_", "NPM_CONFIG_", "UV_", "PIP_", "GIT_CONFIG"];
    let name = name.to_ascii_uppercase();
    NAMES.contains(&name.as_str()) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mcpstore_types::{Sandbox, ServiceName};

    use super::*;

    fn base() -> (ServiceSpec, StdioSpec) {
        let stdio = StdioSpec {
            command: "/bin/none".to_owned(),
            args: vec!["a".to_owned(), "b".to_owned()],
            env: [("TOKEN".to_owned(), "secret".into()), ("NODE_OPTIONS".to_owned(), "".into())].into(),
            ..StdioSpec::default()
        };
        (ServiceSpec::new(ServiceName::new("files").unwrap(), TransportSpec::Stdio(stdio.clone())), stdio)
    }

    fn with(change: impl FnOnce(&mut StdioSpec)) -> Fingerprint {
        let (spec, mut stdio) = base();
        change(&mut stdio);
        service_fingerprint(&ServiceSpec { transport: TransportSpec::Stdio(stdio), ..spec }, None)
    }

    #[test]
    fn everything_that_is_run_makes_another_fingerprint() {
        let prints = [
            with(|_| {}),
            with(|s| s.command = "/bin/other".to_owned()),
            with(|s| s.args = vec!["ab".to_owned()]),
            with(|s| s.args = vec!["a".to_owned(), "b".to_owned(), String::new()]),
            with(|s| s.args.reverse()),
            with(|s| drop(s.env.insert("OTHER".to_owned(), "".into()))),
            with(|s| drop(s.env.insert("NODE_OPTIONS".to_owned(), "--require ./x".into()))),
            with(|s| s.cwd = Some("/srv".into())),
            with(|s| s.inherit_env = vec!["AWS_*".to_owned()]),
            with(|s| s.sandbox = Sandbox::None),
            with(|s| s.sandbox_read = vec!["/etc".into()]),
            with(|s| s.sandbox_write = vec!["/etc".into()]),
        ];
        assert_eq!(prints.iter().collect::<BTreeSet<_>>().len(), prints.len());
    }

    #[test]
    fn what_changes_nothing_about_it_does_not() {
        assert_eq!(with(|s| drop(s.env.insert("TOKEN".to_owned(), "renewed".into()))), with(|_| {}));
        assert_eq!(with(|s| s.limits.files = Some(9)), with(|_| {}));
        let (spec, _) = base();
        let other = ServiceSpec { tags: vec!["x".to_owned()], enabled: false, ..spec.clone() };
        assert_eq!(service_fingerprint(&other, None), service_fingerprint(&spec, None));
    }

    #[test]
    fn addresses_count_and_the_kind_does() {
        let name = || ServiceName::new("a").unwrap();
        let mut with_header = HttpSpec { url: "https://h/".to_owned(), ..HttpSpec::default() };
        with_header.headers.insert("X-Key".to_owned(), "1".into());
        let mut renewed = with_header.clone();
        renewed.headers.insert("X-Key".to_owned(), "2".into());
        let of = |http| service_fingerprint(&ServiceSpec::new(name(), TransportSpec::Http(http)), None);
        assert_eq!(of(with_header.clone()), of(renewed));
        let prints = [
            of(with_header.clone()),
            of(HttpSpec { ca_file: Some("/ca".into()), ..with_header }),
            service_fingerprint(&ServiceSpec::http(name(), "https://h/"), None),
            service_fingerprint(&ServiceSpec::sse(name(), "https://h/"), None),
            service_fingerprint(&ServiceSpec::in_process(name(), "https://h/"), None),
            service_fingerprint(&ServiceSpec::other(name(), "tcp", [("port", "1")]), None),
            service_fingerprint(&ServiceSpec::other(name(), "tcp", [("port", "2")]), None),
        ];
        assert_eq!(prints.iter().collect::<BTreeSet<_>>().len(), prints.len());
    }

    #[test]
    fn what_probes_and_conditions_run_counts() {
        let with = |change: &dyn Fn(&mut ServiceSpec)| {
            let (mut spec, _) = base();
            change(&mut spec);
            service_fingerprint(&spec, None)
        };
        let exec = |command: &str, args: &[&str]| ProbeKind::Exec {
            command: command.to_owned(),
            args: args.iter().map(ToString::to_string).collect(),
        };
        let tool = |name: &str, args: &str| ProbeKind::Tool { name: name.to_owned(), args: args.to_owned() };
        let wait = |spec: &mut ServiceSpec, command: &str| {
            spec.wait_for.push(WaitCondition::Exec { command: command.to_owned(), args: Vec::new() });
        };
        let prints = [
            with(&|_| {}),
            with(&|s| s.policy.health.probe = exec("a", &[])),
            with(&|s| s.policy.health.probe = exec("a", &["b"])),
            with(&|s| s.policy.health.probe = exec("ab", &[])),
            with(&|s| s.policy.health.readiness = Some(exec("a", &[]))),
            with(&|s| wait(s, "a")),
            with(&|s| {
                wait(s, "a");
                wait(s, "a");
            }),
            with(&|s| s.policy.health.probe = tool("a", "{}")),
            with(&|s| s.policy.health.probe = tool("a", "{\"b\":1}")),
            with(&|s| s.policy.health.probe = ProbeKind::Tcp { address: "a".to_owned() }),
            with(&|s| s.policy.health.probe = ProbeKind::Http { url: "a".to_owned() }),
            with(&|s| s.wait_for = vec![WaitCondition::Tcp { address: "a".to_owned() }]),
            with(&|s| s.wait_for = vec![WaitCondition::Http { url: "a".to_owned() }]),
        ];
        assert_eq!(prints.iter().collect::<BTreeSet<_>>().len(), prints.len());
        // What runs and reaches nothing is no reason to ask again.
        for same in [
            with(&|s| s.policy.health.probe = ProbeKind::List),
            with(&|s| s.policy.health.readiness = Some(ProbeKind::Ping)),
            with(&|s| s.policy.health.fall = 9),
            with(&|s| s.policy.breaker = None),
            with(&|s| s.wait_for = vec![WaitCondition::File { path: "/a".into() }]),
        ] {
            assert_eq!(same, prints[0]);
        }
    }

    #[test]
    fn another_program_of_the_same_name_is_another_one() {
        use std::os::unix::fs::OpenOptionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let folders = ["one", "two"].map(|name| home.path().join(name));
        for folder in &folders {
            std::fs::create_dir(folder).unwrap();
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(folder.join("check")).unwrap();
        }
        let [one, two] = folders.each_ref().map(|folder| Some(folder.as_os_str()));
        let (mut spec, _) = base();
        spec.policy.health.probe = ProbeKind::Exec { command: "check".to_owned(), args: Vec::new() };
        assert_ne!(service_fingerprint(&spec, one), service_fingerprint(&spec, two));
        let alerts = alerts_with(vec![SinkKind::Command { command: "check".to_owned(), args: Vec::new() }]);
        assert_ne!(alerts_fingerprint(&alerts, one), alerts_fingerprint(&alerts, two));
        assert_eq!(portable_alerts(&alerts), alerts_fingerprint(&alerts, None));
    }

    fn alerts_with(kinds: Vec<SinkKind>) -> AlertsSpec {
        let sinks = kinds.into_iter().map(|kind| SinkSpec::new("s", kind)).collect();
        AlertsSpec { sinks, ..AlertsSpec::default() }
    }

    #[test]
    fn sinks_that_run_or_reach_something_count() {
        use mcpstore_types::WebhookTemplate;
        let of = |kinds: Vec<SinkKind>| alerts_fingerprint(&alerts_with(kinds), None);
        let command = |command: &str, args: &[&str]| SinkKind::Command {
            command: command.to_owned(),
            args: args.iter().map(ToString::to_string).collect(),
        };
        let webhook = |url: &str, header: &str| SinkKind::Webhook {
            url: url.into(),
            template: WebhookTemplate::Generic,
            headers: [(header.to_owned(), "renewed".into())].into(),
            sign_key: None,
        };
        let mail =
            |to: &str| SinkKind::Mail { server: "smtp://h".into(), from: "a@b".to_owned(), to: vec![to.to_owned()] };
        assert_eq!(of(vec![]), None);
        assert_eq!(of(vec![SinkKind::Log, SinkKind::Desktop]), None);
        let prints = [
            of(vec![command("a", &[])]),
            of(vec![command("a", &["b"])]),
            of(vec![command("a", &[]), command("b", &[])]),
            of(vec![webhook("https://a", "X")]),
            of(vec![webhook("https://b", "X")]),
            of(vec![webhook("https://a", "Y")]),
            of(vec![mail("c@d")]),
            of(vec![mail("e@f")]),
        ];
        assert!(prints.iter().all(Option::is_some));
        assert_eq!(prints.iter().collect::<BTreeSet<_>>().len(), prints.len());
        let mut quiet = alerts_with(vec![SinkKind::Log, command("a", &[])]);
        quiet.rules.clear();
        quiet.sinks[1].name = "other".to_owned();
        assert_eq!(alerts_fingerprint(&quiet, None), prints[0]);
        quiet.enabled = false;
        assert_eq!(alerts_fingerprint(&quiet, None), None, "what is off runs nothing");
    }

    #[test]
    fn the_whole_does_not_depend_on_order() {
        let services = ["a", "b"].map(|name| ServiceSpec::http(ServiceName::new(name).unwrap(), "http://h"));
        let [a, b] = services.clone();
        assert_eq!(fingerprint(&services, None), fingerprint(&[b.clone(), a], None));
        assert_ne!(fingerprint(&services, None), fingerprint(&[b], None));
    }

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let (spec, _) = base();
        let print = service_fingerprint(&spec, None);
        let text = print.to_string();
        assert_eq!((text.len(), text.parse()), (71, Ok(print)));
        for wrong in ["", "sha256:", &text[1..], &text[..70], &text.replace("sha256:", "sha256:+"), &format!("{text}0")]
        {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(NotAFingerprint), "{wrong}");
        }
    }
}
