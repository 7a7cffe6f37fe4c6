//! Why a request got no result.

use std::fmt;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::clip::clip;

/// Why a request got no result. Completes "failed to call …".
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The session is over: the server exited, closed its output, or was closed by us.
    #[error("the connection to the server closed")]
    Closed,
    /// A limit passed.
    #[error("the server gave no answer {what} {after:?}")]
    TimedOut {
        /// The limit.
        after: Duration,
        /// Which one.
        what: TimeoutKind,
    },
    /// The server answered with an error.
    #[error("the server answered with error {code}: {}", clip(message))]
    Rpc {
        /// Its code.
        code: i64,
        /// Its message, as it came; the text of this error shows the first 2 KiB of it.
        message: String,
        /// Its data, byte for byte.
        data: Option<Box<RawValue>>,
    },
    /// Too many requests, or bytes of requests, are under way; try again later.
    #[error("{in_flight} requests are under way and there is no room for more; at most {limit} wait")]
    Overloaded {
        /// Requests sent and not answered.
        in_flight: usize,
        /// How many may wait for a free slot.
        limit: usize,
    },
    /// The request is larger than anything that is sent.
    #[error("the request has {bytes} bytes; at most {limit} are sent")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// The request never left: the server cannot be reached. It is safe to send it again.
    #[error("the server cannot be reached: {message}")]
    Unreachable {
        /// Why.
        message: String,
    },
    /// The connection broke before the answer was there. The server may have done what was asked.
    #[error("the connection broke before the answer came: {message}")]
    Broken {
        /// How.
        message: String,
    },
    /// The server refused the request with an HTTP status.
    #[error("the server refused the request with HTTP status {status}{}", in_words(message, *retry_after))]
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
    /// Somebody must log in first.
    #[error("a login is needed: {message}")]
    NeedsLogin {
        /// Where, in words.
        message: String,
    },
    /// The answer is not what the method answers.
    #[error("the server's answer is malformed: {what}")]
    Malformed {
        /// What is wrong with it.
        what: String,
    },
}

impl CallError {
    /// True when the request may have reached the server without an answer coming back: closed, broken or timed out.
    #[must_use]
    pub const fn is_transport(&self) -> bool {
        matches!(self, Self::Closed | Self::Broken { .. } | Self::TimedOut { .. })
    }
}

/// What a server that answered with a status said, and when it wants to be asked again.
pub(super) fn in_words(message: &str, retry_after: Option<Duration>) -> String {
    let wait = retry_after.map_or_else(String::new, |wait| format!("; it asks to wait {wait:?}"));
    if message.is_empty() { wait } else { format!(": {message}{wait}") }
}

/// Which limit of a request passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeoutKind {
    /// [`CallLimits::idle`](crate::CallLimits::idle).
    Idle,
    /// [`CallLimits::total`](crate::CallLimits::total).
    Total,
}

impl fmt::Display for TimeoutKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "nor progress for",
            Self::Total => "within",
        })
    }
}
