//! What the libraries log: on stderr, or held back while a live view has the terminal.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing_subscriber::EnvFilter;

/// The variable that says what is logged, in the syntax of `tracing_subscriber`: `info`, `mcpstore_runtime=debug`.
const VARIABLE: &str = "RUST_LOG";

/// What is capped unless [`VARIABLE`] names it: rmcp speaks up about things that we tell better ourselves.
const CAPPED: &str = "rmcp";

/// What the alert sink `log` writes to: whoever is told of an alert shall be told that it is over, too.
const ALERTS: &str = "mcpstore::alert";

/// Bytes held back at most; what comes then is dropped and counted.
const MAX_HELD: usize = 64 * 1024;

static HELD: Mutex<Option<Held>> = Mutex::new(None);

/// Log lines that wait until they may be written.
#[derive(Debug, Default)]
struct Held {
    text: Vec<u8>,
    dropped: u64,
}

/// Starts logging to stderr; by default warnings and errors.
///
/// What of `RUST_LOG` makes no sense is left out, with a word. Called a second time, it does nothing.
pub(crate) fn init() {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter(&wanted)).with_writer(|| Writer).with_ansi(false).finish();
    // It fails only when something was set before, which then stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// From now on log lines are held back, for [`take`] to fetch.
pub(crate) fn hold() {
    held().get_or_insert_default();
}

/// The lines held back since the last time, whole ones.
pub(crate) fn take() -> Vec<String> {
    held().as_mut().map(|held| std::mem::take(held).lines()).unwrap_or_default()
}

/// Writes what is held back, and holds nothing back any more.
pub(crate) fn release() {
    let held = held().take();
    for line in held.map(Held::lines).unwrap_or_default() {
        let _ = writeln!(io::stderr(), "{line}");
    }
}

fn held() -> MutexGuard<'static, Option<Held>> {
    // Nothing in here panics half-way, so what a poisoned lock holds is whole.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Held {
    fn push(&mut self, line: &[u8]) {
        if self.text.len() + line.len() > MAX_HELD {
            self.dropped += 1;
        } else {
            self.text.extend_from_slice(line);
        }
    }

    fn lines(self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.text);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if self.dropped > 0 {
            lines.push(format!("… {} log lines came too fast to be shown", self.dropped));
        }
        lines
    }
}

/// Takes one event at a time, whole.
struct Writer;

impl Write for Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match held().as_mut() {
            Some(held) => held.push(line),
            // A reader that went away is nobody's problem.
            None => drop(io::stderr().write_all(line)),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn filter(wanted: &str) -> EnvFilter {
    // Of directives for the same target the last one counts, so what is wanted comes last.
    let quieter = wanted.split(',').any(|part| matches!(part.trim().to_ascii_lowercase().as_str(), "off" | "error"));
    let base = if quieter { "warn".to_owned() } else { format!("warn,{CAPPED}=warn,{ALERTS}=info") };
    EnvFilter::builder().parse_lossy(format!("{base},{wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rmcp_is_capped_unless_it_is_named() {
        assert_eq!(filter("").to_string(), "mcpstore::alert=info,rmcp=warn,warn");
        assert_eq!(filter("debug").to_string(), "mcpstore::alert=info,rmcp=warn,debug");
        assert_eq!(filter("off").to_string(), "off");
        assert_eq!(filter("info,rmcp=trace").to_string(), "mcpstore::alert=info,rmcp=trace,info");
        assert_eq!(
            filter("rmcp::transport=debug").to_string(),
            "rmcp::transport=debug,mcpstore::alert=info,rmcp=warn,warn"
        );
        assert_eq!(
            filter("mcpstore_runtime=debug,!!!").to_string(),
            "mcpstore_runtime=debug,mcpstore::alert=info,rmcp=warn,warn"
        );
    }

    #[test]
    fn what_is_held_back_is_bounded() {
        let mut held = Held::default();
        held.push(b"first\n");
        let long = [b'x'; 1024];
        for _ in 0..100 {
            held.push(&long);
        }
        held.push(b"\n");
        let lines = held.lines();
        assert_eq!((lines.len(), lines[0].as_str()), (3, "first"));
        assert_eq!(lines[2], "… 37 log lines came too fast to be shown");
    }
}
