//! What can go wrong over HTTP.

/// What goes wrong with a request over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpFault {
    /// It is taken and never answered.
    Blackhole,
    /// It is answered with this status.
    Status(u16),
    /// It is sent elsewhere, with this status.
    Redirect(u16, String),
    /// The connection is reset once the request was read.
    Reset,
    /// The answer is no JSON and no event stream.
    WrongType,
    /// The answer is JSON and no message: all is well, it says.
    Mute,
    /// The answer is an event stream that is kept open by comments, and has no event.
    Comments,
    /// The body has this many bytes.
    HugeBody(u64),
    /// The event stream is one line of this many bytes.
    HugeEvent(u64),
    /// The headers of the answer never end.
    EndlessHeaders,
    /// The event stream breaks in the middle of an event.
    Truncated,
    /// The event stream comes byte by byte.
    ByteSplit,
    /// The body stops half-way and goes on never.
    Stall,
    /// The JSON body is shorter than its length says, then the connection ends.
    ShortBody,
    /// The session is known no more.
    SessionLost,
    /// The event stream breaks after its first event, which has an id: the rest waits for who resumes it.
    Cut,
    /// An event that is no JSON comes before the answer, and comments, and an event of another kind.
    Junk,
}

impl HttpFault {
    /// The fault of this name: `blackhole`, `status-503`, `redirect-307=URL`, `reset`, `wrong-type`, `huge-body=BYTES`, …
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if let Some(status) = name.strip_prefix("status-") {
            return status.parse().ok().map(Self::Status);
        }
        if let Some((status, to)) = name.strip_prefix("redirect-").and_then(|rest| rest.split_once('=')) {
            return status.parse().ok().map(|status| Self::Redirect(status, to.to_owned()));
        }
        if let Some(bytes) = name.strip_prefix("huge-body=") {
            return bytes.parse().ok().map(Self::HugeBody);
        }
        if let Some(bytes) = name.strip_prefix("huge-event=") {
            return bytes.parse().ok().map(Self::HugeEvent);
        }
        Some(match name {
            "blackhole" => Self::Blackhole,
            "reset" => Self::Reset,
            "wrong-type" => Self::WrongType,
            "mute" => Self::Mute,
            "comments" => Self::Comments,
            "endless-headers" => Self::EndlessHeaders,
            "truncated" => Self::Truncated,
            "byte-split" => Self::ByteSplit,
            "stall" => Self::Stall,
            "short-body" => Self::ShortBody,
            "session-lost" => Self::SessionLost,
            "cut" => Self::Cut,
            "junk" => Self::Junk,
            _ => return None,
        })
    }
}
