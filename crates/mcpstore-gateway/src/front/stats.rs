//! What a front counts.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a front has done so far, and what is open now.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct FrontStats {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The counters behind [`FrontStats`].
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            /// What they show now.
            pub(crate) fn read(&self) -> FrontStats {
                FrontStats { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Connections that are open.
    connections,
    /// Connections taken.
    connections_total,
    /// Idle connections closed to make room for others.
    connections_displaced_total,
    /// TLS handshakes that failed or took too long.
    tls_failed_total,
    /// Sessions that are open.
    sessions,
    /// Sessions begun.
    sessions_total,
    /// Sessions forgotten because nobody used them.
    sessions_expired_total,
    /// Sessions forgotten to make room for others.
    sessions_evicted_total,
    /// Sessions not begun because there was no room.
    sessions_refused_total,
    /// Requests with the session of another principal or view.
    sessions_foreign_total,
    /// Requests (JSON-RPC) given to the core.
    requests_total,
    /// Requests answered with a result.
    results_total,
    /// Requests answered with an error.
    errors_total,
    /// Requests given up because their client went.
    cancelled_total,
    /// Answers and messages written as a stream of events.
    streams_total,
    /// Streams that a client got on with over another connection.
    streams_resumed_total,
    /// Messages thrown away because their client takes no stream.
    undelivered_total,
    /// HTTP requests refused for their `Host` or `Origin`.
    forbidden_total,
    /// HTTP requests refused for their token.
    unauthorized_total,
    /// Requests refused because their client asks too often.
    limited_total,
    /// Other HTTP requests answered with a status from 400 on, by us.
    rejected_total,
    /// Clients dropped because they were slow to send.
    slow_senders_total,
    /// Clients dropped because they were slow to read.
    slow_readers_total,
    /// Lines that were too long.
    long_lines_total,
}

/// One number that goes up, and sometimes down.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub(crate) fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub(crate) fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
