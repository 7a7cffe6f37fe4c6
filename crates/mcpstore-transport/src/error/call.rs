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
    /// The answer is not what the method answers.
    #[error("the server's answer is malformed: {what}")]
    Malformed {
        /// What is wrong with it.
        what: String,
    },
}

impl CallError {
    /// True when the request may have reached the server without an answer coming back: closed or timed out.
    #[must_use]
    pub const fn is_transport(&self) -> bool {
        matches!(self, Self::Closed | Self::TimedOut { .. })
    }
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
