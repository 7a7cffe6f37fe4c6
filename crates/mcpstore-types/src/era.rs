//! The two eras of the protocol, and which one is asked of a server.

/// An era of the protocol. Two eras do not understand each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Era {
    /// Up to 2025-11-25: `initialize`, then a session.
    #[default]
    Handshake,
    /// From 2026-07-28: no session; every request says who asks (spec: MCP 2026-07-28, basic).
    Stateless,
}

impl Era {
    /// `handshake` or `stateless`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Stateless => "stateless",
        }
    }
}

/// Which era a service's server is spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EraChoice {
    /// Asks the server, and remembers the answer. The default.
    #[default]
    Auto,
    /// This one, unasked.
    Only(Era),
}

impl EraChoice {
    /// `auto`, `handshake` or `stateless`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Only(era) => era.as_str(),
        }
    }
}
