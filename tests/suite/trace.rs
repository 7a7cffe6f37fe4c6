//! Finding every process of a manager by the tag of its test: in an environment, or in arguments.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use mcpstore_warden::proc::{self, Process};

/// A living process that carries a tag.
pub(crate) struct Found {
    pub(crate) process: Process,
    arguments: String,
    environment: Vec<u8>,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.process, self.arguments)
    }
}

impl Found {
    /// The value of a variable of its environment.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let mut variables = self.environment.split(|byte| *byte == 0);
        let value = variables.find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

/// The living processes that carry the tag in their environment or their arguments, other than this one and `but`.
pub(crate) fn carriers(tag: &str, but: u32) -> Vec<Found> {
    let read = |pid: i32, what: &str| std::fs::read(Path::new("/proc").join(pid.to_string()).join(what));
    let contains = |bytes: &[u8]| bytes.windows(tag.len()).any(|part| part == tag.as_bytes());
    let others = [std::process::id(), but].map(|pid| i32::try_from(pid).unwrap());
    let mut found = Vec::new();
    for process in proc::all().into_iter().filter(|process| !process.ended && !others.contains(&process.pid)) {
        let environment = read(process.pid, "environ").unwrap_or_default();
        let arguments = read(process.pid, "cmdline").unwrap_or_default();
        if contains(&environment) || contains(&arguments) {
            let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
            found.push(Found { process, arguments, environment });
        }
    }
    found
}

/// Waits until nobody carries the tag, in three looks in a row: one can miss who is somebody else with every look. Says
/// how long it took until the first of them, or who is left.
pub(crate) fn all_gone(tag: &str, but: u32, within: Duration) -> Result<Duration, Vec<Found>> {
    let began = Instant::now();
    let (mut empty, mut since) = (0, began.elapsed());
    loop {
        let left = carriers(tag, but);
        if left.is_empty() {
            if empty == 0 {
                since = began.elapsed();
            }
            empty += 1;
            if empty == 3 {
                return Ok(since);
            }
        } else {
            empty = 0;
            if began.elapsed() > within {
                return Err(left);
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Rounds of a test that `cargo xtask chaos` repeats more often.
pub(crate) fn rounds(usual: usize) -> usize {
    let asked = std::env::var("MCPSTORE_CHAOS_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    asked.unwrap_or(usual)
}
