//! What of a service clients of the gateway see, and how it is shared between them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use crate::{ServiceName, glob_matches};

/// Which tools of a service the gateway offers, and under which names. The default offers all, as `service__tool`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolRules {
    /// Patterns of tool names as the server has them (`search_*`); empty: all.
    pub allow: Vec<String>,
    /// Patterns of tool names that are left out, whatever `allow` says.
    pub deny: Vec<String>,
    /// Other names: from the server's name of a tool to the one that is exposed in its place, after which no prefix is added.
    pub rename: BTreeMap<String, String>,
    /// Other descriptions, by the server's name of the tool.
    pub describe: BTreeMap<String, String>,
    /// How names are exposed.
    pub expose: Expose,
}

impl ToolRules {
    /// True when the tool that the server calls so is offered at all.
    #[must_use]
    pub fn offers(&self, tool: &str) -> bool {
        let fits = |patterns: &[String]| patterns.iter().any(|pattern| glob_matches(pattern, tool));
        (self.allow.is_empty() || fits(&self.allow)) && !fits(&self.deny)
    }
}

/// How the tools and prompts of a service are named by the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expose {
    /// `service__tool`. The default.
    #[default]
    Prefixed,
    /// `tool`: two services with one such name are a conflict, which is reported and resolved for nobody.
    Plain,
}

impl Expose {
    /// `prefixed` or `plain`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prefixed => "prefixed",
            Self::Plain => "plain",
        }
    }
}

/// Whether the clients of the gateway share one server of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isolation {
    /// Shared, until the server asks something of its client while it cannot be told which: then per session. The default.
    #[default]
    Auto,
    /// One server for all.
    Shared,
    /// A server (process or connection) for each session of a client.
    PerSession,
}

impl Isolation {
    /// `auto`, `shared` or `per_session`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Shared => "shared",
            Self::PerSession => "per_session",
        }
    }
}

/// When a service is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StartMode {
    /// With the manager. The default.
    #[default]
    Eager,
    /// With the first use of it.
    Lazy,
}

impl StartMode {
    /// `eager` or `lazy`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eager => "eager",
            Self::Lazy => "lazy",
        }
    }
}

/// An agent's own view: a part of the services and of their tools, at a path of its own (`/mcp/NAME`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewSpec {
    /// Its name, as the path has it.
    pub name: String,
    /// The services in it.
    pub services: BTreeSet<ServiceName>,
    /// Patterns of exposed tool names; empty: all of its services.
    pub allow: Vec<String>,
    /// Patterns of exposed tool names that are left out.
    pub deny: Vec<String>,
}

/// How the gateway is reached, and guarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewaySpec {
    /// Address and port (`127.0.0.1:8420`), or `none`; default `None`: the caller's default.
    pub listen: Option<String>,
    /// Who may speak to it.
    pub auth: GatewayAuth,
    /// Origins of web pages that may speak to it, beside those of the address itself; empty by default.
    pub origins: Vec<String>,
    /// Names under which it may be asked for (`Host`), beside the address itself and `localhost`; empty by default.
    pub hosts: Vec<String>,
    /// Its certificate and key (PEM files); wanted off loopback.
    pub tls: Option<TlsFiles>,
    /// Requests in a minute of all clients with the same credentials together; default no bound.
    pub requests_per_minute: Option<u32>,
    /// How long an answer that streams waits for its client when the connection that carries it broke; default `None`: a client
    /// that disconnects takes its requests back.
    pub resume_wait: Option<Duration>,
    /// After how long the connection of such a stream is closed, for the client to ask for the rest over another one; default
    /// `None`: never. It is `None` without `resume_wait`.
    pub poll_after: Option<Duration>,
    /// What becomes of the tools of a service that is down.
    pub stale: StaleLists,
    /// What becomes of a tool that is not what it was.
    pub tool_changes: ToolChanges,
    /// Whether what clients do is noted in the audit log; default true.
    pub audit: bool,
}

impl Default for GatewaySpec {
    fn default() -> Self {
        Self {
            listen: None,
            auth: GatewayAuth::default(),
            origins: Vec::new(),
            hosts: Vec::new(),
            tls: None,
            requests_per_minute: None,
            resume_wait: None,
            poll_after: None,
            stale: StaleLists::default(),
            tool_changes: ToolChanges::default(),
            audit: true,
        }
    }
}

/// What becomes of a tool whose definition (name, title, description, schemas, annotations) is not the one that was seen
/// first, or approved last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ToolChanges {
    /// Nobody looks at it.
    Off,
    /// It is told, and the tool stays in use.
    Warn,
    /// The tool is held back until somebody approves it. The default.
    #[default]
    Quarantine,
    /// The same, and so is a tool that a known service did not have before.
    Strict,
}

impl ToolChanges {
    /// `off`, `warn`, `quarantine` or `strict`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Quarantine => "quarantine",
            Self::Strict => "strict",
        }
    }
}

/// Who may speak to the gateway over TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GatewayAuth {
    /// Who has the token of the manager. The default.
    #[default]
    Token,
    /// Everybody on this machine; on loopback alone.
    None,
}

/// The files of a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain of certificates, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// What becomes of what a service listed, while it is down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StaleLists {
    /// It stays in the list, marked stale; a call says what is wrong with the service. The default.
    #[default]
    Keep,
    /// It is left out.
    LeaveOut,
}
