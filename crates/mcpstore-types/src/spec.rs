//! What a service is: validated, complete, with every default filled in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::{
    Dependency, EraChoice, Isolation, Limits, OAuthSpec, Policy, Sandbox, Secret, ServiceName, StartMode, ToolRules,
    WaitCondition,
};

/// One service, as the manager runs it. Config text becomes this in `mcpstore-config`; code may build it by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSpec {
    /// Its name, unique among all services.
    pub name: ServiceName,
    /// How its server is launched or reached.
    pub transport: TransportSpec,
    /// Which era of the protocol its server is spoken to in.
    pub era: EraChoice,
    /// What it depends on; empty by default.
    pub dependencies: Vec<Dependency>,
    /// What it waits for outside of mcpstore before each start, all of it; empty by default.
    pub wait_for: Vec<WaitCondition>,
    /// Restarts, deadlines, health.
    pub policy: Policy,
    /// `false`: registered, but left out of "start all". Default `true`.
    pub enabled: bool,
    /// Free words to select it by (`tag:x`).
    pub tags: Vec<String>,
    /// What it is for, in its owner's words.
    pub description: Option<String>,
    /// Which of its tools the gateway offers, and how.
    pub tools: ToolRules,
    /// Whether clients of the gateway share its server.
    pub isolation: Isolation,
    /// When it is started.
    pub start: StartMode,
    /// It is stopped after so long without use; default never.
    pub idle_stop: Option<Duration>,
    /// It is one of several servers of this service, for one session of a client. No config says so.
    pub instance_of: Option<ServiceName>,
}

impl ServiceSpec {
    /// A service with this transport and every default.
    #[must_use]
    pub fn new(name: ServiceName, transport: TransportSpec) -> Self {
        Self {
            name,
            transport,
            era: EraChoice::default(),
            dependencies: Vec::new(),
            wait_for: Vec::new(),
            policy: Policy::default(),
            enabled: true,
            tags: Vec::new(),
            description: None,
            tools: ToolRules::default(),
            isolation: Isolation::default(),
            start: StartMode::default(),
            idle_stop: None,
            instance_of: None,
        }
    }

    /// A child process that speaks MCP over stdin and stdout.
    #[must_use]
    pub fn stdio<I, A>(name: ServiceName, command: impl Into<String>, args: I) -> Self
    where
        I: IntoIterator<Item = A>,
        A: Into<String>,
    {
        let stdio = StdioSpec {
            command: command.into(),
            args: args.into_iter().map(Into::into).collect(),
            ..StdioSpec::default()
        };
        Self::new(name, TransportSpec::Stdio(stdio))
    }

    /// A server reached over streamable HTTP at this address.
    #[must_use]
    pub fn http(name: ServiceName, url: impl Into<String>) -> Self {
        Self::new(name, TransportSpec::Http(HttpSpec { url: url.into(), ..HttpSpec::default() }))
    }

    /// A server reached over legacy HTTP+SSE, the address being that of its stream.
    #[must_use]
    pub fn sse(name: ServiceName, url: impl Into<String>) -> Self {
        Self::new(name, TransportSpec::Sse(HttpSpec { url: url.into(), ..HttpSpec::default() }))
    }

    /// A server that lives in this process, made by the factory registered under `factory`.
    #[must_use]
    pub fn in_process(name: ServiceName, factory: impl Into<String>) -> Self {
        Self::new(name, TransportSpec::InProcess(InProcessSpec { factory: factory.into() }))
    }

    /// A server of a kind that is not built in; an adapter of that kind reads its settings.
    #[must_use]
    pub fn other<I, K, V>(name: ServiceName, kind: impl Into<String>, settings: I) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<Secret>,
    {
        let settings = settings.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self::new(name, TransportSpec::Other(OtherSpec { kind: kind.into(), settings }))
    }

    /// This spec with one more dependency.
    #[must_use]
    pub fn with_dependency(mut self, dependency: Dependency) -> Self {
        self.dependencies.push(dependency);
        self
    }

    /// This spec with `requires` dependencies on these services, as plain `dependsOn` has them.
    #[must_use]
    pub fn depends_on<I>(mut self, names: I) -> Self
    where
        I: IntoIterator<Item = ServiceName>,
    {
        self.dependencies.extend(names.into_iter().map(Dependency::requires));
        self
    }
}

/// How a server is launched or reached. Each variant names the adapter that serves it ([`TransportSpec::kind`]).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportSpec {
    /// A child process over stdin and stdout.
    Stdio(StdioSpec),
    /// Streamable HTTP.
    Http(HttpSpec),
    /// HTTP+SSE (spec: MCP 2024-11-05, transports), the transport before streamable HTTP.
    Sse(HttpSpec),
    /// A server inside this process.
    InProcess(InProcessSpec),
    /// A kind that is not built in.
    Other(OtherSpec),
}

impl TransportSpec {
    /// The name of the adapter that serves it: `stdio`, `http`, `sse` or `in_process`, or the word of
    /// a kind that is not built in.
    #[must_use]
    pub const fn kind(&self) -> &str {
        match self {
            Self::Stdio(_) => "stdio",
            Self::Http(_) => "http",
            Self::Sse(_) => "sse",
            Self::InProcess(_) => "in_process",
            Self::Other(other) => other.kind.as_str(),
        }
    }
}

/// A child process that speaks MCP over stdin and stdout. Never goes through a shell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StdioSpec {
    /// The program: a path, or a name looked up in `PATH`.
    pub command: String,
    /// Its arguments, each as it is.
    pub args: Vec<String>,
    /// Environment variables on top of what children get by default.
    pub env: BTreeMap<String, Secret>,
    /// Its working directory; default the manager's.
    pub cwd: Option<PathBuf>,
    /// Variables of the manager's environment that it gets too: names, of which a `*` at the end stands for any end
    /// (`AWS_*`). Settings of package installers that carry credentials pass under their full name only.
    pub inherit_env: Vec<String>,
    /// What it is kept from.
    pub sandbox: Sandbox,
    /// Files and folders that it may read, beside those that programs need. For the sandboxes `restricted` and `isolated`.
    pub sandbox_read: Vec<PathBuf>,
    /// Files and folders that it may read and change, beside its stated working directory, its folder for temporary files
    /// and the caches of package installers. For the sandboxes `restricted` and `isolated`.
    pub sandbox_write: Vec<PathBuf>,
    /// How much it may take.
    pub limits: Limits,
}

/// A server reached over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpSpec {
    /// Its endpoint: `http://…`, `https://…`, or `unix:/path/of.sock:/mcp` for HTTP over a unix socket
    /// ([`HttpSpec::socket_parts`]).
    pub url: String,
    /// Headers sent with every request to it. Those that belong to the protocol are never overridden.
    pub headers: BTreeMap<String, Secret>,
    /// How to log in, where the server wants a login.
    pub oauth: OAuthSpec,
    /// A file of certificates (PEM) that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl HttpSpec {
    /// The parts of an address of a unix socket: the socket, and the path at its server (`/` when none is written).
    /// `None` for every other address.
    ///
    /// `unix:/run/app.sock:/mcp` and `unix:///run/app.sock:/mcp` are the same. A socket that begins with `@` has no file
    /// (an abstract socket of Linux): `unix:@app:/mcp`.
    #[must_use]
    pub fn socket_parts(url: &str) -> Option<(&str, &str)> {
        let rest = url.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("unix:")).map(|_| &url[5..])?;
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        // The path begins at the last `:/`: a socket may have a colon in its name.
        Some(rest.rfind(":/").map_or((rest, "/"), |at| (&rest[..at], &rest[at + 1..])))
    }
}

/// True for a header that belongs to MCP over HTTP, or to HTTP itself: a config has no say in it.
#[must_use]
pub fn is_protocol_header(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "accept",
        "connection",
        "content-length",
        "content-type",
        "last-event-id",
        "mcp-method",
        "mcp-name",
        "mcp-protocol-version",
        "mcp-session-id",
        "te",
        "transfer-encoding",
        "upgrade",
    ];
    let name = name.to_ascii_lowercase();
    NAMES.contains(&name.as_str()) || name.starts_with("mcp-param-")
}

/// A server inside this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InProcessSpec {
    /// The name under which its factory is registered.
    pub factory: String,
}

/// A server of a kind that is not built in: what its adapter needs to know, and nobody else reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherSpec {
    /// The kind of its adapter; none of those built in.
    pub kind: String,
    /// Settings by name. Hidden wherever a spec is shown: which of them are secret, the adapter alone knows.
    pub settings: BTreeMap<String, Secret>,
}

impl OtherSpec {
    /// The text of a setting.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(Secret::expose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_sockets_come_apart() {
        let parts = HttpSpec::socket_parts;
        assert_eq!(parts("unix:///run/a.sock:/mcp"), Some(("/run/a.sock", "/mcp")));
        assert_eq!(parts("UNIX:/run/a:b.sock:/x/y?z"), Some(("/run/a:b.sock", "/x/y?z")));
        assert_eq!(parts("unix:@app:/mcp"), Some(("@app", "/mcp")));
        assert_eq!(parts("unix:/run/a.sock"), Some(("/run/a.sock", "/")));
        assert_eq!((parts("http://h/x:/y"), parts("unix"), parts("ünix:")), (None, None, None));
    }
}
