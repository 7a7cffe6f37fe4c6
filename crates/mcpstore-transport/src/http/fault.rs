//! What can go wrong with one HTTP exchange, told apart by what it means for the request in it.

use std::error::Error;
use std::io;
use std::time::Duration;

use super::guard::GuardError;
use super::tls;
use crate::clip::clip;
use crate::{CallError, HandshakeError};

/// What went wrong with one HTTP exchange.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The request never left us.
    Unreachable(String),
    /// It may have reached the server; no answer came, or not the whole of it.
    Broken(String),
    /// The server wants other credentials.
    Auth(String),
    /// Somebody must log in first.
    Login(String),
    /// The server refused it with a status.
    Status {
        status: u16,
        message: String,
        /// How long it asks us to wait before we try again.
        retry_after: Option<Duration>,
    },
    /// The server's answer is none.
    Malformed(String),
}

impl Fault {
    /// What a request hears of it.
    pub(crate) fn for_call(self) -> CallError {
        match self {
            Self::Unreachable(message) => CallError::Unreachable { message },
            Self::Broken(message) => CallError::Broken { message },
            Self::Auth(message) => CallError::Auth { message },
            Self::Login(message) => CallError::NeedsLogin { message },
            Self::Status { status, message, retry_after } => CallError::Http { status, message, retry_after },
            Self::Malformed(what) => CallError::Malformed { what },
        }
    }

    /// What the handshake hears of it.
    pub(crate) fn for_handshake(self) -> HandshakeError {
        match self {
            Self::Unreachable(message) | Self::Broken(message) => HandshakeError::Unreachable { message },
            Self::Auth(message) => HandshakeError::Auth { message },
            Self::Login(message) => HandshakeError::NeedsLogin { message },
            Self::Status { status, message, retry_after } => HandshakeError::Http { status, message, retry_after },
            Self::Malformed(what) => HandshakeError::Malformed { what },
        }
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        let words = explain(&error);
        if error.is_connect() || error.is_builder() { Self::Unreachable(words) } else { Self::Broken(words) }
    }
}

/// What an error of the network means, in words. Addresses are left out: they may hold secrets.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> String {
    let mut last = String::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(words) = named(error) {
            return words;
        }
        // reqwest's own words quote the URL.
        if !error.is::<reqwest::Error>() {
            last = error.to_string();
        }
        cause = error.source();
    }
    if last.is_empty() { "the connection failed".to_owned() } else { clip(&last) }
}

/// The words for a cause that we know. What an `io::Error` wraps is no source of it: it is looked at here.
fn named(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(tls::explain(error));
    }
    if let Some(error) = error.downcast_ref::<GuardError>() {
        return Some(error.to_string());
    }
    let error = error.downcast_ref::<io::Error>()?;
    if let Some(inner) = error.get_ref()
        && let Some(words) = named(inner)
    {
        return Some(words);
    }
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused: is the server running?".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            "the server closed the connection".to_owned()
        }
        io::ErrorKind::NotFound => "there is no such socket: is the server running?".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not connect there".to_owned(),
        io::ErrorKind::TimedOut => "the connection timed out".to_owned(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => "the network has no way there".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_found_however_deep() {
        let wrapped =
            io::Error::other(io::Error::other(rustls::Error::InvalidCertificate(rustls::CertificateError::Expired)));
        assert!(explain(&wrapped).contains("expired"));
        assert!(explain(&io::Error::from(io::ErrorKind::ConnectionRefused)).contains("refused"));
        assert_eq!(explain(&io::Error::other("odd")), "odd");
    }
}
