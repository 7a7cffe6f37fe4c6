//! What is on its way to the server.

use tokio::sync::OwnedSemaphorePermit;

/// A line on its way out.
pub(crate) struct Outgoing {
    /// One JSON-RPC message, with its line end.
    pub(crate) line: Vec<u8>,
    pub(crate) kind: Kind,
    /// Its share of what may wait; given back when it is written or dropped.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// What a line is to the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The request with this wire id.
    Request(u64),
    /// The notice that the request with this wire id was given up.
    GiveUp(u64),
    /// Anything that nobody waits for an answer to.
    Note,
}

impl Outgoing {
    /// A line that nobody waits for an answer to.
    pub(crate) fn note(line: Vec<u8>) -> Self {
        Self { line, kind: Kind::Note, room: None }
    }
}
