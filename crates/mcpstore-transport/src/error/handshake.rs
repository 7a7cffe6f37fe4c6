//! Why a handshake gave no session.

use std::time::Duration;

use mcpstore_types::ExitStatus;

use super::call::in_words;
use crate::clip::clip;

/// Why a handshake gave no session. Completes "failed to initialise …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The server exited before the handshake was over.
    #[error("the server exited during the handshake ({status}){}", last_line(stderr))]
    Exited {
        /// How.
        status: ExitStatus,
        /// The last lines of its stderr, at most 20, oldest first.
        stderr: Vec<String>,
    },
    /// The server exited when it was asked for its era. The next launch does not ask.
    #[error("the server exited when it was asked for its era ({status}){}", last_line(stderr))]
    ExitedAtProbe {
        /// How.
        status: ExitStatus,
        /// The last lines of its stderr, at most 20, oldest first.
        stderr: Vec<String>,
    },
    /// The server was to be spoken to without a handshake, and does not know that era.
    #[error("the server does not speak the stateless era: {what}")]
    NotStateless {
        /// What it answered.
        what: String,
    },
    /// The server answered `initialize` with an error.
    #[error("the server rejected the handshake with error {code}: {message}")]
    Rejected {
        /// Its code.
        code: i64,
        /// Its message.
        message: String,
    },
    /// The server wrote text, and no JSON, until its output closed or the time was up.
    #[error("the server writes no JSON on its stdout; it wrote {line:?}")]
    NoJson {
        /// The first line of it, at most 200 characters.
        line: String,
    },
    /// The server closed its output, but did not exit.
    #[error("the server closed its output during the handshake")]
    Closed,
    /// The time for the handshake passed.
    #[error("the server did not answer the handshake within {after:?}")]
    TimedOut {
        /// That time.
        after: Duration,
    },
    /// The server speaks no protocol version that we do.
    #[error("the server speaks protocol version `{version}`; known are {}", known.join(", "))]
    UnsupportedVersion {
        /// What it offered.
        version: String,
        /// What we speak, oldest first.
        known: Vec<String>,
    },
    /// The server's answer to `initialize` cannot be understood.
    #[error("the server's answer to the handshake is malformed: {what}")]
    Malformed {
        /// What is wrong with it.
        what: String,
    },
    /// The server cannot be reached, or the connection broke.
    #[error("the server cannot be reached: {message}")]
    Unreachable {
        /// Why.
        message: String,
    },
    /// The server refused the handshake with an HTTP status.
    #[error("the server refused the handshake with HTTP status {status}{}", in_words(message, *retry_after))]
    Http {
        /// The status.
        status: u16,
        /// The server's words, at most 2 KiB.
        message: String,
        /// How long the server asks us to wait before the next try.
        retry_after: Option<Duration>,
    },
    /// The server wants other credentials.
    #[error("the server refused our credentials: {message}")]
    Auth {
        /// Its words.
        message: String,
    },
    /// Somebody must log in first: no failure of the server, and none of ours.
    #[error("a login is needed: {message}")]
    NeedsLogin {
        /// Where, in words.
        message: String,
    },
}

impl HandshakeError {
    /// True when another attempt with the same spec cannot do better.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::UnsupportedVersion { .. } | Self::NotStateless { .. } | Self::Auth { .. } | Self::NeedsLogin { .. }
        )
    }
}

/// The last word of a dead server says most.
fn last_line(stderr: &[String]) -> String {
    let last = stderr.iter().rev().find(|line| !line.trim().is_empty());
    last.map_or_else(String::new, |line| format!("; its last line on stderr was {:?}", clip(line)))
}
