//! The programs that the suite talks to: started, waited for, and ended.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::test::survivors;

/// How long a program may take until it can be used, and until it has ended.
const LONG: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// A tool of the reference: whoever lists it is ready.
const READY: &str = "test_simple_text";

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

/// Starts the gateway in this folder with this one service, and waits until it offers the service's tools. What it says goes
/// to `log`.
pub(super) fn gateway(root: &Path, tag: &str, folder: &Path, log: &Path, service: &Value) -> Result<Program> {
    std::fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let config = folder.join("mcp.json");
    let text = json!({ "mcpServers": { super::lane::SERVICE: service } });
    std::fs::write(&config, text.to_string()).context("failed to write the config of the gateway")?;
    let address = free_address()?;
    let said = File::create(log).context("failed to make the log of the gateway")?;
    let mut command = Command::new(root.join("target/debug/mcpstore"));
    command.arg("up").arg("--config").arg(&config).arg("--listen").arg(address.to_string()).arg("--no-auth");
    command.arg("--socket").arg(folder.join("s.sock")).arg("--state-dir").arg(folder.join("state"));
    // Nothing of the user's own is read or written.
    command.current_dir(folder).env("HOME", folder).env("MCPSTORE_LOG", "info").env(survivors::TAG, tag);
    command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
    let child = command.spawn().context("failed to start the gateway")?;
    let mut program = Program { child, url: format!("http://{address}/mcp") };
    let deadline = Instant::now() + LONG;
    let mut answer = String::new();
    while !answer.contains(READY) {
        if let Some(status) = program.child.try_wait()? {
            bail!("the gateway ended with {status}: {}", tail(log));
        }
        if Instant::now() > deadline {
            bail!("the gateway does not offer the tools of its service: {answer}\n{}", tail(log));
        }
        std::thread::sleep(POLL);
        answer = list(address).unwrap_or_default();
    }
    Ok(program)
}

/// Where a gateway may keep its things: short, so that a socket has room in it.
pub(super) fn folder(lane: &str, revision: &str) -> PathBuf {
    std::env::temp_dir().join(format!("mcpstore-conformance-{}", std::process::id())).join(format!("{lane}-{revision}"))
}

fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to find a free port")?;
    listener.local_addr().context("failed to find a free port")
}

/// What a server at this address answers to `tools/list`.
fn list(address: SocketAddr) -> std::io::Result<String> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "xtask", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": { "_meta": meta } }).to_string();
    let mut stream = TcpStream::connect_timeout(&address, LONG)?;
    stream.set_read_timeout(Some(LONG))?;
    write!(
        stream,
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/list\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
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
    fn the_end_of_a_log_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        assert_eq!(tail(&log), "");
        std::fs::write(&log, (0..20).map(|n| format!("{n}\n")).collect::<String>()).unwrap();
        assert!(tail(&log).starts_with("10\n") && tail(&log).ends_with("19"));
    }
}
