//! How the command ends: its exit code, and the failure that led to it.

use std::fmt;
use std::process::{ExitCode, Termination};

/// The exit codes of `mcpstore`. Scripts rely on them: a number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// It failed.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// Checked services are not all healthy.
    Unhealthy,
    /// No such service.
    NoSuchService,
    /// The config is invalid, or there is none.
    ConfigInvalid,
    /// No running manager answers.
    Unreachable,
    /// The plan has changes.
    Changes,
    /// The tool returned an error.
    ToolError,
    /// The manager refused.
    Refused,
    /// The time was up.
    TimedOut,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// All of them, by code.
    pub(crate) const ALL: [Self; 12] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Unhealthy,
        Self::NoSuchService,
        Self::ConfigInvalid,
        Self::Unreachable,
        Self::Changes,
        Self::ToolError,
        Self::Refused,
        Self::TimedOut,
        Self::Interrupted,
    ];

    /// The number the process ends with.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unhealthy => 3,
            Self::NoSuchService => 4,
            Self::ConfigInvalid => 5,
            Self::Unreachable => 6,
            Self::Changes => 7,
            Self::ToolError => 8,
            Self::Refused => 9,
            Self::TimedOut => 124,
            Self::Interrupted => 130,
        }
    }

    /// The same in a word, for the control socket.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Unhealthy => "unhealthy",
            Self::NoSuchService => "no_such_service",
            Self::ConfigInvalid => "config_invalid",
            Self::Unreachable => "unreachable",
            Self::Changes => "changes",
            Self::ToolError => "tool_error",
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::Interrupted => "interrupted",
        }
    }

    /// The exit with this number; a number that nobody knows counts as failed.
    pub(crate) fn from_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Failed)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}

/// A failure that knows its exit code and the next command to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// With what the command ends.
    pub(crate) exit: Exit,
    /// What is wrong, in lower case, without a full stop. May hold a server's words: clean it before it meets a terminal.
    pub(crate) message: String,
    /// The one command to try next.
    pub(crate) next: Option<String>,
}

impl Failure {
    /// A failure without a next command.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), next: None }
    }

    /// This failure with the command to try next.
    #[must_use]
    pub(crate) fn next(mut self, command: impl Into<String>) -> Self {
        self.next = Some(command.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// An error and what led to it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !out.contains(&words) {
            out.push_str(": ");
            out.push_str(&words);
        }
        source = cause.source();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_documentation() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 124, 130]);
        assert!(Exit::ALL.into_iter().all(|exit| Exit::from_code(exit.code()) == exit));
        assert_eq!(Exit::from_code(77), Exit::Failed);
    }
}
