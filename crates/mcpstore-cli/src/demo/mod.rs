//! Three small MCP servers that live in this binary, so that `mcpstore up --demo` needs nothing else on the machine.
//!
//! Each runs as a child process of its own, over stdio, exactly as a server that somebody else wrote would.

mod clock;
mod config;
mod digest;
mod notes;

use std::fmt;
use std::io::Write as _;

use anyhow::{Context as _, bail};
use rmcp::{ServerHandler, ServiceExt as _};

use mcpstore::types::suggestion;

pub(crate) use config::{config_text, services};

/// The servers there are, in the order in which they start.
pub(crate) const NAMES: [&str; 3] = [clock::NAME, notes::NAME, digest::NAME];

/// Serves the named demo server over stdin and stdout until stdin ends.
///
/// # Errors
/// There is no demo server of this name, or the conversation broke.
pub(crate) async fn serve(name: &str) -> anyhow::Result<()> {
    match name {
        clock::NAME => run(clock::Clock).await,
        notes::NAME => run(notes::Notes::default()).await,
        digest::NAME => run(digest::Digest).await,
        other => bail!("no demo server `{other}` among {}{}", NAMES.join(", "), suggestion(other, &NAMES)),
    }
    .with_context(|| format!("demo server `{name}` ended"))
}

async fn run(server: impl ServerHandler) -> anyhow::Result<()> {
    let running = server.serve(rmcp::transport::io::stdio_pipes()).await?;
    running.waiting().await?;
    Ok(())
}

/// One line on stderr, which is a server's log. A reader that went away is nobody's problem.
fn say(line: fmt::Arguments<'_>) {
    // Not `eprintln!`, which panics when the pipe is closed; so the test harness could not capture it.
    if cfg!(not(test)) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
