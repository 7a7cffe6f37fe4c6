//! How the server over HTTP behaves: well by default, and a fault for every way not to.

use super::fault::HttpFault;

/// How a server over HTTP behaves. The default behaves well: streamable HTTP with sessions, answers as event streams.
#[derive(Clone, Debug)]
pub struct HttpBehaviour {
    /// It speaks the legacy transport: an event stream at `/sse`, messages to where its first event says.
    pub legacy: bool,
    /// Answers are plain JSON, not event streams; what belongs to a request beside its answer goes to the GET stream.
    pub json: bool,
    /// It gives out sessions in the handshake era, and wants them back.
    pub sessions: bool,
    /// It offers a stream for what belongs to no request.
    pub get_stream: bool,
    /// Its events have ids, and its streams can be resumed.
    pub event_ids: bool,
    /// After how many milliseconds a client shall come back to a stream that broke.
    pub retry_ms: Option<u64>,
    /// It answers only who brings this token.
    pub token: Option<String>,
    /// It answers only who reaches it by a name of this machine, and comes from no page elsewhere.
    pub local_only: bool,
    /// Its words in `WWW-Authenticate`, when it refuses for want of a token.
    pub challenge: String,
    /// Fixed pages: path, content type, body.
    pub pages: Vec<(String, String, String)>,
    /// What goes wrong.
    pub fault: Option<HttpFault>,
    /// With which requests: methods of MCP, or `GET` and `DELETE`; empty: with all of them.
    pub fault_on: Vec<String>,
    /// After how many of them that go well; default 0.
    pub fault_after: usize,
    /// How often; 0: always.
    pub fault_times: usize,
    /// What it says in `Retry-After`, when a fault answers with a status.
    pub retry_after: Option<String>,
}

impl Default for HttpBehaviour {
    fn default() -> Self {
        Self {
            legacy: false,
            json: false,
            sessions: true,
            get_stream: true,
            event_ids: false,
            retry_ms: None,
            token: None,
            local_only: false,
            challenge: "Bearer".to_owned(),
            pages: Vec::new(),
            fault: None,
            fault_on: Vec::new(),
            fault_after: 0,
            fault_times: 0,
            retry_after: None,
        }
    }
}

impl HttpBehaviour {
    /// What the official conformance suite asks of the transport.
    #[must_use]
    pub fn reference() -> Self {
        Self { event_ids: true, retry_ms: Some(50), local_only: true, ..Self::default() }
    }

    /// This behaviour with this fault in every `tools/call`.
    #[must_use]
    pub fn with_fault_in_calls(self, fault: HttpFault) -> Self {
        Self { fault: Some(fault), fault_on: vec!["tools/call".to_owned()], ..self }
    }

    /// This behaviour with this fault in everything.
    #[must_use]
    pub fn with_fault(self, fault: HttpFault) -> Self {
        Self { fault: Some(fault), ..self }
    }
}
