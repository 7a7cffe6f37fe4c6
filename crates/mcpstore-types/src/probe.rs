//! What a health probe asks, and what a start waits for outside of mcpstore.

use std::fmt;
use std::path::PathBuf;

/// What a probe asks.
///
/// `Auto`, `Ping`, `Discover`, `List` and `Tool` go through the MCP session of the service; the others leave it alone, and
/// see only what they ask for. A probe that cannot run (a command that is not there) counts as nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProbeKind {
    /// What the protocol era has for it: `ping` up to 2025-11-25 (spec: MCP 2025-11-25, ping), `server/discover` from
    /// 2026-07-28 on (spec: MCP 2026-07-28, discovery).
    #[default]
    Auto,
    /// `ping`.
    Ping,
    /// `server/discover`.
    Discover,
    /// `tools/list`.
    List,
    /// A call of a tool. An RPC error and a result that says `isError` are failures here: who names a tool wants it to work.
    Tool {
        /// The tool, as its server names it.
        name: String,
        /// Its arguments: the text of a JSON object.
        args: String,
    },
    /// `GET` of an address; any status from 200 to 399 passes.
    Http {
        /// An `http://` or `https://` address.
        url: String,
    },
    /// A TCP connection that is accepted.
    Tcp {
        /// `host:port`.
        address: String,
    },
    /// A command that ends with exit code 0.
    Exec {
        /// The program: a path, or a name looked up in `PATH`. Never a shell.
        command: String,
        /// Its arguments, each as it is.
        args: Vec<String>,
    },
}

impl ProbeKind {
    /// Its word in a config: of the kinds with settings, their key.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Ping => "ping",
            Self::Discover => "discover",
            Self::List => "list",
            Self::Tool { .. } => "tool",
            Self::Http { .. } => "http",
            Self::Tcp { .. } => "tcp",
            Self::Exec { .. } => "exec",
        }
    }
}

/// Something outside of mcpstore that a service waits for before each of its starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum WaitCondition {
    /// A TCP connection to `host:port` is accepted.
    Tcp {
        /// `host:port`.
        address: String,
    },
    /// `GET` of an address gives a status from 200 to 399.
    Http {
        /// An `http://` or `https://` address.
        url: String,
    },
    /// A file or folder is there.
    File {
        /// Where.
        path: PathBuf,
    },
    /// A command ends with exit code 0.
    Exec {
        /// The program: a path, or a name looked up in `PATH`. Never a shell.
        command: String,
        /// Its arguments, each as it is.
        args: Vec<String>,
    },
}

impl WaitCondition {
    /// Its key in a config.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Tcp { .. } => "tcp",
            Self::Http { .. } => "http",
            Self::File { .. } => "file",
            Self::Exec { .. } => "exec",
        }
    }
}

impl fmt::Display for WaitCondition {
    /// For people, arguments of commands left out: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { address } => write!(f, "a connection to {address}"),
            Self::Http { url } => write!(f, "an answer from {}", without_query(url)),
            Self::File { path } => write!(f, "the file {}", path.display()),
            Self::Exec { command, .. } => write!(f, "the command `{command}` to succeed"),
        }
    }
}

/// An address without what may be secret in it: its user, its password, its query.
fn without_query(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = plain.split_once("://") else { return plain.to_owned() };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hide_what_may_be_secret() {
        let http = |url: &str| WaitCondition::Http { url: url.into() }.to_string();
        assert_eq!(http("http://me:hunter2@host:1/up?key=1"), "an answer from http://host:1/up");
        assert_eq!(http("http://host?key=1"), "an answer from http://host");
        let exec = WaitCondition::Exec { command: "check".into(), args: vec!["--token=1".into()] };
        assert_eq!(exec.to_string(), "the command `check` to succeed");
    }
}
