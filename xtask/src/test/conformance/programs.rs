//! The programs that the suite talks to: started, waited for, and ended.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::ready::Asker;
use crate::test::survivors;

/// How long a program may take until it can be used, and until it has ended.
const LONG: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// A program that is ours to end.
pub(super) struct Program {
    child: Child,
    /// Where it is reached.
    pub(super) url: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id())
            && let Some(pid) = Pid::from_raw(pid)
        {
            // It may have ended already.
            let _ = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + LONG;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the fixture over HTTP with these flags.
pub(super) fn fixture(root: &Path, tag: &str, flags: &[&str]) -> Result<Program> {
    let mut command = Command::new(root.join("target/debug/mcpstore-fixture"));
    command.arg("--http").args(flags).env(survivors::TAG, tag).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().context("failed to start the fixture")?;
    let stdout = child.stdout.take();
    // From here on it is ended, whatever happens.
    let mut program = Program { child, url: String::new() };
    let stdout = stdout.context("the fixture has no output")?;
    BufReader::new(stdout).read_line(&mut program.url).context("failed to read where the fixture is")?;
    program.url = program.url.trim().to_owned();
    if program.url.is_empty() {
        bail!("the fixture ended at once");
    }
    Ok(program)
}

/// What a gateway is started with.
pub(super) struct Gateway<'a> {
    /// Where it keeps its things.
    pub(super) folder: &'a Path,
    /// Where what it says goes.
    pub(super) log: &'a Path,
    /// The config of its one service.
    pub(super) service: &'a Value,
    /// The revision in which it is asked whether it is ready.
    pub(super) revision: &'a str,
    /// It closes the streams of its answers, for clients to ask for the rest.
    pub(super) polled: bool,
}

/// Starts a gateway, and waits until it offers the tools of its service.
pub(super) fn gateway(root: &Path, tag: &str, with: &Gateway<'_>) -> Result<Program> {
    let Gateway { folder, log, service, revision, polled } = *with;
    std::fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let config = folder.join("mcp.json");
    let mut text = json!({ "mcpServers": { super::lane::SERVICE: service } });
    if polled {
        // The tool of that scenario takes longer than the one, and less than twice as long.
        text["gateway"] = json!({ "pollAfter": "2s", "resumeWait": "30s" });
    }
    std::fs::write(&config, text.to_string()).context("failed to write the config of the gateway")?;
    let said = File::create(log).context("failed to make the log of the gateway")?;
    let mut command = Command::new(root.join("target/debug/mcpstore"));
    command.arg("up").arg("--config").arg(&config).args(["--listen", "127.0.0.1:0", "--no-auth"]);
    command.arg("--socket").arg(folder.join("s.sock")).arg("--state-dir").arg(folder.join("state"));
    // Nothing of the user's own is read or written.
    command.current_dir(folder).env("HOME", folder).env("MCPSTORE_LOG", "info").env(survivors::TAG, tag);
    command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
    let child = command.spawn().context("failed to start the gateway")?;
    let mut program = Program { child, url: String::new() };
    let deadline = Instant::now() + LONG;
    let mut asker: Option<Asker<'_>> = None;
    while !asker.as_mut().is_some_and(Asker::ready) {
        if asker.is_none()
            && let Some(address) = listens(log)
        {
            program.url = format!("http://{address}/mcp");
            asker = Some(Asker::new(address, revision));
        }
        if let Some(status) = program.child.try_wait()? {
            bail!("the gateway ended with {status}: {}", tail(log));
        }
        if Instant::now() > deadline {
            let answer = asker.map(|asker| asker.answer).unwrap_or_default();
            bail!("the gateway does not offer the tools of its service: {answer}\n{}", tail(log));
        }
        std::thread::sleep(POLL);
    }
    Ok(program)
}

/// Where a gateway may keep its things: short, so that a socket has room in it.
pub(super) fn folder(lane: &str, revision: &str) -> PathBuf {
    std::env::temp_dir().join(format!("mcpstore-conformance-{}", std::process::id())).join(format!("{lane}-{revision}"))
}

/// Where a gateway says it listens.
fn listens(log: &Path) -> Option<SocketAddr> {
    let text = std::fs::read_to_string(log).ok()?;
    let rest = text.split_once("gateway on http://")?.1;
    rest.split_once('/')?.0.parse().ok()
}

/// The last lines of a log.
pub(super) fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_where_the_gateway_says_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::write(&log, "x\ngateway on http://127.0.0.1:4").unwrap();
        assert_eq!(listens(&log), None, "the line is not whole yet");
        std::fs::write(&log, "x\ngateway on http://127.0.0.1:45509/mcp\n").unwrap();
        assert_eq!(listens(&log), Some(([127, 0, 0, 1], 45509).into()));
    }

    #[test]
    fn the_end_of_a_log_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        assert_eq!(tail(&log), "");
        std::fs::write(&log, (0..20).map(|n| format!("{n}\n")).collect::<String>()).unwrap();
        assert!(tail(&log).starts_with("10\n") && tail(&log).ends_with("19"));
    }
}
