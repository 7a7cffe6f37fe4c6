//! Follows the output of `cargo test`: shows it, and counts.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result};

/// How long a pipe may stay open after everything that could write to it was ended.
const PIPE_GRACE: Duration = Duration::from_secs(2);

/// What the test programs said of themselves.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    programs: u64,
    passed: u64,
    failed: u64,
    ignored: u64,
    failed_names: Vec<String>,
}

impl Tally {
    /// Counts one line of output.
    fn line(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.programs += 1;
            for part in result.split([';', '.']) {
                let mut words = part.split_whitespace();
                let (Some(Ok(count)), Some(kind)) = (words.next().map(str::parse::<u64>), words.next()) else {
                    continue;
                };
                match kind {
                    "passed" => self.passed += count,
                    "failed" => self.failed += count,
                    "ignored" => self.ignored += count,
                    _ => {}
                }
            }
        } else if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failed_names.push(name.to_owned());
        }
    }

    /// The tests that failed, in the order of their ends.
    pub(super) fn failed_names(&self) -> &[String] {
        &self.failed_names
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { programs, passed, failed, ignored, failed_names: _ } = self;
        write!(f, "{passed} tests passed, {failed} failed, {ignored} ignored in {programs} test programs")
    }
}

/// The output of a running command.
pub(super) struct Output {
    lines: Receiver<String>,
}

/// Starts a command; its standard output is shown as it comes and counted.
///
/// # Errors
/// When it cannot be started.
pub(super) fn follow(command: &mut Command) -> Result<(Child, Output)> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().context("the child has no standard output")?;
    let (sender, lines) = channel();
    std::thread::spawn(move || show(stdout, &mut |line| sender.send(line).is_ok()));
    Ok((child, Output { lines }))
}

/// Copies lines to our own standard output until the pipe ends, or nobody counts any more.
fn show(pipe: ChildStdout, count: &mut dyn FnMut(String) -> bool) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let mut out = std::io::stdout().lock();
        // A closed terminal must not stop the count.
        let _ = out.write_all(&line).and_then(|()| out.flush());
        if !count(String::from_utf8_lossy(&line).trim_end().to_owned()) {
            return;
        }
    }
}

impl Output {
    /// The count, once the pipe has ended.
    pub(super) fn finish(self) -> Tally {
        let mut tally = Tally::default();
        loop {
            match self.lines.recv_timeout(PIPE_GRACE) {
                Ok(line) => tally.line(&line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return tally,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_summed_and_failures_named() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test a::b ... ok",
            "test a::c ... FAILED",
            "test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.15s",
            "test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 1.00s",
        ] {
            tally.line(line);
        }
        assert_eq!(tally.to_string(), "41 tests passed, 1 failed, 1 ignored in 2 test programs");
        assert_eq!(tally.failed_names(), ["a::c"]);
    }

    #[test]
    fn output_is_followed_to_its_end() {
        let line = "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.15s";
        let (mut child, output) = follow(Command::new("echo").arg(line)).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(output.finish().passed, 2);
    }
}
