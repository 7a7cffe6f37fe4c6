//! Where the SDKs are, how a server on one of them is started, and that nothing is left of it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mcpstore::ServiceName;
use mcpstore::types::Era;
use mcpstore_testkit::suite::Checked;
use mcpstore_testkit::{TAG_VARIABLE, no_survivors, unique_tag};

/// How long the end of what was killed may take.
const GRACE: Duration = Duration::from_secs(20);

/// Where `cargo xtask test` put the SDKs; nothing when it was told to be fast.
pub(crate) fn installed() -> Option<PathBuf> {
    match (std::env::var_os("MCPSTORE_REAL_SERVERS"), std::env::var_os("MCPSTORE_FAST")) {
        (Some(dir), None) => Some(dir.into()),
        (_, Some(_)) => None,
        (None, None) => {
            panic!("MCPSTORE_REAL_SERVERS is not set: run `cargo xtask test`, or `cargo xtask servers` first")
        }
    }
}

/// A server on an SDK.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sdk {
    /// TypeScript, before the stateless era.
    Ts1,
    /// TypeScript, of both eras.
    Ts2,
    /// Python, before the stateless era.
    Py1,
    /// Python, of both eras.
    Py2,
    /// Rust, of both eras. It has tools alone.
    Rmcp,
}

impl Sdk {
    /// Its program and arguments, but for the transport.
    pub(crate) fn command(self, installed: &Path) -> Vec<String> {
        let source = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sdk").join(name);
        let (program, source) = match self {
            Self::Ts1 => ("node".into(), source("v1.mjs")),
            Self::Ts2 => ("node".into(), source("v2.mjs")),
            Self::Py1 => (installed.join("venv-v1/bin/python3"), source("server.py")),
            Self::Py2 => (installed.join("venv/bin/python3"), source("server.py")),
            Self::Rmcp => return vec![env!("CARGO_BIN_EXE_mcpstore-rmcp-server").to_owned()],
        };
        vec![program.display().to_string(), source.display().to_string()]
    }

    /// The eras it speaks, each to be spoken to in.
    pub(crate) fn eras(self) -> &'static [Era] {
        match self {
            Self::Ts1 | Self::Py1 => &[Era::Handshake],
            Self::Ts2 | Self::Py2 | Self::Rmcp => &[Era::Stateless, Era::Handshake],
        }
    }

    /// What the suite found is what such a server has, in this era.
    pub(crate) fn holds(self, checked: &Checked, era: Era) {
        let name = match self {
            Self::Ts1 => "sdk-ts-v1",
            Self::Ts2 => "sdk-ts-v2",
            Self::Py1 | Self::Py2 => "sdk-python",
            Self::Rmcp => "sdk-rmcp",
        };
        let server = &checked.server;
        assert_eq!((server.name.as_str(), server.era), (name, era), "{checked:?}");
        let version = if era == Era::Stateless { "2026-07-28" } else { "2025-11-25" };
        assert_eq!(server.protocol_version, version, "{checked:?}");
        self.offers(checked);
    }

    /// The same where the transport is older than that.
    pub(crate) fn offers(self, checked: &Checked) {
        let (resources, prompts) = if matches!(self, Self::Rmcp) { (0, 0) } else { (1, 1) };
        assert_eq!((checked.tools, checked.resources, checked.prompts), (4, resources, prompts), "{checked:?}");
        assert_eq!(checked.server.instructions.as_deref(), Some("Ask."), "{checked:?}");
    }
}

pub(crate) fn name() -> ServiceName {
    ServiceName::new("sdk").unwrap()
}

/// A server that was started here and listens on a port.
pub(crate) struct Listening {
    child: Child,
    tag: String,
    pub(crate) port: u16,
}

impl Listening {
    /// Starts it and waits until it says its port.
    pub(crate) fn start(sdk: Sdk, transport: &str) -> Option<Self> {
        let installed = installed()?;
        let line = sdk.command(&installed);
        let tag = unique_tag("sdk");
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).arg(transport).current_dir(installed).env(TAG_VARIABLE, &tag);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("port ").and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("{sdk:?} said `{line}` in the place of its port"));
        Some(Self { child, tag, port })
    }

    /// Ends it, and fails when something of it is left.
    pub(crate) fn end(self) {
        let tag = self.tag.clone();
        drop(self);
        nothing_left(&tag);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn nothing_left(tag: &str) {
    assert_eq!(no_survivors(tag, GRACE), [0_u32; 0], "processes survive");
}
