//! Running other programs, in named and timed steps.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What is built and checked beside the default: everything that is behind a feature.
pub(crate) const FEATURES: &str = "xtask/bench,mcpstore-cli/otlp,mcpstore-cli/desktop,mcpstore-cli/mail";

/// The root of the checkout.
///
/// # Errors
/// When neither cargo nor the current folder tells where it is.
pub(crate) fn root() -> Result<PathBuf> {
    // Set by `cargo run`; a copy of the program started by hand looks upwards instead.
    let from_cargo = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let from_here = std::env::current_dir().context("failed to find the current folder")?.join("xtask");
    let guess = from_cargo.unwrap_or(from_here);
    guess
        .ancestors()
        .skip(1)
        .find(|dir| dir.join("xtask/Cargo.toml").is_file() && dir.join("Cargo.toml").is_file())
        .map(Path::to_path_buf)
        .context("failed to find the checkout: run `cargo xtask` inside it")
}

/// A command in the root of the checkout, without an input to wait for.
pub(crate) fn program(root: &Path, name: impl AsRef<OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(args).current_dir(root).stdin(Stdio::null());
    command
}

/// A cargo command: the cargo that runs us, if one does.
pub(crate) fn cargo(root: &Path, args: &[&str]) -> Command {
    program(root, std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args)
}

/// The command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Prints and runs a command; its output goes where ours goes.
///
/// # Errors
/// When it cannot be started or does not end with status 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("failed to start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// True when `name args` can be started and ends with status 0. Its output is dropped.
pub(crate) fn works(name: &str, args: &[&str]) -> bool {
    Command::new(name).args(args).stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

/// Steps of a task: each named, timed, and remembered for the verdict at the end.
pub(crate) struct Steps {
    task: &'static str,
    began: Instant,
    done: Vec<(String, Duration)>,
    failed: Vec<String>,
}

impl Steps {
    /// Begins a task.
    pub(crate) fn new(task: &'static str) -> Self {
        Self { task, began: Instant::now(), done: Vec::new(), failed: Vec::new() }
    }

    /// Runs one step and says how long it took. A failure is printed and remembered; the value is then missing.
    pub(crate) fn run<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T>) -> Option<T> {
        println!("==> {}: {name}", self.task);
        let began = Instant::now();
        let result = step();
        let took = began.elapsed();
        self.done.push((name.to_owned(), took));
        match result {
            Ok(value) => {
                println!("==> {}: {name} took {}", self.task, seconds(took));
                Some(value)
            }
            Err(error) => {
                eprintln!("==> {}: {name} FAILED after {}: {error:#}", self.task, seconds(took));
                self.failed.push(name.to_owned());
                None
            }
        }
    }

    /// Prints the one line that sums the task up.
    ///
    /// # Errors
    /// When a step failed.
    pub(crate) fn finish(self, note: &str) -> Result<()> {
        let steps: Vec<String> = self.done.iter().map(|(name, took)| format!("{name} {}", seconds(*took))).collect();
        let verdict =
            if self.failed.is_empty() { "ok".to_owned() } else { format!("FAILED ({})", self.failed.join(", ")) };
        let note = if note.is_empty() { String::new() } else { format!("; {note}") };
        println!("{}: {verdict} in {} ({}){note}", self.task, seconds(self.began.elapsed()), steps.join(", "));
        if !self.failed.is_empty() {
            bail!("{} of {} steps failed: {}", self.failed.len(), self.done.len(), self.failed.join(", "));
        }
        Ok(())
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_does_not_stop_the_next_and_fails_the_task() {
        let mut steps = Steps::new("try");
        assert_eq!(steps.run("one", || Ok(1)), Some(1));
        assert_eq!(steps.run("two", || -> Result<u8> { bail!("no") }), None);
        assert_eq!(steps.run("three", || Ok(3)), Some(3));
        assert_eq!(steps.finish("").unwrap_err().to_string(), "1 of 3 steps failed: two");
    }

    #[test]
    fn a_command_that_fails_says_which() {
        let root = root().unwrap();
        let error = run(&mut program(&root, "false", &["--now"])).unwrap_err();
        assert!(error.to_string().starts_with("`false --now` failed"), "{error}");
        let error = run(&mut program(&root, "no-such-program-here", &[])).unwrap_err();
        assert_eq!(error.to_string(), "failed to start `no-such-program-here`");
    }
}
