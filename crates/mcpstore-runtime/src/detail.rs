//! The words that travel beside a reason.

use std::error::Error;
use std::fmt::Write as _;

use mcpstore_types::{PhaseName, Timeouts};

/// How many lines of stderr travel with a failure.
pub(crate) const STDERR_LINES: usize = 20;

/// An error and all its causes, in one line.
pub(crate) fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let _ = write!(text, ": {inner}");
        cause = inner.source();
    }
    text
}

/// A headline with the tail of stderr under it, one line each.
pub(crate) fn with_stderr(headline: String, stderr: &[String]) -> String {
    stderr.iter().fold(headline, |mut text, line| {
        let _ = write!(text, "\n  stderr | {line}");
        text
    })
}

/// What was not done in time, and in what time.
pub(crate) fn timed_out(phase: PhaseName, timeouts: &Timeouts) -> String {
    match phase {
        PhaseName::Spawn => format!("it was not launched within {:?}", timeouts.start),
        PhaseName::Init => {
            format!("it did not answer the handshake within {:?}", timeouts.handshake.min(timeouts.start))
        }
        PhaseName::Probe => format!("its start-up check did not pass within {:?}", timeouts.start),
        PhaseName::Kill => format!("it was still there {:?} after the kill", timeouts.kill),
        other => format!("members of its process group survived phase {other} for {:?}", timeouts.reap),
    }
}
