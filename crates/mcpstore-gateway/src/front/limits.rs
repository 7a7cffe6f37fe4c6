//! How much clients may take.

use std::time::Duration;

/// How much clients may take: counts, bytes and waits. The defaults suit one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at once; default 1,024. Beyond, the longest unused one goes.
    pub sessions: usize,
    /// Sessions of one principal at once; default 256.
    pub sessions_per_principal: usize,
    /// How long a session lives without a request or an open stream; default 30 minutes.
    pub session_idle: Duration,
    /// TCP connections at once; default 1,024. Beyond, the longest idle one is closed, or new ones wait.
    pub connections: usize,
    /// How long the head of a request may take; default 10 s.
    pub head_wait: Duration,
    /// How long the body of a request may stand still; default 15 s.
    pub body_idle: Duration,
    /// Bytes of the body of a request; default 4 MiB.
    pub body_bytes: usize,
    /// Bytes of the head of a request; default 32 KiB.
    pub head_bytes: usize,
    /// How long a connection may stay open between two requests; default 120 s.
    pub keep_alive: Duration,
    /// How long a client may read nothing of what is written to it; default 30 s.
    pub write_stall: Duration,
    /// How long a TLS handshake may take; default 5 s.
    pub tls_handshake: Duration,
    /// After how long of silence a stream says that it is there, and an answer that is not there yet becomes a stream; default
    /// 15 s.
    pub stream_ping: Duration,
    /// How long an answer that is written as a stream waits for its client when the connection that carries it broke;
    /// default `None`: a client that disconnects takes its requests back. It holds for sessions from 2025-11-25 on, whose
    /// streams begin with an event that they can be resumed behind.
    pub resume_wait: Option<Duration>,
    /// After how long the connection of such a stream is closed, for the client to resume it over another one; default
    /// `None`: never. It means nothing without `resume_wait`.
    pub poll_after: Option<Duration>,
    /// Bytes of a line (stdio, unix socket); default 16 MiB.
    pub line_bytes: usize,
    /// Requests under way at once on a line connection or a stream of 2024-11-05; default 256.
    pub requests: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 1024,
            sessions_per_principal: 256,
            session_idle: Duration::from_secs(30 * 60),
            connections: 1024,
            head_wait: Duration::from_secs(10),
            body_idle: Duration::from_secs(15),
            body_bytes: 4 * 1024 * 1024,
            head_bytes: 32 * 1024,
            keep_alive: Duration::from_secs(120),
            write_stall: Duration::from_secs(30),
            tls_handshake: Duration::from_secs(5),
            stream_ping: Duration::from_secs(15),
            resume_wait: None,
            poll_after: None,
            line_bytes: 16 * 1024 * 1024,
            requests: 256,
        }
    }
}
