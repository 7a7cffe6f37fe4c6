//! What stdout and stderr are connected to, and writing to them.

use std::io::{self, IsTerminal as _, Write as _};

use clap::ColorChoice;
use serde::Serialize;

use super::clean;

/// What an output stream is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// It is a terminal.
    pub(crate) tty: bool,
    /// ANSI colours may be written to it.
    pub(crate) color: bool,
    /// Its width in columns, when it is a terminal that knows it.
    pub(crate) width: Option<u16>,
}

impl Term {
    /// No terminal and no colours: what pipes and tests get.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { tty: false, color: false, width: None };

    /// As to stdout.
    pub(crate) fn stdout(choice: ColorChoice) -> Self {
        Self::of(io::stdout().is_terminal(), choice)
    }

    /// As to stderr.
    pub(crate) fn stderr(choice: ColorChoice) -> Self {
        Self::of(io::stderr().is_terminal(), choice)
    }

    fn of(tty: bool, choice: ColorChoice) -> Self {
        let width = if tty { crossterm::terminal::size().ok().map(|(columns, _)| columns) } else { None };
        let color = wants_color(choice, tty, |name| std::env::var(name).ok());
        // The tables' library asks NO_COLOR by itself; what was decided here holds.
        crossterm::style::force_color_output(color);
        Self { tty, color, width }
    }

    /// The text in this ANSI colour (`31` red, `32` green, …), or as it is.
    pub(crate) fn paint(&self, code: u8, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// `--color` wins; then NO_COLOR, then CLICOLOR_FORCE, then whether it is a terminal that can.
fn wants_color(choice: ColorChoice, tty: bool, env: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR") => false,
        ColorChoice::Auto if env("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0") => true,
        ColorChoice::Auto => tty && env("TERM").as_deref() != Some("dumb") && env("CLICOLOR").as_deref() != Some("0"),
    }
}

/// Writes data to stdout, as it is.
///
/// # Errors
/// When nobody reads it any more, or the disk is full.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a document to stdout: one line of JSON.
///
/// # Errors
/// As [`print`].
pub(crate) fn print_json(document: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string(document)?;
    text.push('\n');
    print(&text)
}

/// Writes a line for people to stderr, cleaned. What cannot be written is lost: it is only talk.
pub(crate) fn talk(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", clean(text));
}

/// As [`talk`], behind a word of ours that may be painted.
pub(crate) fn talk_after(word: &str, text: &str) {
    let _ = writeln!(io::stderr().lock(), "{word} {}", clean(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_option_environment_and_terminal() {
        let with = |set: &[(&str, &str)], choice, tty| {
            wants_color(choice, tty, |name| set.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned()))
        };
        let auto = ColorChoice::Auto;
        assert!(with(&[], auto, true) && !with(&[], auto, false));
        assert!(!with(&[("NO_COLOR", "1")], auto, true) && with(&[("NO_COLOR", "")], auto, true));
        assert!(with(&[("CLICOLOR_FORCE", "1")], auto, false) && !with(&[("CLICOLOR_FORCE", "0")], auto, false));
        assert!(!with(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], auto, true));
        assert!(!with(&[("TERM", "dumb")], auto, true) && !with(&[("CLICOLOR", "0")], auto, true));
        assert!(with(&[("NO_COLOR", "1")], ColorChoice::Always, false) && !with(&[], ColorChoice::Never, true));
    }
}
