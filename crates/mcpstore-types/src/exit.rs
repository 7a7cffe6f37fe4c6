//! How a process ended.

use std::fmt;

/// How a server's main process ended, or that its connection closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ExitStatus {
    /// It returned this exit code (0 to 255).
    Code(i32),
    /// This signal ended it (1 to 64).
    Signal(i32),
    /// There was no process: the connection or the in-process server closed.
    Closed,
    /// It is gone, and nobody could tell how.
    Unknown,
}

impl ExitStatus {
    /// True for exit code 0 and for a closed connection: the server ended of its own will, without complaint.
    #[must_use]
    pub const fn is_clean(self) -> bool {
        matches!(self, Self::Code(0) | Self::Closed)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "signal {signal} ({name})"),
                None => write!(f, "signal {signal}"),
            },
            Self::Closed => f.write_str("connection closed"),
            Self::Unknown => f.write_str("unknown exit"),
        }
    }
}

/// The names of the signals whose numbers are the same on Linux and macOS.
const fn signal_name(signal: i32) -> Option<&'static str> {
    match signal {
        1 => Some("SIGHUP"),
        2 => Some("SIGINT"),
        3 => Some("SIGQUIT"),
        4 => Some("SIGILL"),
        6 => Some("SIGABRT"),
        8 => Some("SIGFPE"),
        9 => Some("SIGKILL"),
        11 => Some("SIGSEGV"),
        13 => Some("SIGPIPE"),
        15 => Some("SIGTERM"),
        _ => None,
    }
}
