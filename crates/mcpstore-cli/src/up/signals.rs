//! The signals that `up` heeds.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Ctrl-C or SIGTERM: stop, and when that is asked again, kill.
    Stop,
    /// SIGHUP: read the config again; or stop, when it is the terminal that is gone. It often comes beside a SIGTERM, so it
    /// never means "stop again".
    HangUp,
}

/// The signals, listened to from [`Signals::listen`] on.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Takes the signals over from their default, which would end the process at once.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next one. Cancel-safe.
    pub(super) async fn next(&mut self) -> Ask {
        tokio::select! {
            _ = self.interrupt.recv() => Ask::Stop,
            _ = self.terminate.recv() => Ask::Stop,
            _ = self.hang_up.recv() => Ask::HangUp,
        }
    }
}
