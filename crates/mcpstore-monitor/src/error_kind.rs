//! How a call can fail, in a closed set of words.

use std::fmt;

/// How a call failed. A closed set: reports, metrics and docs use these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The connection to the service broke.
    Transport,
    /// No answer came in time.
    Timeout,
    /// The answer is a JSON-RPC error.
    Rpc,
    /// The result says `isError`.
    Tool,
    /// Too many requests were waiting for the service already.
    Overloaded,
    /// The circuit to the service was open.
    CircuitOpen,
    /// The service was not running.
    NotRunning,
    /// The caller gave up before the answer.
    Cancelled,
    /// The caller's mistake: a tool that the service never listed, or arguments that are no JSON object.
    BadArguments,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// All kinds, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Transport,
        Self::Timeout,
        Self::Rpc,
        Self::Tool,
        Self::Overloaded,
        Self::CircuitOpen,
        Self::NotRunning,
        Self::Cancelled,
        Self::BadArguments,
        Self::Other,
    ];

    /// Its word in JSON and metrics, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Timeout => "timeout",
            Self::Rpc => "rpc",
            Self::Tool => "tool",
            Self::Overloaded => "overloaded",
            Self::CircuitOpen => "circuit_open",
            Self::NotRunning => "not_running",
            Self::Cancelled => "cancelled",
            Self::BadArguments => "bad_arguments",
            Self::Other => "other",
        }
    }

    /// What happened, in one sentence for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Transport => "the connection to the service broke",
            Self::Timeout => "no answer came in time",
            Self::Rpc => "the answer is a JSON-RPC error",
            Self::Tool => "the result says `isError`",
            Self::Overloaded => "too many requests were waiting for the service already",
            Self::CircuitOpen => "the circuit to the service was open",
            Self::NotRunning => "the service was not running",
            Self::Cancelled => "the caller gave up before the answer",
            Self::BadArguments => {
                "the caller's mistake: a tool that the service never listed, or arguments that are no JSON object"
            }
            Self::Other => "anything else",
        }
    }

    /// True when no answer came through: what the circuit breaker counts as a failure.
    #[must_use]
    pub const fn is_transport_failure(self) -> bool {
        matches!(self, Self::Transport | Self::Timeout)
    }

    /// True when the service answered, though not as wished: it lives.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        matches!(self, Self::Rpc | Self::Tool)
    }

    /// True when the caller alone is the cause: it says nothing about the service, and no ratio of errors counts it.
    #[must_use]
    pub const fn is_callers(self) -> bool {
        matches!(self, Self::Cancelled | Self::BadArguments)
    }

    /// Its place in [`ErrorKind::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_at_its_place_under_its_own_word() {
        for (place, kind) in ErrorKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), place);
            assert!(ErrorKind::ALL[..place].iter().all(|other| other.as_str() != kind.as_str()), "{kind}");
        }
        let failures: Vec<_> = ErrorKind::ALL.into_iter().filter(|kind| kind.is_transport_failure()).collect();
        assert_eq!(failures, [ErrorKind::Transport, ErrorKind::Timeout]);
    }
}
